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


class NotWritten(Exception):
    """The database is away, and nothing of the batch was written."""


class PerhapsWritten(Exception):
    """The database went away in the middle of a commit: all of the batch was written, or nothing."""


class OperationRefused(Exception):
    """Something in the batch breaks a rule of the database, which will never take it. Nothing was written."""
