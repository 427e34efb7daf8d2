"""The tables of the tenants' configurations."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
    true,
)

from officium.kit.database import UtcDateTime, metadata

llm_configs = Table(
    "llm_configs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("model", String(256), nullable=False),
    Column("temperature", Float, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("is_enabled", Boolean, nullable=False, server_default=true()),
    Column("api_key", Text),
    Column("key_hint", String(4)),
    Column("api_url", Text),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Index("ix_llm_configs_tenant_owner", "tenant_id", "owner_id"),
    Index(
        "uq_llm_configs_default",
        "tenant_id",
        "owner_id",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
)
"""`owner_id` is empty for the tenant's own, since a unique index takes two NULLs for different.
`api_key` is sealed."""

llm_config_versions = Table(
    "llm_config_versions",
    metadata,
    Column("config_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("change", String(16), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", String(128), nullable=False),
    Column("changes", JSON, nullable=False),
    Index("ix_llm_config_versions_tenant", "tenant_id"),
)
"""No foreign key to the configuration: what was changed is known also after it is gone."""
