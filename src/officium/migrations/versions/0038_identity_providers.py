"""People who sign in with an identity provider."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0038"
down_revision = "0039"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "member_identities",
        sa.Column("member_id", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("member_id", "issuer", name="pk_member_identities"),
        sa.UniqueConstraint(
            "tenant_id", "issuer", "subject", name="uq_member_identities_tenant_id_issuer_subject"
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{parent}_id"],
                [f"{parent}s.id"],
                name=f"fk_member_identities_{parent}_id",
                ondelete="CASCADE",
            )
            for parent in ("tenant", "member")
        ),
    )
    op.create_index("ix_member_identities_subject", "member_identities", ["issuer", "subject"])
    op.create_table(
        "spent_attempts",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent_attempts"),
    )
    op.create_index("ix_spent_attempts_expires_at", "spent_attempts", ["expires_at"])
    op.create_index("ix_members_external_id", "members", ["external_id"])
    op.add_column("browser_sessions", sa.Column("issuer", sa.String(255)))
    protect("member_identities")


def downgrade() -> None:
    op.drop_column("browser_sessions", "issuer")
    op.drop_index("ix_members_external_id", "members")
    op.drop_table("spent_attempts")
    op.drop_table("member_identities")
