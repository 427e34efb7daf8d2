"""From deals to a cash-flow prediction, step by step; it works with a server and without one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from datetime import date
from typing import Protocol

import structlog
from msgspec import Struct

from officium.apps.cashflow.assumptions import AssumptionsReport, average_confidence, explain_assumptions
from officium.apps.cashflow.deterministic_rules import STAGE_CYCLE_DAYS, DeterministicRules
from officium.apps.cashflow.forecast_table import (
    ForecastOptions,
    ForecastTable,
    aggregate,
    generate_forecast_table,
    is_within,
)
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import (
    CashflowPredictionInput,
    CashflowPredictionResult,
    DealForPrediction,
    DealPrediction,
    FilteredDeal,
    PredictionMetadata,
    PredictionOptions,
)
from officium.apps.cashflow.reading import (
    DEALS_AT_ONCE,
    Reader,
    believed,
    hidden_notes,
    shown_deals,
    with_proposals,
)
from officium.apps.cashflow.signal import strongest
from officium.kit.clock import Clock, SystemClock
from officium.kit.errors import OfficiumError

MOST_DEALS_READ = 500
"""More deals are not shown to a model in one run; rules and history date them."""
_CALLS_AT_ONCE = 4

_log = structlog.get_logger("cashflow")


class DealSource(Protocol):
    """Where open deals come from, prepared for prediction."""

    async def load_deals(
        self, asked: CashflowPredictionInput, today: date
    ) -> Sequence[DealForPrediction]: ...


class History(Protocol):
    """What the closed deals teach. Deals it cannot speak of are missing in what it gives."""

    def estimate(
        self, deals: Sequence[DealForPrediction], today: date
    ) -> Awaitable[Mapping[int, DealPrediction]]: ...


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of the deals of a run: the predictions, and the deals nobody could date."""

    predictions: list[DealPrediction]
    undated: list[FilteredDeal]
    warnings: list[str]


