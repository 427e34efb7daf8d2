"""A prediction, forecast, backtest or scenario as it was made: kept, and never changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from officium.apps.cashflow.cash_forecast import CashForecast
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import CashflowPredictionResult, DealPrediction
from officium.apps.cashflow.runs.cash_score import CashScore, invoices_of, payments_of, score_cash
from officium.apps.cashflow.spelling import Record
from officium.apps.cashflow.statistics import ClosedDeal, ClosedDeals, OpenDeal

RunKind = Literal["prediction", "forecast", "backtest", "scenario"]
NEAR_DAYS = 7
FEWEST_SIGNALS = 10
"""Signals that must have been put to the proof before they may move dates."""


class RunHead(Record):
    """A run in a list."""

    id: int
    kind: RunKind
    today: date
    asked: dict[str, Any]
    created_at: datetime
    created_by: str


class Run(RunHead):
    """A run with what came of it."""

    result: dict[str, Any]


class DateScore(Record):
    """How good predicted days were, of those whose true day is known by now. Null where there are none."""

    count: int
    mae_days: float | None
    bias_days: float | None
    within_week: float | None
    coverage: float | None


class RunScore(Record):
    """A run held against what happened since; it grows as reality arrives.

    Dates are scored of predictions, cash of forecasts and of what scenarios began with.
    """

    run_id: int
    kind: RunKind = "prediction"
    scored_on: date
    deals: int
    invoices: DateScore
    payments: DateScore
    lost: int
    still_open: int
    cash: tuple[CashScore, ...] = ()


class ProposedShift(Record):
    """By how much a note's signal would have moved a date, had it been let."""

    deal_id: int
    concerns: Literal["invoice", "payment"]
    predicted: date
    proposed_days: int


class SignalProof(Record):
    """Whether signals have helped so far: the mean error in days with and without them."""

    signals: int
    mae_without: float | None
    mae_with: float | None
    help: bool
    needed: int = FEWEST_SIGNALS


Endings = Mapping[int, tuple[date | None, date | None, date | None]]
"""By deal: the days of its invoice, payment and loss, as far as they have come."""


def score_run(run_id: int, result: CashflowPredictionResult, endings: Endings, today: date) -> RunScore:
    """Hold the predictions of a run against what is known of its deals now."""
    invoices, payments = _Errors(), _Errors()
    lost = still_open = 0
    predictions = result.per_deal_predictions
    for prediction in predictions:
        invoiced, paid, lost_on = endings.get(prediction.deal_id, (None, None, None))
        if not prediction.is_invoiced:
            invoices.add(prediction.predicted_invoice_date, invoiced, prediction, "invoice_range")
        payments.add(prediction.predicted_payment_date, paid, prediction, "payment_range")
        lost += lost_on is not None
        still_open += paid is None and lost_on is None
    return RunScore(
        run_id=run_id,
        scored_on=today,
        deals=len(predictions),
        invoices=invoices.score(),
        payments=payments.score(),
        lost=lost,
        still_open=still_open,
    )


def score_forecast(run: Run, closed: ClosedDeals, still_open: Sequence[OpenDeal], today: date) -> RunScore:
    """Hold the cash of a forecast, or of a scenario's base, against what has come in since.

    Counted are the deals that were open on its day, in the pipeline and currency that were asked for. Deals
    that were written down later count, too, if they began before.
    """
    made = CashForecast.model_validate(run.result["base"] if run.kind == "scenario" else run.result)
    pipeline, currency = run.asked.get("pipeline_name"), run.asked.get("currency")

    def is_wanted(deal: ClosedDeal | OpenDeal) -> bool:
        return pipeline in (None, deal.pipeline) and currency in (None, deal.currency)

    ended = [deal for deal in closed.open_on(run.today) if is_wanted(deal)]
    waiting = [deal for deal in still_open if deal.created_on <= run.today and is_wanted(deal)]
    return RunScore(
        run_id=run.id,
        kind=run.kind,
        scored_on=today,
        deals=made.deals_counted,
        invoices=_Errors().score(),
        payments=_Errors().score(),
        lost=sum(deal.lost_on is not None for deal in ended),
        still_open=len(waiting),
        cash=(
            *score_cash(made.payments, payments_of(ended), run.today, today),
            *score_cash(made.invoices, invoices_of([*ended, *waiting]), run.today, today),
        ),
    )


def proposed_shifts(predictions: Iterable[DealPrediction]) -> list[ProposedShift]:
    """What the signals of a run proposed, against the dates without them."""
    found = []
    for prediction in predictions:
        for signal in prediction.signals:
            day = (
                prediction.predicted_invoice_date
                if signal.concerns == "invoice"
                else prediction.predicted_payment_date
            )
            if day is not None and signal.proposed_days:
                found.append(
                    ProposedShift(
                        deal_id=prediction.deal_id,
                        concerns=signal.concerns,
                        predicted=later(day, -signal.shift_days),
                        proposed_days=signal.proposed_days,
                    )
                )
    return found


def prove_signals(shifts: Sequence[ProposedShift], endings: Endings) -> SignalProof:
    """Whether dates would have been better with the signals. Of a deal the first one counts.

    `shifts` are oldest first.
    """
    without: list[int] = []
    with_signal: list[int] = []
    seen: set[tuple[int, str]] = set()
    for shift in shifts:
        invoiced, paid, _ = endings.get(shift.deal_id, (None, None, None))
        actual = invoiced if shift.concerns == "invoice" else paid
        if actual is None or (shift.deal_id, shift.concerns) in seen:
            continue
        seen.add((shift.deal_id, shift.concerns))
        error = (actual - shift.predicted).days
        without.append(abs(error))
        with_signal.append(abs(error - shift.proposed_days))
    before, after = _mean(without), _mean(with_signal)
    has_helped = before is not None and after is not None and after < before
    return SignalProof(
        signals=len(without),
        mae_without=before,
        mae_with=after,
        help=len(without) >= FEWEST_SIGNALS and has_helped,
    )


class _Errors:
    def __init__(self) -> None:
        self._errors: list[int] = []
        self._covered: list[bool] = []

    def add(self, predicted: date | None, actual: date | None, prediction: DealPrediction, name: str) -> None:
        if predicted is None or actual is None:
            return
        self._errors.append((predicted - actual).days)
        span = getattr(prediction, name)
        if span is not None and span.p10 is not None and span.p90 is not None:
            self._covered.append(span.p10 <= actual <= span.p90)

    def score(self) -> DateScore:
        return DateScore(
            count=len(self._errors),
            mae_days=_mean([abs(error) for error in self._errors]),
            bias_days=_mean(self._errors),
            within_week=_mean([abs(error) <= NEAR_DAYS for error in self._errors]),
            coverage=_mean(self._covered),
        )


def _mean(values: Sequence[int] | Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
