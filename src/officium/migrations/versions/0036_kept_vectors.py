"""The vectors of knowledge bases, so that a start need not make them again."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0036"
down_revision = "0040"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "kb_vectors",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("widget_id", _ID, nullable=False),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("encoder", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "digest", name="pk_kb_vectors"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_kb_vectors_tenant_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["widget_id"], ["widget_configs.id"], name="fk_kb_vectors_widget_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["kb_entries.id"], name="fk_kb_vectors_entry_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_kb_vectors_widget", "kb_vectors", ["widget_id", "tenant_id"])
    protect("kb_vectors")


def downgrade() -> None:
    op.drop_table("kb_vectors")
