"""Conversations, their messages, and answers that can be read again while they are given."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0012"
down_revision = "0011"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_TABLES = (
    "conversations",
    "messages",
    "message_feedback",
    "conversation_retention",
    "live_answers",
    "answer_events",
)


def upgrade() -> None:
    _create_conversations()
    _create_messages()
    _create_live_answers()
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("persona", sa.String(64)),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("folded_title", sa.Text(), nullable=False),
        sa.Column("leaf_id", _ID),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("archived_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        _of_tenant("conversations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conversations_owner", "conversations", ["tenant_id", "owner", "updated_at"])
    op.create_index("ix_conversations_updated", "conversations", ["tenant_id", "updated_at"])
    op.create_table(
        "conversation_retention",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_conversation_retention"),
        _of_tenant("conversation_retention"),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("parent_id", _ID),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        _of_tenant("messages"),
        _of("messages", "conversation_id", "conversations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_conversation", "messages", ["conversation_id", "id"])
    op.create_index("ix_messages_created", "messages", ["tenant_id", "created_at"])
    op.create_table(
        "message_feedback",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("rating", sa.String(8), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "author", name="pk_message_feedback"),
        _of_tenant("message_feedback"),
        _of("message_feedback", "message_id", "messages"),
    )


def _create_live_answers() -> None:
    op.create_table(
        "live_answers",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("answer_id", sa.String(64), nullable=False),
        sa.Column("conversation_id", _ID),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("running_until", _MOMENT, nullable=False),
        sa.Column("read_until", _MOMENT),
        sa.Column("stop_asked_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("ending", sa.String(16)),
        sa.PrimaryKeyConstraint("tenant_id", "owner", "answer_id", name="pk_live_answers"),
        _of_tenant("live_answers"),
        _of("live_answers", "conversation_id", "conversations"),
    )
    op.create_index("ix_live_answers_conversation", "live_answers", ["conversation_id"])
    op.create_index("ix_live_answers_running", "live_answers", ["running_until"])
    op.create_table(
        "answer_events",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("answer_id", sa.String(64), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "owner", "answer_id", "first_id", name="pk_answer_events"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner", "answer_id"],
            ["live_answers.tenant_id", "live_answers.owner", "live_answers.answer_id"],
            name="fk_answer_events_tenant_id_owner_answer_id",
            ondelete="CASCADE",
        ),
    )


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return _of(table, "tenant_id", "tenants")


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )
