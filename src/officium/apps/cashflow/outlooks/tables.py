"""The table of outlooks."""

from sqlalchemy import Column, Date, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from officium.kit.database import UtcDateTime, metadata

cashflow_outlooks = Table(
    "cashflow_outlooks",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("key", String(64), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("heard_at", UtcDateTime),
    Column("percent", Integer, nullable=False),
    Column("failure", String(64)),
    Column("made_at", UtcDateTime),
    Column("today", Date),
    Column("state", String(200)),
    Column("forecast", LargeBinary),
    Column("deals", LargeBinary),
    PrimaryKeyConstraint("tenant_id", "key", name="pk_cashflow_outlooks"),
)
"""What a page shows of a forecast: made again, and never a run. `heard_at` is set while one is being made."""
