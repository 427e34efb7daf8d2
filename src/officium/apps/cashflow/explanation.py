"""A forecast in words: what speaks for its dates, and what would change them."""

from officium.apps.cashflow.spelling import Record
from officium.apps.cashflow.statistics import Counterfactual, DealForecast, Evidence

_COUNTERFACTUALS = {
    "invoiced_now": "If it were invoiced tomorrow",
    "typical_customer": "If its customer paid as a typical one does",
    "just_entered_stage": "If it had entered its stage only today",
    "terms": "If payment terms of 14 days were agreed",
}


class Otherwise(Record):
    """How a deal's payment would differ if one thing about it were otherwise: `kind` says which."""

    kind: str
    sooner_days: int
    probability_gained: float


def reasons(forecast: DealForecast) -> tuple[str, ...]:
    """The reasons for a deal's dates: the main one first, then what was assumed."""
    evidence = forecast.evidence
    about_payment = _payment(evidence)
    if forecast.is_invoiced:
        return (
            f"Invoiced on {forecast.invoice.p50}, payment most likely by {forecast.payment.p50} "
            f"(between {forecast.payment.p10} and {forecast.payment.p90}).",
            about_payment,
        )
    return (
        f"{evidence.days_in_stage} days in {evidence.stage!r}: invoiced most likely by "
        f"{forecast.invoice.p50} (between {forecast.invoice.p10} and {forecast.invoice.p90}), "
        f"if at all ({forecast.probability:.0%}), and paid by {forecast.payment.p50}.",
        _invoice(evidence),
        about_payment,
    )


def counterfactual_words(one: Counterfactual) -> str:
    """What would be otherwise, in a sentence."""
    said = _COUNTERFACTUALS.get(one.kind, one.kind)
    if one.sooner_days:
        way = "sooner" if one.sooner_days > 0 else "later"
        change = f"payment would come {abs(one.sooner_days)} days {way}"
    else:
        change = "payment would come on the same day"
    if abs(one.probability_gained) >= 0.005:
        more = "more" if one.probability_gained > 0 else "less"
        change += f", and be {abs(one.probability_gained):.0%} {more} probable"
    return f"{said}, {change}."


def _invoice(evidence: Evidence) -> str:
    if evidence.invoice_prior_weight >= 0.995:
        return f"No deal has gone through {evidence.stage!r} yet: the documented constant counts."
    return (
        f"Invoice: {evidence.stage_deals} deals went through {evidence.stage!r}, "
        f"{evidence.pipeline_deals} of them in this pipeline; the documented constant still counts "
        f"{evidence.invoice_prior_weight:.0%}."
    )


def _payment(evidence: Evidence) -> str:
    if evidence.tenant_payments == 0:
        return "Payment: no invoice has been paid yet, so the documented terms count."
    words = (
        f"Payment: {evidence.customer_payments} payments of this customer and {evidence.tenant_payments} "
        f"of all; the documented terms still count {evidence.payment_prior_weight:.0%}."
    )
    shift = round(evidence.customer_shift_days)
    if evidence.customer_payments and shift:
        way = "later" if shift > 0 else "sooner"
        words += f" It pays about {abs(shift)} days {way} than the others."
    return words
