"""PostgreSQL shows each transaction the rows of its own tenant alone."""

from officium.kit.row_security import protect, provide_role, take_role_away, unprotect

revision = "0008"
down_revision = "0007"

_TABLES = (
    "alert_deliveries",
    "alert_destinations",
    "api_keys",
    "audit_log",
    "budget_alerts",
    "budget_counters",
    "budgets",
    "clients",
    "holds",
    "ledger_entries",
    "llm_config_versions",
    "llm_configs",
    "members",
    "model_aliases",
    "tenant_prices",
    "usage_log",
    "widget_configs",
)
"""Those of the steps before this one; later steps call `protect` for their own."""


def upgrade() -> None:
    protect("tenants", owner="id")
    for table in _TABLES:
        protect(table)
    provide_role()


def downgrade() -> None:
    take_role_away()
    for table in ("tenants", *_TABLES):
        unprotect(table)
