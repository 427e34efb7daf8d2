"""What can go wrong with budgets and holds."""

from officium.kit.errors import InvalidRequest, NotFound, OfficiumError


class OutOfCredits(OfficiumError):
    """A budget has no room for the call; `budget` names it, `limit`, `used`, `held` and `need` explain it.

    `resets_at` says when a new period begins, where one does.
    """

    code = "out_of_credits"


class BudgetNotFound(NotFound):
    """No budget with this id in the caller's tenant."""

    code = "budget_not_found"


class InvalidBudget(InvalidRequest):
    """A budget's subject, unit, period, limit, time zone or alerts are not acceptable; `param` names it."""

    code = "invalid_budget"
