"""`/writer`: mails, reminders and summaries that say what the record says, and the check of claims."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from officium.apps.writer import (
    ComplianceContext,
    ComplianceResult,
    Context,
    DealSummaryContext,
    DealSummaryResult,
    DraftEmailResult,
    DraftReminderResult,
    EmailDraftContext,
    NoteSummaryContext,
    NoteSummaryResult,
    OrderReceivedContext,
    OrderReceivedResult,
    ReminderDraftContext,
    Result,
)
from officium.apps.writer.contexts import Language
from officium.apps.writer.digest import OwnerDigest
from officium.apps.writer.service import DEAREST_DIGEST, MOST_DEALS
from officium.apps.writer.writer import MOST_CONCURRENT
from officium.core.conversations.live import NumberedEvent
from officium.core.gateway.call import CallContext
from officium.core.grounding import Claim
from officium.core.tenancy.caller import Caller
from officium.web.acting import ActingUsers, UserId
from officium.web.api.writer_learning import Learning, add_learning
from officium.web.caller import Authenticator
from officium.web.events import event_response
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import CamelBody

_ROOT = "/writer"
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}, "application/json": {}},
        "description": "Events `summary` and `progress`, then `done`; as JSON with `stream: false`.",
    }
}
TraceParent = Annotated[str | None, Header(max_length=512, include_in_schema=False)]


class Writer(Learning, Protocol):
    """Knows how to write."""

    async def write(
        self, caller: Caller, context: Context, about: CallContext, *, owner_id: str | None = None
    ) -> Result: ...

    async def summarize(
        self,
        caller: Caller,
        deals: Sequence[DealSummaryContext],
        about: CallContext,
        *,
        owner_id: str | None = None,
        max_concurrent: int = 5,
    ) -> AsyncGenerator[tuple[int, DealSummaryResult], None]: ...

    async def digest(
        self,
        caller: Caller,
        deals: Sequence[DealSummaryContext],
        about: CallContext,
        *,
        most_usd: Decimal,
        language: str = "en",
        owner_id: str | None = None,
        max_concurrent: int = 5,
    ) -> Sequence[OwnerDigest]: ...

    async def check_claims(
        self, caller: Caller, text: str, context: Mapping[str, Any]
    ) -> Sequence[Claim]: ...


class TextToCheck(CamelBody):
    """A text, and what it may claim."""

    context: dict[str, Any] = Field(examples=[{"deal": {"title": "Project Alpha", "days_in_stage": 14}}])
    text: str = Field(examples=["Project Alpha has been in this stage for 41 days."])


class CheckedClaim(BaseModel):
    """A claim at `text[start:end]` (characters), and whether the context has it."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    start: int
    end: int
    kind: str = Field(description="name, amount, date or status.")
    is_supported: bool
    context_says: str | None = Field(description="What the context says of the same matter instead.")


class CheckedClaims(BaseModel):
    """The claims of a text in their order."""

    claims: list[CheckedClaim]
    supported: int
    unsupported: int


class Deals(CamelBody):
    """Deals to be summed up."""

    deals: list[DealSummaryContext] = Field(min_length=1, max_length=MOST_DEALS)
    max_concurrent: int = Field(5, ge=1, le=MOST_CONCURRENT, description="How many are asked for at once.")
    stream: bool = Field(True, description="Whether each summary is sent as soon as it is done.")


class DigestOrder(CamelBody):
    """Deals, and what a mail to each of their owners may cost together."""

    deals: list[DealSummaryContext] = Field(min_length=1, max_length=MOST_DEALS)
    max_cost_usd: Decimal = Field(gt=0, le=DEAREST_DIGEST, examples=["0.25"])
    language: Language = "en"
    max_concurrent: int = Field(5, ge=1, le=MOST_CONCURRENT)


class Digests(BaseModel):
    """A mail for each owner."""

    mails: list[OwnerDigest]


class Summaries(BaseModel):
    """The summaries in the order of the deals."""

    results: list[DealSummaryResult]


class Desk:
    """Hands requests to the writer: for whom, and on account of which request."""

    def __init__(self, writer: Writer, users: ActingUsers) -> None:
        self._writer = writer
        self._users = users

    async def write(
        self, caller: Caller, context: Context, request_id: str, user: str | None, traceparent: str | None
    ) -> Any:
        """The result for a context."""
        subject = await self._users.subject_of(caller, user)
        about = _about(request_id, subject.owner_id, traceparent)
        return await self._writer.write(subject.caller, context, about, owner_id=subject.owner_id)


def writer_router(
    writer: Writer, users: ActingUsers, authenticator: Authenticator, heartbeat_s: float
) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "writer")
    desk = Desk(writer, users)
    _add_drafts(router, desk)
    _add_summaries(router, desk)
    _add_batch(router, writer, users, heartbeat_s)
    _add_digest(router, writer, users)
    add_learning(router, writer, users)

    @router.post(
        f"{_ROOT}/check-claims", summary="Which names, amounts, dates and statuses a context supports"
    )
    async def check_claims(caller: KnownCaller, asked: TextToCheck) -> CheckedClaims:
        claims = await writer.check_claims(caller, asked.text, asked.context)
        supported = sum(claim.is_matched for claim in claims)
        return CheckedClaims(
            claims=[_shown(claim) for claim in claims],
            supported=supported,
            unsupported=len(claims) - supported,
        )

    return router


