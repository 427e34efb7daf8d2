"""`/api/usage/…`: what a tenant used, in sums, as JSON and as CSV."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from officium.core.tenancy.caller import Caller
from officium.core.usage.record import WrittenRecord
from officium.core.usage.reports.report import (
    MOST_DAYS,
    GroupBy,
    Outcomes,
    TenantTokens,
    UsageReport,
    UsageSums,
)
from officium.core.usage.reports.service import DEFAULT_DAYS, LARGEST_REPORT, Days
from officium.kit.money import usd_of_nano
from officium.web.api.usage import CallRecord, shown_call
from officium.web.caller import Authenticator
from officium.web.csv_text import Cell, csv_response
from officium.web.keyed import KnownCaller, keyed_router

_LARGEST_ID = 2**63 - 1
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "A file, sent as it is read."}
}


class Reports(Protocol):
    """Sums up the usage log."""

    async def summarize(
        self,
        caller: Caller,
        group_by: GroupBy,
        days: Days = ...,
        *,
        limit: int = 100,
        offset: int = 0,
        widget_id: int | None = None,
        client_id: int | None = None,
    ) -> UsageReport: ...

    async def list_provider_outcomes(self, caller: Caller, days: int = ...) -> Sequence[Outcomes]: ...

    async def get_tokens(self, caller: Caller, days: int = ...) -> TenantTokens: ...

    async def export_calls(self, caller: Caller, days: Days = ...) -> AsyncIterator[list[WrittenRecord]]: ...


class Sums(BaseModel):
    """What came together."""

    requests: int = Field(description="Counted where they were decided: at the last attempt or the refusal.")
    errors: int = Field(description="Requests that failed or were refused.")
    attempts: int
    failed_attempts: int = Field(description="Also those that another attempt made good.")
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost_usd: str = Field(description="US dollars, exact.", examples=["0.000089000"])
    attempts_without_cost: int = Field(description="Attempts whose cost nobody knows; counted as nothing.")
    average_ms: float | None = Field(description="The time of a successful attempt.")


class GroupSums(Sums):
    """What came together under one key."""

    key: str | int | None = Field(description="null where the calls say nothing of the kind.")


class UsageSummary(BaseModel):
    """What was used on some days, in groups: most tokens first, days in their order."""

    group_by: GroupBy
    from_: date = Field(serialization_alias="from")
    to: date
    time_zone: str = Field(description="Whose days they are.", examples=["Asia/Riyadh"])
    rows: list[GroupSums]
    total: Sums
    next_offset: int | None = Field(description="Send it as `offset` to get the next page; null at the end.")


class ProviderSummary(BaseModel):
    """How the attempts at a provider ended."""

    provider: str | None = Field(description="null: refused before any provider was asked.")
    total_requests: int
    total_tokens: int
    avg_response_time: float | None = Field(description="Milliseconds, of successful ones.")
    successful_requests: int
    failed_requests: int
    credits_exhausted_count: int = Field(description="Refused because a budget had no room.")


class ProviderSummaries(BaseModel):
    """All providers that were asked."""

    days: int
    providers: list[ProviderSummary]


class TokensOfTenant(BaseModel):
    """The tokens a tenant used."""

    tenant_id: str
    input_tokens: int
    output_tokens: int
    total_tokens: int


class TokensByTenant(BaseModel):
    """Tokens by tenant, as far as the key may see: its own."""

    days: int
    tenants: list[TokensOfTenant]


Grouping = Annotated[GroupBy, Query(description="By what the calls are told apart.")]
From = Annotated[date | None, Query(alias="from", description="The first day; 29 days before `to`.")]
To = Annotated[date | None, Query(description="The last day; today.")]
LastDays = Annotated[int, Query(description="How many days back from now.", ge=1, le=MOST_DAYS)]
OfClient = Annotated[int | None, Query(description="What this client used.", ge=1, le=_LARGEST_ID)]
Limit = Annotated[int, Query(description="How many rows at most.", ge=1, le=1000)]
Offset = Annotated[int, Query(description="How many rows to pass over.", ge=0, le=LARGEST_REPORT)]


def reports_router(reports: Reports, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "usage")

    @router.get("/api/usage/summary", summary="What the tenant used, in groups")
    async def summarize(
        caller: KnownCaller,
        group_by: Grouping = "day",
        first: From = None,
        to: To = None,
        client_id: OfClient = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> UsageSummary:
        report = await reports.summarize(
            caller, group_by, Days(first, to), limit=limit, offset=offset, client_id=client_id
        )
        return UsageSummary(
            group_by=report.group_by,
            from_=report.first,
            to=report.last,
            time_zone=report.time_zone,
            rows=[GroupSums.model_validate({"key": row.key, **_shown(row)}) for row in report.rows],
            total=Sums.model_validate(_shown(report.total)),
            next_offset=offset + limit if len(report.rows) == limit else None,
        )

    @router.get(
        "/api/usage/summary.csv",
        summary="The same as a table",
        response_class=StreamingResponse,
        responses=_CSV,
    )
    async def export_summary(
        caller: KnownCaller,
        group_by: Grouping = "day",
        first: From = None,
        to: To = None,
        client_id: OfClient = None,
    ) -> StreamingResponse:
        report = await reports.summarize(
            caller, group_by, Days(first, to), limit=LARGEST_REPORT, client_id=client_id
        )

        async def pages() -> AsyncIterator[list[list[Cell]]]:
            yield [[row.key, *_shown(row).values()] for row in report.rows]

        return csv_response(f"usage-by-{group_by}.csv", [group_by, *Sums.model_fields], pages())

    @router.get(
        "/api/usage/calls.csv",
        summary="The usage log as a table, oldest record first",
        response_class=StreamingResponse,
        responses=_CSV,
    )
    async def export_calls(caller: KnownCaller, first: From = None, to: To = None) -> StreamingResponse:
        found = await reports.export_calls(caller, Days(first, to))

        async def pages() -> AsyncIterator[list[list[Cell]]]:
            async for page in found:
                yield [_cells(record) for record in page]

        return csv_response("calls.csv", list(CallRecord.model_fields), pages())

    @router.get("/api/usage/providers", summary="How the attempts at each provider ended")
    async def list_providers(caller: KnownCaller, days: LastDays = DEFAULT_DAYS) -> ProviderSummaries:
        found = await reports.list_provider_outcomes(caller, days)
        return ProviderSummaries(days=days, providers=[_shown_outcomes(one) for one in found])

    @router.get("/api/usage/tokens-by-tenant", summary="How many tokens the tenant used")
    async def get_tokens(caller: KnownCaller, days: LastDays = DEFAULT_DAYS) -> TokensByTenant:
        found = msgspec.structs.asdict(await reports.get_tokens(caller, days))
        return TokensByTenant(days=days, tenants=[TokensOfTenant(**found)])

    return router


def _shown(sums: UsageSums) -> dict[str, Cell]:
    """The fields of `Sums`, in their order."""
    fields = msgspec.structs.asdict(sums) | {"cost_usd": usd_of_nano(sums.cost_nano_usd)}
    return {name: fields[name] for name in Sums.model_fields}


def _shown_outcomes(outcomes: Outcomes) -> ProviderSummary:
    return ProviderSummary(
        provider=outcomes.provider,
        total_requests=outcomes.total,
        total_tokens=outcomes.tokens,
        avg_response_time=outcomes.average_ms,
        successful_requests=outcomes.successful,
        failed_requests=outcomes.failed,
        credits_exhausted_count=outcomes.exhausted,
    )


def _cells(record: WrittenRecord) -> list[Cell]:
    shown = shown_call(record)
    return [
        shown.created_at.isoformat() if name == "created_at" else getattr(shown, name)
        for name in CallRecord.model_fields
    ]
