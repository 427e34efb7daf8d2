"""A deal as the tenant keeps it, and what may be said of it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, computed_field

from officium.apps.cashflow.deals.config import CashflowConfig
from officium.apps.cashflow.deals.errors import InvalidDeal
from officium.apps.cashflow.deterministic_rules import fold_stage
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import LONGEST_NOTE, MOST_AMOUNT, Currency, Day
from officium.apps.cashflow.spelling import Order, Record

Status = Literal["open", "invoiced", "paid", "lost"]

MOST_DEALS = 500_000
MOST_STAGE_CHANGES = 100

Name = Annotated[str, Field(max_length=200)]
Value = Annotated[Decimal, Field(ge=0, le=MOST_AMOUNT, max_digits=20, decimal_places=4, allow_inf_nan=False)]


class StageChange(Order):
    """On which day a deal entered a stage."""

    entered_on: Day
    stage: str = Field(min_length=1, max_length=200)


class DealFields(Order):
    """What a tenant says of a deal. `stage_changes` may be left out: the stage counts from its change on."""

    title: str = Field(min_length=1, max_length=500, examples=["Project Alpha"])
    stage: str = Field(min_length=1, max_length=200, examples=["Order Received"])
    value: Value = Field(default=Decimal(0), examples=["125000.00"])
    currency: Currency | None = Field(default=None, description="That of the configuration if left out.")
    pipeline: Name = Field(default="", examples=["Aramco Projects"])
    customer: Name = Field(default="", examples=["Aramco"])
    owner_name: Name = ""
    external_id: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Its id where it comes from; an import finds the deal by it."
    )
    created_on: Day | None = None
    stage_changed_on: Day | None = None
    expected_close_on: Day | None = None
    invoiced_on: Day | None = None
    paid_on: Day | None = None
    lost_on: Day | None = None
    payment_terms_days: int | None = Field(default=None, ge=0, le=3650)
    stage_changes: tuple[StageChange, ...] = Field(default=(), max_length=MOST_STAGE_CHANGES)


class DealChanges(Order):
    """What is to become of a deal; what is left out stays as it is, null takes a value away."""

    title: str = Field(default="", min_length=1, max_length=500)
    stage: str = Field(default="", min_length=1, max_length=200)
    value: Value = Decimal(0)
    currency: Currency | None = None
    pipeline: Name = ""
    customer: Name = ""
    owner_name: Name = ""
    external_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    created_on: Day | None = None
    stage_changed_on: Day | None = None
    expected_close_on: Day | None = None
    invoiced_on: Day | None = None
    paid_on: Day | None = None
    lost_on: Day | None = None
    payment_terms_days: int | None = Field(default=None, ge=0, le=3650)
    stage_changes: tuple[StageChange, ...] = Field(default=(), max_length=MOST_STAGE_CHANGES)


class DealDraft(Record):
    """A deal that is complete, and fit to be kept."""

    title: str
    stage: str
    value: Decimal
    currency: str
    pipeline: str
    customer: str
    owner_name: str
    external_id: str | None
    created_on: date
    stage_changed_on: date
    expected_close_on: date | None
    invoiced_on: date | None
    paid_on: date | None
    lost_on: date | None
    payment_terms_days: int | None
    stage_changes: tuple[StageChange, ...]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own advice for mypy
    @property
    def status(self) -> Status:
        """Where the deal stands: the last of its ends counts."""
        if self.lost_on is not None:
            return "lost"
        if self.paid_on is not None:
            return "paid"
        return "open" if self.invoiced_on is None else "invoiced"


class Deal(DealDraft):
    """A deal as it is kept."""

    id: int
    created_at: datetime
    updated_at: datetime


class NewNote(Order):
    """A note about a deal."""

    text: str = Field(min_length=1, max_length=LONGEST_NOTE)
    written_on: Day | None = Field(default=None, description="Today if left out.")


class SavedNote(Record):
    """A note as it is kept."""

    id: int
    deal_id: int
    text: str
    written_on: date
    written_by: str
    created_at: datetime


class Customer(Record):
    """A customer of the tenant's, with the terms agreed for all of its deals."""

    id: int
    name: str
    payment_terms_days: int | None
    deal_count: int = 0
    open_count: int = 0


class Pipeline(Record):
    """A pipeline, and how many deals stand where in it."""

    name: str
    deal_count: int
    open_count: int
    stages: dict[str, int]


class DealFilter(Order):
    """Which deals are meant; what is left out does not matter."""

    status: Status | None = None
    pipeline: str | None = Field(default=None, max_length=200)
    stage: str | None = Field(default=None, max_length=200)
    customer: str | None = Field(default=None, max_length=200)
    owner_name: str | None = Field(default=None, max_length=200)
    currency: Currency | None = None
    text: str | None = Field(default=None, max_length=200, description="Stands somewhere in the title.")


