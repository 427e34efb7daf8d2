"""The tables of what a tenant wants its log to keep, and of the prompts and answers that are kept."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

log_terms = Table(
    "log_terms",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("contents", String(16), nullable=False),
    Column("content_days", Integer, nullable=False),
    Column("is_masked", Boolean, nullable=False),
    Column("log_days", Integer),
)

request_contents = Table(
    "request_contents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("widget_id", BigInteger),
    Column("visitor_id", String(128)),
    Column("is_masked", Boolean, nullable=False),
    Column("is_request_cut", Boolean, nullable=False),
    Column("is_answer_cut", Boolean, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Index("ix_request_contents_request", "tenant_id", "request_id"),
    Index("ix_request_contents_created", "tenant_id", "created_at"),
    Index("ix_request_contents_visitor", "tenant_id", "widget_id", "visitor_id"),
)
"""`request` and `answer` are sealed envelopes of JSON. A request whose room asked a model several times has
several rows."""
