"""Visitors who wait for a person, answers kept ready, and entries written for what was asked in vain."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0017c"
down_revision = "0017b"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("widget_conversations", sa.Column("waiting_since", _MOMENT))
    op.add_column("widget_conversations", sa.Column("told_at", _MOMENT))
    op.add_column("llm_request_logs", sa.Column("gap_entry_id", _ID))
    op.create_table(
        "widget_canned_answers",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("widget_id", _ID, nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_canned_answers"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_widget_canned_answers_tenant_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["widget_id"],
            ["widget_configs.id"],
            name="fk_widget_canned_answers_widget_id",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_widget_canned_answers_widget", "widget_canned_answers", ["tenant_id", "widget_id", "id"]
    )
    protect("widget_canned_answers")


def downgrade() -> None:
    op.drop_table("widget_canned_answers")
    op.drop_column("llm_request_logs", "gap_entry_id")
    op.drop_column("widget_conversations", "told_at")
    op.drop_column("widget_conversations", "waiting_since")
