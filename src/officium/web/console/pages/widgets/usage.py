"""The tab Usage: messages by source, credits, and what it cost, by day and as a table."""

from collections.abc import Mapping, Sequence
from datetime import date

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from officium.apps.widget.reach import reading_usage, require_usage
from officium.apps.widget.usage import EXHAUSTED_NOTICE
from officium.apps.widget.visitors import AnswerCounts
from officium.apps.widget.widget import Widget
from officium.core.tenancy.caller import Caller
from officium.core.usage.reports.report import UsageReport
from officium.kit.money import usd_of_nano
from officium.web.console.frame import guarded
from officium.web.console.pages.widgets.room import ONE, WidgetRoom, caller_of, share, usd
from officium.web.csv_text import csv_lines

_HEADS = ("day", "llm", "knowledge_base", "default", "requests", "tokens", "cost_usd")
_WIDE = 10
"""Of a day in the drawing; a tenth of it is the space to the next one."""


class Day(Struct, frozen=True, kw_only=True):
    """A day of a widget."""

    day: date
    answers: AnswerCounts
    requests: int
    tokens: int
    cost_nano_usd: int

    @property
    def cost(self) -> str:
        """What models cost on it."""
        return usd(self.cost_nano_usd)


def add_usage_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the page and its file."""

    @router.get(f"{ONE}/usage")
    async def show(request: Request, id: str) -> Response:
        widget, caller = await room.widget(request, id), caller_of(request)
        require_usage(caller)
        report, days = await _read(room, caller, widget)
        usages = await room.services.clients.list_llm_usage(caller, widget.client_id)
        mine = next((each for each in usages if each.usage.widget_id == widget.id), None)
        return await room.page(
            request,
            "widget_usage.html",
            "usage",
            widget,
            days=days,
            report=report,
            cost=usd(report.total.cost_nano_usd),
            summary=await room.services.visitors.summarize(caller, widget.id),
            usage=mine,
            owner_notice=EXHAUSTED_NOTICE,
            answer_bars=_answer_bars(days),
            cost_bars=_cost_bars(days),
            wide=_WIDE * len(days),
        )

    @router.get(f"{ONE}/usage.csv")
    async def export(request: Request, id: str) -> Response:
        widget, caller = await room.widget(request, id), caller_of(request)
        require_usage(caller)
        _, days = await _read(room, caller, widget)
        rows = [
            (
                each.day.isoformat(),
                each.answers.llm,
                each.answers.knowledge_base,
                each.answers.default,
                each.requests,
                each.tokens,
                usd_of_nano(each.cost_nano_usd),
            )
            for each in days
        ]
        name = f'attachment; filename="widget-{widget.id}-usage.csv"'
        text = csv_lines([_HEADS, *rows])
        return guarded(
            Response(text, media_type="text/csv; charset=utf-8", headers={"content-disposition": name})
        )


async def _read(room: WidgetRoom, caller: Caller, widget: Widget) -> tuple[UsageReport, list[Day]]:
    """The last 30 days, oldest first."""
    report = await room.services.reports.summarize(reading_usage(caller), "day", widget_id=widget.id)
    answers = await room.services.visitors.list_answer_days(caller, widget.id)
    return report, _days(report, answers)


def _days(report: UsageReport, answers: Mapping[date, AnswerCounts]) -> list[Day]:
    return [
        Day(
            day=(day := date.fromisoformat(str(row.key))),
            answers=answers.get(day, AnswerCounts()),
            requests=row.requests,
            tokens=row.total_tokens,
            cost_nano_usd=row.cost_nano_usd,
        )
        for row in report.rows
    ]


def _answer_bars(days: Sequence[Day]) -> list[tuple[str, float, float, float]]:
    """Source, place, top and height of each part of a drawing that is 100 high."""
    most = max((each.answers.total for each in days), default=0)
    bars: list[tuple[str, float, float, float]] = []
    for place, each in enumerate(days):
        top = 100.0
        for source in ("llm", "knowledge_base", "default"):
            high = share(getattr(each.answers, source), most)
            top -= high
            if high:
                bars.append((source, place * _WIDE, round(top, 2), high))
    return bars


def _cost_bars(days: Sequence[Day]) -> list[tuple[float, float, float]]:
    """Place, top and height of each bar of the cost."""
    most = max((each.cost_nano_usd for each in days), default=0)
    return [
        (place * _WIDE, round(100 - high, 2), high)
        for place, each in enumerate(days)
        if (high := share(each.cost_nano_usd, most))
    ]
