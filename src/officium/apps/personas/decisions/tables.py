"""The table of decisions."""

from sqlalchemy import Column, Date, Double, ForeignKey, Index, String, Table

from officium.kit.database import UtcDateTime, metadata

decisions = Table(
    "decisions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("text", String(500), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("expected_value", Double),
    Column("persona", String(16)),
    Column("baseline", Double),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("outcome", String(8)),
    Column("actual_value", Double),
    Column("actual_as_of", UtcDateTime),
    Index("ix_decisions_tenant_id", "tenant_id", "id"),
)
"""Ids are in the order in which the decisions were made."""
