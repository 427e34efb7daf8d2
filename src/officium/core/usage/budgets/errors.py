"""What can go wrong when budgets are made."""

from officium.kit.errors import Conflict


class BudgetExists(Conflict):
    """The subject has a budget of this unit and period already; `budget` is its id."""

    code = "budget_exists"
