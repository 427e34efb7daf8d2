"""Three simple ways to forecast that a better one has to beat."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from officium.apps.cashflow.statistics.deal import ClosedDeal, OpenDeal
from officium.apps.cashflow.statistics.prior import Prior

Baseline = Callable[[OpenDeal], date]
"""The one day on which a deal is said to be paid."""

BASELINES = ("constants", "averages", "customer_averages")


def baselines(history: Sequence[ClosedDeal], today: date, prior: Prior) -> dict[str, Baseline]:
    """The naive forecasts by name, each as known on `today`.

    `constants` are the documented days, or the terms agreed. `averages` are the tenant's own mean days from a
    stage to the invoice and from the invoice to the payment. `customer_averages` replace the latter by the
    customer's own mean.
    """
    to_invoice = _means(_stage_days(history))
    to_payment = _means([("", _payment_days(deal)) for deal in history])
    of_customer = _means([(deal.customer, _payment_days(deal)) for deal in history])

    def days_of_stage(deal: OpenDeal) -> int:
        in_stage = (today - deal.stage_entered_on).days
        if deal.stage in to_invoice:
            return max(round(to_invoice[deal.stage]) - in_stage, 1)
        return prior.days_to_invoice(deal.stage, in_stage)

    def constants(deal: OpenDeal) -> date:
        invoiced = deal.invoiced_on or today + timedelta(
            days=prior.days_to_invoice(deal.stage, (today - deal.stage_entered_on).days)
        )
        return _after(invoiced, deal.terms_days if deal.terms_days is not None else prior.payment_days, today)

    def averages(deal: OpenDeal) -> date:
        invoiced = deal.invoiced_on or today + timedelta(days=days_of_stage(deal))
        return _after(invoiced, to_payment.get("", prior.payment_days), today)

    def customer_averages(deal: OpenDeal) -> date:
        invoiced = deal.invoiced_on or today + timedelta(days=days_of_stage(deal))
        usual = to_payment.get("", float(prior.payment_days))
        return _after(invoiced, of_customer.get(deal.customer, usual), today)

    return {"constants": constants, "averages": averages, "customer_averages": customer_averages}


def _after(invoiced: date, days: float, today: date) -> date:
    return max(invoiced + timedelta(days=round(days)), today + timedelta(days=1))


def _payment_days(deal: ClosedDeal) -> int | None:
    if deal.invoiced_on is None or deal.paid_on is None:
        return None
    return (deal.paid_on - deal.invoiced_on).days


def _stage_days(history: Iterable[ClosedDeal]) -> list[tuple[str, int | None]]:
    return [
        (stage, (deal.invoiced_on - entered).days)
        for deal in history
        if deal.invoiced_on is not None
        for entered, stage in deal.stage_changes
        if entered <= deal.invoiced_on
    ]


def _means(values: Iterable[tuple[str, int | None]]) -> Mapping[str, float]:
    found: dict[str, list[int]] = defaultdict(list)
    for name, days in values:
        if days is not None:
            found[name].append(days)
    return {name: sum(days) / len(days) for name, days in found.items()}
