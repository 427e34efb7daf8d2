"""What tenants want their request log to keep, and the prompts and answers that are kept, sealed."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0039"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "log_terms",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("contents", sa.String(16), nullable=False),
        sa.Column("content_days", sa.Integer(), nullable=False),
        sa.Column("is_masked", sa.Boolean(), nullable=False),
        sa.Column("log_days", sa.Integer()),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_log_terms"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_log_terms_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "request_contents",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("widget_id", sa.BigInteger()),
        sa.Column("visitor_id", sa.String(128)),
        sa.Column("is_masked", sa.Boolean(), nullable=False),
        sa.Column("is_request_cut", sa.Boolean(), nullable=False),
        sa.Column("is_answer_cut", sa.Boolean(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_request_contents"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_request_contents_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_request_contents_request", "request_contents", ["tenant_id", "request_id"])
    op.create_index("ix_request_contents_created", "request_contents", ["tenant_id", "created_at"])
    op.create_index(
        "ix_request_contents_visitor", "request_contents", ["tenant_id", "widget_id", "visitor_id"]
    )
    protect("log_terms")
    protect("request_contents")


def downgrade() -> None:
    op.drop_table("request_contents")
    op.drop_table("log_terms")
