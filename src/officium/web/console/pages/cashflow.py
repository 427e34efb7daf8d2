"""The cash-flow page: what comes in which week, how sure that is, and what is left out of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.cash_forecast import FORECAST_COLUMNS, CashForecast, forecast_rows
from officium.apps.cashflow.prediction import CashflowPredictionResult, DealPrediction
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
    read_query,
)
from officium.web.console.texts import readers_language
from officium.web.csv_text import Cell, csv_response

ROOT = "/console/cashflow"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN = 100


@dataclass(frozen=True)
class CashflowPages:
    """What all pages of this room need."""

    cashflow: Cashflow
    deals: Deals
    frame: Frame

    @property
    def figures(self) -> Figures:
        """Figures as in the reader's language."""
        return figures_of(readers_language().code)

    def page(self, request: Request, template: str, **values: Any) -> Response:
        """A whole page of the room."""
        session = request.state.session
        return self.frame.page(
            request,
            template,
            figures=self.figures,
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
    view = await pages.cashflow.look(caller, asked.input, confidence_threshold=asked.certainty)
    made = view.forecast
    config = await pages.deals.get_config(caller)
    return pages.page(
        request,
        "cashflow.html",
        status=200 if error is None else 400,
        error=error,
        faulty=None if error is None else error.fields.get("param"),
        asked=asked,
        made=made,
        views=currency_views(made, asked.basis, figures, frame),
        balance=balance_chart(made, figures, frame),
        dated=_by_payment(view.prediction)[:_SHOWN],
        prediction=view.prediction,
        shown_deals=_SHOWN,
        config=config,
        horizons=HORIZONS,
        certainties=CERTAINTIES,
        query=urlencode(_plain(asked.said)),
        floors=_floor_currencies(made),
        **choices,
    )


def _by_payment(prediction: CashflowPredictionResult) -> list[DealPrediction]:
    """The dated deals, those that are paid first at the top."""
    return sorted(
        prediction.per_deal_predictions,
        key=lambda one: (one.predicted_payment_date or date.max, one.deal_id),
    )


def _floor_currencies(made: CashForecast) -> list[str]:
    found = {totals.currency for totals in (*made.payments.totals, *made.invoices.totals)}
    return sorted(found | ({made.floor.currency} if made.floor else set()))


def _plain(said: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if value}


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names as choices that are shown as they are."""
    return [(name, name) for name in names]
