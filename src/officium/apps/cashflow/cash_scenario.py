"""What if: a forecast with changes, beside the same without them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from officium.apps.cashflow.cash_forecast import CashForecast, CashForecastInput, forecast_deals, wanted_deals
from officium.apps.cashflow.history import TenantHistory
from officium.apps.cashflow.prediction import Currency, Day
from officium.apps.cashflow.spelling import Order, Record
from officium.apps.cashflow.statistics import (
    Change,
    OpenDeal,
    changed,
    with_delay,
    with_invoice,
    with_terms,
    without,
)

MOST_CHANGES = 20


class DelayCustomer(Order):
    """A customer pays so many days later than expected; fewer than none is sooner."""

    kind: Literal["delay_customer"]
    customer: str = Field(max_length=200)
    days: int = Field(ge=-365, le=730)


class LoseDeal(Order):
    """A deal is lost."""

    kind: Literal["lose_deal"]
    deal_id: int


class ChangeTerms(Order):
    """A customer gets other terms for what is not invoiced yet."""

    kind: Literal["change_terms"]
    customer: str = Field(max_length=200)
    payment_terms_days: int = Field(ge=1, le=730)


class InvoiceDeal(Order):
    """A deal is invoiced on a day."""

    kind: Literal["invoice_deal"]
    deal_id: int
    on: Day


ScenarioChange = Annotated[DelayCustomer | LoseDeal | ChangeTerms | InvoiceDeal, Field(discriminator="kind")]


class ScenarioInput(CashForecastInput):
    """What if: the same forecast, with changes."""

    changes: tuple[ScenarioChange, ...] = Field(min_length=1, max_length=MOST_CHANGES)


class PeriodDifference(Record):
    """How a period's cash differs in a scenario."""

    period: str
    currency: Currency
    base: Decimal
    scenario: Decimal
    difference: Decimal


class Scenario(Record):
    """A scenario beside its base; both from the same simulated luck, so only the changes differ."""

    run_id: int | None = None
    base: CashForecast
    scenario: CashForecast
    differences: tuple[PeriodDifference, ...]
    unknown: tuple[str, ...] = Field(description="Customers and deals of the changes that are not open.")


def compare_scenario(history: TenantHistory, asked: ScenarioInput) -> Scenario:
    """The forecast with the changes, beside that without them."""
    deals = wanted_deals(history, asked)
    base = forecast_deals(history, asked, deals)
    after = forecast_deals(history, asked, changed(deals, map(_change, asked.changes)))
    of_base = {(line.period, line.currency): line.expected_value for line in base.payments.periods}
    of_after = {(line.period, line.currency): line.expected_value for line in after.payments.periods}
    differences = []
    for key in dict.fromkeys((*of_base, *of_after)):
        one, other = of_base.get(key, Decimal(0)), of_after.get(key, Decimal(0))
        differences.append(
            PeriodDifference(period=key[0], currency=key[1], base=one, scenario=other, difference=other - one)
        )
    return Scenario(
        base=base, scenario=after, differences=tuple(differences), unknown=_unknown(deals, asked.changes)
    )


def _change(asked: ScenarioChange) -> Change:
    match asked:
        case DelayCustomer():
            return with_delay(asked.customer, asked.days)
        case LoseDeal():
            return without(asked.deal_id)
        case ChangeTerms():
            return with_terms(asked.customer, asked.payment_terms_days)
        case InvoiceDeal():
            return with_invoice(asked.deal_id, asked.on)


def _unknown(deals: Sequence[OpenDeal], changes: Sequence[ScenarioChange]) -> tuple[str, ...]:
    customers = {deal.customer for deal in deals}
    ids = {deal.deal_id for deal in deals}
    found = []
    for change in changes:
        if isinstance(change, LoseDeal | InvoiceDeal):
            if change.deal_id not in ids:
                found.append(f"deal {change.deal_id}")
        elif change.customer not in customers:
            found.append(change.customer)
    return tuple(found)
