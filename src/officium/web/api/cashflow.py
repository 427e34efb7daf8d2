"""`/cashflow`: predictions, what they rest on, forecasts with ranges, backtests and scenarios."""

from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from officium.apps.cashflow.assumptions import AssumptionsReport
from officium.apps.cashflow.backtest_report import BacktestInput, BacktestResult
from officium.apps.cashflow.cash_forecast import CashForecast, CashForecastInput
from officium.apps.cashflow.cash_scenario import Scenario, ScenarioInput
from officium.apps.cashflow.prediction import CashflowPredictionInput, CashflowPredictionResult
from officium.apps.cashflow.runs import Run, RunHead, RunKind, RunScore, SignalProof
from officium.apps.cashflow.service import LARGEST_PAGE, DealWhy
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_ROOT = "/cashflow"
_RUN = f"{_ROOT}/runs/{{run_id}}"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LARGEST_ID = 2**63 - 1


class Cashflow(Protocol):
    """Forecasts cash."""

    async def predict(
        self, caller: Caller, asked: CashflowPredictionInput, about: CallContext
    ) -> CashflowPredictionResult: ...

    async def explain(self, caller: Caller, run_id: int | None = None) -> tuple[int, AssumptionsReport]: ...

    async def list_runs(
        self, caller: Caller, *, kind: RunKind | None = None, before: int | None = None, limit: int = 20
    ) -> Sequence[RunHead]: ...

    async def get_run(self, caller: Caller, run_id: int) -> Run: ...

    async def score(self, caller: Caller, run_id: int) -> RunScore: ...

    async def prove_signals(self, caller: Caller) -> SignalProof: ...

    async def forecast(
        self, caller: Caller, asked: CashForecastInput, *, keep: bool = True
    ) -> CashForecast: ...

    async def forecast_workbook(
        self, caller: Caller, asked: CashForecastInput, *, keep: bool = True
    ) -> bytes: ...

    async def compare(self, caller: Caller, asked: ScenarioInput, *, keep: bool = True) -> Scenario: ...

    async def backtest(self, caller: Caller, asked: BacktestInput) -> BacktestResult: ...

    async def explain_deal(self, caller: Caller, deal_id: int) -> DealWhy: ...


class Explanation(AssumptionsReport):
    """What a run rests on."""

    run_id: int


class ShownRuns(BaseModel):
    """A page of runs, latest first."""

    runs: list[RunHead]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
Before = Annotated[int | None, Query(description="Those before this id.", ge=1, le=_LARGEST_ID)]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
RunId = Annotated[int | None, Query(description="The latest if left out.", ge=1, le=_LARGEST_ID)]


def cashflow_router(cashflow: Cashflow, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "cash flow")
    _add_predictions(router, cashflow)
    _add_runs(router, cashflow)
    _add_forecasts(router, cashflow)
    return router


def _add_predictions(router: APIRouter, cashflow: Cashflow) -> None:
    @router.post(f"{_ROOT}/predict", summary="When the open deals are invoiced and paid, and the sums")
    async def predict(
        caller: KnownCaller, request_id: RequestId, request: Request, asked: CashflowPredictionInput
    ) -> CashflowPredictionResult:
        about = CallContext(
            request_id=request_id, app="cashflow", traceparent=request.headers.get("traceparent")
        )
        return await cashflow.predict(caller, asked, about)

    @router.get(f"{_ROOT}/explain", summary="What a prediction run rests on")
    async def explain(caller: KnownCaller, run_id: RunId = None) -> Explanation:
        found, report = await cashflow.explain(caller, run_id)
        return Explanation(run_id=found, **report.__dict__)

    @router.get(f"{_ROOT}/deals/{{deal_id}}/why", summary="Why a deal is expected when it is")
    async def explain_deal(caller: KnownCaller, deal_id: Id) -> DealWhy:
        return await cashflow.explain_deal(caller, deal_id)

    @router.get(f"{_ROOT}/signals", summary="Whether signals from notes have helped so far")
    async def prove_signals(caller: KnownCaller) -> SignalProof:
        return await cashflow.prove_signals(caller)


def _add_runs(router: APIRouter, cashflow: Cashflow) -> None:
    @router.get(f"{_ROOT}/runs", summary="What was predicted, latest first")
    async def list_runs(
        caller: KnownCaller, kind: RunKind | None = None, before: Before = None, limit: PageSize = 20
    ) -> ShownRuns:
        found = await cashflow.list_runs(caller, kind=kind, before=before, limit=limit)
        return ShownRuns(runs=list(found), next_before=found[-1].id if len(found) == limit else None)

    @router.get(_RUN, summary="A run as it was made")
    async def get_run(caller: KnownCaller, run_id: Id) -> Run:
        return await cashflow.get_run(caller, run_id)

    @router.get(
        f"{_RUN}/score", summary="How good a prediction, forecast or scenario has proved to be so far"
    )
    async def score(caller: KnownCaller, run_id: Id) -> RunScore:
        return await cashflow.score(caller, run_id)


def _add_forecasts(router: APIRouter, cashflow: Cashflow) -> None:
    @router.post(f"{_ROOT}/forecast", summary="Cash by week or month, with ranges")
    async def forecast(caller: KnownCaller, asked: CashForecastInput) -> CashForecast:
        return await cashflow.forecast(caller, asked)

    @router.post(f"{_ROOT}/forecast.xlsx", summary="The same as an Excel workbook", response_class=Response)
    async def forecast_workbook(caller: KnownCaller, asked: CashForecastInput) -> Response:
        return Response(
            await cashflow.forecast_workbook(caller, asked),
            media_type=_XLSX,
            headers={"content-disposition": 'attachment; filename="forecast.xlsx"'},
        )

    @router.post(f"{_ROOT}/scenarios", summary="What if: the forecast with changes, beside that without")
    async def compare(caller: KnownCaller, asked: ScenarioInput) -> Scenario:
        return await cashflow.compare(caller, asked)

    @router.post(f"{_ROOT}/backtests", summary="How good forecasts from past days would have been")
    async def backtest(caller: KnownCaller, asked: BacktestInput) -> BacktestResult:
        return await cashflow.backtest(caller, asked)
