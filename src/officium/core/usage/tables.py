"""The usage log's table."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from officium.kit.database import UtcDateTime, metadata

usage_log = Table(
    "usage_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("is_last", Boolean, nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("user", String(256)),
    Column("app", String(32), nullable=False),
    Column("prompt", String(128)),
    Column("prompt_version", String(64)),
    Column("provider", String(32)),
    Column("requested_model", String(256), nullable=False),
    Column("model", String(256)),
    Column("is_stream", Boolean, nullable=False),
    Column("input_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("total_tokens", BigInteger),
    Column("usage_source", String(16), nullable=False),
    Column("cost_nano_usd", BigInteger),
    Column("price_source", String(64), nullable=False),
    Column("ttft_ms", Integer),
    Column("duration_ms", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("finish_reason", String(32)),
    Column("client_id", BigInteger),
    Column("widget_id", BigInteger),
    Column("saved_nano_usd", BigInteger),
    Column("queued_ms", Integer),
    Index("ix_usage_log_tenant_created", "tenant_id", "created_at"),
    Index("ix_usage_log_request", "request_id"),
    Index("ix_usage_log_widget", "tenant_id", "widget_id", "created_at"),
)
"""No foreign key to `tenants`: the log outlives them, and a check per row would cost more than it proves."""
