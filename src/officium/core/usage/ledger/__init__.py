"""The ledger: what may be spent, what is set aside, what was spent."""

from officium.core.usage.ledger.budget import THE_TENANT, Amounts, Budget, Period, Subject, SubjectKind, Unit
from officium.core.usage.ledger.entry import Balance, LedgerEntry
from officium.core.usage.ledger.errors import BudgetNotFound, InvalidBudget, OutOfCredits
from officium.core.usage.ledger.hold import Hold, Label, Need, SpendingSource
from officium.core.usage.ledger.service import LedgerService
from officium.core.usage.ledger.store import LedgerStore

__all__ = [
    "THE_TENANT",
    "Amounts",
    "Balance",
    "Budget",
    "BudgetNotFound",
    "Hold",
    "InvalidBudget",
    "Label",
    "LedgerEntry",
    "LedgerService",
    "LedgerStore",
    "Need",
    "OutOfCredits",
    "Period",
    "SpendingSource",
    "Subject",
    "SubjectKind",
    "Unit",
]
