"""Tenants that are closed, and what is left of those that are erased."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0043"

_COLUMNS = (
    ("closed_at", sa.DateTime(timezone=True)),
    ("closed_by", sa.String(128)),
    ("erase_at", sa.DateTime(timezone=True)),
)
_FUNCTION = "CREATE OR REPLACE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$"
_REFUSE = "RAISE EXCEPTION 'the audit log is only ever added to';"
_IS_ERASED = (
    "EXISTS (SELECT 1 FROM erased_tenants e WHERE e.id = OLD.tenant_id) "
    "AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = OLD.tenant_id)"
)
_SQLITE = "CREATE TRIGGER audit_log_refuses_delete BEFORE DELETE ON audit_log {} BEGIN {}; END"
_ABORT = "SELECT RAISE(ABORT, 'the audit log is only ever added to')"


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("tenants", sa.Column(name, kind))
    op.create_table(
        "erased_tenants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(128), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("months", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erased_tenants"),
    )
    if op.get_context().dialect.name == "postgresql":
        allow = f"IF TG_OP = 'DELETE' AND {_IS_ERASED} THEN RETURN OLD; END IF;"
        op.execute(f"{_FUNCTION} BEGIN {allow} {_REFUSE} END $$")
        return
    op.execute("DROP TRIGGER audit_log_refuses_delete")
    op.execute(_SQLITE.format(f"WHEN NOT ({_IS_ERASED})", _ABORT))


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"{_FUNCTION} BEGIN {_REFUSE} END $$")
    else:
        op.execute("DROP TRIGGER audit_log_refuses_delete")
        op.execute(_SQLITE.format("", _ABORT))
    op.drop_table("erased_tenants")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("tenants", name)
