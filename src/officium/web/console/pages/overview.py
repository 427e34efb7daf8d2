"""The overview: what was used, what it cost, how it went, and what needs a look."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from officium.core.gateway.attention import Concern
from officium.core.tenancy.caller import Caller
from officium.core.usage.tallies import Kind, Overview, Period, Tally
from officium.kit.errors import NotFound
from officium.kit.money import usd_of_nano
from officium.web.console.amounts import clock, short_day
from officium.web.console.frame import Frame, guarded
from officium.web.console.pages.overview_widgets import WidgetConcern
from officium.web.console.usage_figures import count, money, percent, short, time_of
from officium.web.csv_text import Cell, csv_response

_PERIODS: tuple[Period, ...] = get_args(Period)
_GROUPS: tuple[Kind, ...] = ("app", "model", "client")
_SUMS = ("requests", "errors", "attempts", "input_tokens", "output_tokens", "total_tokens")
_TIMES = ("average_ms", "average_ttft_ms")
_NANO = 1_000_000_000
_SAME = 0.005
"""A change of less than half a percent is none."""


class Overviews(Protocol):
    """Knows what was used."""

    async def get_overview(self, caller: Caller, period: Period) -> Overview: ...

    async def list_groups_of(
        self, caller: Caller, kind: Kind, period: Period
    ) -> Sequence[tuple[str, Tally]]: ...

    async def has_any(self, caller: Caller, *, besides: str = ..., is_answered: bool = ...) -> bool: ...


class Attention(Protocol):
    """Knows what needs a look."""

    async def list_concerns(self, caller: Caller) -> Sequence[Concern]: ...


class Clients(Protocol):
    """Knows an agency's clients."""

    async def names_of(self, caller: Caller, client_ids: Collection[int]) -> Mapping[int, str]: ...


class WidgetAttention(Protocol):
    """Knows which widgets need a look."""

    async def list_concerns(self, caller: Caller) -> Sequence[WidgetConcern]: ...


class Progress(Protocol):
    """How far the first steps are."""

    @property
    def left(self) -> int: ...

    @property
    def next(self) -> str: ...


@dataclass(frozen=True)
class Figure:
    """A figure at the top: what it is now, and how it differs from the time before.

    `change` is `more`, `less`, `same` or `new`; `mood` says whether that is `good`, `bad` or neither.
    """

    key: str
    value: str
    change: str
    by: str
    mood: str


@dataclass(frozen=True)
class Series:
    """A line or a row of bars: its name, its colour, its values and how these are written."""

    key: str
    colour: str
    values: list[float | None]
    shown: list[str]


@dataclass(frozen=True)
class Chart:
    """A chart, and what a table with the same figures would hold."""

    key: str
    form: str
    unit: str
    labels: list[str]
    series: list[Series]

    @property
    def data(self) -> str:
        """What the script draws."""
        return json.dumps(
            {
                "form": self.form,
                "unit": self.unit,
                "labels": self.labels,
                "series": [{"colour": one.colour, "values": one.values} for one in self.series],
            }
        )


class OverviewPage:
    """Puts the page together."""

    def __init__(
        self,
        overviews: Overviews,
        attention: Attention,
        widgets: WidgetAttention,
        clients: Clients,
        frame: Frame,
    ) -> None:
        self._overviews = overviews
        self._attention = attention
        self._widgets = widgets
        self._clients = clients
        self._frame = frame

    async def show(self, request: Request, left_over: Progress | None = None) -> Response:
        """The page. `left_over` is how far the first steps are, for who is to be reminded of them."""
        caller: Caller = request.state.session.caller
        period = _period(request)
        concerns = [
            *await self._attention.list_concerns(caller),
            *await self._widgets.list_concerns(caller),
        ]
        overview = await self._overviews.get_overview(caller, period)
        return self._frame.page(
            request,
            "overview.html",
            overview=overview,
            periods=_PERIODS,
            figures=_figures(overview),
            charts=_charts(overview),
            groups=[
                ("app", overview.apps, {}),
                ("model", overview.models, {}),
                ("client", overview.clients, await self._names(caller, overview.clients)),
            ],
            concerns=sorted(concerns, key=lambda one: not one.is_urgent),
            left_over=left_over,
        )

    async def export(self, request: Request, kind: Kind) -> Response:
        """A breakdown of the period as a file, whole."""
        caller, period = request.state.session.caller, _period(request)
        rows = await self._overviews.list_groups_of(caller, kind, period)
        names = await self._names(caller, rows) if kind == "client" else {}
        heads = (kind, *(("client_name",) if kind == "client" else ()), *_SUMS, *_TIMES, "cost_usd")

        async def pages() -> AsyncIterator[list[list[Cell]]]:
            yield [_row(key, tally, [names.get(key)] if kind == "client" else []) for key, tally in rows]

        return guarded(csv_response(f"{kind}s-{period}.csv", heads, pages()))

    async def _names(self, caller: Caller, clients: Sequence[tuple[str, Tally]]) -> Mapping[str, str]:
        """What the clients are called that still exist."""
        names = await self._clients.names_of(caller, [int(key) for key, _ in clients])
        return {str(id): name for id, name in names.items()}


