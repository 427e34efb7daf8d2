"""What a caller may ask about its cash: predictions, forecasts, backtests, scenarios, and why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, TypeVar
from weakref import ref
from zoneinfo import ZoneInfo

import structlog

from officium.apps.cashflow.assumptions import AssumptionsReport, explain_assumptions
from officium.apps.cashflow.backtest_report import BacktestInput, BacktestResult, run_backtest
from officium.apps.cashflow.cash_forecast import (
    FORECAST_COLUMNS,
    CashForecast,
    CashForecastInput,
    forecast_cash,
    forecast_rows,
    wanted_deals,
)
from officium.apps.cashflow.cash_scenario import Scenario, ScenarioInput, compare_scenario
from officium.apps.cashflow.deals import DealStore, SavedConfig
from officium.apps.cashflow.deals.errors import DealNotFound
from officium.apps.cashflow.deals.exporting import workbook_of
from officium.apps.cashflow.deals.service import require_reading
from officium.apps.cashflow.explanation import Otherwise, counterfactual_words, reasons
from officium.apps.cashflow.gateway_reader import Gateway, GatewayReader, Models, Prompts
from officium.apps.cashflow.history import LearnedDates, TenantHistory
from officium.apps.cashflow.history_keeper import HistoryKeeper
from officium.apps.cashflow.outlooks.outlook import DatedDeal, Outlook, Stamp, dated_deal
from officium.apps.cashflow.prediction import (
    MOST_NOTES,
    CashflowPredictionInput,
    CashflowPredictionResult,
    DealForPrediction,
    DealNote,
    DealPrediction,
    PredictionOptions,
)
from officium.apps.cashflow.prediction_service import CashflowPredictionService
from officium.apps.cashflow.runs import Run, RunHead, RunKind, RunNotFound, RunScore, RunStore, SignalProof
from officium.apps.cashflow.runs.run import proposed_shifts, prove_signals, score_forecast, score_run
from officium.apps.cashflow.spelling import Record
from officium.apps.cashflow.statistics import AS_STATED, Calibration, counterfactuals
from officium.core.gateway import CallContext
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest
from officium.kit.version import __version__

LARGEST_PAGE = 100
_WORKS_AT_ONCE = 2
_BACKTESTS = 5
_DATED_AT_ONCE = 500
_READ, _ADDED_UP = 30, 45
"""Percent of an outlook's work, by the time with ten thousand open deals; what remains is dating them."""

_log = structlog.get_logger("cashflow")
T = TypeVar("T")


class DealWhy(Record):
    """Why a deal is expected when it is, and what would change that."""

    deal_id: int
    prediction: DealPrediction
    reasons: tuple[str, ...]
    counterfactuals: tuple[str, ...]
    otherwise: tuple[Otherwise, ...] = ()


