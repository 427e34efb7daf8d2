"""The cash-flow page: what comes in which week, how sure that is, and what is left out of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.cash_forecast import (
    FORECAST_COLUMNS,
    CashForecast,
    CashForecastInput,
    forecast_rows,
)
from officium.apps.cashflow.outlooks import OutlookView, Work
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.api.cashflow import Cashflow
from officium.web.api.cashflow_deals import Deals
from officium.web.console.figures import Figures, figures_of
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.pages.cashflow_view import (
    CERTAINTIES,
    HORIZONS,
    Asked,
    balance_chart,
    currency_views,
    deal_lists,
    read_query,
)
from officium.web.console.pages.cashflow_words import CashWords
from officium.web.console.pages.moments import moment_in
from officium.web.console.signed_in import is_from_script
from officium.web.console.texts import readers_language
from officium.web.csv_text import Cell, csv_response

ROOT = "/console/cashflow"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OVERDUE_SHOWN = 100


class ShownOutlooks(Protocol):
    """Forecasts to look at, worked out aside where that takes a while."""

    async def open(self, caller: Caller, asked: CashForecastInput, open_deals: int) -> OutlookView: ...

    async def make(self, caller: Caller, asked: CashForecastInput) -> None: ...

    async def find_work(self, caller: Caller, asked: CashForecastInput) -> Work: ...


@dataclass(frozen=True)
class CashflowPages:
    """What all pages of this room need."""

    cashflow: Cashflow
    outlooks: ShownOutlooks
    deals: Deals
    frame: Frame

    @property
    def figures(self) -> Figures:
        """Figures as in the reader's language."""
        return figures_of(readers_language().code)

    @property
    def words(self) -> CashWords:
        """The room's sentences in the reader's language."""
        return CashWords(self.figures, self.frame)

    def page(self, request: Request, template: str, **values: Any) -> Response:
        """A whole page of the room."""
        session = request.state.session
        return self.frame.page(
            request,
            template,
            figures=self.figures,
            words=self.words,
            pairs=_pairs,
            may_change=session.caller.may("config:write"),
            may_ask=session.caller.may("inference"),
            **values,
        )

    async def choices(self, caller: Caller) -> dict[str, Any]:
        """What there is to choose from: pipelines, their stages, and currencies."""
        pipelines = await self.deals.list_pipelines(caller)
        return {
            "pipelines": [each.name for each in pipelines if each.name],
            "stages": sorted({stage for each in pipelines for stage in each.stages}),
            "deal_count": sum(each.deal_count for each in pipelines),
            "open_count": sum(each.open_count for each in pipelines),
        }


