"""What can be read of the ledger: its entries, and where budgets stand."""

from datetime import datetime

from msgspec import Struct

from officium.core.usage.ledger.budget import Budget
from officium.core.usage.ledger.hold import SpendingSource
from officium.core.usage.ledger.operation import EntryKind


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """A line of the ledger; later lines have greater ids.

    Amounts of a correction are the difference to what was charged before, and may be negative; those of a
    reset are what it took back, in the one unit of the counter it was for.
    """

    id: int
    hold_id: str
    kind: EntryKind
    created_at: datetime
    request_id: str
    actor: str
    app: str
    model: str
    client_id: int | None
    widget_id: int | None
    tokens: int
    requests: int
    nano_usd: int
    source: SpendingSource


class Balance(Struct, frozen=True, kw_only=True):
    """A budget in its running period: what was used of it, and what is set aside for calls under way.

    `exhausted_at` says since when calls are refused for want of room.
    """

    budget: Budget
    period_start: str
    starts_at: datetime
    ends_at: datetime
    used: int
    held: int
    exhausted_at: datetime | None

    @property
    def limit(self) -> int | None:
        """The budget's limit."""
        return self.budget.limit
