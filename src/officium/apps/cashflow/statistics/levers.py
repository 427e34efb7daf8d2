"""Which few things done now would lift the lowest balance most."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import numpy as np

from officium.apps.cashflow.statistics.calendar import WorkingCalendar
from officium.apps.cashflow.statistics.days import FloatArray
from officium.apps.cashflow.statistics.deal import OpenDeal
from officium.apps.cashflow.statistics.model import CashflowModel
from officium.apps.cashflow.statistics.periods import Granularity, Period, period_of_day, periods_from
from officium.apps.cashflow.statistics.scenarios import Change, with_delay, with_invoice, with_terms
from officium.apps.cashflow.statistics.simulation import money

LeverKind = Literal["collect_sooner", "invoice_now", "shorten_terms"]


@dataclass(frozen=True, slots=True)
class Lever:
    """One thing to do, and what the lowest expected balance in `currency` becomes by it."""

    kind: LeverKind
    customer: str
    deal_id: int | None
    days: int
    currency: str
    lowest_before: Decimal
    lowest_after: Decimal
    change: Change

    @property
    def lift(self) -> Decimal:
        """By how much the lowest balance rises."""
        return self.lowest_after - self.lowest_before


def levers(
    model: CashflowModel,
    deals: Sequence[OpenDeal],
    start: date,
    horizon_days: int,
    currency: str,
    *,
    opening: Decimal = Decimal(0),
    outgoing: Sequence[Decimal] | None = None,
    granularity: Granularity = "week",
    calendar: WorkingCalendar | None = None,
    sooner_days: int = 14,
    terms_days: int = 14,
    count: int = 3,
) -> list[Lever]:
    """The `count` levers that lift the lowest expected balance of one currency most, the best one first.

    The balance is that at the end of each period: `opening`, plus the expected cash, less `outgoing` (one
    amount for each period). Tried are: each customer pays `sooner_days` sooner; each deal without an invoice
    is invoiced tomorrow; each customer with such deals gets terms of `terms_days`. Levers that lift nothing
    are left out.
    """
    mine = sorted((deal for deal in deals if deal.currency == currency), key=lambda deal: deal.deal_id)
    cash = _ExpectedCash(model, periods_from(start, horizon_days, granularity), calendar or WorkingCalendar())
    paid_out = np.array([float(amount) for amount in outgoing or [Decimal(0)] * cash.periods])
    base = cash.of(mine)
    total = base.sum(axis=0) - paid_out
    before = _lowest(total[None], opening)[0]
    found: list[Lever] = []

    def collect(
        kind: LeverKind, days: int, tried: Sequence[tuple[OpenDeal, Change]], gains: FloatArray
    ) -> None:
        """Keep what lifts: `gains` has a row of cash gained by period for each of `tried`."""
        for place, after in enumerate(_lowest(total + gains, opening)):
            if after > before:
                deal, change = tried[place]
                deal_id = deal.deal_id if kind == "invoice_now" else None
                found.append(Lever(kind, deal.customer, deal_id, days, currency, before, after, change))

    every = [(deal, with_delay(deal.customer, -sooner_days)) for deal in _one_each(mine)]
    sooner = [replace(deal, shift_days=deal.shift_days - sooner_days) for deal in mine]
    collect("collect_sooner", sooner_days, every, _by_customer(mine, cash.of(sooner) - base))
    waiting = [deal for deal in mine if deal.invoiced_on is None]
    theirs = base[[deal.invoiced_on is None for deal in mine]]
    some = [(deal, with_terms(deal.customer, terms_days)) for deal in _one_each(waiting)]
    shorter = [replace(deal, terms_days=terms_days) for deal in waiting]
    collect("shorten_terms", terms_days, some, _by_customer(waiting, cash.of(shorter) - theirs))
    tomorrow = model.today + timedelta(days=1)
    each = [(deal, with_invoice(deal.deal_id, tomorrow)) for deal in waiting]
    invoiced = [replace(deal, invoiced_on=tomorrow) for deal in waiting]
    collect("invoice_now", 0, each, cash.of(invoiced) - theirs)
    return sorted(found, key=lambda lever: (-lever.lift, lever.kind, lever.customer, lever.deal_id or 0))[
        :count
    ]


class _ExpectedCash:
    """The expected cash of deals, by period."""

    def __init__(self, model: CashflowModel, periods: Sequence[Period], calendar: WorkingCalendar) -> None:
        self._model = model
        self._ahead = max((periods[-1].last_day - model.today).days, 0)
        self._members = period_of_day(model.today, self._ahead, periods, calendar)
        self.periods = len(periods)

    def of(self, deals: Sequence[OpenDeal]) -> FloatArray:
        """Shape (deals, periods)."""
        amounts = np.array([float(deal.amount) for deal in deals])
        chances = self._model.paid_within(deals, self._ahead) @ self._members
        return np.asarray(amounts[:, None] * chances)


def _lowest(cash: FloatArray, opening: Decimal) -> list[Decimal]:
    """The lowest balance at the end of a period, for each row of cash by period."""
    return [money(float(opening) + float(low)) for low in cash.cumsum(axis=1).min(axis=1)]


def _one_each(deals: Sequence[OpenDeal]) -> list[OpenDeal]:
    """One deal of each customer, in the order of their names."""
    of = {deal.customer: deal for deal in deals}
    return [of[customer] for customer in sorted(of)]


def _by_customer(deals: Sequence[OpenDeal], gains: FloatArray) -> FloatArray:
    """The gains added up by customer, in the order of their names."""
    places = {customer: place for place, customer in enumerate(sorted({deal.customer for deal in deals}))}
    sums = np.zeros((len(places), gains.shape[1]))
    np.add.at(sums, [places[deal.customer] for deal in deals], gains)
    return sums
