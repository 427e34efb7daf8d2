"""The writer's tables: drafts for a while, what became of them, and what was learnt of style."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from officium.kit.database import UtcDateTime, metadata

writer_drafts = Table(
    "writer_drafts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("language", String(32), nullable=False),
    Column("texts", JSON, nullable=False),
    Column("raw_confidence", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("prompt", String(128)),
    Column("variant", String(32)),
    Column("experiment_id", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("ix_writer_drafts_created", "tenant_id", "created_at"),
)
"""`owner_id` is whom it was written for; empty for a tenant's own."""

writer_feedback = Table(
    "writer_feedback",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("draft_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("worth", Double, nullable=False),
    Column("raw_confidence", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("ix_writer_feedback_kind", "tenant_id", "kind", "created_at"),
)
"""Outlives its draft: it has no words of it."""

writer_style_rules = Table(
    "writer_style_rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("habit", String(128), nullable=False),
    Column("rule", String(300), nullable=False),
    Column("times", Integer, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("is_chosen", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("tenant_id", "owner_id", "habit", name="uq_writer_style_rules_habit"),
)
"""`times` is in how many edits the habit was seen; `is_chosen` says that a person switched it."""
