"""The table of how personas answer."""

from sqlalchemy import Column, Double, ForeignKey, Integer, String, Table

from officium.kit.database import UtcDateTime, metadata

persona_configs = Table(
    "persona_configs",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("persona", String(16), primary_key=True),
    Column("model", String(256)),
    Column("temperature", Double),
    Column("max_tokens", Integer),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
