"""The tables of clients and widgets, and the view of what they used."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    column,
    table,
    text,
)

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")

clients = Table(
    "clients",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("client_name", String(200), nullable=False),
    Column("time_zone", String(64), nullable=False, server_default="UTC"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Index("ix_clients_tenant", "tenant_id", "id"),
    sqlite_autoincrement=True,
)
"""Whom an agency runs widgets for. A deleted id is never given again: the ledger remembers it."""

widget_configs = Table(
    "widget_configs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("client_id", _Id, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("widget_key", String(64), nullable=False, unique=True),
    Column("llm_enabled", Boolean, nullable=False),
    Column("llm_provider", String(32)),
    Column("llm_model", String(256)),
    Column("llm_temperature", Float, nullable=False),
    Column("llm_max_tokens", Integer, nullable=False),
    Column("fallback_to_knowledge_base", Boolean, nullable=False),
    Column("business_info", Text, nullable=False),
    Column("persona", Text, nullable=False, server_default=text("''")),
    Column("languages", JSON),
    Column("allowed_origins", JSON),
    Column("confidence_threshold", Float, nullable=False, server_default="0.85"),
    Column("default_response", Text, nullable=False, server_default=text("''")),
    Column("visitor_notice", Text, nullable=False, server_default=text("''")),
    Column("llm_timeout_s", Float, nullable=False, server_default="20"),
    Column("conversation_token_limit", Integer, server_default="20000"),
    Column("conversation_nano_usd_limit", BigInteger),
    Column("retention_days", Integer, server_default="90"),
    Column("appearance", JSON),
    Column("working_hours", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_widget_configs_client", "tenant_id", "client_id", "id"),
    sqlite_autoincrement=True,
)
"""The widgets. `widget_key` is public: it stands in the pages that show the widget."""

client_llm_usage = table(
    "client_llm_usage",
    column("tenant_id", String),
    column("client_id", BigInteger),
    column("widget_id", BigInteger),
    column("monthly_token_limit", BigInteger),
    column("daily_token_limit", BigInteger),
    column("monthly_request_limit", BigInteger),
    column("daily_request_limit", BigInteger),
    column("tokens_used_today", BigInteger),
    column("tokens_used_this_month", BigInteger),
    column("requests_made_today", BigInteger),
    column("requests_made_this_month", BigInteger),
    column("total_tokens_used", BigInteger),
    column("total_requests_made", BigInteger),
    column("credits_exhausted", Boolean),
)
"""A view without rows of its own, over the budgets and the counters of the periods that run now, so no timer
resets it. A limit of the widget's own stands before that of its client."""
