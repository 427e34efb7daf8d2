"""What the cash-flow page shows, kept until something changes."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0043"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "cashflow_outlooks",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(64)),
        sa.Column("made_at", sa.DateTime(timezone=True)),
        sa.Column("today", sa.Date()),
        sa.Column("state", sa.String(200)),
        sa.Column("forecast", sa.LargeBinary()),
        sa.Column("deals", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_cashflow_outlooks"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_cashflow_outlooks_tenant_id", ondelete="CASCADE"
        ),
    )
    protect("cashflow_outlooks")
    # pages count the deals by pipeline and stage
    op.create_index("ix_deals_stages", "deals", ["tenant_id", "pipeline", "stage", "status"])


def downgrade() -> None:
    op.drop_index("ix_deals_stages", "deals")
    op.drop_table("cashflow_outlooks")
