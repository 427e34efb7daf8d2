"""The table of tallies."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from officium.kit.database import UtcDateTime, metadata

usage_tallies = Table(
    "usage_tallies",
    metadata,
    Column("tenant_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("span", String(8), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("key", String(320), nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("failed_attempts", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("attempts_without_cost", BigInteger, nullable=False),
    Column("saved_nano_usd", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("first_tokens", BigInteger, nullable=False),
    Column("ttft_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "kind", "span", "starts_at", "key"),
    Index("ix_usage_tallies_key", "tenant_id", "kind", "span", "key", "starts_at"),
)
"""A row for each thing that was counted together, in each quarter of an hour and each day of UTC. Like the
usage log, which it sums up, it has no foreign key to `tenants`."""

usage_histograms = Table(
    "usage_histograms",
    metadata,
    Column("tenant_id", String(64), nullable=False),
    Column("span", String(8), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("measure", String(16), nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("times", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "span", "starts_at", "measure", "bucket"),
)
"""How many times lay in each bucket, in each quarter of an hour and each day of UTC; like the tallies it
has no foreign key."""
