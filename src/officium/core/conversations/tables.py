"""The tables of conversations."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")


def _tenant() -> Column[str]:
    return Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False)


conversations = Table(
    "conversations",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    _tenant(),
    Column("owner", String(128), nullable=False),
    Column("app", String(64), nullable=False),
    Column("persona", String(64)),
    Column("title", String(200), nullable=False),
    Column("folded_title", Text, nullable=False),
    Column("leaf_id", _Id),
    Column("message_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Index("ix_conversations_owner", "tenant_id", "owner", "updated_at"),
    Index("ix_conversations_updated", "tenant_id", "updated_at"),
    sqlite_autoincrement=True,
)
"""`folded_title`, like `messages.folded`, is what a search looks in: SQLite knows the case of no letters but
English ones, and PostgreSQL those of its locale. A deleted id is never given again: a client may hold it."""

messages = Table(
    "messages",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    _tenant(),
    Column("conversation_id", _Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("parent_id", _Id),
    Column("role", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_messages_conversation", "conversation_id", "id"),
    Index("ix_messages_created", "tenant_id", "created_at"),
    sqlite_autoincrement=True,
)
"""`parent_id` is no foreign key: messages of a conversation go together or not at all, and a chain of them
is longer than what SQLite would follow."""

message_feedback = Table(
    "message_feedback",
    metadata,
    _tenant(),
    Column("message_id", _Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("author", String(128), nullable=False),
    Column("rating", String(8), nullable=False),
    Column("text", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("message_id", "author"),
)

conversation_retention = Table(
    "conversation_retention",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("days", Integer, nullable=False),
)
"""How long a tenant keeps conversations in which nothing is said any more; without a row for ever."""
