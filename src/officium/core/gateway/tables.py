"""The gateway's tables."""

from sqlalchemy import JSON, Column, ForeignKey, String, Table

from officium.kit.database import UtcDateTime, metadata

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("targets", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
