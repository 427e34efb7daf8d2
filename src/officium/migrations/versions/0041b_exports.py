"""Exports of everything a tenant has."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0041b"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "tenant_exports",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("done_rows", sa.BigInteger(), nullable=False),
        sa.Column("total_rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name="pk_tenant_exports"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_tenant_exports_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tenant_exports_tenant", "tenant_exports", ["tenant_id"])
    op.create_table(
        "tenant_export_pieces",
        sa.Column("export_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("export_id", "number", name="pk_tenant_export_pieces"),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["tenant_exports.id"],
            name="fk_tenant_export_pieces_export_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_tenant_export_pieces_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tenant_export_pieces_tenant", "tenant_export_pieces", ["tenant_id"])
    for table in ("tenant_exports", "tenant_export_pieces"):
        protect(table)


def downgrade() -> None:
    op.drop_table("tenant_export_pieces")
    op.drop_table("tenant_exports")
