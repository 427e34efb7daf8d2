"""What the cash-flow pages show: charts as data, and what a query string asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from officium.apps.cashflow.cash_forecast import CashForecast, CashForecastInput
from officium.apps.cashflow.forecast_table import ForecastPeriod, ForecastTable, ForecastTotals
from officium.apps.cashflow.outlooks import DatedDeal, Outlook, listed
from officium.apps.cashflow.period import later
from officium.apps.cashflow.prediction import FilterReason
from officium.kit.errors import InvalidRequest
from officium.web.console.figures import Figures
from officium.web.console.frame import Frame

_M = TypeVar("_M", bound=BaseModel)
HORIZONS = (30, 90, 180, 365)
CERTAINTIES = ("0", "0.25", "0.5")
_FLOOR = ("floor_currency", "limit", "opening", "outgoing")
LISTED = 100
"""So many deals are listed at a time."""
FIELDS = ("pipeline", "currency", "granularity", "horizon", "basis", "certainty", *_FLOOR)


@dataclass(frozen=True)
class Asked:
    """What a query string asks of a forecast. `said` is what it said, for the form and for links."""

    input: CashForecastInput
    basis: str
    certainty: float
    said: Mapping[str, str]


@dataclass(frozen=True)
class CurrencyView:
    """One currency of a forecast: its lines, totals and chart."""

    currency: str
    lines: Sequence[ForecastPeriod]
    totals: ForecastTotals
    chart: str


@dataclass(frozen=True)
class DealLists:
    """A page of the deals with their dates, and a page of those that are left out, with the reasons.

    What `next_` names is the place behind which the next page begins; it is empty at the end.
    """

    dated: Sequence[DatedDeal]
    dated_count: int
    next_dated: str
    left_out: Sequence[tuple[DatedDeal, FilterReason]]
    left_out_count: int
    next_left_out: str
    made: str
    today: date


def read_query(query: Mapping[str, str], figures: Figures, frame: Frame) -> Asked:
    """What a query string asks for; what it leaves out is as usual. Raises InvalidRequest."""
    said = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    floor: dict[str, Any] | None = None
    if any(name in said for name in _FLOOR[1:]):
        floor = {
            "currency": said.get("floor_currency") or said.get("currency") or "SAR",
            "limit": _amount(said, "limit", figures, frame),
            "opening": _amount(said, "opening", figures, frame),
            "outgoing": [_amount(said, "outgoing", figures, frame)],
        }
    certainty = said.get("certainty", "0")
    try:
        stated = float(certainty)
        if not 0 <= stated <= 1:
            raise ValueError
    except ValueError:
        raise InvalidRequest(frame.say("cashflow.fault.certainty"), param="certainty") from None
    asked = {
        "pipeline_name": None if said.get("pipeline") is None else said["pipeline"],
        "currency": said.get("currency"),
        "granularity": said.get("granularity", "week"),
        "horizon_days": said.get("horizon", "90"),
        "floor": floor,
    }
    basis = "invoice" if said.get("basis") == "invoice" else "payment"
    return Asked(checked(CashForecastInput, asked), basis, stated, said)


def checked(kind: type[_M], said: Mapping[str, Any]) -> _M:
    """What was said as one of the room's things. Raises InvalidRequest that names the field at fault."""
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise InvalidRequest(f"{place}: {first['msg']}.", param=place) from error


def currency_views(made: CashForecast, basis: str, figures: Figures, frame: Frame) -> list[CurrencyView]:
    """A forecast by currency: nothing is added up across them."""
    table = made.payments if basis == "payment" else made.invoices
    views = []
    for totals in table.totals:
        lines = [line for line in table.periods if line.currency == totals.currency]
        chart = forecast_chart(lines, table, figures, frame)
        views.append(CurrencyView(totals.currency, lines, totals, chart))
    return views


def deal_lists(outlook: Outlook, asked: Asked, after_dated: str = "", after_left_out: str = "") -> DealLists:
    """The deals of an outlook that come after a place in each of its lists."""
    last = later(outlook.stamp.today, asked.input.horizon_days)
    shown, rest = listed(outlook.deals, last, asked.certainty)
    first, other = _place(after_dated), _place(after_left_out)
    dated = [one for one in shown if one.place > first]
    left_out = [pair for pair in rest if pair[0].place > other]
    return DealLists(
        dated=dated[:LISTED],
        dated_count=len(shown),
        next_dated=_name(dated[LISTED - 1]) if len(dated) > LISTED else "",
        left_out=left_out[:LISTED],
        left_out_count=len(rest),
        next_left_out=_name(left_out[LISTED - 1][0]) if len(left_out) > LISTED else "",
        made=outlook.made_at.isoformat(),
        today=outlook.stamp.today,
    )


