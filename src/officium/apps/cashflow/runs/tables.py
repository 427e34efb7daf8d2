"""The table of runs."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table

from officium.kit.database import UtcDateTime, metadata

_ID = BigInteger().with_variant(Integer, "sqlite")

cashflow_runs = Table(
    "cashflow_runs",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("today", Date, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("result", JSON, nullable=False),
    Column("signals", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("ix_cashflow_runs_kind", "tenant_id", "kind", "id"),
    sqlite_autoincrement=True,
)
"""Rows are added and never changed."""
