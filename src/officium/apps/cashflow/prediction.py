"""Deals as they are predicted, and what is predicted of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from officium.apps.cashflow.signal import NoteSignal
from officium.apps.cashflow.spelling import Order, Record

Granularity = Literal["week", "month"]
Method = Literal["rule", "llm", "statistics"]
"""Who set the dates: the documented rules, a model that read the deal, or the tenant's own closed deals."""
Basis = Literal["invoice", "payment"]
"""Which of a deal's two dates a table counts."""

LONGEST_HORIZON_DAYS = 730
MOST_NOTES = 50
LONGEST_NOTE = 4_000
MOST_AMOUNT = Decimal(10) ** 15
DEFAULT_CURRENCY = "SAR"

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["SAR"])]
Amount = Annotated[Decimal, Field(ge=0, le=MOST_AMOUNT, allow_inf_nan=False)]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2200, 1, 1))]
Confidence = Annotated[float, Field(ge=0, le=1)]


class DealNote(Record):
    """What somebody wrote about a deal, and on which day."""

    text: str = Field(max_length=LONGEST_NOTE)
    written_on: date | None = None


class DealForPrediction(Record):
    """An open deal, prepared: what is known of it on the day of the prediction.

    `invoiced_on` is the day of the invoice where there is one, else `stage_changed_on` stands for it in a
    stage that says invoiced. Notes may be plain texts.
    """

    deal_id: int
    deal_title: str = Field(max_length=500)
    stage: str = Field(max_length=200)
    pipeline: str = Field(default="", max_length=200)
    customer: str = Field(default="", max_length=200)
    owner_name: str = Field(default="", max_length=200)
    value: Amount = Decimal(0)
    currency: Currency = DEFAULT_CURRENCY
    created_on: date | None = None
    stage_changed_on: date | None = None
    days_in_stage: int | None = Field(default=None, ge=0, le=100_000)
    expected_close_on: date | None = None
    invoiced_on: date | None = None
    payment_terms_days: int | None = Field(default=None, ge=0, le=3650)
    notes: tuple[DealNote, ...] = Field(default=(), max_length=MOST_NOTES)

    @field_validator("notes", mode="before")
    @classmethod
    def _plain_notes(cls, notes: object) -> object:
        if isinstance(notes, list | tuple):
            return [{"text": note} if isinstance(note, str) else note for note in notes]
        return notes

    def age_in_stage(self, today: date) -> int:
        """The days the deal has been in its stage; 0 where nobody knows."""
        if self.days_in_stage is not None:
            return self.days_in_stage
        if self.stage_changed_on is not None:
            return max((today - self.stage_changed_on).days, 0)
        return 0


class PredictionOptions(Order):
    """How far to look, and how sure a prediction has to be to count."""

    horizon_days: int = Field(default=90, ge=1, le=LONGEST_HORIZON_DAYS)
    granularity: Granularity = "week"
    confidence_threshold: Confidence = Field(
        default=0.0, description="Predictions below it are listed as filtered instead of being counted."
    )
    use_llm: bool = Field(default=True, description="Whether a model may read the deals and their notes.")
    model: str | None = Field(
        default=None, max_length=200, description="Who reads them; the default if left out."
    )


class CashflowPredictionInput(PredictionOptions):
    """Which deals to predict, and how. All pipelines, customers and currencies where nothing is said."""

    pipeline_name: str | None = Field(default=None, max_length=200, examples=["Aramco Projects"])
    currency: Currency | None = None
    today: Day | None = Field(default=None, description="The day from which to look; now if left out.")


class Range(Record):
    """The days before which it happens with 10, 50 and 90 %; null where that may be never."""

    p10: date | None = None
    p50: date | None = None
    p90: date | None = None


class DealPrediction(Record):
    """When a deal is invoiced and paid, how sure that is, and why.

    `confidence` is the probability that the date is right within 7 days: the payment's where history tells,
    the invoice's where a model does; where the rules set it, it is the rule's stated one. An invoiced deal
    whose payment was to be expected before today `is_overdue`.
    """

    deal_id: int
    deal_title: str
    predicted_invoice_date: date | None
    predicted_payment_date: date | None
    confidence: Confidence
    reasoning: str
    method: Method = "llm"
    rules: tuple[str, ...] = Field(default=(), description="The rules that had a say, in order.")
    is_invoiced: bool = False
    is_overdue: bool = False
    pipeline: str = ""
    stage: str = ""
    customer: str = ""
    value: Amount = Decimal(0)
    currency: Currency = DEFAULT_CURRENCY
    invoice_range: Range | None = None
    payment_range: Range | None = None
    invoice_probability: Confidence | None = Field(
        default=None, description="That it is ever invoiced, as far as the closed deals tell."
    )
    assumptions: tuple[str, ...] = ()
    signals: tuple[NoteSignal, ...] = ()
    warnings: tuple[str, ...] = ()


FilterReason = Literal["no_date", "low_confidence", "beyond_horizon"]


class FilteredDeal(Record):
    """A deal that no bucket counts, and why."""

    deal_id: int
    deal_title: str
    reason: FilterReason
    detail: str
    value: Amount
    currency: Currency
    confidence: Confidence | None = None
    predicted_invoice_date: date | None = None
    predicted_payment_date: date | None = None


class CashflowBucket(Record):
    """What is expected in one period, in one currency.

    `deal_count` and `expected_invoice_value` count invoice dates, the other two payment dates. Values are
    those of the deals, whole: what is likely of them stands in the forecast table. `period` is `2026-W48`,
    `2026-11`, or `overdue`.
    """

    period: str
    start_date: date | None
    end_date: date | None
    currency: Currency
    deal_count: int = 0
    expected_invoice_value: Decimal = Decimal(0)
    expected_invoice_value_sar: Decimal | None = Field(
        default=None, description="The same where the currency is SAR, else null."
    )
    payment_count: int = 0
    expected_payment_value: Decimal = Decimal(0)

    @model_validator(mode="before")
    @classmethod
    def _fill_sar(cls, said: object) -> object:
        if isinstance(said, dict) and said.get("currency") == "SAR":
            said = {"expected_invoice_value_sar": said.get("expected_invoice_value", Decimal(0)), **said}
        return said


class PredictionMetadata(Record):
    """How a prediction came about."""

    run_id: int | None = Field(default=None, description="Where the run is kept; null outside the server.")
    generated_at: datetime
    today: date
    pipeline_name: str | None
    horizon_days: int
    granularity: Granularity
    confidence_threshold: Confidence
    deals_analyzed: int
    deals_predicted: int
    deals_filtered: int
    avg_confidence: float
    methods: dict[str, int] = Field(description="How many dates were set by whom.")
    prompt_version: str | None = None
    model: str | None = None


class CashflowPredictionResult(Record):
    """What comes in when, deal by deal and by period, with all that could go wrong with it."""

    metadata: PredictionMetadata
    aggregated_forecast: tuple[CashflowBucket, ...]
    per_deal_predictions: tuple[DealPrediction, ...]
    filtered_deals: tuple[FilteredDeal, ...] = ()
    warnings: tuple[str, ...] = ()
