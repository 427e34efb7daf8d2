"""`/api/budgets`: what may be used, and where that stands; `/api/ledger/entries`: what was booked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt

from officium.core.tenancy.caller import Caller
from officium.core.usage.budgets.balance import BudgetBalance
from officium.core.usage.budgets.service import LARGEST_PAGE, BudgetChanges
from officium.core.usage.budgets.terms import DEFAULT_ALERTS, Terms
from officium.core.usage.ledger.budget import Period, Subject, Unit
from officium.core.usage.ledger.budget import SubjectKind as AnyKind
from officium.core.usage.ledger.entry import LedgerEntry
from officium.core.usage.ledger.errors import InvalidBudget
from officium.kit.errors import InvalidRequest
from officium.kit.money import nano_of_usd, usd_of_nano
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_LARGEST_ID = 2**63 - 1
_LIMIT = "A whole number; for `usd` a decimal string, exact to 9 places. null counts only."

SubjectKind = Literal["tenant", "member", "key", "client", "widget"]
ShownUnit = Literal["tokens", "requests", "usd"]
Amount = StrictInt | str
_UNITS: dict[ShownUnit, Unit] = {"tokens": "tokens", "requests": "requests", "usd": "nano_usd"}


class BudgetService(Protocol):
    """Knows the tenants' budgets."""

    async def create_budget(
        self,
        caller: Caller,
        subject: Subject,
        unit: Unit,
        period: Period,
        terms: Terms,
        *,
        request_id: str | None = None,
    ) -> BudgetBalance: ...

    async def list_budgets(
        self,
        caller: Caller,
        *,
        subject: Subject | None = None,
        kind: AnyKind | None = None,
        is_limited: bool | None = None,
        after: str = "",
        limit: int = 50,
    ) -> Sequence[BudgetBalance]: ...

    async def find_binding(self, caller: Caller, subject: Subject) -> str | None: ...

    async def get_budget(self, caller: Caller, budget_id: str) -> BudgetBalance: ...

    async def update_budget(
        self,
        caller: Caller,
        budget_id: str,
        changes: BudgetChanges,
        *,
        expected: datetime | None = None,
        request_id: str | None = None,
    ) -> BudgetBalance: ...

    async def delete_budget(
        self, caller: Caller, budget_id: str, *, request_id: str | None = None
    ) -> None: ...

    async def reset_budget(
        self, caller: Caller, budget_id: str, *, request_id: str | None = None
    ) -> BudgetBalance: ...


class LedgerEntries(Protocol):
    """Knows the ledger."""

    async def list_entries(
        self, caller: Caller, before: int | None = None, limit: int = 50
    ) -> Sequence[LedgerEntry]: ...


class WantedBudget(BaseModel):
    """A budget to make."""

    model_config = ConfigDict(extra="forbid")

    subject_kind: SubjectKind
    subject_id: str = Field("", description="Empty for the tenant as a whole.", examples=["ak_01k5c9m0w8"])
    unit: ShownUnit
    period: Period = Field(description="`total` never begins anew.")
    limit: Amount | None = Field(description=_LIMIT, examples=[100_000, "25.00"])
    is_hard: bool = Field(True, description="Whether calls are refused beyond it, or it only alerts.")
    alert_at: list[int] = Field(
        list(DEFAULT_ALERTS), description="Percents of the limit, ascending, 5 at most."
    )
    time_zone: str | None = Field(
        None, description="Whose days and months; the tenant's unless said.", examples=["Asia/Riyadh"]
    )


