"""The tables of the tenants' own prompts. Those that are shipped are files, and in no table."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("content", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
)
"""Rows are added and never changed: `digest` is that of `content`."""

prompt_labels = Table(
    "prompt_labels",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("label", String(32), primary_key=True),
    Column("source", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Column("moved_by", String(128), nullable=False),
)

prompt_label_moves = Table(
    "prompt_label_moves",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("label", String(32), nullable=False),
    Column("source", String(8)),
    Column("version", Integer),
    Column("moved_at", UtcDateTime, nullable=False),
    Column("moved_by", String(128), nullable=False),
    Index("ix_prompt_label_moves_prompt", "tenant_id", "name", "id"),
)
