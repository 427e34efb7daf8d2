"""Saved questions, asked again whenever the knowledge base changes."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0017d"
down_revision = "0017c"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "widget_saved_questions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("widget_id", _ID, nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("has_passed", sa.Boolean()),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("confidence", sa.Float()),
        sa.Column("version", sa.Integer()),
        sa.Column("checked_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_saved_questions"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_widget_saved_questions_tenant_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["widget_id"],
            ["widget_configs.id"],
            name="fk_widget_saved_questions_widget_id",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_widget_saved_questions_widget", "widget_saved_questions", ["tenant_id", "widget_id", "id"]
    )
    protect("widget_saved_questions")


def downgrade() -> None:
    op.drop_table("widget_saved_questions")