def _name(deal: DatedDeal) -> str:
    day, id = deal.place
    return f"{day}.{id}"


def _place(said: str) -> tuple[date, int]:
    """The place that was named; the very beginning where it is none."""
    day, _, id = said.partition(".")
    try:
        return date.fromisoformat(day), int(id)
    except ValueError:
        return date.min, 0


def forecast_chart(
    lines: Sequence[ForecastPeriod], table: ForecastTable, figures: Figures, frame: Frame
) -> str:
    """What comes in by period, with its range."""
    labels = [figures.period(line.start_date, line.end_date, table.granularity) for line in lines]
    series = [
        _series(frame.say("cashflow.series.p10"), "low", "base", [line.p10 for line in lines]),
        _series(frame.say("cashflow.series.p90"), "high", "base", [line.p90 for line in lines]),
        _series(frame.say("cashflow.series.p50"), "line", "base", [line.p50 for line in lines]),
        _series(frame.say("cashflow.series.expected"), "dots", "base", [x.expected_value for x in lines]),
    ]
    return chart_of(labels, series, is_stepped=True)


def balance_chart(made: CashForecast, figures: Figures, frame: Frame) -> str:
    """The watched account at the end of each period, and its limit."""
    floor = made.floor
    if floor is None:
        return ""
    points = floor.balances
    granularity = made.payments.granularity
    labels = [figures.period(point.start_date, point.end_date, granularity) for point in points]
    series = [
        _series(frame.say("cashflow.series.p10"), "low", "base", [point.p10 for point in points]),
        _series(frame.say("cashflow.series.p90"), "high", "base", [point.p90 for point in points]),
        _series(frame.say("cashflow.series.p50"), "line", "base", [point.p50 for point in points]),
        _series(frame.say("cashflow.series.limit"), "limit", "limit", [floor.limit for _ in points]),
    ]
    return chart_of(labels, series)


def comparison_chart(
    base: Sequence[ForecastPeriod],
    other: Sequence[ForecastPeriod],
    granularity: str,
    figures: Figures,
    frame: Frame,
) -> str:
    """A scenario beside its base: both expectations, and the scenario's range."""
    labels = [figures.period(line.start_date, line.end_date, granularity) for line in base]
    series = [
        _series(frame.say("cashflow.series.p10"), "low", "other", [line.p10 for line in other]),
        _series(frame.say("cashflow.series.p90"), "high", "other", [line.p90 for line in other]),
        _series(frame.say("cashflow.series.base"), "line", "base", [line.expected_value for line in base]),
        _series(
            frame.say("cashflow.series.scenario"), "line", "other", [line.expected_value for line in other]
        ),
    ]
    return chart_of(labels, series, is_stepped=True)


def chart_of(labels: Sequence[str], series: Sequence[Mapping[str, Any]], *, is_stepped: bool = False) -> str:
    """A chart as the page's script draws it."""
    return msgspec.json.encode({"labels": labels, "series": series, "stepped": is_stepped}).decode()


def _series(name: str, kind: str, tone: str, values: Sequence[Decimal | None]) -> dict[str, Any]:
    shown = [None if value is None else float(value) for value in values]
    return {"name": name, "kind": kind, "tone": tone, "values": shown}


def range_series(
    low: Sequence[Decimal],
    high: Sequence[Decimal],
    middle: Sequence[Decimal],
    came: Sequence[Decimal],
    frame: Frame,
) -> list[dict[str, Any]]:
    """Forecasts of the past with their range, and what came."""
    return [
        _series(frame.say("cashflow.series.p10"), "low", "base", low),
        _series(frame.say("cashflow.series.p90"), "high", "base", high),
        _series(frame.say("cashflow.series.expected"), "line", "base", middle),
        _series(frame.say("cashflow.series.actual"), "dots", "other", came),
    ]


def _amount(said: Mapping[str, str], name: str, figures: Figures, frame: Frame) -> Decimal:
    if name not in said:
        return Decimal(0)
    try:
        return figures.read_number(said[name])
    except ValueError:
        fault = frame.say("cashflow.fault.amount", said=said[name][:40], example=figures.example)
        raise InvalidRequest(fault, param=name) from None