class ChangedBudget(BaseModel):
    """What a budget shall be from now on. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    limit: Amount | None = Field(None, description=_LIMIT, examples=[200_000, "50.00"])
    is_hard: bool = True
    alert_at: list[int] = Field([])
    time_zone: str = "UTC"
    updated_at: AwareDatetime | None = Field(
        None, description="As you read it. If someone changed the budget since, this change is refused."
    )


class BudgetForecast(BaseModel):
    """What happens if things go on as in the last seven days; null where there is too little to say."""

    daily_use: Amount | None = Field(description="The average of a day.")
    runs_out_at: datetime | None = Field(
        description="When nothing is left; null also where the period ends before."
    )


class ShownBudget(BaseModel):
    """A budget, and where it stands in the period that runs."""

    id: str = Field(examples=["bud_01k5c9m0w8"])
    subject_kind: str
    subject_id: str
    unit: ShownUnit
    period: Period
    limit: Amount | None = Field(description="null counts only.", examples=[100_000])
    used: Amount
    held: Amount = Field(description="Set aside for calls under way.")
    remaining: Amount | None = Field(description="Neither used nor held; null without a limit.")
    is_exhausted: bool = Field(description="Whether nothing is left, or a call was refused for it.")
    period_starts_at: datetime | None = Field(description="null where it counts in total.")
    period_ends_at: datetime | None
    forecast: BudgetForecast
    is_hard: bool
    alert_at: list[int]
    time_zone: str
    created_at: datetime
    updated_at: datetime
    updated_by: str = Field(description="The key or member who set it last.", examples=["key:ak_01k5c9m0w8"])


class ShownBudgets(BaseModel):
    """A page of budgets, oldest first."""

    budgets: list[ShownBudget]
    binds_first: str | None = Field(
        description="Where one subject was asked for: the id of the budget that will stop it first."
    )
    next_after: str | None = Field(description="Send it as `after` to get the next page; null at the end.")


class ShownEntry(BaseModel):
    """A line of the ledger."""

    id: int
    created_at: datetime
    kind: str = Field(
        description="`settled`; `unknown`, where the server died meanwhile; its `correction`; or a `reset`."
    )
    request_id: str
    actor: str
    app: str
    model: str
    client_id: int | None
    widget_id: int | None
    tokens: int
    requests: int
    cost_usd: str = Field(description="US dollars, exact.", examples=["0.000089000"])
    source: str = Field(description="Who counted: the provider, an estimate of ours, nobody.")


class ShownEntries(BaseModel):
    """A page of the ledger, newest first."""

    entries: list[ShownEntry]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


BudgetId = Annotated[str, Path(max_length=64, examples=["bud_01k5c9m0w8"])]
After = Annotated[str, Query(description="Budgets behind the one with this id.", max_length=64)]
Before = Annotated[int, Query(description="Entries older than the one with this id.", ge=1, le=_LARGEST_ID)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
SubjectId = Annotated[str, Query(description="With `subject_kind`: of this subject alone.", max_length=128)]


def budgets_router(budgets: BudgetService, ledger: LedgerEntries, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "budgets")

    @router.get("/api/budgets", summary="What may be used, and where that stands")
    async def list_budgets(
        caller: KnownCaller,
        subject_kind: SubjectKind | None = None,
        subject_id: SubjectId = "",
        after: After = "",
        limit: Limit = 50,
    ) -> ShownBudgets:
        subject = _read_subject(subject_kind, subject_id)
        found = await budgets.list_budgets(caller, subject=subject, after=after, limit=limit)
        return ShownBudgets(
            budgets=[_shown(balance) for balance in found],
            binds_first=await budgets.find_binding(caller, subject) if subject else None,
            next_after=found[-1].budget.id if len(found) == limit else None,
        )

    @router.post("/api/budgets", summary="Limit or count what a subject uses", status_code=201)
    async def create_budget(caller: KnownCaller, request_id: RequestId, wanted: WantedBudget) -> ShownBudget:
        unit = _UNITS[wanted.unit]
        terms = Terms(
            limit=_read_limit(unit, wanted.limit),
            is_hard=wanted.is_hard,
            alert_at=tuple(wanted.alert_at),
            time_zone=wanted.time_zone,
        )
        subject = Subject(wanted.subject_kind, wanted.subject_id)
        made = await budgets.create_budget(caller, subject, unit, wanted.period, terms, request_id=request_id)
        return _shown(made)

    @router.get("/api/budgets/{id}", summary="A budget, and where it stands")
    async def get_budget(caller: KnownCaller, id: BudgetId) -> ShownBudget:
        return _shown(await budgets.get_budget(caller, id))

    @router.put("/api/budgets/{id}", summary="Change a budget; the running period follows at once")
    async def update_budget(
        caller: KnownCaller, request_id: RequestId, id: BudgetId, changed: ChangedBudget
    ) -> ShownBudget:
        unit = (await budgets.get_budget(caller, id)).budget.unit
        changes = _read_changes(unit, changed)
        after = await budgets.update_budget(
            caller, id, changes, expected=changed.updated_at, request_id=request_id
        )
        return _shown(after)

    @router.delete("/api/budgets/{id}", summary="Delete a budget", status_code=204)
    async def delete_budget(caller: KnownCaller, request_id: RequestId, id: BudgetId) -> None:
        await budgets.delete_budget(caller, id, request_id=request_id)

    @router.post("/api/budgets/{id}/reset", summary="Take what was used in this period back to nothing")
    async def reset_budget(caller: KnownCaller, request_id: RequestId, id: BudgetId) -> ShownBudget:
        return _shown(await budgets.reset_budget(caller, id, request_id=request_id))

    @router.get("/api/ledger/entries", summary="What was booked")
    async def list_entries(
        caller: KnownCaller, before: Before | None = None, limit: Limit = 50
    ) -> ShownEntries:
        found = await ledger.list_entries(caller, before, limit)
        return ShownEntries(
            entries=[_shown_entry(entry) for entry in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    return router


def _read_subject(kind: SubjectKind | None, id: str) -> Subject | None:
    if kind is not None:
        return Subject(kind, id)
    if id:
        raise InvalidRequest("Say which kind of subject has this id.", param="subject_kind")
    return None


def _read_changes(unit: Unit, changed: ChangedBudget) -> BudgetChanges:
    """Those fields that were sent."""
    named = {name: getattr(changed, name) for name in changed.model_fields_set - {"updated_at"}}
    if "limit" in named:
        named["limit"] = _read_limit(unit, changed.limit)
    if "alert_at" in named:
        named["alert_at"] = tuple(changed.alert_at)
    return BudgetChanges(**named)


def _read_limit(unit: Unit, limit: Amount | None) -> int | None:
    """The limit as it is counted. Raises InvalidBudget."""
    if unit == "nano_usd" and limit is not None:
        try:
            return nano_of_usd(str(limit))
        except ValueError as error:
            raise InvalidBudget(str(error), param="limit") from error
    if isinstance(limit, str):
        raise InvalidBudget(f"Write a limit of {unit} as a whole number.", param="limit")
    return limit


def _shown(balance: BudgetBalance) -> ShownBudget:
    budget = balance.budget

    def amount(number: float) -> Amount:
        return usd_of_nano(round(number)) if budget.unit == "nano_usd" else round(number)

    daily = balance.forecast.daily_use
    return ShownBudget(
        id=budget.id,
        subject_kind=budget.subject.kind,
        subject_id=budget.subject.id,
        unit="usd" if budget.unit == "nano_usd" else budget.unit,
        period=budget.period,
        limit=None if budget.limit is None else amount(budget.limit),
        used=amount(balance.used),
        held=amount(balance.held),
        remaining=None if balance.remaining is None else amount(balance.remaining),
        is_exhausted=balance.is_exhausted,
        period_starts_at=balance.starts_at,
        period_ends_at=balance.ends_at,
        forecast=BudgetForecast(
            daily_use=None if daily is None else amount(daily), runs_out_at=balance.forecast.runs_out_at
        ),
        is_hard=budget.is_hard,
        alert_at=list(budget.alert_at),
        time_zone=budget.time_zone,
        created_at=budget.created_at,
        updated_at=budget.updated_at,
        updated_by=budget.updated_by,
    )


def _shown_entry(entry: LedgerEntry) -> ShownEntry:
    fields = msgspec.structs.asdict(entry)
    shown = {name: fields[name] for name in ShownEntry.model_fields if name != "cost_usd"}
    return ShownEntry(**shown, cost_usd=usd_of_nano(entry.nano_usd))
