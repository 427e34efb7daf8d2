"""Forecasts and scenarios that were kept, held against the cash that has come in since."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from officium.apps.cashflow.period import period_of
from officium.apps.cashflow.prediction import Granularity
from officium.apps.cashflow.runs import RunHead, RunKind, RunNotFound, RunScore
from officium.apps.cashflow.runs.cash_score import CashScore
from officium.core.tenancy.caller import Caller
from officium.web.console.pages.advisors import id_of
from officium.web.console.pages.cashflow import CashflowPages
from officium.web.console.pages.cashflow_view import chart_of, range_series

_KINDS: tuple[RunKind, ...] = ("forecast", "scenario")
_SHOWN = 5
FEW_PERIODS = 4
"""With so few periods a score is mostly chance, and the page says so."""


class KeptForecast(Struct, frozen=True):
    """A run and how good it has proved to be. `first_over` is when its first period is."""

    head: RunHead
    score: RunScore
    first_over: date
    periods: int


class ScoreChart(Struct, frozen=True):
    """One table of a run in one currency: what was forecast, and what came."""

    score: CashScore
    chart: str


async def kept_forecasts(pages: CashflowPages, caller: Caller, query: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows of them: the latest, and one in detail. Raises RunNotFound."""
    before = id_of(query["forecasts_before"]) if query.get("forecasts_before") else None
    heads: list[RunHead] = []
    for kind in _KINDS:
        heads += await pages.cashflow.list_runs(caller, kind=kind, before=before, limit=_SHOWN + 1)
    heads.sort(key=lambda head: -head.id)
    kept = [await _scored(pages, caller, head) for head in heads[:_SHOWN]]
    chosen = next((one for one in kept if one.score.cash), None)
    if query.get("forecast"):
        wanted = id_of(query["forecast"])
        chosen = next((one for one in kept if one.head.id == wanted), None)
        if chosen is None:
            run = await pages.cashflow.get_run(caller, wanted)
            if run.kind not in _KINDS:
                raise RunNotFound(f"Run {run.id} is no forecast.")
            chosen = await _scored(pages, caller, run)
    return {
        "kept_forecasts": kept,
        "chosen_forecast": chosen,
        "score_charts": [] if chosen is None else _charts(pages, chosen.score.cash, chosen.head),
        "few_periods": FEW_PERIODS,
        "next_forecasts_before": heads[_SHOWN - 1].id if len(heads) > _SHOWN else None,
    }


async def _scored(pages: CashflowPages, caller: Caller, head: RunHead) -> KeptForecast:
    score = await pages.cashflow.score(caller, head.id)
    granularity: Granularity = "month" if head.asked.get("granularity") == "month" else "week"
    return KeptForecast(
        head=head,
        score=score,
        first_over=period_of(head.today, granularity).end,
        periods=max((one.periods for one in score.cash), default=0),
    )


def _charts(pages: CashflowPages, scores: Sequence[CashScore], head: RunHead) -> list[ScoreChart]:
    granularity = head.asked.get("granularity", "week")
    found = []
    for score in scores:
        lines = score.lines
        labels = [pages.figures.period(line.start_date, line.end_date, granularity) for line in lines]
        series = range_series(
            [line.expected if line.p10 is None else line.p10 for line in lines],
            [line.expected if line.p90 is None else line.p90 for line in lines],
            [line.expected for line in lines],
            [line.actual for line in lines],
            pages.frame,
        )
        found.append(ScoreChart(score=score, chart=chart_of(labels, series, is_stepped=True)))
    return found
