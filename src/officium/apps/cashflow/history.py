"""All deals of a tenant as the statistics and the predictions need them, and what they teach."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from officium.apps.cashflow.deals import CashflowConfig
from officium.apps.cashflow.deterministic_rules import facts_of
from officium.apps.cashflow.explanation import reasons
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import (
    MOST_NOTES,
    DealForPrediction,
    DealNote,
    DealPrediction,
    Range,
)
from officium.apps.cashflow.statistics import (
    AS_STATED,
    Calibration,
    CashflowModel,
    ClosedDeal,
    DateForecast,
    DealForecast,
    DealHistory,
    OpenDeal,
    WorkingCalendar,
    backtest,
    fit,
)

Row = Mapping[str, Any]
Ending = tuple[date | None, date | None, date | None]
"""The days of a deal's invoice, payment and loss, as far as they have come."""
_Rest = tuple[str, str, date | None, str]
"""Its title, its owner, when it is expected to close, and its stage: what the statistics do not need."""
_CHANGES = msgspec.json.Decoder(tuple[tuple[date, str], ...])
_ORIGINS = 6
_PROBES = 3
MOST_CORRECTED = 20_000
_CORRECTED = range(30, MOST_CORRECTED + 1)
"""With so many closed deals there is something to correct by, and it is found within moments."""


@dataclass(frozen=True)
class TenantHistory:
    """The deals as of a day; only `endings` tell of all deals what is known by now."""

    config: CashflowConfig
    today: date
    closed: tuple[ClosedDeal, ...]
    open: tuple[OpenDeal, ...]
    rows: Mapping[int, Row] = field(repr=False)
    """The open deals as they are kept, by id."""
    endings: Mapping[int, Ending] = field(repr=False)
    said_correction: Calibration | None = None
    """How stated confidence is corrected, where that is known already."""

    @cached_property
    def correction(self) -> Calibration:
        """How stated confidence is corrected: by how often it came true, where the past suffices."""
        if self.said_correction is not None:
            return self.said_correction
        if len(self.closed) not in _CORRECTED:
            return AS_STATED
        origins = usual_origins(self.today)[-_PROBES:]
        report = backtest(
            self.all_deals, origins, self.today, horizon_days=7, prior=self.config.prior, runs=100
        )
        return report.correction

    @cached_property
    def model(self) -> CashflowModel:
        """What the deals teach. Takes a while with many: ask for it in a thread."""
        return fit(self.closed, self.open, self.today, self.config.prior, self.correction)

    @property
    def basis(self) -> tuple[date, CashflowConfig, int]:
        """On what the correction rests: it stays while no deal comes to an end that day."""
        return self.today, self.config, len(self.closed)

    @property
    def has_taught(self) -> bool:
        """Whether any deal has come to an end."""
        return bool(self.closed)

    @property
    def all_deals(self) -> DealHistory:
        """The deals as the backtest wants them."""
        return DealHistory(closed=self.closed, open=self.open)

    def deals_to_predict(
        self, notes: Mapping[int, Sequence[DealNote]], ids: Iterable[int]
    ) -> list[DealForPrediction]:
        """Some of the open deals, prepared, with their newest notes."""
        return [_prepared(self.rows[id], notes.get(id, ())) for id in ids]


def usual_origins(today: date) -> tuple[date, ...]:
    """The first days of six months, the last of which is over a quarter back."""
    day = later(today, -92).replace(day=1)
    found = []
    for _ in range(_ORIGINS):
        found.append(day)
        day = later(day, -1).replace(day=1)
    return tuple(reversed(found))


class DealBook:
    """The deals of a tenant as they were read; what has changed is put in its place."""

    def __init__(self) -> None:
        self._deals: dict[int, tuple[ClosedDeal | OpenDeal, _Rest, Ending]] = {}
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._deals)

    def put(self, rows: Iterable[Row]) -> None:
        """Add deals, or put them in the place of what they were."""
        same = self._texts.setdefault
        for row in rows:
            deal = _deal(row, same)
            owner, stage = same(row["owner_name"], row["owner_name"]), same(row["stage"], row["stage"])
            rest = (row["title"], owner, row["expected_close_on"], stage)
            self._deals[deal.deal_id] = (deal, rest, (row["invoiced_on"], row["paid_on"], row["lost_on"]))

    def keep_only(self, ids: Iterable[int]) -> None:
        """Forget the deals that are not among these."""
        for id in self._deals.keys() - set(ids):
            del self._deals[id]

    def history(
        self, config: CashflowConfig, today: date, correction: Calibration | None = None
    ) -> TenantHistory:
        """The deals as of a day; those that began after it are not known yet."""
        begun = [deal for deal, _, _ in self._deals.values() if deal.created_on <= today]
        known = DealHistory(
            closed=tuple(deal for deal in begun if isinstance(deal, ClosedDeal)),
            open=tuple(deal for deal in begun if isinstance(deal, OpenDeal)),
        ).as_of(today)
        return TenantHistory(
            config=config,
            today=today,
            closed=known.closed,
            open=known.open,
            rows={deal.deal_id: _row(deal, self._deals[deal.deal_id][1]) for deal in known.open},
            endings={id: ending for id, (_, _, ending) in self._deals.items()},
            said_correction=correction,
        )


