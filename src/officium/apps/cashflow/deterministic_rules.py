"""The documented rules: what they say of a deal before anything else does, and after a model has spoken."""

from collections.abc import Collection, Mapping
from datetime import date
from types import MappingProxyType
from typing import ClassVar

from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import DealForPrediction, DealPrediction

STAGE_CYCLE_DAYS: Mapping[str, int] = MappingProxyType(
    {"Order Received": 10, "Under Progress": 22, "Awaiting GR": 5, "Production/Supplying": 45}
)
"""How long deals stay in a stage before they are invoiced, in days."""
DEFAULT_PAYMENT_TERMS = 37
"""From invoice to payment, in days."""
INVOICED_STAGES = ("Invoiced", "Invoice Sent", "Invoice Issued", "Billed", "Awaiting Payment")
STUCK_AFTER_DAYS = 60
STUCK_PENALTY_DAYS = 14
LOW_CONFIDENCE = 0.4
RULE_CONFIDENCE = 0.5
"""How sure a date is that a stage's average has set."""
INVOICED_CONFIDENCE = 0.9
"""How sure the dates of an invoiced deal are: the invoice is a fact, the payment follows the terms."""
_YEAR_DAYS = 365


class DeterministicRules:
    """Dates without any model. What is not said stays as documented.

    `stage_days` are days from now to the invoice by stage; names are compared without regard to case and
    spaces. A deal is invoiced where it has an invoice date, or stands in one of `invoiced_stages`.
    """

    STAGE_CYCLE_DAYS: ClassVar[Mapping[str, int]] = STAGE_CYCLE_DAYS
    DEFAULT_PAYMENT_TERMS: ClassVar[int] = DEFAULT_PAYMENT_TERMS

    def __init__(
        self,
        stage_days: Mapping[str, int] | None = None,
        payment_terms_days: int = DEFAULT_PAYMENT_TERMS,
        *,
        invoiced_stages: Collection[str] = INVOICED_STAGES,
        stuck_after_days: int = STUCK_AFTER_DAYS,
        stuck_penalty_days: int = STUCK_PENALTY_DAYS,
        low_confidence: float = LOW_CONFIDENCE,
        rule_confidence: float = RULE_CONFIDENCE,
    ) -> None:
        said = STAGE_CYCLE_DAYS if stage_days is None else stage_days
        self.payment_terms_days = payment_terms_days
        self.stuck_after_days = stuck_after_days
        self.stuck_penalty_days = stuck_penalty_days
        self.low_confidence = low_confidence
        self.rule_confidence = rule_confidence
        self._stage_days = {fold_stage(stage): days for stage, days in said.items()}
        self._invoiced = frozenset(map(fold_stage, invoiced_stages))

    def get_stage_estimate(self, stage: str) -> int | None:
        """The days from a stage to the invoice; `None` for a stage nobody has told about."""
        return self._stage_days.get(fold_stage(stage))

    def is_invoiced(self, deal: DealForPrediction) -> bool:
        """Whether the invoice is out already."""
        return deal.invoiced_on is not None or fold_stage(deal.stage) in self._invoiced

    def terms_of(self, deal: DealForPrediction) -> int:
        """The days from invoice to payment: the deal's own terms, else the default."""
        return self.payment_terms_days if deal.payment_terms_days is None else deal.payment_terms_days

    def precheck_deal(self, deal: DealForPrediction, today: date) -> DealPrediction | None:
        """What the rules say at once: of a deal that is invoiced already, else nothing.

        The invoice has the day of the stage change. A payment that was to come before today is overdue.
        """
        invoiced_on = self._invoice_day(deal, today)
        if invoiced_on is None:
            return None
        terms = self.terms_of(deal)
        paid_on = later(invoiced_on, max(terms, 1))
        is_overdue = paid_on < today
        late = f"; that was {(today - paid_on).days} days ago, so it is overdue" if is_overdue else ""
        return _prediction(
            deal,
            predicted_invoice_date=invoiced_on,
            predicted_payment_date=paid_on,
            confidence=INVOICED_CONFIDENCE,
            reasoning=f"Invoiced on {invoiced_on}; payment is due {terms} days later, on {paid_on}{late}.",
            method="rule",
            rules=("invoiced",),
            is_invoiced=True,
            is_overdue=is_overdue,
            assumptions=(f"Payment terms of {terms} days.",),
        )

    def estimate_deal(self, deal: DealForPrediction, today: date) -> DealPrediction | None:
        """The dates that the stage's average gives, where neither history nor a model has spoken.

        `None` for an unknown stage. The penalty of a stuck deal is for `apply_overrides` to add.
        """
        days = self.get_stage_estimate(deal.stage)
        if days is None:
            return None
        terms = self.terms_of(deal)
        invoice = later(today, days)
        return _prediction(
            deal,
            predicted_invoice_date=invoice,
            predicted_payment_date=later(invoice, max(terms, 1)),
            confidence=self.rule_confidence,
            reasoning=f"Deals in {deal.stage!r} are invoiced after {days} days on average, and paid {terms} "
            "days later.",
            method="rule",
            rules=("stage_average",),
            assumptions=(
                f"{days} days from {deal.stage!r} to the invoice.",
                f"Payment terms of {terms} days.",
            ),
        )

    def apply_overrides(
        self, prediction: DealPrediction, deal: DealForPrediction, today: date
    ) -> DealPrediction:
        """The prediction as the rules leave it: low confidence, then stuck deals, then what can be at all.

        Estimates of the tenant's own closed deals know how long a deal has been stuck, and how unsure they
        are; only the last rule touches them.
        """
        if not prediction.is_invoiced and prediction.method != "statistics":
            prediction = self._with_stage_average(prediction, deal, today)
            prediction = self._with_penalty(prediction, deal, today)
        return self.keep_possible(prediction, deal, today)

    def keep_possible(
        self, prediction: DealPrediction, deal: DealForPrediction, today: date
    ) -> DealPrediction:
        """The last rule alone: the invoice after today unless it is out already, the payment after it."""
        if not prediction.is_invoiced:
            prediction = self._after_today(prediction, deal, today)
        return self._ordered(prediction, deal)

    def validate_prediction(self, prediction: DealPrediction, today: date) -> list[str]:
        """What is doubtful about a prediction, a sentence each; nothing if all is well."""
        invoice, payment = prediction.predicted_invoice_date, prediction.predicted_payment_date
        warnings = []
        if invoice is None:
            warnings.append("No invoice date")
        elif not prediction.is_invoiced and invoice <= today:
            warnings.append("Invoice date is not after today")
        elif (invoice - today).days > _YEAR_DAYS:
            warnings.append("Invoice date >1 year in future")
        elif (today - invoice).days > _YEAR_DAYS:
            warnings.append("Invoice date >1 year in past")
        if payment is None:
            warnings.append("No payment date")
        elif invoice is not None and payment <= invoice:
            warnings.append("Payment date is not after invoice date")
        elif invoice is not None and (payment - invoice).days > _YEAR_DAYS:
            warnings.append("Payment date >1 year after invoice date")
        if payment is not None and payment < today and not prediction.is_overdue:
            warnings.append("Payment date is in the past")
        return warnings

    def _invoice_day(self, deal: DealForPrediction, today: date) -> date | None:
        if not self.is_invoiced(deal):
            return None
        known = deal.invoiced_on or deal.stage_changed_on
        return known or later(today, -deal.age_in_stage(today))

    def _with_stage_average(
        self, prediction: DealPrediction, deal: DealForPrediction, today: date
    ) -> DealPrediction:
        is_unsure = prediction.confidence < self.low_confidence or prediction.predicted_invoice_date is None
        average = self.estimate_deal(deal, today) if is_unsure else None
        if average is None or prediction.method == "rule":
            return prediction
        why = f"The model was {prediction.confidence:.0%} sure, too little to rely on. {average.reasoning}"
        return prediction.model_copy(
            update={
                "predicted_invoice_date": average.predicted_invoice_date,
                "predicted_payment_date": average.predicted_payment_date,
                "confidence": average.confidence,
                "reasoning": why,
                "method": "rule",
                "rules": (*prediction.rules, "low_confidence"),
                "assumptions": average.assumptions,
            }
        )

    def _with_penalty(
        self, prediction: DealPrediction, deal: DealForPrediction, today: date
    ) -> DealPrediction:
        age = deal.age_in_stage(today)
        if age <= self.stuck_after_days:
            return prediction
        penalty = self.stuck_penalty_days
        said = f"{age} days in {deal.stage!r}: stuck, so {self.stuck_penalty_days} days were added."
        invoice, payment = prediction.predicted_invoice_date, prediction.predicted_payment_date
        return prediction.model_copy(
            update={
                "predicted_invoice_date": None if invoice is None else later(invoice, penalty),
                "predicted_payment_date": None if payment is None else later(payment, penalty),
                "reasoning": f"{prediction.reasoning} {said}".strip(),
                "rules": (*prediction.rules, "stuck"),
                "assumptions": (*prediction.assumptions, said),
            }
        )

    def _after_today(
        self, prediction: DealPrediction, deal: DealForPrediction, today: date
    ) -> DealPrediction:
        invoice = prediction.predicted_invoice_date
        if invoice is None or invoice > today:
            return prediction
        moved = later(today, self.get_stage_estimate(deal.stage) or 1)
        payment = prediction.predicted_payment_date
        return prediction.model_copy(
            update={
                "predicted_invoice_date": moved,
                "predicted_payment_date": None if payment is None else later(payment, (moved - invoice).days),
                "confidence": min(prediction.confidence, self.rule_confidence),
                "reasoning": f"{prediction.reasoning} {invoice} is not after today, so the invoice was moved "
                f"to {moved}.".strip(),
                "rules": (*prediction.rules, "invoice_after_today"),
            }
        )

    def _ordered(self, prediction: DealPrediction, deal: DealForPrediction) -> DealPrediction:
        invoice, payment = prediction.predicted_invoice_date, prediction.predicted_payment_date
        if invoice is None or (payment is not None and payment > invoice):
            return prediction
        terms = max(self.terms_of(deal), 1)
        return prediction.model_copy(
            update={
                "predicted_payment_date": later(invoice, terms),
                "rules": (*prediction.rules, "payment_after_invoice"),
                "assumptions": (*prediction.assumptions, f"Payment terms of {terms} days."),
            }
        )


def fold_stage(stage: str) -> str:
    """A stage's name as stages are compared: without case, and with single spaces."""
    return " ".join(stage.casefold().split())


def _prediction(deal: DealForPrediction, **said: object) -> DealPrediction:
    return DealPrediction.model_validate({**facts_of(deal), **said})


def facts_of(deal: DealForPrediction) -> dict[str, object]:
    """What a prediction repeats of its deal."""
    return {
        "deal_id": deal.deal_id,
        "deal_title": deal.deal_title,
        "pipeline": deal.pipeline,
        "stage": deal.stage,
        "customer": deal.customer,
        "value": deal.value,
        "currency": deal.currency,
    }
