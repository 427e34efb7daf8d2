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

model_policies = Table(
    "model_policies",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("subject_kind", String(16), primary_key=True),
    Column("subject_id", String(64), primary_key=True),
    Column("allowed", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
"""`subject_id` is empty where the kind says it all: `tenant` and `operator`."""
