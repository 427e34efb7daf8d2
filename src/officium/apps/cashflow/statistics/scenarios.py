"""What if: a customer pays later, a deal is lost, terms change. Changes of the input, never of the model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from officium.apps.cashflow.statistics.deal import OpenDeal
from officium.apps.cashflow.statistics.forecast import DealForecast
from officium.apps.cashflow.statistics.model import CashflowModel

Change = Callable[[Sequence[OpenDeal]], list[OpenDeal]]
"""Turns the open deals into those of a scenario."""


def with_delay(customer: str, days: int) -> Change:
    """The customer pays `days` later than expected; fewer than none is earlier, but never before tomorrow."""

    def change(deals: Sequence[OpenDeal]) -> list[OpenDeal]:
        return [
            replace(deal, shift_days=deal.shift_days + days) if deal.customer == customer else deal
            for deal in deals
        ]

    return change


def without(deal_id: int) -> Change:
    """The deal is lost."""
    return lambda deals: [deal for deal in deals if deal.deal_id != deal_id]


def with_terms(customer: str, terms_days: int) -> Change:
    """Other terms are agreed with the customer for what is not invoiced yet."""

    def change(deals: Sequence[OpenDeal]) -> list[OpenDeal]:
        return [
            replace(deal, terms_days=terms_days)
            if deal.customer == customer and deal.invoiced_on is None
            else deal
            for deal in deals
        ]

    return change


def with_invoice(deal_id: int, day: date) -> Change:
    """The deal is invoiced on `day`."""

    def change(deals: Sequence[OpenDeal]) -> list[OpenDeal]:
        return [replace(deal, invoiced_on=day) if deal.deal_id == deal_id else deal for deal in deals]

    return change


def changed(deals: Sequence[OpenDeal], changes: Iterable[Change]) -> list[OpenDeal]:
    """The deals after all changes, one after the other."""
    found = list(deals)
    for change in changes:
        found = change(found)
    return found


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """How the forecast of one deal would differ if one thing about it were otherwise."""

    kind: str
    """`invoiced_now`, `typical_customer`, `just_entered_stage` or `terms`."""
    forecast: DealForecast
    sooner_days: int
    """By how many days the payment's P50 comes sooner; less than none is later."""
    probability_gained: float
    """By how much the deal becomes more probable to be paid."""


def counterfactuals(model: CashflowModel, deal: OpenDeal, terms_days: int = 14) -> tuple[Counterfactual, ...]:
    """What would change the deal's forecast, the greatest gain of time first."""
    base = model.predict(deal)
    tomorrow = model.today + timedelta(days=1)
    variants: dict[str, OpenDeal] = {"typical_customer": replace(deal, customer=_NOBODY)}
    if deal.invoiced_on is None:
        variants["invoiced_now"] = replace(deal, invoiced_on=tomorrow)
        variants["just_entered_stage"] = replace(deal, stage_entered_on=model.today)
        variants["terms"] = replace(deal, terms_days=terms_days)
    found = []
    for kind, variant in variants.items():
        other = model.predict(variant)
        sooner = (base.payment.p50 - other.payment.p50).days
        gained = other.payment_probability - base.payment_probability
        if sooner or abs(gained) >= 0.005:
            found.append(Counterfactual(kind, replace(other, customer=deal.customer), sooner, gained))
    return tuple(sorted(found, key=lambda one: (-one.sooner_days, one.kind)))


_NOBODY = "\0"
"""A customer of whom nothing is known: no name can hold this character."""
