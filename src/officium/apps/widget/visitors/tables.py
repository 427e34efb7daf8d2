"""The tables of visitors, what they say, and how it was answered."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")


def _owners() -> tuple[Column[str], Column[int]]:
    return (
        Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
        Column("widget_id", _Id, ForeignKey("widget_configs.id", ondelete="CASCADE"), nullable=False),
    )


widget_visitors = Table(
    "widget_visitors",
    metadata,
    Column("id", String(64), primary_key=True),
    *_owners(),
    Column("consented_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_widget_visitors_widget", "tenant_id", "widget_id", "updated_at"),
)
"""Somebody in a page, of whom nothing is known but what they say. A visitor without a message has no row."""

widget_conversations = Table(
    "widget_conversations",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    *_owners(),
    Column("visitor_id", String(64), ForeignKey("widget_visitors.id", ondelete="CASCADE"), nullable=False),
    Column("status", String(8), nullable=False),
    Column("language", String(32)),
    Column("page_url", Text),
    Column("assigned_to", String(128)),
    Column("tokens", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False, server_default=text("0")),
    Column("waiting_since", UtcDateTime),
    Column("told_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_widget_conversations_widget", "tenant_id", "widget_id", "updated_at"),
    Index("ix_widget_conversations_visitor", "visitor_id"),
    sqlite_autoincrement=True,
)

widget_messages = Table(
    "widget_messages",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    *_owners(),
    Column("conversation_id", _Id, ForeignKey("widget_conversations.id", ondelete="CASCADE"), nullable=False),
    Column("speaker", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("author", String(128)),
    Column("answer_source", String(16)),
    Column("confidence", Float),
    Column("confidence_source", String(16)),
    Column("citations", JSON, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("rating", String(8)),
    Column("feedback", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_widget_messages_conversation", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

llm_request_logs = Table(
    "llm_request_logs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    *_owners(),
    Column("created_at", UtcDateTime, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("visitor_id", String(64)),
    Column("conversation_id", _Id),
    Column("message_id", _Id),
    Column("llm_provider", String(32)),
    Column("llm_model", String(256)),
    Column("prompt_text", Text, nullable=False),
    Column("response_text", Text, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    Column("response_time_ms", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    Column("error_code", String(64)),
    Column("answer_source", String(16), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("confidence_source", String(16), nullable=False),
    Column("entry_id", _Id),
    Column("rating", String(8)),
    Column("gap_entry_id", _Id),
    Index("ix_llm_request_logs_widget", "tenant_id", "widget_id", "created_at"),
    Index("ix_llm_request_logs_message", "message_id"),
    sqlite_autoincrement=True,
)
"""How each message was answered. Texts are masked, and emptied when their visitor or their time is gone."""

widget_answer_counts = Table(
    "widget_answer_counts",
    metadata,
    *_owners(),
    Column("day", Date, nullable=False),
    Column("answer_source", String(16), nullable=False),
    Column("answers", BigInteger, nullable=False),
    PrimaryKeyConstraint("widget_id", "day", "answer_source"),
)
"""How many answers came from where, by day of the client's time zone. Outlives the log."""

widget_leads = Table(
    "widget_leads",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    *_owners(),
    Column("visitor_id", String(64), ForeignKey("widget_visitors.id", ondelete="CASCADE"), nullable=False),
    Column("conversation_id", _Id),
    Column("name", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("message", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_widget_leads_widget", "tenant_id", "widget_id", "id"),
    sqlite_autoincrement=True,
)
"""What visitors left so that somebody can come back to them."""
