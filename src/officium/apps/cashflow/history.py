"""All deals of a tenant as the statistics and the predictions need them, and what they teach."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

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
    AllChanges,
    Calibration,
    CashflowModel,
    ClosedDeals,
    DateForecast,
    DealColumns,
    DealForecast,
    DealHistory,
    OpenDeal,
    StageChanges,
    Words,
    WorkingCalendar,
    backtest,
    columns_of,
    day_of,
    fit,
    joined,
)

Row = Any
"""A deal as it stands in the database: what `DealStore.stream_facts` gives."""
OpenRow = Mapping[str, Any]
Ending = tuple[date | None, date | None, date | None]
"""The days of a deal's invoice, payment and loss, as far as they have come."""
Rest = tuple[str, str, date | None, str]
"""A deal's title, owner, expected close and stage: what the statistics do not need."""
_NOTHING_MORE: Rest = ("", "", None, "")
_CHANGES = msgspec.json.Decoder(list[list[tuple[str, str]]])
_TEXT = msgspec.json.Decoder(str)
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
    closed: ClosedDeals
    open: tuple[OpenDeal, ...]
    rows: Mapping[int, OpenRow] = field(repr=False)
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
        return DealHistory(closed=tuple(self.closed), open=self.open)

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
    """The deals of a tenant as they were read; what has changed is put in its place.

    Open deals are objects; of closed ones there are many more, so they are columns.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[OpenDeal, Rest]] = {}
        self._words = Words()
        self._dates = _Dates()
        self._closed: list[DealColumns] = []

    def __len__(self) -> int:
        return len(self._open) + sum(map(len, self._closed))

    def put(self, rows: Sequence[Row]) -> None:
        """Add deals, or put them in the place of what they were: a page of open ones, or of closed ones."""
        if not rows:
            return
        # by column, for asking a hundred thousand rows for each field by its name takes seconds
        by = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
        self._drop(np.array(by["id"], dtype=np.int64))
        if "title" not in by:
            self._closed.append(_closed(by, self._words))
            return
        changes, dates = _changes(by["stage_changes"]), self._dates
        every = zip(map(dates.__getitem__, changes.days), map(sys.intern, changes.stages), strict=True)
        for row, count in zip(rows, changes.counts, strict=True):
            self._open[row.id] = _open_deal(row, tuple(islice(every, count)), dates), _rest(row, dates)

    def keep_only(self, ids: Iterable[int]) -> None:
        """Forget the deals that are not among these."""
        kept = set(ids)
        for id in self._open.keys() - kept:
            del self._open[id]
        wanted = np.fromiter(kept, dtype=np.int64, count=len(kept))
        self._closed = [page.chosen(np.isin(page.deal_id, wanted)) for page in self._closed]

    def open_on(self, day: date) -> list[int]:
        """The ids of closed deals that were open on that day."""
        found: list[int] = ClosedDeals(self._whole()).open_on(day).columns.deal_id.tolist()
        return found

    def history(
        self,
        config: CashflowConfig,
        today: date,
        correction: Calibration | None = None,
        titles: Mapping[int, Rest] = MappingProxyType({}),
    ) -> TenantHistory:
        """The deals as of a day; those that began after it are not known yet.

        `titles` has the rest of those which are closed by now and were `open_on` that day.
        """
        whole = self._whole()
        closed, waiting = ClosedDeals(whole).as_of(today)
        begun = tuple(deal for deal, _ in self._open.values() if deal.created_on <= today)
        still_open = waiting + DealHistory((), begun).as_of(today).open
        rest = {id: rest for id, (_, rest) in self._open.items()}
        rest.update((deal.deal_id, titles.get(deal.deal_id, _NOTHING_MORE)) for deal in waiting)
        return TenantHistory(
            config=config,
            today=today,
            closed=closed,
            open=still_open,
            rows={deal.deal_id: _row(deal, rest[deal.deal_id]) for deal in still_open},
            endings=Endings(whole, {id: deal.invoiced_on for id, (deal, _) in self._open.items()}),
            said_correction=correction,
        )

    def _drop(self, ids: NDArray[np.int64]) -> None:
        for id in self._open.keys() & set(ids.tolist()):
            del self._open[id]
        for place, page in enumerate(self._closed):
            if len(page) and page.deal_id.max() >= ids.min():
                self._closed[place] = page.chosen(~np.isin(page.deal_id, ids))

    def _whole(self) -> DealColumns:
        """All closed deals together."""
        if len(self._closed) != 1:
            nothing: defaultdict[str, Sequence[Any]] = defaultdict(tuple)
            pages = [page for page in self._closed if len(page)] or [_closed(nothing, self._words)]
            self._closed = [joined(pages)]
        return self._closed[0]


class Endings(Mapping[int, Ending]):
    """What has become of each deal by now."""

    def __init__(self, closed: DealColumns, invoiced: Mapping[int, date | None]) -> None:
        self._closed = closed
        self._invoiced = invoiced
        self._order = np.argsort(closed.deal_id)
        self._ids = closed.deal_id[self._order]

    def __getitem__(self, deal_id: int) -> Ending:
        if deal_id in self._invoiced:
            return self._invoiced[deal_id], None, None
        at = int(np.searchsorted(self._ids, deal_id))
        if at == len(self._ids) or self._ids[at] != deal_id:
            raise KeyError(deal_id)
        place, deals = self._order[at], self._closed
        return (
            day_of(int(deals.invoiced[place])),
            day_of(int(deals.paid[place])),
            day_of(int(deals.lost[place])),
        )

    def __len__(self) -> int:
        return len(self._invoiced) + len(self._ids)

    def __iter__(self) -> Iterator[int]:
        yield from self._invoiced
        yield from self._ids.tolist()


def _closed(by: Mapping[str, Sequence[Any]], words: Words) -> DealColumns:
    customers = zip(by["id"], by["customer"], strict=True)
    return columns_of(
        words,
        ids=by["id"],
        customers=[name or _nobody(id) for id, name in customers],
        pipelines=by["pipeline"],
        currencies=by["currency"],
        amounts=by["value"],
        created=by["created_on"],
        invoiced=by["invoiced_on"],
        paid=by["paid_on"],
        lost=by["lost_on"],
        terms=by["terms_days"],
        changes=_changes(by["stage_changes"]),
    )


def _changes(texts: Sequence[str]) -> AllChanges:
    """The stage changes of deals, each the text of a JSON list of days and stages.

    Between the quotes stand day and stage in turn; that is found in one step, where reading a hundred
    thousand lists takes half a second. Only a quote within a stage asks for it.
    """
    whole = ",".join(texts)
    if '\\"' in whole:
        read = _CHANGES.decode(f"[{whole}]")
        every = list(chain.from_iterable(read))
        return AllChanges([len(one) for one in read], [day for day, _ in every], [name for _, name in every])
    quoted = whole.split('"')[1::2]
    days, stages = quoted[::2], quoted[1::2]
    if "\\" in whole:
        written = {stage: _TEXT.decode(f'"{stage}"') for stage in set(stages)}
        stages = [written[stage] for stage in stages]
    return AllChanges([text.count('"') // 4 for text in texts], days, stages)


class _Dates(dict[date | str | None, Any]):
    """Days by the way they are written, if they are: most come again and again."""

    def __missing__(self, day: date | str | None) -> date | None:
        known = date.fromisoformat(day) if isinstance(day, str) else day
        return self.setdefault(day, known)


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


def _prepared(row: OpenRow, notes: Sequence[DealNote]) -> DealForPrediction:
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


def _rest(row: Row, dates: _Dates) -> Rest:
    return row.title, sys.intern(row.owner_name), dates[row.expected_close_on], sys.intern(row.stage)


def _open_deal(row: Row, changes: StageChanges, dates: _Dates) -> OpenDeal:
    same = sys.intern
    return OpenDeal(
        deal_id=row.id,
        customer=same(row.customer or _nobody(row.id)),
        pipeline=same(row.pipeline),
        amount=Decimal(row.value),
        currency=same(row.currency),
        created_on=dates[row.created_on],
        stage_changes=changes,
        stage=same(row.stage),
        stage_entered_on=dates[row.stage_changed_on],
        invoiced_on=dates[row.invoiced_on],
        terms_days=row.terms_days,
    )


def _nobody(id: int) -> str:
    """Deals without a customer have nothing in common: each counts as a customer of its own."""
    return f"#{id}"


def _row(deal: OpenDeal, rest: Rest) -> OpenRow:
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
