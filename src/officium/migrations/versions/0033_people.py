"""What people choose for themselves, who they are in several tenants, and whose client they are."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0017e"


def upgrade() -> None:
    op.add_column("members", sa.Column("language", sa.String(16)))
    op.add_column("members", sa.Column("client_id", sa.BigInteger()))
    op.add_column("members", sa.Column("person_id", sa.String(64)))
    op.add_column("members", sa.Column("guide_hidden_at", sa.DateTime(timezone=True)))
    op.create_index("ix_members_person", "members", ["person_id"])


def downgrade() -> None:
    op.drop_index("ix_members_person", "members")
    for column in ("guide_hidden_at", "person_id", "client_id", "language"):
        op.drop_column("members", column)
