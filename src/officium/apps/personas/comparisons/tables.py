"""The table of comparisons."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table

from officium.kit.database import UtcDateTime, metadata

model_comparisons = Table(
    "model_comparisons",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("persona", String(16), nullable=False),
    Column("model_a", String(256), nullable=False),
    Column("model_b", String(256), nullable=False),
    Column("prompt", String(128), nullable=False),
    Column("prompt_version", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sides", JSON, nullable=False),
    Column("winner", String(8)),
    Column("reason", String(1000)),
    Column("voted_at", UtcDateTime),
    Index("ix_model_comparisons_tenant_id", "tenant_id", "id"),
)
"""What was asked and answered is not kept. Ids are in the order in which the comparisons were made."""
