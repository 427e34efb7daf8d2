"""On what a set of predictions rests, in words and numbers."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from officium.apps.cashflow.deterministic_rules import LOW_CONFIDENCE
from officium.apps.cashflow.prediction import Currency, DealPrediction
from officium.apps.cashflow.spelling import Record

_RULES = {
    "history": "Dated by how the closed deals went.",
    "signal": "A note moved the dates, as notes have proved right before.",
    "invoiced": "Invoiced already: the invoice has the day of the stage change.",
    "stage_average": "No history and no model: the stage's average time.",
    "low_confidence": "The model was too unsure: the stage's average time instead.",
    "stuck": "Stuck in its stage for more than 60 days: 14 days were added.",
    "invoice_after_today": "The predicted invoice date had passed: moved to what can still be.",
    "payment_after_invoice": "The predicted payment came before its invoice: the payment terms instead.",
}


class CountedAssumption(Record):
    """Something that was assumed, and of how many deals."""

    text: str
    deal_count: int


class AppliedRule(Record):
    """A rule that had a say, in how many deals."""

    rule: str
    text: str
    deal_count: int


class ExplainedDeal(Record):
    """Why one deal is predicted as it is."""

    deal_id: int
    deal_title: str
    reasoning: str
    method: str
    confidence: float
    rules: tuple[str, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


class CurrencyShare(Record):
    """How much of a currency's value rests on unsure dates."""

    currency: Currency
    value: Decimal
    unsure_value: Decimal


class AssumptionsReport(Record):
    """What was assumed, which rules had a say, who set the dates, and the reason for each deal."""

    deal_count: int
    avg_confidence: float
    methods: dict[str, int]
    rules: tuple[AppliedRule, ...]
    assumptions: tuple[CountedAssumption, ...]
    unsure: tuple[CurrencyShare, ...]
    warnings: tuple[str, ...]
    deals: tuple[ExplainedDeal, ...]


def explain_assumptions(predictions: Sequence[DealPrediction]) -> AssumptionsReport:
    """Count what was assumed, the most frequent first, and say it deal by deal."""
    rules = Counter(rule for prediction in predictions for rule in dict.fromkeys(prediction.rules))
    assumed = Counter(text for prediction in predictions for text in dict.fromkeys(prediction.assumptions))
    warned = Counter(text for prediction in predictions for text in prediction.warnings)
    return AssumptionsReport(
        deal_count=len(predictions),
        avg_confidence=average_confidence(predictions),
        methods=dict(Counter(prediction.method for prediction in predictions)),
        rules=tuple(
            AppliedRule(rule=rule, text=_RULES.get(rule, rule), deal_count=count)
            for rule, count in rules.most_common()
        ),
        assumptions=tuple(
            CountedAssumption(text=text, deal_count=count) for text, count in assumed.most_common()
        ),
        unsure=_unsure(predictions),
        warnings=tuple(f"{text}: {count} deals." for text, count in warned.most_common()),
        deals=tuple(
            ExplainedDeal.model_validate({name: getattr(each, name) for name in ExplainedDeal.model_fields})
            for each in predictions
        ),
    )


def average_confidence(predictions: Sequence[DealPrediction]) -> float:
    """The mean confidence; 0 of nothing."""
    if not predictions:
        return 0.0
    return round(sum(prediction.confidence for prediction in predictions) / len(predictions), 4)


def _unsure(predictions: Sequence[DealPrediction]) -> tuple[CurrencyShare, ...]:
    whole: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    for each in predictions:
        whole[each.currency] += each.value  # type: ignore[assignment]  # a Counter adds up Decimals as well
        if each.confidence <= LOW_CONFIDENCE:
            unsure[each.currency] += each.value  # type: ignore[assignment]
    return tuple(
        CurrencyShare(currency=each, value=Decimal(whole[each]), unsure_value=Decimal(unsure[each]))
        for each in sorted(whole)
    )
