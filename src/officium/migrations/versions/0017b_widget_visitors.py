"""Visitors of widgets, what they say, how it was answered, and how a widget treats them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0017b"
down_revision = "0020"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_TABLES = (
    "widget_visitors",
    "widget_conversations",
    "widget_messages",
    "llm_request_logs",
    "widget_answer_counts",
    "widget_leads",
)


def upgrade() -> None:
    for column in _settings():
        op.add_column("widget_configs", column)
    _create_visitors()
    _create_messages()
    _create_logs()
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    for column in reversed(_settings()):
        op.drop_column("widget_configs", column.name)


def _settings() -> list[sa.Column[Any]]:
    """How a widget treats its visitors."""
    return [
        sa.Column("persona", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("languages", sa.JSON()),
        sa.Column("allowed_origins", sa.JSON()),
        sa.Column("confidence_threshold", sa.Float(), nullable=False, server_default="0.85"),
        sa.Column("default_response", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("visitor_notice", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("llm_timeout_s", sa.Float(), nullable=False, server_default="20"),
        sa.Column("conversation_token_limit", sa.Integer(), server_default="20000"),
        sa.Column("retention_days", sa.Integer(), server_default="90"),
        sa.Column("appearance", sa.JSON()),
    ]


def _create_visitors() -> None:
    op.create_table(
        "widget_visitors",
        sa.Column("id", sa.String(64), nullable=False),
        *_owners(),
        sa.Column("consented_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_visitors"),
        *_keys("widget_visitors"),
    )
    op.create_index("ix_widget_visitors_widget", "widget_visitors", ["tenant_id", "widget_id", "updated_at"])
    op.create_table(
        "widget_leads",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *_owners(),
        sa.Column("visitor_id", sa.String(64), nullable=False),
        sa.Column("conversation_id", _ID),
        sa.Column("name", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_leads"),
        *_keys("widget_leads"),
        _of("widget_leads", "visitor_id", "widget_visitors"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_widget_leads_widget", "widget_leads", ["tenant_id", "widget_id", "id"])


def _create_messages() -> None:
    op.create_table(
        "widget_conversations",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *_owners(),
        sa.Column("visitor_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("language", sa.String(32)),
        sa.Column("page_url", sa.Text()),
        sa.Column("assigned_to", sa.String(128)),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_conversations"),
        *_keys("widget_conversations"),
        _of("widget_conversations", "visitor_id", "widget_visitors"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_widget_conversations_widget", "widget_conversations", ["tenant_id", "widget_id", "updated_at"]
    )
    op.create_index("ix_widget_conversations_visitor", "widget_conversations", ["visitor_id"])
    op.create_table(
        "widget_messages",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *_owners(),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("speaker", sa.String(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(128)),
        sa.Column("answer_source", sa.String(16)),
        sa.Column("confidence", sa.Float()),
        sa.Column("confidence_source", sa.String(16)),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.Column("suggestions", sa.JSON(), nullable=False),
        sa.Column("rating", sa.String(8)),
        sa.Column("feedback", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_messages"),
        *_keys("widget_messages"),
        _of("widget_messages", "conversation_id", "widget_conversations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_widget_messages_conversation", "widget_messages", ["conversation_id", "id"])


def _create_logs() -> None:
    op.create_table(
        "llm_request_logs",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *_owners(),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("visitor_id", sa.String(64)),
        sa.Column("conversation_id", _ID),
        sa.Column("message_id", _ID),
        sa.Column("llm_provider", sa.String(32)),
        sa.Column("llm_model", sa.String(256)),
        sa.Column("prompt_text", sa.Text(), nullable=False),
        sa.Column("response_text", sa.Text(), nullable=False),
        sa.Column("total_tokens", sa.BigInteger(), nullable=False),
        sa.Column("response_time_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("error_code", sa.String(64)),
        sa.Column("answer_source", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("confidence_source", sa.String(16), nullable=False),
        sa.Column("entry_id", _ID),
        sa.Column("rating", sa.String(8)),
        sa.PrimaryKeyConstraint("id", name="pk_llm_request_logs"),
        *_keys("llm_request_logs"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_llm_request_logs_widget", "llm_request_logs", ["tenant_id", "widget_id", "created_at"]
    )
    op.create_index("ix_llm_request_logs_message", "llm_request_logs", ["message_id"])
    op.create_table(
        "widget_answer_counts",
        *_owners(),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answer_source", sa.String(16), nullable=False),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("widget_id", "day", "answer_source", name="pk_widget_answer_counts"),
        *_keys("widget_answer_counts"),
    )


def _owners() -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column("tenant_id", sa.String(64), nullable=False), sa.Column("widget_id", _ID, nullable=False)


def _keys(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return _of(table, "tenant_id", "tenants"), _of(table, "widget_id", "widget_configs")


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )
