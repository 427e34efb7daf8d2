"""How good forecasts have been, on what they rest, and what would change them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.backtest_report import BacktestInput, BacktestResult, ShownWeek
from officium.apps.cashflow.cash_forecast import ShownLever
from officium.apps.cashflow.cash_scenario import MOST_CHANGES, Scenario, ScenarioInput
from officium.apps.cashflow.deals import DealFilter
from officium.apps.cashflow.prediction import CashflowPredictionInput
from officium.apps.cashflow.runs import RunNotFound
from officium.core.gateway.call import CallContext
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import redirect
from officium.web.console.pages.advisors import caller_of, id_of
from officium.web.console.pages.cashflow import ROOT, CashflowPages
from officium.web.console.pages.cashflow_scores import kept_forecasts
from officium.web.console.pages.cashflow_view import (
    Asked,
    chart_of,
    checked,
    comparison_chart,
    range_series,
    read_query,
)

_SCENARIOS = f"{ROOT}/scenarios"
_RECORD = f"{ROOT}/record"
_ASSUMPTIONS = f"{ROOT}/assumptions"
_KINDS = ("delay_customer", "lose_deal", "change_terms", "invoice_deal")
_RUNS = 10
_CHOICES = 200
_DEALS_SHOWN = 100


def add_cashflow_proof(router: APIRouter, pages: CashflowPages) -> None:
    """Add scenarios, the track record and the assumptions."""
    _add_scenarios(router, pages)
    _add_record(router, pages)
    _add_assumptions(router, pages)


def _add_scenarios(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_SCENARIOS)
    async def show(request: Request) -> Response:
        query = request.query_params
        changes = [change for change in query.getlist("change") if change]
        if query.get("add"):
            changes.append(_added(query))
            said = [(name, value) for name, value in _said_of(query).items()]
            return redirect(f"{_SCENARIOS}?{urlencode([*said, *(('change', one) for one in changes)])}")
        try:
            asked = read_query(query, pages.figures, pages.frame)
            wanted = _scenario(asked, changes, (await pages.deals.get_config(caller_of(request))).currency)
        except InvalidRequest as error:
            request.scope["officium.error"] = error.code
            return await _scenarios(pages, request, read_query({}, pages.figures, pages.frame), [], error)
        made = (
            None if wanted is None else await pages.cashflow.compare(caller_of(request), wanted, keep=False)
        )
        return await _scenarios(pages, request, asked, changes, None, made)

    @router.post(_SCENARIOS)
    async def keep(request: Request) -> Response:
        form = request.state.form
        changes = form.get("changes", "").splitlines()
        asked = read_query(form, pages.figures, pages.frame)
        config = await pages.deals.get_config(caller_of(request))
        wanted = _scenario(asked, changes, config.currency)
        if wanted is None:
            raise InvalidRequest(pages.frame.say("cashflow.scenario.nothing"), param="changes")
        await pages.cashflow.compare(caller_of(request), wanted)
        said = [*asked.said.items(), *(("change", one) for one in changes)]
        return redirect(f"{_SCENARIOS}?{urlencode(said)}", flash="scenario_kept")


async def _scenarios(
    pages: CashflowPages,
    request: Request,
    asked: Asked,
    changes: Sequence[str],
    error: InvalidRequest | None,
    made: Scenario | None = None,
) -> Response:
    caller, figures = caller_of(request), pages.figures
    config = await pages.deals.get_config(caller)
    base = (
        made.base
        if made is not None
        else await pages.cashflow.forecast(caller, _with_floor(asked, config.currency).input, keep=False)
    )
    customers = await pages.deals.list_customers(caller, limit=_CHOICES)
    open_deals = await pages.deals.list_deals(caller, DealFilter(status="open"), limit=_CHOICES)
    titles = {str(deal.deal_id): deal.deal_title for deal in base.overdue}
    titles |= {str(deal.id): deal.title for deal in open_deals}
    return pages.page(
        request,
        "cashflow_scenarios.html",
        status=200 if error is None else 400,
        error=error,
        asked=asked,
        base=base,
        made=made,
        comparisons=[] if made is None else _comparisons(pages, made),
        changes=[_shown_change(pages, change, titles) for change in changes],
        others=[
            urlencode([*asked.said.items(), *(("change", one) for one in changes if one != change)])
            for change in changes
        ],
        changes_text="\n".join(changes),
        levers=[
            (
                pages.words.lever(lever, {int(id): title for id, title in titles.items()}),
                _tried(asked, changes, lever, base.today),
            )
            for lever in base.levers
        ],
        unknown=[] if made is None else [name.replace("deal ", "#", 1) for name in made.unknown],
        customers=[each.name for each in customers if each.open_count],
        open_deals=open_deals,
        tomorrow=base.today + timedelta(days=1),
        most_changes=MOST_CHANGES,
        figures_example=figures.example,
        back=urlencode(asked.said),
        **await pages.choices(caller),
    )


def _comparisons(pages: CashflowPages, made: Scenario) -> list[dict[str, Any]]:
    """What differs, by currency."""
    found = []
    granularity = made.base.payments.granularity
    for currency in dict.fromkeys(line.currency for line in made.base.payments.periods):
        base = [line for line in made.base.payments.periods if line.currency == currency]
        other_of = {line.period: line for line in made.scenario.payments.periods if line.currency == currency}
        lines = [line for line in base if line.period in other_of]
        other = [other_of[line.period] for line in lines]
        before = sum((line.expected_value for line in base), base[0].expected_value * 0)
        after = sum((line.expected_value for line in other), before * 0)
        found.append(
            {
                "currency": currency,
                "rows": [{"line": line, "after": other_of.get(line.period)} for line in base],
                "before": before,
                "after": after,
                "difference": after - before,
                "is_same": [line.expected_value for line in base] == [line.expected_value for line in other],
                "chart": comparison_chart(lines, other, granularity, pages.figures, pages.frame),
            }
        )
    return found


def _scenario(asked: Asked, changes: Sequence[str], currency: str) -> ScenarioInput | None:
    """The changes with what they change. Raises InvalidRequest."""
    if not changes:
        return None
    said = _with_floor(asked, currency).input.model_dump()
    return checked(ScenarioInput, {**said, "changes": [_change(one) for one in changes]})


def _with_floor(asked: Asked, currency: str) -> Asked:
    """The same with an account to watch, which levers need: an empty one if none was said."""
    if asked.input.floor is not None:
        return asked
    floor = {"currency": asked.input.currency or currency}
    said = {**asked.input.model_dump(), "floor": floor}
    return Asked(checked(type(asked.input), said), asked.basis, asked.certainty, asked.said)


def _added(query: Mapping[str, str]) -> str:
    """What the form adds, as it is written in the address."""
    kind = query["add"]
    what = query.get("deal", "") if kind in ("lose_deal", "invoice_deal") else query.get("customer", "")
    how = query.get("on" if kind == "invoice_deal" else "days", "")
    return "|".join((kind, what.strip(), "" if kind == "lose_deal" else how.strip()))


def _change(said: str) -> dict[str, Any]:
    kind, _, rest = said.partition("|")
    what, _, how = rest.rpartition("|")
    match kind:
        case "delay_customer":
            return {"kind": kind, "customer": what, "days": how}
        case "change_terms":
            return {"kind": kind, "customer": what, "payment_terms_days": how}
        case "lose_deal":
            return {"kind": kind, "deal_id": rest.removesuffix("|")}
        case "invoice_deal":
            return {"kind": kind, "deal_id": what, "on": how}
    raise InvalidRequest(f"A change is one of {', '.join(_KINDS)}.", param="change")


def _shown_change(pages: CashflowPages, said: str, titles: Mapping[str, str]) -> str:
    """A change in words."""
    change = _change(said)
    kind = change["kind"]
    days = change.get("days", change.get("payment_terms_days", ""))
    deal = titles.get(change.get("deal_id", ""), f"#{change.get('deal_id', '')}")
    if kind == "delay_customer" and days.startswith("-"):
        kind, days = "hasten_customer", days[1:]
    on = change.get("on", "")
    with suppress(ValueError):
        on = pages.figures.day(date.fromisoformat(on))
    return pages.frame.say(
        f"cashflow.change.{kind}", customer=change.get("customer", ""), days=days, deal=deal, on=on
    )


def _tried(asked: Asked, changes: Sequence[str], lever: ShownLever, today: date) -> str:
    """The address at which a lever is pulled."""
    match lever.kind:
        case "collect_sooner":
            change = f"delay_customer|{lever.customer}|-{lever.days}"
        case "shorten_terms":
            change = f"change_terms|{lever.customer}|{lever.days}"
        case _:
            change = f"invoice_deal|{lever.deal_id}|{today + timedelta(days=1)}"
    every = dict.fromkeys((*changes, change))
    return f"{_SCENARIOS}?{urlencode([*asked.said.items(), *(('change', one) for one in every)])}"


def _said_of(query: Mapping[str, str]) -> dict[str, str]:
    names = (
        "pipeline",
        "currency",
        "granularity",
        "horizon",
        "floor_currency",
        "limit",
        "opening",
        "outgoing",
    )
    return {name: query[name] for name in names if query.get(name, "").strip()}


def _add_record(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_RECORD)
    async def show(request: Request) -> Response:
        caller, query = caller_of(request), request.query_params
        tests = await pages.cashflow.list_runs(caller, kind="backtest", limit=_RUNS)
        chosen = query.get("run") or (str(tests[0].id) if tests else "")
        result: BacktestResult | None = None
        if chosen:
            run = await pages.cashflow.get_run(caller, id_of(chosen))
            if run.kind != "backtest":
                raise RunNotFound(f"Run {run.id} is no backtest.")
            result = BacktestResult.model_validate({**run.result, "run_id": run.id})
        before = id_of(query["before"]) if query.get("before") else None
        kept = await pages.cashflow.list_runs(caller, kind="prediction", before=before, limit=_RUNS)
        return pages.page(
            request,
            "cashflow_record.html",
            tests=tests,
            result=result,
            charts=[] if result is None else _weeks(pages, result, query.get("origin", "")),
            origin=query.get("origin", ""),
            scores=[(head, await pages.cashflow.score(caller, head.id)) for head in kept],
            next_before=kept[-1].id if len(kept) == _RUNS else None,
            **await kept_forecasts(pages, caller, query),
            **await pages.choices(caller),
        )

    @router.post(_RECORD)
    async def replay(request: Request) -> Response:
        form = request.state.form
        said = {"horizon_days": form.get("horizon", "90"), "pipeline_name": form.get("pipeline") or None}
        made = await pages.cashflow.backtest(caller_of(request), checked(BacktestInput, said))
        return redirect(f"{_RECORD}?run={made.run_id}")


def _weeks(pages: CashflowPages, result: BacktestResult, origin: str) -> list[dict[str, Any]]:
    """The weeks of one origin, the last one by default, as they were forecast and came, by currency."""
    origins = sorted({week.origin for week in result.weeks})
    if not origins:
        return []
    chosen = next((day for day in origins if day.isoformat() == origin), origins[-1])
    by_currency: dict[str, list[ShownWeek]] = {}
    for week in result.weeks:
        if week.origin == chosen:
            by_currency.setdefault(week.currency, []).append(week)
    found = []
    for currency, weeks in by_currency.items():
        series = range_series(
            [week.p10 for week in weeks],
            [week.p90 for week in weeks],
            [week.expected for week in weeks],
            [week.actual for week in weeks],
            pages.frame,
        )
        labels = [pages.figures.period(week.start_date, week.end_date, "week") for week in weeks]
        found.append(
            {
                "currency": currency,
                "origin": chosen,
                "origins": origins,
                "weeks": weeks,
                "chart": chart_of(labels, series, is_stepped=True),
            }
        )
    return found


def _add_assumptions(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_ASSUMPTIONS)
    async def show(request: Request) -> Response:
        caller, query = caller_of(request), request.query_params
        wanted = id_of(query["run"]) if query.get("run") else None
        run_id, report, made = None, None, None
        try:
            run_id, report = await pages.cashflow.explain(caller, wanted)
            run = await pages.cashflow.get_run(caller, run_id)
            made = run
        except RunNotFound:
            if wanted is not None:
                raise
        return pages.page(
            request,
            "cashflow_assumptions.html",
            run_id=run_id,
            report=report,
            run=made,
            filtered=[] if made is None else made.result.get("filtered_deals", []),
            deals_shown=_DEALS_SHOWN,
            **await pages.choices(caller),
        )

    @router.post(f"{ROOT}/predictions")
    async def predict(request: Request) -> Response:
        form = request.state.form
        said = {
            "pipeline_name": form.get("pipeline") or None,
            "horizon_days": form.get("horizon", "90"),
            "use_llm": form.get("use_llm") == "on",
        }
        about = CallContext(request_id=request.scope["officium.request_id"], app="cashflow")
        made = await pages.cashflow.predict(caller_of(request), checked(CashflowPredictionInput, said), about)
        return redirect(f"{_ASSUMPTIONS}?run={made.metadata.run_id}", flash="prediction_kept")
