"""The table of the tenants' own golden sets. Those that are shipped are files."""

from sqlalchemy import JSON, Column, ForeignKey, String, Table

from officium.kit.database import UtcDateTime, metadata

prompt_golden_sets = Table(
    "prompt_golden_sets",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("cases", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
