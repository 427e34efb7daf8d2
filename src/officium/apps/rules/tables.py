"""The tables of rules, of their versions, and of what they may use."""

from sqlalchemy import JSON, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

rule_catalogues = Table(
    "rule_catalogues",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
"""The capability catalogue of a tenant that has told its own; `content` is JSON, keys in the order given."""

rules = Table(
    "rules",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("id", String(64), primary_key=True),
    Column("workflow_name", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("approved_version", Integer),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Column("last_replay", JSON),
    Index("ix_rules_tenant", "tenant_id", "id"),
)
"""The rules of a workflow: the newest version, the approved one, and what came of the last replay."""

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("rule_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("follows", Integer),
    Column("content", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("method", String(16), nullable=False),
    Column("model", String(256)),
    Column("tests", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    ForeignKeyConstraint(["rule_id"], ["rules.id"], ondelete="CASCADE"),
    Index("ix_rule_versions_tenant", "tenant_id", "rule_id", "version"),
)
"""The versions; none ever changes. `follows` is the version that undoing it brings back."""
