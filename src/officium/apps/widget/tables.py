"""The tables of clients and widgets, and the view of what they used."""

from sqlalchemy import (
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
