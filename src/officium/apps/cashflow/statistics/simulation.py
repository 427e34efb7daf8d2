"""Cash by week or month: the sum of many uncertain payments, by simulation with shared customer effects."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.calendar import WorkingCalendar
from officium.apps.cashflow.statistics.days import FloatArray
from officium.apps.cashflow.statistics.deal import OpenDeal
from officium.apps.cashflow.statistics.model import CashflowModel
from officium.apps.cashflow.statistics.normal import normal_quantile
from officium.apps.cashflow.statistics.periods import Granularity, Period, period_of_day, periods_from

MOST_RUNS = 20_000
LONGEST_HORIZON_DAYS = 730
_CENT = Decimal("0.01")
_BATCH = 128
_NORMALS = 1 << 20
_LEVELS = 1024
_LEVELS_PER_UNIT = 128
"""Lateness is told apart in steps of 1/128, from -4 to 4: finer than any number of runs can show."""


@dataclass(frozen=True, slots=True)
class CashRange:
    """What an amount is expected to be: its mean, and its 10, 50 and 90 percent quantiles."""

    mean: Decimal
    p10: Decimal
    p50: Decimal
    p90: Decimal


@dataclass(frozen=True, slots=True)
class PeriodCash:
    """The cash of one period, and of all periods up to its end."""

    period: Period
    cash: CashRange
    cumulated: CashRange


@dataclass(frozen=True, slots=True)
class CurrencyCash:
    """The cash in one currency. `runs` has shape (periods, runs): what came in, in every simulated future."""

    currency: str
    rows: tuple[PeriodCash, ...]
    runs: FloatArray = field(repr=False, compare=False)

    def probability_below(
        self, limit: Decimal, opening: Decimal = Decimal(0), outgoing: Sequence[Decimal] | None = None
    ) -> float:
        """How probable it is that the balance is under `limit` at the end of at least one period.

        The balance begins with `opening`; `outgoing` says what is paid out in each period, one amount each.
        """
        return float(
            np.mean(self.balances(opening, outgoing).min(axis=0, initial=float(opening)) < float(limit))
        )

    def balances(
        self, opening: Decimal = Decimal(0), outgoing: Sequence[Decimal] | None = None
    ) -> FloatArray:
        """The balance at the end of each period in every run: shape (periods, runs)."""
        balance = self.runs.cumsum(axis=0) + float(opening)
        if outgoing is not None:
            balance -= np.cumsum([float(amount) for amount in outgoing])[:, None]
        return balance

    def lowest_balance(
        self, opening: Decimal = Decimal(0), outgoing: Sequence[Decimal] | None = None
    ) -> CashRange:
        """The range of the lowest balance at the end of any period."""
        lowest = self.balances(opening, outgoing).min(axis=0, initial=np.inf)
        lowest = np.where(np.isfinite(lowest), lowest, float(opening))
        return _range(lowest, float(lowest.mean()))


@dataclass(frozen=True, slots=True)
class CashTable:
    """The cash forecast of all deals, each currency by itself."""

    start: date
    horizon_days: int
    granularity: Granularity
    runs: int
    seed: int
    currencies: Mapping[str, CurrencyCash]


def simulate(
    model: CashflowModel,
    deals: Sequence[OpenDeal],
    start: date,
    horizon_days: int,
    *,
    runs: int = 2000,
    seed: int = 0,
    granularity: Granularity = "week",
    calendar: WorkingCalendar | None = None,
) -> CashTable:
    """Simulate when the deals are paid, and add up what comes in each period from `start` on.

    `start` is the first day of the first period; a week has seven days from there. Two deals of one customer
    are late together: the less is known of the customer, the more. The mean is the exact expectation, the
    quantiles come from `runs` simulated futures. Every deal has random numbers of its own, made from `seed`
    and its id, so the order of the deals does not matter, and a scenario differs from its base only in what
    it changes.
    """
    if not 1 <= runs <= MOST_RUNS or not 1 <= horizon_days <= LONGEST_HORIZON_DAYS:
        raise ValueError(f"runs must be 1 to {MOST_RUNS}, horizon_days 1 to {LONGEST_HORIZON_DAYS}")
    periods = periods_from(start, horizon_days, granularity)
    ahead = (periods[-1].last_day - model.today).days
    calendar = calendar or WorkingCalendar()
    ordered = sorted(deals, key=lambda deal: (deal.currency, deal.customer, deal.deal_id))
    chances = np.zeros((len(ordered), len(periods)))
    if ahead >= 0:
        members = period_of_day(model.today, ahead, periods, calendar)
        chances = model.paid_within(ordered, ahead) @ members
    tables: dict[str, CurrencyCash] = {}
    for currency in dict.fromkeys(deal.currency for deal in ordered):
        places = [place for place, deal in enumerate(ordered) if deal.currency == currency]
        chosen = slice(places[0], places[-1] + 1)
        tables[currency] = _simulated(model, ordered[chosen], chances[chosen], periods, runs, seed)
    return CashTable(start, horizon_days, granularity, runs, seed, tables)


def simulate_invoices(
    model: CashflowModel,
    deals: Sequence[OpenDeal],
    periods: Sequence[Period],
    *,
    runs: int = 2000,
    seed: int = 0,
) -> CurrencyCash:
    """Simulate when deals without an invoice are invoiced, and add up the amounts by period.

    The deals are of one currency. Each has its own luck: nothing of it is shared.
    """
    ahead = max((periods[-1].last_day - model.today).days, 0)
    members = period_of_day(model.today, ahead, periods, WorkingCalendar())
    chances = model.all_invoiced_within(deals, ahead, members)
    amounts = np.array([float(deal.amount) for deal in deals])
    places = _starts(seed, "invoice", [str(deal.deal_id) for deal in deals])
    runs_of = _added_up(amounts, chances, _Lateness(seed, runs, places))
    return _table(deals[0].currency, periods, runs_of, amounts @ chances)


def _simulated(
    model: CashflowModel,
    deals: Sequence[OpenDeal],
    chances: FloatArray,
    periods: Sequence[Period],
    runs: int,
    seed: int,
) -> CurrencyCash:
    """The table of one currency. `deals` are sorted; `chances` has shape (deals, periods)."""
    amounts = np.array([float(deal.amount) for deal in deals])
    own_at = _starts(seed, "deal", [str(deal.deal_id) for deal in deals])
    shared_at = _starts(seed, "customer", [deal.customer for deal in deals])
    together = np.array([model.shared_effect(deal) for deal in deals], dtype=np.float32)
    runs_of = _added_up(amounts, chances, _Lateness(seed, runs, own_at, shared_at, together))
    return _table(deals[0].currency, periods, runs_of, amounts @ chances)


class _Lateness:
    """How late each deal is in every run: a standard normal, of which its customer's deals share a part.

    One long row of random numbers is made, of which each takes `runs` from a place of its own. Two pieces
    may overlap, but then in different runs; a generator for each deal would cost more than all the rest.
    """

    def __init__(
        self,
        seed: int,
        runs: int,
        own_at: NDArray[np.int64],
        shared_at: NDArray[np.int64] | None = None,
        together: NDArray[np.float32] | None = None,
    ) -> None:
        self.runs = runs
        self._pieces = np.lib.stride_tricks.sliding_window_view(_normals(seed, runs), runs)
        self._own_at = own_at
        self._shared_at = shared_at
        self._together = together

    def levels(self, batch: slice) -> NDArray[np.intp]:
        """The steps of lateness of some deals: shape (deals, runs), from 0 to the last level."""
        late = self._pieces[self._own_at[batch]]
        if self._shared_at is not None and self._together is not None:
            part = self._together[batch, None]
            late *= np.sqrt(1 - part)
            shared = self._pieces[self._shared_at[batch]]
            shared *= np.sqrt(part)
            late += shared
        late += np.float32(_LEVELS / 2)
        return np.clip(late, 0, _LEVELS - 1, out=late).astype(np.intp)


@lru_cache(maxsize=1)
def _normals(seed: int, runs: int) -> NDArray[np.float32]:
    """The long row, in steps of lateness; the tables of one forecast share it."""
    normals = np.random.default_rng(seed).standard_normal(_NORMALS + runs, dtype=np.float32)
    normals *= np.float32(_LEVELS_PER_UNIT)
    normals.flags.writeable = False
    return normals


def _added_up(amounts: FloatArray, chances: FloatArray, lateness: _Lateness) -> FloatArray:
    """What comes in each period in every run: shape (periods, runs). `chances` has shape (deals, periods).

    The period of an amount is the one whose share of the normal distribution holds the lateness. Deals are
    taken a few at a time, so that there is never more than a handful of them in all runs.
    """
    periods, runs = chances.shape[1], lateness.runs
    size = (periods + 1) * runs
    totals = np.zeros(size)
    run = np.arange(runs)
    places = np.empty((_BATCH, runs), dtype=np.intp)
    for start in range(0, len(amounts), _BATCH):
        batch = slice(start, min(start + _BATCH, len(amounts)))
        first_of_period = _period_of_level(chances[batch])
        first_of_period *= runs
        levels = lateness.levels(batch)
        at = places[: len(levels)]
        # one by one is half the time of all at once, for each deal's few numbers stay at hand
        for first, late, place in zip(first_of_period, levels, at, strict=True):
            first.take(late, out=place, mode="clip")
        at += run
        weights = np.repeat(amounts[batch], runs)
        totals += np.bincount(at.ravel(), weights=weights, minlength=size)
    return totals.reshape(periods + 1, runs)[:-1]


def _period_of_level(chances: FloatArray) -> NDArray[np.intp]:
    """The number of the period for each deal and level of lateness; one more than there are: later."""
    deals, periods = chances.shape
    bounds = normal_quantile(np.minimum(chances.cumsum(axis=1), 1.0))
    first = np.rint(np.clip(bounds * _LEVELS_PER_UNIT + _LEVELS / 2, 0, _LEVELS)).astype(np.intp)
    levels_of_each = np.diff(first, axis=1, prepend=0, append=_LEVELS)
    numbers = np.tile(np.arange(periods + 1, dtype=np.intp), deals)
    return np.repeat(numbers, levels_of_each.ravel()).reshape(deals, _LEVELS)


def _starts(seed: int, kind: str, names: Sequence[str]) -> NDArray[np.int64]:
    """Where each one's random numbers begin: a hash of nothing but the seed and the name."""
    prefix = f"{seed}/{kind}/"
    return np.array([zlib.crc32(f"{prefix}{name}".encode()) % _NORMALS for name in names], dtype=np.int64)


def _table(currency: str, periods: Sequence[Period], runs: FloatArray, means: FloatArray) -> CurrencyCash:
    cash = _ranges(runs, means)
    cumulated = _ranges(runs.cumsum(axis=0), means.cumsum())
    rows = tuple(map(PeriodCash, periods, cash, cumulated))
    return CurrencyCash(currency, rows, runs)


def _ranges(runs: FloatArray, means: FloatArray) -> list[CashRange]:
    """The range of each row of `runs`."""
    quantiles = np.quantile(runs, (0.1, 0.5, 0.9), axis=1)
    return [CashRange(*map(money, row)) for row in np.vstack((means, quantiles)).T.tolist()]


def _range(values: FloatArray, mean: float) -> CashRange:
    return _ranges(values[None], np.array([mean]))[0]


def money(value: float) -> Decimal:
    """An amount in whole hundredths."""
    return Decimal(repr(value)).quantize(_CENT, rounding=ROUND_HALF_EVEN)
