"""The table of idempotency keys."""

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from officium.kit.database import UtcDateTime, metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("busy_until", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("status", Integer),
    Column("headers", JSON),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("tenant_id", "key"),
    Index("ix_idempotency_keys_expires", "expires_at"),
)
"""A row from the first request with a key until its answer is forgotten. Without `status` the request is
being carried out, by a process that is believed dead after `busy_until`."""
