"""Comparing the books, and putting them right."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from officium.core.tenancy import Caller
from officium.core.tenancy.caller import require_operator
from officium.core.usage.ledger.operation import CounterKey
from officium.core.usage.ledger.period import TOTAL, Span, period_of
from officium.core.usage.reconciliation.difference import Difference
from officium.core.usage.reconciliation.store import BooksStore, BudgetPeriods, MissingCounter

_log = structlog.get_logger("ledger")


class Reconciler:
    """For the operator alone. Works beside running servers."""

    def __init__(self, store: BooksStore) -> None:
        self._store = store

    async def compare(self, caller: Caller) -> list[Difference]:
        """What does not agree in the caller's tenant; nothing, if all is well. Raises PermissionDenied."""
        require_operator(caller)
        return (await self._store.read_books(caller)).differences()

    async def repair(self, caller: Caller, differences: Sequence[Difference]) -> None:
        """Make the counters say what the lines say. The lines are the truth and stay as they are.

        To be done once for what `compare` found: done twice it would be wrong again. Raises PermissionDenied.
        """
        require_operator(caller)
        missing: dict[CounterKey, dict[str, int]] = defaultdict(dict)
        for difference in differences:
            if difference.counter is None:
                key = difference.budget_id, difference.period_start
                missing[key][difference.column] = difference.lines
            else:
                await self._store.add_to_counter(caller, difference)
        await self._make(caller, missing)
        _log.warning("counters.repaired", tenant=caller.tenant_id, count=len(differences))

    async def _make(self, caller: Caller, missing: dict[CounterKey, dict[str, int]]) -> None:
        periods = await self._store.find_periods(caller, [budget_id for budget_id, _ in missing])
        for (budget_id, period_start), columns in missing.items():
            if budget_id in periods:
                span = _span(periods[budget_id], period_start)
                counter = MissingCounter(
                    budget_id=budget_id,
                    period_start=period_start,
                    starts_at=span.starts_at,
                    ends_at=span.ends_at,
                    used=columns.get("used", 0),
                    held=columns.get("held", 0),
                )
                await self._store.add_counter(caller, counter)


def _span(cut: BudgetPeriods, period_start: str) -> Span:
    """The period that is written `2026-11-21`, `2026-11` or `total`."""
    if period_start == TOTAL.key:
        return TOTAL
    # Noon is in the day, whatever the clocks do at its midnight.
    day = datetime.strptime(period_start if len(period_start) > 7 else f"{period_start}-01", "%Y-%m-%d")
    noon = day.replace(hour=12, tzinfo=ZoneInfo(cut.time_zone))
    return period_of("day" if len(period_start) == len("2026-11-21") else "month", cut.time_zone, noon)
