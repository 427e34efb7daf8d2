"""Prompts, their versions and labels."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "prompt_versions",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name="pk_prompt_versions"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_prompt_versions_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "label", name="pk_prompt_labels"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_prompt_labels_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "prompt_label_moves",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("source", sa.String(8)),
        sa.Column("version", sa.Integer()),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_label_moves"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_prompt_label_moves_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_prompt_label_moves_prompt", "prompt_label_moves", ["tenant_id", "name", "id"])
    for table in ("prompt_versions", "prompt_labels", "prompt_label_moves"):
        protect(table)


def downgrade() -> None:
    op.drop_table("prompt_label_moves")
    op.drop_table("prompt_labels")
    op.drop_table("prompt_versions")