def add_overview_files(router: APIRouter, page: OverviewPage) -> None:
    """Add the breakdowns as files."""

    @router.get("/console/overview/{kind}.csv")
    async def export(request: Request, kind: str) -> Response:
        known = next((one for one in _GROUPS if one == kind), None)
        if known is None:
            raise NotFound("There are files by app, by model and by client.")
        return await page.export(request, known)


def _period(request: Request) -> Period:
    asked = request.query_params.get("period", "7-days")
    return next((one for one in _PERIODS if one == asked), "7-days")


def _row(key: str, tally: Tally, names: Sequence[str | None]) -> list[Cell]:
    times = (getattr(tally, name) for name in _TIMES)
    return [
        key,
        *names,
        *(getattr(tally, name) for name in _SUMS),
        *(None if time is None else round(time) for time in times),
        usd_of_nano(tally.cost_nano_usd),
    ]


def _figures(overview: Overview) -> list[Figure]:
    now, before = overview.total, overview.before
    return [
        _figure("requests", now.requests, before.requests, short(now.requests)),
        _figure("tokens", now.total_tokens, before.total_tokens, short(now.total_tokens)),
        _figure("cost", now.cost_nano_usd, before.cost_nano_usd, money(now.cost_nano_usd)),
        _figure("errors", now.error_share, before.error_share, percent(now.error_share), less_is="good"),
        _figure("latency", now.average_ms, before.average_ms, time_of(now.average_ms), less_is="good"),
        _figure(
            "ttft",
            now.average_ttft_ms,
            before.average_ttft_ms,
            time_of(now.average_ttft_ms),
            less_is="good",
        ),
    ]


def _figure(key: str, now: float | None, before: float | None, value: str, less_is: str = "") -> Figure:
    if now is None or before is None or (not before and not now):
        return Figure(key, value, "none", "", "")
    if not before:
        return Figure(key, value, "new", "", "bad" if less_is else "")
    change = now / before - 1
    if abs(change) < _SAME:
        return Figure(key, value, "same", "", "")
    mood = less_is and ("good" if change < 0 else "bad")
    return Figure(key, value, "more" if change > 0 else "less", percent(abs(change)), mood)


def _charts(overview: Overview) -> list[Chart]:
    tallies = [point.tally for point in overview.points]
    labels = [_label(point.starts_at, overview) for point in overview.points]

    def series(key: str, colour: str, values: list[Any], write: Any) -> Series:
        return Series(key, colour, values, [write(value) for value in values])

    costs = [tally.cost_nano_usd for tally in tallies]
    return [
        Chart(
            "requests",
            "bars",
            "",
            labels,
            [
                series("requests", "accent", [tally.requests for tally in tallies], count),
                series("errors", "bad", [tally.errors for tally in tallies], count),
            ],
        ),
        Chart(
            "cost",
            "bars",
            "usd",
            labels,
            [Series("cost", "good", [cost / _NANO for cost in costs], [money(cost) for cost in costs])],
        ),
        Chart(
            "tokens",
            "bars",
            "",
            labels,
            [
                series("input", "accent", [tally.input_tokens for tally in tallies], count),
                series("output", "sun", [tally.output_tokens for tally in tallies], count),
            ],
        ),
        Chart(
            "latency",
            "lines",
            "ms",
            labels,
            [
                series("latency", "accent", [tally.average_ms for tally in tallies], time_of),
                series("ttft", "sun", [tally.average_ttft_ms for tally in tallies], time_of),
            ],
        ),
    ]


def _label(starts_at: datetime, overview: Overview) -> str:
    if overview.period == "today":
        return clock(starts_at, overview.time_zone)
    return short_day(starts_at.astimezone(ZoneInfo(overview.time_zone)).date())
