"""People who sign in: passwords and the sessions of their browsers."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0014"
down_revision = "0013"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("members", sa.Column("name", sa.String(200)))
    op.add_column("members", sa.Column("disabled_at", _MOMENT))
    op.create_table(
        "member_passwords",
        sa.Column("member_id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("login", sa.String(320), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_member_passwords"),
        sa.UniqueConstraint("tenant_id", "login", name="uq_member_passwords_tenant_id_login"),
        *_parents("member_passwords"),
    )
    op.create_index("ix_member_passwords_login", "member_passwords", ["login"])
    op.create_table(
        "browser_sessions",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("member_id", sa.String(64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_browser_sessions"),
        *_parents("browser_sessions"),
    )
    op.create_index("ix_browser_sessions_member", "browser_sessions", ["tenant_id", "member_id"])
    protect("member_passwords")
    protect("browser_sessions")


def downgrade() -> None:
    op.drop_table("browser_sessions")
    op.drop_table("member_passwords")
    op.drop_column("members", "disabled_at")
    op.drop_column("members", "name")


def _parents(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{parent}_id"], [f"{parent}s.id"], name=f"fk_{table}_{parent}_id", ondelete="CASCADE"
        )
        for parent in ("tenant", "member")
    ]