class LearnedDates:
    """The dates of open deals as the closed ones tell; none as long as there are no closed ones."""

    def __init__(self, history: TenantHistory, calendar: WorkingCalendar) -> None:
        self._history = history
        self._calendar = calendar

    def read(self, deals: Sequence[DealForPrediction], today: date) -> dict[int, DealPrediction]:
        """Predictions by deal. Takes a while with many deals."""
        if not self._history.has_taught:
            return {}
        wanted = {deal.deal_id: deal for deal in deals}
        chosen = [deal for deal in self._history.open if deal.deal_id in wanted]
        forecasts = self._history.model.predict_all(chosen)
        return {
            deal.deal_id: self._predicted(wanted[deal.deal_id], forecast)
            for deal, forecast in zip(chosen, forecasts, strict=True)
        }

    async def estimate(self, deals: Sequence[DealForPrediction], today: date) -> Mapping[int, DealPrediction]:
        """The same, beside the loop."""
        return await asyncio.to_thread(self.read, deals, today)

    def _predicted(self, deal: DealForPrediction, forecast: DealForecast) -> DealPrediction:
        words = reasons(forecast)
        return DealPrediction.model_validate(
            {
                **facts_of(deal),
                "predicted_invoice_date": forecast.invoice.p50,
                "predicted_payment_date": self._calendar.next_working_day(forecast.payment.p50),
                "confidence": round(forecast.confidence, 4),
                "reasoning": words[0],
                "method": "statistics",
                "rules": ("history",),
                "is_invoiced": forecast.is_invoiced,
                "is_overdue": forecast.is_overdue,
                "invoice_range": None if forecast.is_invoiced else _range(forecast.invoice),
                "payment_range": _range(forecast.payment),
                "invoice_probability": round(forecast.probability, 4),
                "assumptions": words[1:],
            }
        )


def _range(dates: DateForecast) -> Range:
    return Range(p10=dates.p10, p50=dates.p50, p90=dates.p90)


def _prepared(row: Row, notes: Sequence[DealNote]) -> DealForPrediction:
    return DealForPrediction(
        deal_id=row["id"],
        deal_title=row["title"],
        stage=row["stage"],
        pipeline=row["pipeline"],
        customer=row["customer"],
        owner_name=row["owner_name"],
        value=row["value"],
        currency=row["currency"],
        created_on=row["created_on"],
        stage_changed_on=row["stage_changed_on"],
        expected_close_on=row["expected_close_on"],
        invoiced_on=row["invoiced_on"],
        payment_terms_days=row["terms_days"],
        notes=tuple(notes[-MOST_NOTES:]),
    )


def _deal(row: Row, same: Callable[[str, str], str]) -> ClosedDeal | OpenDeal:
    """The deal in a row. Texts that many deals share are kept once: `same` gives the first of its kind."""
    id, customer = row["id"], row["customer"]
    changes = tuple((day, same(stage, stage)) for day, stage in _CHANGES.decode(row["stage_changes"]))
    # Deals without a customer have nothing in common: each counts as a customer of its own.
    who = f"#{id}" if not customer else same(customer, customer)
    pipeline, currency = same(row["pipeline"], row["pipeline"]), same(row["currency"], row["currency"])
    value, created_on, invoiced_on = Decimal(row["value"]), row["created_on"], row["invoiced_on"]
    terms = row["terms_days"]
    if row["status"] in ("paid", "lost"):
        ends = (row["paid_on"], row["lost_on"])
        return ClosedDeal(id, who, pipeline, value, currency, created_on, changes, invoiced_on, *ends, terms)
    stage, since = same(row["stage"], row["stage"]), row["stage_changed_on"]
    return OpenDeal(id, who, pipeline, value, currency, created_on, changes, stage, since, invoiced_on, terms)


def _row(deal: OpenDeal, rest: _Rest) -> Row:
    """What is known of a deal on the day of the forecast."""
    title, owner_name, expected_close_on, stage = rest
    return {
        "id": deal.deal_id,
        "title": title,
        "pipeline": deal.pipeline,
        "stage": deal.stage or stage,
        "owner_name": owner_name,
        "value": deal.amount,
        "currency": deal.currency,
        "created_on": deal.created_on,
        "stage_changed_on": deal.stage_entered_on,
        "expected_close_on": expected_close_on,
        "invoiced_on": deal.invoiced_on,
        "customer": "" if deal.customer == f"#{deal.deal_id}" else deal.customer,
        "terms_days": deal.terms_days,
    }
