"""`/api/usage/...`: what the request log keeps besides figures, and what was asked and answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from officium.core.tenancy.caller import Caller
from officium.core.usage.contents import LogBounds, LogTerms, RequestContent
from officium.core.usage.contents.terms import MOST_CONTENT_DAYS, MOST_LOG_DAYS, Keeping
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router
from officium.web.keyed import RequestId as OwnId


class Contents(Protocol):
    """Knows what was asked and answered, as far as it is kept."""

    bounds: LogBounds

    async def get_terms(self, caller: Caller) -> LogTerms: ...

    async def set_terms(self, caller: Caller, terms: LogTerms, *, request_id: str | None = None) -> None: ...

    async def open_content(
        self, caller: Caller, request_id: str, *, by: str | None = None, purpose: str = "read"
    ) -> Sequence[RequestContent]: ...

    async def forget_contents(self, caller: Caller, *, request_id: str | None = None) -> int: ...


class NewLogTerms(BaseModel):
    """What the request log is to keep besides figures, and for how long."""

    model_config = ConfigDict(extra="forbid")

    contents: Keeping = Field(
        description="Of which requests prompt and answer are kept: `off`, `failed` (and refused) or `all`."
    )
    content_days: int = Field(14, ge=1, le=MOST_CONTENT_DAYS, description="After which they are deleted.")
    is_masked: bool = Field(
        True, description="Whether e-mail addresses, phone numbers, cards and IBANs are taken out of them."
    )
    log_days: int | None = Field(
        None,
        ge=1,
        le=MOST_LOG_DAYS,
        description="After which lines of the usage log are deleted; null keeps them. Sums by day stay.",
    )


class ShownLogTerms(NewLogTerms):
    """The same, and what the installation allows."""

    are_contents_allowed: bool = Field(description="Whether prompts and answers may be kept here at all.")
    most_log_days: int | None = Field(description="The most days lines are kept here; null for any number.")


class CallContent(BaseModel):
    """One call of a request: most requests have one, rooms may make several."""

    created_at: datetime
    is_masked: bool = Field(description="Whether personal data was taken out.")
    is_request_cut: bool = Field(description="Whether the request was longer than what is kept of it.")
    is_answer_cut: bool
    request: dict[str, Any] = Field(
        description="`model`, `messages` with `role` and `parts`, `tools`, `settings`; `inputs` of "
        "embeddings. Of pictures and files only their kind and size are kept."
    )
    answer: dict[str, Any] = Field(
        description="`parts`, `finish_reason`, `model`, and `faults`: what went wrong, attempt by attempt."
    )


class RequestContents(BaseModel):
    """What was asked and answered, oldest call first."""

    request_id: str
    calls: list[CallContent]


class Forgotten(BaseModel):
    """How many calls' contents were deleted."""

    deleted: int


RequestId = Annotated[
    str, Path(description="The `x-request-id` of its answer.", pattern=r"^[A-Za-z0-9_.:-]{1,128}$")
]


def request_contents_router(contents: Contents, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "usage")

    def shown(terms: LogTerms) -> ShownLogTerms:
        return ShownLogTerms(
            **msgspec.structs.asdict(terms),
            are_contents_allowed=contents.bounds.are_contents_allowed,
            most_log_days=contents.bounds.most_log_days,
        )

    @router.get(
        "/api/usage/calls/{request_id}/content",
        summary="What was asked and answered; the audit log says who read it",
    )
    async def open_content(caller: KnownCaller, request_id: RequestId, own_id: OwnId) -> RequestContents:
        found = await contents.open_content(caller, request_id, by=own_id)
        return RequestContents(request_id=request_id, calls=[_shown(one) for one in found])

    @router.get("/api/usage/log-terms", summary="What the request log keeps, and for how long")
    async def get_terms(caller: KnownCaller) -> ShownLogTerms:
        return shown(await contents.get_terms(caller))

    @router.put("/api/usage/log-terms", summary="Say what the request log keeps, and for how long")
    async def set_terms(caller: KnownCaller, asked: NewLogTerms, own_id: OwnId) -> ShownLogTerms:
        terms = LogTerms(**asked.model_dump())
        await contents.set_terms(caller, terms, request_id=own_id)
        return shown(terms)

    @router.delete("/api/usage/contents", summary="Delete all prompts and answers that are kept")
    async def forget(caller: KnownCaller, own_id: OwnId) -> Forgotten:
        return Forgotten(deleted=await contents.forget_contents(caller, request_id=own_id))

    return router


def _shown(content: RequestContent) -> CallContent:
    return CallContent(
        created_at=content.created_at,
        is_masked=content.is_masked,
        is_request_cut=content.is_request_cut,
        is_answer_cut=content.is_answer_cut,
        request=msgspec.to_builtins(content.request),
        answer=msgspec.to_builtins(content.answer),
    )
