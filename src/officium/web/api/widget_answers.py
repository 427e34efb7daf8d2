"""`/api/chat-widget/widgets/{widgetId}`: how a widget's visitors were answered, and what they left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from officium.apps.widget.visitors import AnswerSummary, Lead, LoggedRequest
from officium.core.tenancy.caller import Caller
from officium.web.api.chat_widget import PageSize, WidgetId
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_WIDGET = "/api/chat-widget/widgets/{widgetId}"
_LARGEST_ID = 2**63 - 1
_PREVIEW = 100


class VisitorRecords(Protocol):
    """Knows what visitors said and were told."""

    async def list_requests(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 20
    ) -> Sequence[LoggedRequest]: ...

    async def summarize(self, caller: Caller, widget_id: int) -> AnswerSummary: ...

    async def list_leads(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Lead]: ...

    async def forget_visitor(self, caller: Caller, widget_id: int, visitor_id: str) -> bool: ...


class ShownRequest(BaseModel):
    """How a message was answered. Personal data is masked."""

    id: int
    created_at: datetime
    widget_id: int
    visitor_id: str | None = Field(description="null once the visitor is forgotten.")
    conversation_id: int | None
    message_id: int | None
    llm_provider: str | None
    llm_model: str | None
    prompt_preview: str = Field(description="The first 100 characters.")
    response_preview: str = Field(description="The first 100 characters.")
    total_tokens: int
    response_time_ms: int
    status: str = Field(description="success, failed or credits_exhausted")
    error_code: str | None
    answer_source: str = Field(description="llm, knowledge_base or default")
    confidence: float
    confidence_source: str
    entry_id: int | None
    rating: str | None


class ShownRequests(BaseModel):
    """A page of the request log, newest first."""

    requests: list[ShownRequest]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


class AnswerCounts(BaseModel):
    """Where answers came from. Only those of a model spend credits."""

    llm: int
    knowledge_base: int
    default: int


class ShownProvider(BaseModel):
    """What came of asking a provider."""

    llm_provider: str | None
    total_requests: int
    total_tokens: int
    avg_response_time: float | None = Field(description="Milliseconds, of successful ones.")
    successful_requests: int
    failed_requests: int
    credits_exhausted_count: int


class ShownSummary(BaseModel):
    """The answers of the last 30 days."""

    answers: AnswerCounts
    rated_up: int
    rated_down: int
    providers: list[ShownProvider]


class ShownLead(BaseModel):
    """What a visitor left."""

    id: int
    conversation_id: int | None
    name: str | None
    email: str | None
    phone: str | None
    message: str | None
    created_at: datetime


class ShownLeads(BaseModel):
    """A page of leads, newest first."""

    leads: list[ShownLead]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


Before = Annotated[int | None, Query(description="Those before the one with this id.", ge=1, le=_LARGEST_ID)]
FewAtATime = Annotated[int, Query(description="How many at most.", ge=1, le=200)]
VisitorId = Annotated[str, Path(alias="visitorId", max_length=64)]


def widget_answers_router(records: VisitorRecords, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "chat widget")

    @router.get(f"{_WIDGET}/requests", summary="How a widget's messages were answered")
    async def list_requests(
        caller: KnownCaller, widget_id: WidgetId, before: Before = None, limit: FewAtATime = 20
    ) -> ShownRequests:
        found = await records.list_requests(caller, widget_id, before=before, limit=limit)
        return ShownRequests(
            requests=[_shown_request(each) for each in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    @router.get(f"{_WIDGET}/answers", summary="Where a widget's answers of 30 days came from")
    async def summarize(caller: KnownCaller, widget_id: WidgetId) -> ShownSummary:
        found = await records.summarize(caller, widget_id)
        return ShownSummary(
            answers=AnswerCounts(llm=found.llm, knowledge_base=found.knowledge_base, default=found.default),
            rated_up=found.rated_up,
            rated_down=found.rated_down,
            providers=[ShownProvider(**msgspec.structs.asdict(each)) for each in found.providers],
        )

    @router.get(f"{_WIDGET}/leads", summary="What visitors left")
    async def list_leads(
        caller: KnownCaller, widget_id: WidgetId, before: Before = None, limit: PageSize = 50
    ) -> ShownLeads:
        found = await records.list_leads(caller, widget_id, before=before, limit=limit)
        return ShownLeads(
            leads=[
                ShownLead(**{name: getattr(each, name) for name in ShownLead.model_fields}) for each in found
            ],
            next_before=found[-1].id if len(found) == limit else None,
        )

    @router.delete(f"{_WIDGET}/visitors/{{visitorId}}", summary="Forget a visitor", status_code=204)
    async def forget_visitor(caller: KnownCaller, widget_id: WidgetId, visitor_id: VisitorId) -> None:
        await records.forget_visitor(caller, widget_id, visitor_id)

    return router


def _shown_request(request: LoggedRequest) -> ShownRequest:
    values: dict[str, Any] = {name: getattr(request, name, None) for name in ShownRequest.model_fields}
    previews = {
        "prompt_preview": request.prompt_text[:_PREVIEW],
        "response_preview": request.response_text[:_PREVIEW],
    }
    return ShownRequest(**values | previews)