class CashflowService:
    """Forecasts of a tenant's cash. Each is kept as a run, unless it is only to be looked at."""

    def __init__(
        self,
        deals: DealStore,
        runs: RunStore,
        gateway: Gateway,
        models: Models,
        prompts: Prompts,
        clock: Clock,
    ) -> None:
        self._deals = deals
        self._runs = runs
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._clock = clock
        self._keeper = HistoryKeeper(deals, clock, self._correction)
        self._turns = asyncio.Semaphore(_WORKS_AT_ONCE)
        self._dated: dict[str, tuple[ref[TenantHistory], tuple[DatedDeal, ...]]] = {}

    async def predict(
        self, caller: Caller, asked: CashflowPredictionInput, about: CallContext
    ) -> CashflowPredictionResult:
        """Predict the open deals, and keep the run. `about` says which request it is for.

        A model that fails is said in the warnings. Raises PermissionDenied.
        """
        require(caller, "inference")
        config, history = await self._load(caller, asked.today)
        reader = None
        if asked.use_llm:
            reader = GatewayReader(self._gateway, self._models, self._prompts, caller, about, asked.model)
        result = await self._predicted(caller, config, history, asked, reader)
        metadata = result.metadata
        if reader is not None:
            metadata = metadata.model_copy(update={"model": reader.model, "prompt_version": reader.prompt})
            result = result.model_copy(update={"metadata": metadata})
        run_id = await self._runs.add_run(
            caller,
            "prediction",
            history.today,
            asked.model_dump(mode="json"),
            result.model_dump(mode="json"),
            self._clock.now(),
            proposed_shifts(result.per_deal_predictions),
        )
        return result.model_copy(update={"metadata": metadata.model_copy(update={"run_id": run_id})})

    async def explain(self, caller: Caller, run_id: int | None = None) -> tuple[int, AssumptionsReport]:
        """On what a prediction run rests, by default the latest. Raises PermissionDenied and RunNotFound."""
        run = await self._get_run(caller, run_id, "prediction")
        result = CashflowPredictionResult.model_validate(run.result)
        return run.id, explain_assumptions(result.per_deal_predictions)

    async def list_runs(
        self, caller: Caller, *, kind: RunKind | None = None, before: int | None = None, limit: int = 20
    ) -> list[RunHead]:
        """A page of the tenant's runs, latest first. Raises PermissionDenied."""
        require_reading(caller)
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
        return await self._runs.list_runs(caller, kind, before, limit)

    async def get_run(self, caller: Caller, run_id: int) -> Run:
        """A run with its result. Raises PermissionDenied and RunNotFound."""
        return await self._get_run(caller, run_id)

    async def score(self, caller: Caller, run_id: int) -> RunScore:
        """How good a run has proved to be so far: its dates, or its cash.

        Raises PermissionDenied, and RunNotFound also for a backtest, which has its scores already.
        """
        run = await self._get_run(caller, run_id)
        if run.kind == "backtest":
            raise RunNotFound(f"Run {run_id} is a backtest: its scores are in its result.")
        _, history = await self._load(caller, None)
        if run.kind != "prediction":
            return await self._aside(lambda: score_forecast(run, history.closed, history.open, history.today))
        result = CashflowPredictionResult.model_validate(run.result)
        return score_run(run.id, result, history.endings, history.today)

    async def prove_signals(self, caller: Caller) -> SignalProof:
        """Whether signals from notes have helped so far; only then they move dates."""
        require_reading(caller)
        _, history = await self._load(caller, None)
        return prove_signals(await self._runs.list_shifts(caller), history.endings)

    async def stamp(self, caller: Caller) -> Stamp:
        """On what a forecast of this moment would rest. Raises PermissionDenied."""
        require_reading(caller)
        config = await self._deals.find_config(caller)
        count, last, changed = await self._deals.read_version(caller)
        tests = await self._runs.list_runs(caller, "backtest", None, 1)
        parts = (count, last, changed, config.updated_at, tests[0].id if tests else 0, __version__)
        return Stamp(today=self._today(config, None), state=" ".join(map(str, parts)))

    async def look(
        self, caller: Caller, asked: CashForecastInput, tell: Callable[[int], Awaitable[None]] | None = None
    ) -> Outlook:
        """A forecast and the dates of its deals, to look at: no run is kept, no model asked.

        `tell` hears how many percent of the work are done. Raises PermissionDenied.
        """
        made_at, stamp = self._clock.now(), await self.stamp(caller)
        config, history = await self._load(caller, asked.today)
        tell = tell or _nobody_listens
        await tell(_READ)
        made = await self._aside(lambda: forecast_cash(history, asked))
        await tell(_ADDED_UP)
        wanted = {deal.deal_id for deal in wanted_deals(history, asked)}
        dated = await self._all_dated(caller, config, history, tell)
        mine = tuple(one for one in dated if one.deal_id in wanted)
        return Outlook(made_at=made_at, stamp=stamp, forecast=made, deals=mine)

    async def forecast(self, caller: Caller, asked: CashForecastInput, *, keep: bool = True) -> CashForecast:
        """Cash by week or month with ranges, and keep the run. Asks no model. Raises PermissionDenied."""
        require_reading(caller)
        _, history = await self._load(caller, asked.today)
        made = await self._aside(lambda: forecast_cash(history, asked))
        if not keep:
            return made
        run_id = await self._keep(caller, "forecast", history.today, asked, made)
        return made.model_copy(update={"run_id": run_id})

    async def forecast_workbook(
        self, caller: Caller, asked: CashForecastInput, *, keep: bool = True
    ) -> bytes:
        """The same as an Excel workbook: a row for each period and currency."""
        made = await self.forecast(caller, asked, keep=keep)
        return await self._aside(lambda: workbook_of(FORECAST_COLUMNS, forecast_rows(made), "Forecast"))

    async def compare(self, caller: Caller, asked: ScenarioInput, *, keep: bool = True) -> Scenario:
        """A forecast with changes beside that without, and keep the run. Raises PermissionDenied."""
        require_reading(caller)
        _, history = await self._load(caller, asked.today)
        made = await self._aside(lambda: compare_scenario(history, asked))
        if not keep:
            return made
        run_id = await self._keep(caller, "scenario", history.today, asked, made)
        return made.model_copy(update={"run_id": run_id})

    async def backtest(self, caller: Caller, asked: BacktestInput) -> BacktestResult:
        """How good forecasts from past days would have been, and keep the run. Raises PermissionDenied."""
        require_reading(caller)
        _, history = await self._load(caller, None)
        if any(origin >= history.today for origin in asked.origins):
            raise InvalidRequest("A backtest begins on past days.", param="origins")
        made = await self._aside(lambda: run_backtest(history, asked))
        run_id = await self._keep(caller, "backtest", history.today, asked, made)
        self._keeper.forget(caller)
        return made.model_copy(update={"run_id": run_id})

    async def explain_deal(self, caller: Caller, deal_id: int) -> DealWhy:
        """Why an open deal is expected when it is. Raises PermissionDenied and DealNotFound."""
        require_reading(caller)
        config, history = await self._load(caller, None)
        deal = next((deal for deal in history.open if deal.deal_id == deal_id), None)
        if deal is None:
            raise DealNotFound(f"There is no open deal {deal_id}.")

        def work() -> DealWhy:
            forecast = history.model.predict(deal)
            (prepared,) = history.deals_to_predict({}, [deal_id])
            learned = LearnedDates(history, config.calendar).read([prepared], history.today)
            service = config.rules
            made = learned.get(deal_id) or service.precheck_deal(prepared, history.today)
            made = made or service.estimate_deal(prepared, history.today)
            if made is None:
                raise DealNotFound(f"Nothing is known of the stage {prepared.stage!r}.")
            made = service.apply_overrides(made, prepared, history.today)
            others = counterfactuals(history.model, deal)
            return DealWhy(
                deal_id=deal_id,
                prediction=made,
                reasons=reasons(forecast) if history.has_taught else (made.reasoning, *made.assumptions),
                counterfactuals=tuple(map(counterfactual_words, others)),
                otherwise=tuple(
                    Otherwise(
                        kind=one.kind,
                        sooner_days=one.sooner_days,
                        probability_gained=round(one.probability_gained, 4),
                    )
                    for one in others
                ),
            )

        return await self._aside(work)

    async def _load(self, caller: Caller, said: date | None) -> tuple[SavedConfig, TenantHistory]:
        config = await self._deals.find_config(caller)
        return config, await self._keeper.load(caller, config, self._today(config, said))

    def _today(self, config: SavedConfig, said: date | None) -> date:
        return said or self._clock.now().astimezone(ZoneInfo(config.time_zone)).date()

    async def _correction(self, caller: Caller) -> Calibration:
        """What the latest backtest of all deals found out about stated confidence."""
        for head in await self._runs.list_runs(caller, "backtest", None, _BACKTESTS):
            if head.asked.get("pipeline_name") is not None:
                continue
            run = await self._runs.find_run(caller, head.id)
            found = run and run.result.get("correction")
            return Calibration(**found) if found else AS_STATED
        return AS_STATED

    async def _predicted(
        self,
        caller: Caller,
        config: SavedConfig,
        history: TenantHistory,
        asked: CashflowPredictionInput,
        reader: GatewayReader | None,
    ) -> CashflowPredictionResult:
        proof = prove_signals(await self._runs.list_shifts(caller), history.endings)
        service = CashflowPredictionService(
            reader,
            config.rules,
            history=LearnedDates(history, config.calendar),
            stages=config.stage_days,
            signals_help=proof.help,
            clock=self._clock,
        )
        deals = await self._prepared(caller, history, asked)
        dated = asked.model_copy(update={"today": history.today})
        return await service.predict_cashflow(dated, deals)

    async def _all_dated(
        self,
        caller: Caller,
        config: SavedConfig,
        history: TenantHistory,
        tell: Callable[[int], Awaitable[None]],
    ) -> tuple[DatedDeal, ...]:
        """All open deals with their dates, the next to be paid first; kept as long as the history is."""
        known = self._dated.get(caller.tenant_id)
        if known is not None and known[0]() is history:
            return known[1]
        service = CashflowPredictionService(
            None,
            config.rules,
            history=LearnedDates(history, config.calendar),
            stages=config.stage_days,
            clock=self._clock,
        )
        ids, found = list(history.rows), list[DatedDeal]()
        for at in range(0, len(ids), _DATED_AT_ONCE):
            deals = await asyncio.to_thread(history.deals_to_predict, {}, ids[at : at + _DATED_AT_ONCE])
            outcome = await service.predict(deals, PredictionOptions(use_llm=False), history.today)
            said = {one.deal_id: one for one in outcome.predictions}
            found += [dated_deal(deal, said.get(deal.deal_id), history.today) for deal in deals]
            await tell(_ADDED_UP + (99 - _ADDED_UP) * len(found) // len(ids))
        dated = tuple(sorted(found, key=lambda one: one.place))
        gone = [tenant for tenant, (kept, _) in self._dated.items() if kept() is None]
        for tenant in gone:
            del self._dated[tenant]
        self._dated[caller.tenant_id] = ref(history), dated
        return dated

    async def _prepared(
        self, caller: Caller, history: TenantHistory, asked: CashflowPredictionInput
    ) -> list[DealForPrediction]:
        ids = [
            id
            for id, row in history.rows.items()
            if asked.pipeline_name in (None, row["pipeline"]) and asked.currency in (None, row["currency"])
        ]
        notes: dict[int, Sequence[DealNote]] = {}
        if asked.use_llm:
            found = await self._deals.load_notes(caller, ids)
            notes = {
                id: [
                    DealNote(text=note.text, written_on=note.written_on)
                    for note in saved
                    if note.written_on <= history.today
                ][-MOST_NOTES:]
                for id, saved in found.items()
            }
        return await asyncio.to_thread(history.deals_to_predict, notes, ids)

    async def _keep(self, caller: Caller, kind: RunKind, today: date, asked: Record, made: Record) -> int:
        said: dict[str, Any] = made.model_dump(mode="json")
        return await self._runs.add_run(
            caller, kind, today, asked.model_dump(mode="json"), said, self._clock.now()
        )

    async def _get_run(self, caller: Caller, run_id: int | None, kind: RunKind | None = None) -> Run:
        require_reading(caller)
        run = await self._runs.find_run(caller, run_id, kind)
        if run is None:
            said = "no run yet" if run_id is None else f"no such run {run_id}"
            raise RunNotFound(f"There is {said}. POST /cashflow/predict makes one.")
        return run

    async def _aside(self, work: Callable[[], T]) -> T:
        async with self._turns:
            return await asyncio.to_thread(work)


async def _nobody_listens(_percent: int) -> None:
    """Nobody wants to know how far it is."""
