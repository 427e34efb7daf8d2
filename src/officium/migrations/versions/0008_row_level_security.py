"""PostgreSQL shows each transaction the rows of its own tenant alone."""

from alembic import context, op
from sqlalchemy import text

from officium.kit.row_security import protect, provide_role, take_role_away, unprotect

revision = "0008"
down_revision = "0007"

_LATEST = (
    "api_keys",
    "budget_counters",
    "budgets",
    "holds",
    "ledger_entries",
    "members",
    "model_aliases",
    "usage_log",
)
_EXISTING = text(
    "SELECT table_name FROM information_schema.columns JOIN information_schema.tables"
    " USING (table_catalog, table_schema, table_name)"
    " WHERE column_name = 'tenant_id' AND table_schema = current_schema() AND table_type = 'BASE TABLE'"
    " ORDER BY table_name"
)


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        protect("tenants", owner="id")
        for table in _tables():
            protect(table)
        provide_role()


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        take_role_away()
        for table in ("tenants", *_tables()):
            unprotect(table)


def _tables() -> list[str]:
    """The tables of the steps before this one."""
    if context.is_offline_mode():
        return list(_LATEST)
    return list(op.get_bind().execute(_EXISTING).scalars())
