"""Comparisons of models, with their votes."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0015"
down_revision = "0019"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "model_comparisons",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("persona", sa.String(16), nullable=False),
        sa.Column("model_a", sa.String(256), nullable=False),
        sa.Column("model_b", sa.String(256), nullable=False),
        sa.Column("prompt", sa.String(128), nullable=False),
        sa.Column("prompt_version", sa.String(64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("sides", sa.JSON(), nullable=False),
        sa.Column("winner", sa.String(8)),
        sa.Column("reason", sa.String(1000)),
        sa.Column("voted_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_model_comparisons"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_model_comparisons_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_model_comparisons_tenant_id", "model_comparisons", ["tenant_id", "id"])
    protect("model_comparisons")


def downgrade() -> None:
    op.drop_table("model_comparisons")
