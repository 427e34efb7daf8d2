"""Budgets: what tenants, members, keys, clients and widgets may use, and where they stand."""

from officium.core.usage.budgets.balance import BudgetBalance
from officium.core.usage.budgets.errors import BudgetExists
from officium.core.usage.budgets.forecast import Forecast
from officium.core.usage.budgets.runs import RunService
from officium.core.usage.budgets.service import BUDGET_CHANGED, BudgetChanges, BudgetService
from officium.core.usage.budgets.store import BudgetStore
from officium.core.usage.budgets.terms import Terms

__all__ = [
    "BUDGET_CHANGED",
    "BudgetBalance",
    "BudgetChanges",
    "BudgetExists",
    "BudgetService",
    "BudgetStore",
    "Forecast",
    "RunService",
    "Terms",
]