def _add_drafts(router: APIRouter, desk: Desk) -> None:
    @router.post(f"{_ROOT}/draft-email", summary="Write a mail")
    async def draft_email(
        caller: KnownCaller,
        request_id: RequestId,
        asked: EmailDraftContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> DraftEmailResult:
        result: DraftEmailResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result

    @router.post(f"{_ROOT}/draft-reminder", summary="Write a reminder in two lengths that fit its channel")
    async def draft_reminder(
        caller: KnownCaller,
        request_id: RequestId,
        asked: ReminderDraftContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> DraftReminderResult:
        result: DraftReminderResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result


def _add_summaries(router: APIRouter, desk: Desk) -> None:
    @router.post(f"{_ROOT}/summarize-deal", summary="Say where a deal stands and what to do next")
    async def summarize_deal(
        caller: KnownCaller,
        request_id: RequestId,
        asked: DealSummaryContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> DealSummaryResult:
        result: DealSummaryResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result

    @router.post(f"{_ROOT}/analyze-compliance", summary="Say what a deal lacks of what is required")
    async def analyze_compliance(
        caller: KnownCaller,
        request_id: RequestId,
        asked: ComplianceContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> ComplianceResult:
        result: ComplianceResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result

    @router.post(f"{_ROOT}/analyze-order-received", summary="Say who will use what was ordered")
    async def analyze_order_received(
        caller: KnownCaller,
        request_id: RequestId,
        asked: OrderReceivedContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> OrderReceivedResult:
        result: OrderReceivedResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result

    @router.post(f"{_ROOT}/summarize-notes", summary="Sum up notes, with what is to be done and by whom")
    async def summarize_notes(
        caller: KnownCaller,
        request_id: RequestId,
        asked: NoteSummaryContext,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> NoteSummaryResult:
        result: NoteSummaryResult = await desk.write(caller, asked, request_id, user, traceparent)
        return result


def _add_batch(router: APIRouter, writer: Writer, users: ActingUsers, heartbeat_s: float) -> None:
    @router.post(
        f"{_ROOT}/batch-summarize-deals",
        summary="Sum up many deals, streamed with progress",
        response_model=Summaries,
        responses=_STREAM,
    )
    async def batch_summarize_deals(
        caller: KnownCaller,
        request_id: RequestId,
        asked: Deals,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> Any:
        subject = await users.subject_of(caller, user)
        about = _about(request_id, subject.owner_id, traceparent)
        summaries = await writer.summarize(
            subject.caller,
            asked.deals,
            about,
            owner_id=subject.owner_id,
            max_concurrent=asked.max_concurrent,
        )
        if asked.stream:
            return event_response(_events(summaries, len(asked.deals)), heartbeat_s, {})
        found = {index: result async for index, result in summaries}
        return Summaries(results=[found[index] for index in range(len(found))])


def _add_digest(router: APIRouter, writer: Writer, users: ActingUsers) -> None:
    @router.post(f"{_ROOT}/digest", summary="One mail to each owner of deals, within a cost")
    async def digest(
        caller: KnownCaller,
        request_id: RequestId,
        asked: DigestOrder,
        user: UserId = None,
        traceparent: TraceParent = None,
    ) -> Digests:
        subject = await users.subject_of(caller, user)
        mails = await writer.digest(
            subject.caller,
            asked.deals,
            _about(request_id, subject.owner_id, traceparent),
            most_usd=asked.max_cost_usd,
            language=asked.language,
            owner_id=subject.owner_id,
            max_concurrent=asked.max_concurrent,
        )
        return Digests(mails=list(mails))


async def _events(
    summaries: AsyncGenerator[tuple[int, DealSummaryResult], None], total: int
) -> AsyncGenerator[NumberedEvent, None]:
    """A `summary` and a `progress` for each deal, and `done` in the end."""
    done = fallbacks = 0
    async with aclosing(summaries):
        async for index, result in summaries:
            done += 1
            fallbacks += result.is_fallback
            body = f'{{"index":{index},"result":{result.model_dump_json()}}}'
            yield NumberedEvent(2 * done - 1, "summary", body)
            yield NumberedEvent(2 * done, "progress", _json({"done": done, "total": total}))
    yield NumberedEvent(2 * done + 1, "done", _json({"total": total, "fallbacks": fallbacks}))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _about(request_id: str, user: str | None, traceparent: str | None) -> CallContext:
    return CallContext(request_id=request_id, app="writer", user=user, traceparent=traceparent)


def _shown(claim: Claim) -> CheckedClaim:
    return CheckedClaim(
        text=claim.text,
        start=claim.start,
        end=claim.end,
        kind=claim.kind,
        is_supported=claim.is_matched,
        context_says=claim.said,
    )
