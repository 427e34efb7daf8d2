"""A budget and where it stands in the period that runs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from officium.core.usage.budgets.forecast import Forecast, Standing, Use, binding, daily_use, forecast
from officium.core.usage.ledger.budget import Budget
from officium.core.usage.ledger.period import period_of


class Counted(Struct, frozen=True, kw_only=True):
    """What a counter of a budget says: used and held from `starts_at` until `ends_at`."""

    budget_id: str
    starts_at: datetime
    ends_at: datetime
    used: int
    held: int
    exhausted_at: datetime | None


class BudgetBalance(Struct, frozen=True, kw_only=True):
    """A budget in its running period, which lasts from `starts_at` until `ends_at` (both `None` in total).

    `remaining` is neither used nor held; `None` without a limit. `is_exhausted`: nothing is left, or a call
    was refused for want of room.
    """

    budget: Budget
    used: int
    held: int
    remaining: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    is_exhausted: bool
    forecast: Forecast


def balance_of(
    budget: Budget, counters: Sequence[Counted], siblings: Sequence[Budget], now: datetime
) -> BudgetBalance:
    """Where `budget` stands.

    `counters` are the latest ones of `siblings`: the budgets of the same subject and unit, this one included.
    The rate is read from the one counted by the day, where there is one.
    """
    span = period_of(budget.period, budget.time_zone, now)
    running = _running(budget, counters, now)
    used, held = (running.used, running.held) if running else (0, 0)
    left = None if budget.limit is None else max(0, budget.limit - used - held)
    is_exhausted = budget.limit is not None and (
        used >= budget.limit or (running is not None and running.exhausted_at is not None)
    )
    daily = _daily_use(budget, counters, siblings, now)
    is_total = budget.period == "total"
    return BudgetBalance(
        budget=budget,
        used=used,
        held=held,
        remaining=left,
        starts_at=None if is_total else span.starts_at,
        ends_at=None if is_total else span.ends_at,
        is_exhausted=is_exhausted,
        forecast=Forecast(daily) if left is None else forecast(daily, left, span.ends_at, now),
    )


def binding_budget(balances: Iterable[BudgetBalance], now: datetime) -> str | None:
    """The id of the budget that will stop its subject first; `None` where none is to be seen."""
    return binding([standing for balance in balances if (standing := _standing(balance, now))], now)


def by_measure(budgets: Iterable[Budget]) -> Mapping[tuple[str, str, str], list[Budget]]:
    """The budgets in groups that count the same: one subject, one unit."""
    groups: dict[tuple[str, str, str], list[Budget]] = {}
    for budget in budgets:
        groups.setdefault(measure(budget), []).append(budget)
    return groups


def measure(budget: Budget) -> tuple[str, str, str]:
    """What a budget counts, whatever its period: subject and unit."""
    return (budget.subject.kind, budget.subject.id, budget.unit)


def _running(budget: Budget, counters: Sequence[Counted], now: datetime) -> Counted | None:
    return next(
        (one for one in counters if one.budget_id == budget.id and one.starts_at <= now < one.ends_at), None
    )


def _daily_use(
    budget: Budget, counters: Sequence[Counted], siblings: Sequence[Budget], now: datetime
) -> float | None:
    daily = next((sibling for sibling in siblings if sibling.period == "day"), budget)
    for source in (daily, budget):
        uses = [Use(one.starts_at, one.ends_at, one.used) for one in counters if one.budget_id == source.id]
        if (found := daily_use(uses, source.created_at, now)) is not None:
            return found
    return None


def _standing(balance: BudgetBalance, now: datetime) -> Standing | None:
    budget = balance.budget
    if budget.limit is None or balance.remaining is None or not budget.is_hard:
        return None
    return Standing(
        name=budget.id,
        limit=budget.limit,
        used=balance.used,
        left=0 if balance.is_exhausted else balance.remaining,
        ends_at=balance.ends_at or period_of("total", budget.time_zone, now).ends_at,
        forecast=balance.forecast,
    )