def make_draft(fields: DealFields, config: CashflowConfig, today: date) -> DealDraft:
    """A complete deal from what was said of it. Raises InvalidDeal."""
    said: dict[str, Any] = {name: getattr(fields, name) for name in DealFields.model_fields}
    changes = _history(fields, today)
    said["stage_changes"] = changes
    said["stage_changed_on"] = changes[-1].entered_on
    said["created_on"] = fields.created_on or changes[0].entered_on
    said["currency"] = fields.currency or config.currency
    draft = DealDraft.model_validate(_with_ending(said, fields.stage, config))
    check_draft(draft, today)
    return draft


def change_draft(before: Deal, changes: DealChanges, config: CashflowConfig, today: date) -> DealDraft:
    """The deal as the changes leave it. Raises InvalidDeal."""
    said: dict[str, Any] = {name: getattr(before, name) for name in DealDraft.model_fields}
    named = {name: getattr(changes, name) for name in changes.model_fields_set}
    moved = fold_stage(named.get("stage", before.stage)) != fold_stage(before.stage)
    said.update({name: value for name, value in named.items() if name != "stage_changes"})
    if "stage_changes" in named:
        fields = DealFields.model_validate(
            {"title": said["title"], "stage": said["stage"], "stage_changes": named["stage_changes"]}
        )
        said["stage_changes"] = _history(fields, today)
    elif moved:
        day = named.get("stage_changed_on") or today
        said["stage_changes"] = (
            *before.stage_changes,
            StageChange(entered_on=day, stage=said["stage"]),
        )
    elif named.get("stage_changed_on"):
        last = StageChange(entered_on=named["stage_changed_on"], stage=said["stage"])
        said["stage_changes"] = (*before.stage_changes[:-1], last)
    said["stage_changed_on"] = said["stage_changes"][-1].entered_on
    said["created_on"] = said["created_on"] or before.created_on
    said["currency"] = said["currency"] or config.currency
    if moved:
        said = _with_ending(said, said["stage"], config)
    draft = DealDraft.model_validate(said)
    check_draft(draft, today)
    return draft


def check_draft(draft: DealDraft, today: date) -> None:
    """Raise InvalidDeal unless texts and days can be those of a deal."""
    for name in ("title", "stage", "pipeline", "customer", "owner_name", "external_id"):
        text = getattr(draft, name) or ""
        if "\0" in text or (name in ("title", "stage") and not text.strip()):
            raise InvalidDeal(f"`{name}` is a text.", param=name)
    days = [change.entered_on for change in draft.stage_changes]
    if days != sorted(days):
        raise InvalidDeal("The stages were entered one after the other.", param="stage_changes")
    tomorrow = later(today, 1)
    for name in ("created_on", "stage_changed_on", "invoiced_on", "paid_on", "lost_on"):
        day = getattr(draft, name)
        if day is not None and day > tomorrow:
            raise InvalidDeal(f"`{name}` is a day that has come, not {day}.", param=name)
    _check_order(draft)


def shown_history(changes: Iterable[StageChange]) -> str:
    """The stages in one cell of a table: `2026-01-05 Order Received; 2026-02-01 Invoiced`."""
    return "; ".join(f"{change.entered_on} {change.stage}" for change in changes)


def _check_order(draft: DealDraft) -> None:
    for first, second in (
        ("created_on", "invoiced_on"),
        ("created_on", "lost_on"),
        ("invoiced_on", "paid_on"),
    ):
        before, after = getattr(draft, first), getattr(draft, second)
        if before is not None and after is not None and after < before:
            raise InvalidDeal(f"`{second}` is not before `{first}`.", param=second)
    if draft.paid_on is not None and draft.lost_on is not None:
        raise InvalidDeal("A deal is paid or lost, not both.", param="lost_on")


def _history(fields: DealFields, today: date) -> tuple[StageChange, ...]:
    """The stages entered, the present one last."""
    changes = fields.stage_changes
    if changes and fold_stage(changes[-1].stage) == fold_stage(fields.stage):
        return changes
    ends = [day for day in (fields.invoiced_on, fields.lost_on, fields.paid_on) if day is not None]
    day = fields.stage_changed_on or (None if changes else fields.created_on) or min(ends, default=today)
    return (*changes, StageChange(entered_on=day, stage=fields.stage))


def _with_ending(said: Mapping[str, Any], stage: str, config: CashflowConfig) -> dict[str, Any]:
    """What was said, and the date that entering such a stage brings, unless that was said, too."""
    field = config.ending_of(stage)
    if field is None or said[field] is not None:
        return dict(said)
    return {**said, field: said["stage_changed_on"]}
