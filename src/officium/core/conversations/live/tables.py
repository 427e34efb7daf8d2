"""The tables of live answers."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from officium.kit.database import UtcDateTime, metadata

_ConversationId = BigInteger().with_variant(Integer, "sqlite")

live_answers = Table(
    "live_answers",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("answer_id", String(64), nullable=False),
    Column("conversation_id", _ConversationId, ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("started_at", UtcDateTime, nullable=False),
    Column("running_until", UtcDateTime, nullable=False),
    Column("read_until", UtcDateTime),
    Column("stop_asked_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ending", String(16)),
    PrimaryKeyConstraint("tenant_id", "owner", "answer_id"),
    Index("ix_live_answers_conversation", "conversation_id"),
    Index("ix_live_answers_running", "running_until"),
)
"""An answer that is being produced, or was until lately. Without an `ending` a process is at it, which is
believed dead after `running_until`; `read_until` is moved on by readers at other processes."""

answer_events = Table(
    "answer_events",
    metadata,
    Column("tenant_id", String(64), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("answer_id", String(64), nullable=False),
    Column("first_id", Integer, nullable=False),
    Column("last_id", Integer, nullable=False),
    Column("events", JSON, nullable=False),
    PrimaryKeyConstraint("tenant_id", "owner", "answer_id", "first_id"),
    ForeignKeyConstraint(
        ["tenant_id", "owner", "answer_id"],
        [live_answers.c.tenant_id, live_answers.c.owner, live_answers.c.answer_id],
        ondelete="CASCADE",
    ),
)
"""A row for what was said between two writes: `events` are pairs of a name and its data, in their order."""
