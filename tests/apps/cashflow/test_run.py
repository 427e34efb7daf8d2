"""Runs held against what happened, and signals put to the proof."""

from datetime import UTC, date, datetime, timedelta

from officium.apps.cashflow.prediction import (
    CashflowPredictionResult,
    DealPrediction,
    PredictionMetadata,
    Range,
)
from officium.apps.cashflow.runs.run import ProposedShift, proposed_shifts, prove_signals, score_run
from officium.apps.cashflow.signal import NoteSignal

TODAY = date(2026, 11, 21)


def a_prediction(id: int, invoice: int, payment: int, **said) -> DealPrediction:
    fields = {
        "deal_id": id,
        "deal_title": f"Deal {id}",
        "predicted_invoice_date": TODAY + timedelta(days=invoice),
        "predicted_payment_date": TODAY + timedelta(days=payment),
        "confidence": 0.5,
        "reasoning": "Because.",
    }
    return DealPrediction.model_validate({**fields, **said})


def a_result(*predictions: DealPrediction) -> CashflowPredictionResult:
    return CashflowPredictionResult(
        metadata=PredictionMetadata(
            run_id=None,
            generated_at=datetime(2026, 11, 21, tzinfo=UTC),
            today=TODAY,
            pipeline_name=None,
            horizon_days=90,
            granularity="week",
            confidence_threshold=0,
            deals_analyzed=len(predictions),
            deals_predicted=len(predictions),
            deals_filtered=0,
            avg_confidence=0.5,
            methods={},
        ),
        aggregated_forecast=(),
        per_deal_predictions=predictions,
    )


def test_run_is_scored_by_what_is_known_by_now():
    span = Range(p10=TODAY + timedelta(days=40), p50=None, p90=TODAY + timedelta(days=60))
    result = a_result(
        a_prediction(1, 10, 47, payment_range=span), a_prediction(2, 10, 47), a_prediction(3, 10, 47)
    )
    endings = {
        1: (TODAY + timedelta(days=14), TODAY + timedelta(days=57), None),
        2: (TODAY + timedelta(days=2), None, None),
        3: (None, None, TODAY + timedelta(days=5)),
    }

    score = score_run(7, result, endings, TODAY + timedelta(days=60))

    assert (score.invoices.count, score.invoices.mae_days, score.invoices.within_week) == (2, 6.0, 0.5)
    assert score.invoices.bias_days == 2.0
    assert (score.payments.count, score.payments.mae_days, score.payments.coverage) == (1, 10.0, 1.0)
    assert (score.deals, score.lost, score.still_open) == (3, 1, 1)


def test_nothing_is_scored_before_anything_has_happened():
    score = score_run(1, a_result(a_prediction(1, 10, 47)), {}, TODAY)

    assert (score.payments.count, score.payments.mae_days, score.still_open) == (0, None, 1)


def test_proposals_are_measured_from_the_date_without_the_signal():
    signal = NoteSignal(kind="blocker", quote="blocked", proposed_days=7, shift_days=7)

    (shift,) = proposed_shifts([a_prediction(1, 10, 47, signals=(signal,))])

    assert shift.predicted == TODAY + timedelta(days=3)


def _shifts(count: int, days: int) -> list[ProposedShift]:
    return [
        ProposedShift(deal_id=id, concerns="invoice", predicted=TODAY, proposed_days=days)
        for id in range(count)
    ]


def test_signals_help_once_enough_of_them_were_right():
    endings = {id: (TODAY + timedelta(days=7), None, None) for id in range(20)}

    assert prove_signals(_shifts(10, 7), endings).help
    assert not prove_signals(_shifts(9, 7), endings).help
    assert not prove_signals(_shifts(20, -7), endings).help
    assert not prove_signals(_shifts(20, 7), {}).help


def test_of_a_deal_only_the_first_signal_counts():
    endings = {0: (TODAY + timedelta(days=7), None, None)}

    proof = prove_signals(_shifts(1, 7) * 30, endings)

    assert (proof.signals, proof.mae_without, proof.mae_with) == (1, 7.0, 0.0)