class CashflowPredictionService:
    """Predicts invoice and payment dates, and adds them up.

    The steps: load the deals, prepare them, let the rules speak first, then the history where there is one,
    let a model read the rest, apply the overrides, validate, filter by horizon and confidence, add up.
    Without a `reader` no model is asked; where it fails, the rules answer. `signals_help` says that what
    notes promise may move dates.
    """

    def __init__(
        self,
        reader: Reader | None = None,
        rules: DeterministicRules | None = None,
        deals: DealSource | None = None,
        *,
        history: History | None = None,
        stages: Mapping[str, int] = STAGE_CYCLE_DAYS,
        signals_help: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._reader = reader
        self._rules = rules or DeterministicRules()
        self._deals = deals
        self._history = history
        self._stages = stages
        self._signals_help = signals_help
        self._clock = clock or SystemClock()

    async def predict_cashflow(
        self, input: CashflowPredictionInput, deals: Sequence[DealForPrediction] | None = None
    ) -> CashflowPredictionResult:
        """Predict the deals that `input` asks about, and add them up by period and currency.

        `deals` stand in for those of the source. Never fails because of a model.
        """
        today = self._today(input.today)
        if deals is None:
            deals = [] if self._deals is None else await self._deals.load_deals(input, today)
        outcome = await self.predict(deals, input, today)
        _tell(outcome, len(deals))
        kept, filtered = _filter(outcome.predictions, input, today)
        filtered = [*outcome.undated, *filtered]
        return CashflowPredictionResult(
            metadata=PredictionMetadata(
                generated_at=self._clock.now(),
                today=today,
                pipeline_name=input.pipeline_name,
                horizon_days=input.horizon_days,
                granularity=input.granularity,
                confidence_threshold=input.confidence_threshold,
                deals_analyzed=len(deals),
                deals_predicted=len(kept),
                deals_filtered=len(filtered),
                avg_confidence=average_confidence(kept),
                methods=dict(Counter(prediction.method for prediction in kept)),
            ),
            aggregated_forecast=aggregate(kept, today, input.horizon_days, input.granularity),
            per_deal_predictions=tuple(kept),
            filtered_deals=tuple(filtered),
            warnings=tuple(outcome.warnings),
        )

    async def predict_deal_dates(
        self, deals: Sequence[DealForPrediction], options: PredictionOptions, today: date | None = None
    ) -> list[DealPrediction]:
        """The predictions of those deals that can be dated, in the order of the deals; none is filtered."""
        return (await self.predict(deals, options, self._today(today))).predictions

    def generate_forecast_table(
        self, predictions: Sequence[DealPrediction], options: ForecastOptions
    ) -> ForecastTable:
        """Predictions added up by week or month."""
        return generate_forecast_table(predictions, options, self._today(options.today))

    def explain_assumptions(self, predictions: Sequence[DealPrediction]) -> AssumptionsReport:
        """On what the predictions rest."""
        return explain_assumptions(predictions)

    async def predict(
        self, deals: Sequence[DealForPrediction], options: PredictionOptions, today: date
    ) -> Outcome:
        """Steps three to six: rules, history, model, overrides, validation."""
        found: dict[int, DealPrediction] = {}
        for deal in deals:
            if (checked := self._rules.precheck_deal(deal, today)) is not None:
                found[deal.deal_id] = checked
        open_deals = [deal for deal in deals if deal.deal_id not in found]
        known = await self._history.estimate(deals, today) if self._history is not None else {}
        warnings = _about_hidden_notes(open_deals)
        read, problems = await self._read(_worth_reading(open_deals, known), options, today)
        warnings += problems
        found = {id: _with_history(one, known.get(id)) for id, one in found.items()}
        undated: list[FilteredDeal] = []
        for deal in open_deals:
            one = self._combine(deal, known.get(deal.deal_id), read.get(deal.deal_id), today)
            if one is None:
                undated.append(_undated(deal))
            else:
                found[deal.deal_id] = one
        validated = [self._validated(found[deal.deal_id], today) for deal in deals if deal.deal_id in found]
        return Outcome(predictions=validated, undated=undated, warnings=warnings)

    def _combine(
        self, deal: DealForPrediction, known: DealPrediction | None, read: DealPrediction | None, today: date
    ) -> DealPrediction | None:
        """One prediction of what history, model and rules say, with the overrides applied."""
        signals = () if read is None else read.signals
        prediction = known
        if prediction is None and read is not None and read.predicted_invoice_date is not None:
            prediction = read
        if prediction is None:
            prediction = self._rules.estimate_deal(deal, today)
        if prediction is None:
            return None
        prediction = self._rules.apply_overrides(prediction, deal, today)
        signals = with_proposals(
            signals, prediction.predicted_invoice_date, prediction.predicted_payment_date, today
        )
        prediction = prediction.model_copy(update={"signals": signals})
        if self._signals_help and prediction.method != "llm":
            prediction = _shifted(prediction)
            prediction = self._rules.keep_possible(prediction, deal, today)
        return prediction

    def _validated(self, prediction: DealPrediction, today: date) -> DealPrediction:
        warnings = self._rules.validate_prediction(prediction, today)
        return prediction.model_copy(update={"warnings": (*prediction.warnings, *warnings)})

    async def _read(
        self, deals: Sequence[DealForPrediction], options: PredictionOptions, today: date
    ) -> tuple[dict[int, DealPrediction], list[str]]:
        """What the model says of the deals, some at a time; and what went wrong with that."""
        if self._reader is None or not options.use_llm or not deals:
            return {}, []
        warnings = []
        if len(deals) > MOST_DEALS_READ:
            warnings.append(
                f"Only the first {MOST_DEALS_READ} of {len(deals)} deals were shown to a model; "
                "rules and history dated the others."
            )
            deals = deals[:MOST_DEALS_READ]
        turns = asyncio.Semaphore(_CALLS_AT_ONCE)
        batches = [deals[at : at + DEALS_AT_ONCE] for at in range(0, len(deals), DEALS_AT_ONCE)]
        answers = await asyncio.gather(*(self._read_batch(batch, today, turns) for batch in batches))
        found: dict[int, DealPrediction] = {}
        for read, problems in answers:
            found.update(read)
            warnings += problems
        missing = len(deals) - len(found)
        if missing and found:
            warnings.append(f"The model left out {missing} of {len(deals)} deals; the rules dated them.")
        return found, list(dict.fromkeys(warnings))

    async def _read_batch(
        self, deals: Sequence[DealForPrediction], today: date, turns: asyncio.Semaphore
    ) -> tuple[dict[int, DealPrediction], list[str]]:
        assert self._reader is not None
        async with turns:
            try:
                readings = await self._reader.read(shown_deals(deals, self._rules, self._stages, today))
            except OfficiumError as error:
                _log.warning("cashflow.model_failed", error=error.code, deals=len(deals))
                return {}, [f"The model did not answer ({error.code}): rules and history did instead."]
        return believed(readings, deals, today)

    def _today(self, said: date | None) -> date:
        return said or self._clock.now().date()


def _tell(outcome: Outcome, deals: int) -> None:
    unsure = sum("low_confidence" in prediction.rules for prediction in outcome.predictions)
    _log.info("cashflow.predicted", deals=deals, predictions=len(outcome.predictions))
    if unsure:
        _log.warning("cashflow.low_confidence", deals=unsure)


def _worth_reading(
    deals: Sequence[DealForPrediction], known: Mapping[int, DealPrediction]
) -> list[DealForPrediction]:
    """Deals that only a model can date better, and those with notes, in which there may be signals."""
    return [deal for deal in deals if deal.deal_id not in known or deal.notes]


def _with_history(prediction: DealPrediction, known: DealPrediction | None) -> DealPrediction:
    """An invoiced deal with the payment date that the customer's habits tell; the invoice is a fact."""
    if known is None or known.predicted_payment_date is None:
        return prediction
    return prediction.model_copy(
        update={
            "predicted_payment_date": known.predicted_payment_date,
            "payment_range": known.payment_range,
            "confidence": known.confidence,
            "reasoning": f"{prediction.reasoning} {known.reasoning}",
            "assumptions": known.assumptions,
        }
    )


def _shifted(prediction: DealPrediction) -> DealPrediction:
    """The prediction moved by its strongest signals; a moved invoice takes its payment along."""
    invoice, payment = strongest(prediction.signals, "invoice"), strongest(prediction.signals, "payment")
    chosen = [signal for signal in (invoice, payment) if signal is not None]
    if not chosen:
        return prediction
    by_invoice = 0 if invoice is None else invoice.proposed_days
    by_payment = by_invoice if payment is None else payment.proposed_days
    on, paid = prediction.predicted_invoice_date, prediction.predicted_payment_date
    quotes = " and ".join(f"“{signal.quote}” ({signal.proposed_days:+d} days)" for signal in chosen)
    return prediction.model_copy(
        update={
            "predicted_invoice_date": None if on is None else later(on, by_invoice),
            "predicted_payment_date": None if paid is None else later(paid, by_payment),
            "invoice_range": None if by_invoice else prediction.invoice_range,
            "payment_range": None if by_payment else prediction.payment_range,
            "reasoning": f"{prediction.reasoning} A note moved it: {quotes}.",
            "rules": (*prediction.rules, "signal"),
            "signals": tuple(
                one.model_copy(update={"shift_days": one.proposed_days}) if one in chosen else one
                for one in prediction.signals
            ),
        }
    )


def _about_hidden_notes(deals: Sequence[DealForPrediction]) -> list[str]:
    return [
        f"Deal {deal.deal_id}: {count} of its notes speak to a machine, so no model was shown them."
        for deal in deals
        if (count := hidden_notes(deal))
    ]


def _undated(deal: DealForPrediction) -> FilteredDeal:
    return FilteredDeal(
        deal_id=deal.deal_id,
        deal_title=deal.deal_title,
        reason="no_date",
        detail=f"Nothing is known of the stage {deal.stage!r}. Give it an average time in the settings.",
        value=deal.value,
        currency=deal.currency,
    )


def _filter(
    predictions: Sequence[DealPrediction], input: CashflowPredictionInput, today: date
) -> tuple[list[DealPrediction], list[FilteredDeal]]:
    kept: list[DealPrediction] = []
    filtered: list[FilteredDeal] = []
    for one in predictions:
        if one.confidence < input.confidence_threshold:
            detail = f"Its confidence {one.confidence:.2f} is below {input.confidence_threshold:.2f}."
            filtered.append(_filtered(one, "low_confidence", detail))
        elif not is_within(one, today, input.horizon_days):
            detail = f"Neither of its dates lies within {input.horizon_days} days."
            filtered.append(_filtered(one, "beyond_horizon", detail))
        else:
            kept.append(one)
    return kept, filtered


def _filtered(prediction: DealPrediction, reason: str, detail: str) -> FilteredDeal:
    said = {name: getattr(prediction, name) for name in FilteredDeal.model_fields if name in _SHARED}
    return FilteredDeal.model_validate({**said, "reason": reason, "detail": detail})


_SHARED = frozenset(DealPrediction.model_fields)
