"""`/api/usage`: what a tenant's calls used and cost, a record an attempt."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Protocol

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from officium.core.tenancy.caller import Caller
from officium.core.usage.record import Status, UsageSource, WrittenRecord
from officium.core.usage.service import LARGEST_PAGE
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_LARGEST_ID = 2**63 - 1


class UsageRecords(Protocol):
    """Knows the usage log."""

    async def list_records(
        self, caller: Caller, *, request_id: str | None = None, before: int | None = None, limit: int = 50
    ) -> Sequence[WrittenRecord]: ...


class CallRecord(BaseModel):
    """One attempt to get an answer. A request that was retried or fell back has several."""

    id: int
    created_at: datetime = Field(description="When the attempt ended.")
    request_id: str = Field(description="The `x-request-id` of the answer.")
    attempt: int = Field(description="From 1; 0 where the request was refused before anybody was asked.")
    is_last: bool = Field(description="Whether this attempt decided the request.")
    actor: str = Field(description="Whose key or session asked.", examples=["key:ak_01k5c9m0w8"])
    user: str | None = Field(description="Whom the request was said to be for.")
    app: str
    prompt: str | None
    prompt_version: str | None
    provider: str | None
    requested_model: str = Field(description="The name that was asked for.")
    model: str | None = Field(description="The model that was asked.")
    is_stream: bool
    input_tokens: int | None = Field(description="Cached ones included; null where nobody knows.")
    cached_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None = Field(description="Reasoning included; null where nobody knows.")
    reasoning_tokens: int | None
    total_tokens: int | None
    usage_source: UsageSource = Field(description="Who counted: the provider, an estimate of ours, nobody.")
    cost_usd: str | None = Field(
        description="US dollars, exact; null where no price is known.", examples=["0.000089000"]
    )
    price_source: str = Field(description="Where the price comes from.", examples=["price-list"])
    ttft_ms: int | None = Field(description="Milliseconds to the first piece, or to the whole answer.")
    queued_ms: int | None = Field(
        description="Milliseconds before the first attempt: limits, credits, a free place."
    )
    duration_ms: int
    status: Status
    error_code: str | None
    finish_reason: str | None
    client_id: int | None = Field(description="The client for whose widget it was made.")
    widget_id: int | None
    saved_usd: str | None = Field(
        description="What an answer from the cache would have cost; null for all others."
    )


class CallRecords(BaseModel):
    """A page of the usage log, newest first."""

    records: list[CallRecord]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


RequestId = Annotated[
    str, Query(description="The attempts of this request alone.", pattern=r"^[A-Za-z0-9_.:-]{1,128}$")
]
Before = Annotated[int, Query(description="Records older than the one with this id.", ge=1, le=_LARGEST_ID)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]


def usage_router(usage: UsageRecords, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "usage")

    @router.get("/api/usage/calls", summary="What the tenant's calls used and cost")
    async def list_calls(
        caller: KnownCaller,
        request_id: RequestId | None = None,
        before: Before | None = None,
        limit: Limit = 50,
    ) -> CallRecords:
        found = await usage.list_records(caller, request_id=request_id, before=before, limit=limit)
        return CallRecords(
            records=[shown_call(record) for record in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    return router


def shown_call(record: WrittenRecord) -> CallRecord:
    """A record as it is told outside."""
    fields = msgspec.structs.asdict(record)
    del fields["tenant_id"]
    cost, saved = fields.pop("cost_nano_usd"), fields.pop("saved_nano_usd")
    return CallRecord(**fields, cost_usd=_dollars(cost), saved_usd=_dollars(saved))


def _dollars(nano_usd: int | None) -> str | None:
    return None if nano_usd is None else f"{Decimal(nano_usd).scaleb(-9):f}"