def add_cashflow_page(router: APIRouter, pages: CashflowPages) -> None:
    """Add the page with the forecast, and what it is taken away as."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        return await _show(pages, request)

    @router.get(f"{ROOT}/progress")
    async def progress(request: Request) -> Response:
        asked = read_query(request.query_params, pages.figures, pages.frame)
        work = await pages.outlooks.find_work(request.state.session.caller, asked.input)
        return pages.frame.fragment("cashflow/progress.html", work=work, query=urlencode(_plain(asked.said)))

    @router.post(f"{ROOT}/outlook")
    async def make(request: Request) -> Response:
        asked = read_query(request.state.form, pages.figures, pages.frame)
        await pages.outlooks.make(request.state.session.caller, asked.input)
        return redirect(f"{ROOT}?{urlencode(_plain(asked.said))}")

    @router.post(f"{ROOT}/forecasts")
    async def keep(request: Request) -> Response:
        asked = read_query(request.state.form, pages.figures, pages.frame)
        made = await pages.cashflow.forecast(request.state.session.caller, asked.input)
        return redirect(f"{ROOT}/record?forecast={made.run_id}#kept-cash", flash="forecast_kept")

    @router.get(f"{ROOT}/forecast/{{form}}")
    async def take_away(request: Request, form: str) -> Response:
        caller = request.state.session.caller
        asked = read_query(request.query_params, pages.figures, pages.frame)
        if form == "xlsx":
            body = await pages.cashflow.forecast_workbook(caller, asked.input, keep=False)
            headers = {"content-disposition": 'attachment; filename="forecast.xlsx"'}
            return guarded(Response(body, media_type=XLSX, headers=headers))
        if form != "csv":
            raise InvalidRequest("Take the forecast away as `csv` or `xlsx`.", param="form")
        made = await pages.cashflow.forecast(caller, asked.input, keep=False)

        async def lines() -> AsyncIterator[Sequence[Sequence[Cell]]]:
            yield [[None if cell is None else str(cell) for cell in row] for row in forecast_rows(made)]

        return guarded(csv_response("forecast.csv", FORECAST_COLUMNS, lines()))

    @router.post(f"{ROOT}/sample")
    async def sample(request: Request) -> Response:
        await pages.deals.import_sample(
            request.state.session.caller, request_id=request.scope["officium.request_id"]
        )
        return redirect(ROOT, flash="cashflow_sample")


async def _show(pages: CashflowPages, request: Request) -> Response:
    caller, figures, frame = request.state.session.caller, pages.figures, pages.frame
    choices = await pages.choices(caller)
    if not choices["deal_count"]:
        return pages.page(request, "cashflow_empty.html")
    error: InvalidRequest | None = None
    try:
        asked = read_query(request.query_params, figures, frame)
    except InvalidRequest as fault:
        error, asked = fault, read_query({}, figures, frame)
        request.scope["officium.error"] = fault.code
        asked = Asked(asked.input, asked.basis, asked.certainty, dict(request.query_params))
    view = await pages.outlooks.open(caller, asked.input, choices["open_count"])
    query = urlencode(_plain(asked.said))
    outlook = view.outlook
    if outlook is None:
        config = await pages.deals.get_config(caller)
        values = {"config": config, "floors": sorted({config.currency, *_asked_currencies(asked)})}
        return _page(pages, request, "cashflow_waiting.html", asked, error, view, query, **values, **choices)
    made = outlook.forecast
    after, is_rest = request.query_params.get("after", ""), request.query_params.get("list") == "left_out"
    lists = deal_lists(outlook, asked, "" if is_rest else after, after if is_rest else "")
    if after and is_from_script(request):
        return pages.frame.fragment(
            "cashflow/outlook_rows.html",
            figures=figures,
            lists=lists,
            which="left_out" if is_rest else "dated",
            asked=asked,
            query=query,
            is_newer=request.query_params.get("made") != outlook.made_at.isoformat(),
        )
    config = await pages.deals.get_config(caller)
    return _page(
        pages,
        request,
        "cashflow.html",
        asked,
        error,
        view,
        query,
        made=made,
        made_at=moment_in(request.state.session.tenant.time_zone, outlook.made_at),
        views=currency_views(made, asked.basis, figures, frame),
        balance=balance_chart(made, figures, frame),
        lists=lists,
        levers=[
            pages.words.lever(lever, {one.deal_id: one.title for one in outlook.deals})
            for lever in made.levers
        ],
        overdue_count=sum(totals.overdue_count for totals in made.payments.totals),
        overdue_shown=_OVERDUE_SHOWN,
        config=config,
        floors=_floor_currencies(made),
        **choices,
    )


def _page(
    pages: CashflowPages,
    request: Request,
    template: str,
    asked: Asked,
    error: InvalidRequest | None,
    view: OutlookView,
    query: str,
    **values: Any,
) -> Response:
    """The page with or without figures: what was asked stands at its top."""
    return pages.page(
        request,
        template,
        status=200 if error is None else 400,
        error=error,
        faulty=None if error is None else error.fields.get("param"),
        asked=asked,
        view=view,
        work=view.work,
        horizons=HORIZONS,
        certainties=CERTAINTIES,
        query=query,
        **values,
    )


def _asked_currencies(asked: Asked) -> set[str]:
    floor = asked.input.floor
    return {code for code in (asked.input.currency, floor and floor.currency) if code}


def _floor_currencies(made: CashForecast) -> list[str]:
    found = {totals.currency for totals in (*made.payments.totals, *made.invoices.totals)}
    return sorted(found | ({made.floor.currency} if made.floor else set()))


def _plain(said: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if value}


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names as choices that are shown as they are."""
    return [(name, name) for name in names]
