"""The tables of experiments: what is compared, and how subjects liked what they got."""

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, String, Table

from officium.kit.database import UtcDateTime, metadata

prompt_experiments = Table(
    "prompt_experiments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("variants", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("started_by", String(128), nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_prompt_experiments_name", "tenant_id", "name", "id"),
)

prompt_outcomes = Table(
    "prompt_outcomes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("experiment_id", String(64), nullable=False),
    Column("variant", String(32), nullable=False),
    Column("worth", Double, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_prompt_outcomes_experiment", "tenant_id", "experiment_id"),
)
