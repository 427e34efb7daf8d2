"""Everything the cash-flow room says in English is recognised, and said in the reader's language."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from officium.apps.cashflow.assumptions import explain_assumptions
from officium.apps.cashflow.cash_forecast import ShownLever
from officium.apps.cashflow.deterministic_rules import DeterministicRules
from officium.apps.cashflow.explanation import Otherwise, reasons
from officium.apps.cashflow.prediction import DealForPrediction, DealPrediction
from officium.apps.cashflow.statistics import DateForecast, DealForecast, Evidence
from officium.web.console.assets import Assets
from officium.web.console.figures import Figures
from officium.web.console.frame import Frame
from officium.web.console.pages.cashflow_words import CashWords
from officium.web.console.texts import LANGUAGES, speak

TODAY = date(2026, 11, 4)
RULES = DeterministicRules()
_APART = str.maketrans("", "", "\u2068\u2069")


@contextmanager
def _reading(language: str) -> Iterator[CashWords]:
    speak(LANGUAGES[language])
    try:
        yield CashWords(Figures(language), Frame(Assets()))
    finally:
        speak(LANGUAGES["en"])


def _deal(**said: Any) -> DealForPrediction:
    values = {"deal_id": 7, "deal_title": "Alpha", "stage": 'Client\'s "PO" (ok)', **said}
    return DealForPrediction.model_validate(values)


def _predicted(
    deal: DealForPrediction, invoice: date | None, payment: date | None, **said: Any
) -> DealPrediction:
    values = {
        "deal_id": 7,
        "deal_title": "Alpha",
        "confidence": 0.3,
        "reasoning": "The model gave no reason.",
    }
    dates = {"predicted_invoice_date": invoice, "predicted_payment_date": payment}
    return DealPrediction.model_validate({**values, **dates, "stage": deal.stage, **said})


def _forecast(*, is_invoiced: bool, **said: Any) -> DealForecast:
    evidence: dict[str, Any] = {
        name: 0.25 for name in Evidence.__dataclass_fields__ if name.endswith("weight")
    }
    evidence |= {"stage": "Awaiting GR", "days_in_stage": 12, "stage_deals": 40, "pipeline_deals": 8}
    evidence |= {"customer": "Meadow", "customer_payments": 9, "tenant_payments": 210}
    evidence |= {"customer_shift_days": 6.0, **said}
    days = [TODAY + timedelta(days) for days in (1, 9, 30, 12)]
    dates = DateForecast(*days, within_week=0.7)
    values: dict[str, Any] = {
        "is_invoiced": is_invoiced,
        "invoice": dates,
        "payment": dates,
        "probability": 0.93,
        "evidence": Evidence(**evidence),
    }
    return DealForecast(**{name: values.get(name) for name in DealForecast.__dataclass_fields__})  # type: ignore[arg-type]


def _everything() -> list[str]:
    """Sentences as the rules and the statistics write them."""
    ordered, days = _deal(stage="Order Received"), timedelta(days=1)
    stuck = _deal(stage="Order Received", stage_changed_on=TODAY - 90 * days)
    invoiced = [_deal(invoiced_on=TODAY - back * days) for back in (3, 300)]
    made = [one for one in (RULES.precheck_deal(deal, TODAY) for deal in invoiced) if one is not None]
    made += [one for one in (RULES.estimate_deal(deal, TODAY) for deal in (ordered,)) if one is not None]
    unsure = _predicted(stuck, None, None, method="llm")
    past = _predicted(ordered, TODAY - days, TODAY - 2 * days, confidence=0.8, method="llm")
    made += [RULES.apply_overrides(unsure, stuck, TODAY), RULES.apply_overrides(past, ordered, TODAY)]
    texts = [text for one in made for text in (one.reasoning, *one.assumptions)]
    odd = [(None, None), (TODAY, TODAY), (TODAY + 999 * days, TODAY - days), (TODAY - 999 * days, TODAY)]
    for invoice, payment in odd:
        texts += RULES.validate_prediction(_predicted(ordered, invoice, payment), TODAY)
    forecasts = [
        _forecast(is_invoiced=True),
        _forecast(is_invoiced=False, customer_shift_days=-4.0),
        _forecast(is_invoiced=False, invoice_prior_weight=1.0, tenant_payments=0),
    ]
    return [*texts, *(text for one in forecasts for text in reasons(one))]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_sentence_of_rules_and_statistics_is_recognised(language: str) -> None:
    with _reading(language) as words:
        lost = [text for text in _everything() if words.find(text) is None]
        said = [words.find(text) for text in _everything()]

    assert lost == []
    if language == "ar":
        assert [text for text in said if text and "day" in text] == []


def test_days_and_numbers_are_written_as_the_reader_writes_them() -> None:
    text = "Invoiced on 2026-10-21; payment is due 1037 days later, on 2026-11-26. Payment terms of 37 days."

    with _reading("en") as words:
        english = words.find(text)
    with _reading("ar") as words:
        arabic = (words.find(text) or "").translate(_APART)

    assert english == (
        "Invoiced on Oct 21, 2026; payment is due 1,037 days later, on Nov 26, 2026. "
        "Payment terms of 37 days."
    )
    assert "2026-10-21" not in arabic
    assert "مهلة دفع 37 يومًا." in arabic


def test_words_of_a_model_stay_as_they_are() -> None:
    with _reading("ar") as words:
        assert words.find("The customer promised to pay on Sunday.") is None
        assert words.find("Payment terms of many days.") is None


def test_reports_levers_and_alternatives_speak_the_readers_language() -> None:
    warned = _predicted(_deal(), None, None, warnings=("No payment date",), rules=("history", "stuck"))
    report = explain_assumptions([warned])
    money = Decimal("1234.5")
    lever = ShownLever(
        kind="invoice_now",
        customer="#7",
        deal_id=7,
        days=0,
        currency="SAR",
        lowest_before=money,
        lowest_after=money,
        lift=money,
        text="",
    )

    with _reading("en") as words:
        english = [words.find_counted(text) for text in report.warnings]
        to_do = words.lever(lever, {7: "Alpha"})
        other = words.otherwise(Otherwise(kind="terms", sooner_days=-3, probability_gained=0.02))
    with _reading("ar") as words:
        arabic = [words.find_counted(report.warnings[0]), *(words.rule(one.rule) for one in report.rules)]

    assert english == ["No payment date: 1 deals"]
    assert (
        to_do
        == "Invoice Alpha of an unnamed customer tomorrow: the lowest expected balance rises by SAR 1,234."
    )
    assert other == (
        "If payment terms of 14 days were agreed, payment would come 3 days later, and be 2% more probable."
    )
    assert None not in arabic
    assert all(rule.text != rule.rule for rule in report.rules)
