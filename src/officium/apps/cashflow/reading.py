"""Letting a model read deals: what it is shown, and what of its answer can be believed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from officium.apps.cashflow.deterministic_rules import DeterministicRules, facts_of
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import DealForPrediction, DealNote, DealPrediction
from officium.apps.cashflow.signal import (
    LONGEST_QUOTE,
    MOST_SIGNALS,
    NoteSignal,
    SignalKind,
    proposed_shift,
    speaks_to_machines,
)

PROMPT = "cashflow.predict_dates.v1"
DEALS_AT_ONCE = 10
"""Deals in one call; it is also what an answer's tokens suffice for."""
NOTES_SHOWN = 8
NOTE_SHOWN_CHARS = 600
SUREST = 0.95
"""No model is believed to be surer."""
_FARTHEST_DAYS = 3650


class Reading(BaseModel):
    """What a model says of one deal."""

    model_config = ConfigDict(extra="ignore")

    deal_id: int
    predicted_invoice_date: date | None = None
    predicted_payment_date: date | None = None
    confidence: float = Field(0.0, ge=0, le=1)
    reasoning: str = Field("", max_length=2_000)
    signals: list[Any] = Field(default_factory=list, max_length=50)


class Readings(BaseModel):
    """What a model says of several deals; each is looked at by itself."""

    predictions: list[Any] = Field(max_length=200)


class _SaidSignal(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: SignalKind
    quote: str = Field(min_length=3, max_length=LONGEST_QUOTE)
    concerns: Literal["invoice", "payment"] = "invoice"
    on: date | None = None


class Reader(Protocol):
    """A model that can be asked; gives what it answered, however it was asked."""

    async def read(self, variables: Mapping[str, object]) -> Readings: ...


def shown_deals(
    deals: Sequence[DealForPrediction], rules: DeterministicRules, stages: Mapping[str, int], today: date
) -> dict[str, object]:
    """The variables of the prompt. Notes that speak to machines are left out; so are old and long ones."""
    return {
        "deals": msgspec.json.encode([_shown(deal, today) for deal in deals]).decode(),
        "today": today,
        "stages": [{"name": name, "days": days} for name, days in stages.items()],
        "payment_terms_days": rules.payment_terms_days,
    }


def hidden_notes(deal: DealForPrediction) -> int:
    """How many notes of the deal are not shown to models because they speak to them."""
    return sum(speaks_to_machines(note.text) for note in deal.notes)


def believed(
    readings: Readings, deals: Sequence[DealForPrediction], today: date
) -> tuple[dict[int, DealPrediction], list[str]]:
    """Predictions by deal, and what was wrong with the answer.

    Only deals that were asked about count, each the first time it is named. A quote counts if it stands in
    one of that deal's own notes.
    """
    asked = {deal.deal_id: deal for deal in deals}
    found: dict[int, DealPrediction] = {}
    warnings: list[str] = []
    for said in readings.predictions:
        try:
            reading = Reading.model_validate(said)
        except ValidationError as error:
            warnings.append(f"A prediction of the model's could not be used: {_problem(error)}.")
            continue
        deal = asked.get(reading.deal_id)
        if deal is None or reading.deal_id in found:
            warnings.append(f"The model spoke of deal {reading.deal_id}, about which it was not asked.")
            continue
        found[deal.deal_id] = _prediction(reading, deal, today)
    return found, warnings


def _shown(deal: DealForPrediction, today: date) -> dict[str, object]:
    """The deal as JSON can hold it; what is not known is left out."""
    fields: dict[str, object] = {
        "deal_id": deal.deal_id,
        "title": deal.deal_title,
        "pipeline": deal.pipeline,
        "stage": deal.stage,
        "days_in_stage": deal.age_in_stage(today),
        "customer": deal.customer,
        "value": f"{deal.value} {deal.currency}",
        "expected_close": deal.expected_close_on,
        "payment_terms_days": deal.payment_terms_days,
        "notes": [
            {"written_on": note.written_on, "text": note.text[:NOTE_SHOWN_CHARS]}
            for note in shown_notes(deal)
        ],
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def shown_notes(deal: DealForPrediction) -> list[DealNote]:
    """The newest notes that models may read."""
    notes = [note for note in deal.notes if not speaks_to_machines(note.text)]
    return sorted(notes, key=lambda note: note.written_on or date.min, reverse=True)[:NOTES_SHOWN]


def _prediction(reading: Reading, deal: DealForPrediction, today: date) -> DealPrediction:
    prediction = DealPrediction.model_validate(
        {
            **facts_of(deal),
            "predicted_invoice_date": _sensible(reading.predicted_invoice_date, today),
            "predicted_payment_date": _sensible(reading.predicted_payment_date, today),
            "confidence": min(reading.confidence, SUREST),
            "reasoning": reading.reasoning.strip() or "The model gave no reason.",
            "method": "llm",
        }
    )
    return prediction.model_copy(update={"signals": _signals(reading, deal)})


def _sensible(day: date | None, today: date) -> date | None:
    if day is None or not later(today, -_FARTHEST_DAYS) <= day <= later(today, _FARTHEST_DAYS):
        return None
    return day


def _signals(reading: Reading, deal: DealForPrediction) -> tuple[NoteSignal, ...]:
    """Those whose words stand in a note that was shown."""
    notes = shown_notes(deal)
    kept: list[NoteSignal] = []
    for said in reading.signals:
        try:
            signal = _SaidSignal.model_validate(said)
        except ValidationError:
            continue
        note = next((note for note in notes if signal.quote in note.text[:NOTE_SHOWN_CHARS]), None)
        if note is not None and len(kept) < MOST_SIGNALS:
            kept.append(NoteSignal(**signal.model_dump(), noted_on=note.written_on))
    return tuple(kept)


def with_proposals(
    signals: Sequence[NoteSignal], invoice: date | None, payment: date | None, today: date
) -> tuple[NoteSignal, ...]:
    """The signals with how far they would move the dates of a prediction."""
    dates = {"invoice": invoice, "payment": payment}
    return tuple(
        signal.model_copy(update={"proposed_days": proposed_shift(signal, day, today)})
        if (day := dates[signal.concerns]) is not None
        else signal
        for signal in signals
    )


def _problem(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, detail['loc'])) or 'it'}: {detail['msg']}"[:200]
