"""The first question: its answer as it is written, and what it took, from the usage log."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from officium.core.conversations.live import NumberedEvent
from officium.core.gateway.call import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Provider
from officium.core.llm.message import user
from officium.core.tenancy.caller import Caller, require
from officium.core.usage.record import WrittenRecord
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.api.completions import CompletionGateway
from officium.web.console.frame import Frame, guarded
from officium.web.console.markdown import GrowingMarkdown
from officium.web.console.pages.advisors_stream import drawn
from officium.web.console.pages.advisors_view import State
from officium.web.door import presentable

SCRIPTED = "mock"
LONGEST_QUESTION = 2000
_MAX_TOKENS = 800
_LOGGED_WITHIN_S = 3.0
"""The usage log is written a tenth of a second later, unless the database is busy."""
_LOOKS = 30
_ADVICE = {
    "provider_key_refused": "key",
    "provider_quota_exhausted": "quota",
    "model_not_found": "model",
    "model_retired": "model",
    "provider_rate_limited": "busy",
    "provider_unreachable": "unreachable",
    "provider_timeout": "unreachable",
    "provider_unavailable": "unreachable",
    "provider_garbled": "address",
    "address_refused": "address",
    "out_of_credits": "credits",
    "provider_not_configured": "provider",
    "no_default_llm_config": "provider",
}


class Attempts(Protocol):
    """Knows what was tried for a request."""

    async def list_attempts(self, caller: Caller, request_id: str) -> Sequence[WrittenRecord]: ...


@dataclass(frozen=True)
class QuestionParts:
    """What the first question asks for."""

    gateway: CompletionGateway
    attempts: Attempts
    available_providers: Callable[[Caller], Awaitable[Collection[str]]]
    providers: Sequence[Provider]
    heartbeat_s: float


def advice(code: str | None) -> str:
    """What to do about an error: the last part of a text's key."""
    return _ADVICE.get(code or "", "other")


def add_first_question(router: APIRouter, parts: QuestionParts, frame: Frame) -> None:
    """Add the route that answers in pieces, as `drawn` writes them."""

    @router.post("/console/first-steps/ask")
    async def ask(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "inference")
        question, chosen = form.get("question", "").strip(), form.get("provider", "")
        if not question or len(question) > LONGEST_QUESTION:
            raise InvalidRequest(f"A question has 1 to {LONGEST_QUESTION:,} characters.", param="question")
        if chosen not in await parts.available_providers(caller):
            raise InvalidRequest("Choose who answers: this provider is not set up.", param="provider")
        asked = CompletionRequest(model=chosen, messages=(user(question),), max_tokens=_MAX_TOKENS)
        answer = _Answer(parts, frame, caller, asked, request.scope["officium.request_id"])
        written = drawn(answer.events(), GrowingMarkdown(), 0, parts.heartbeat_s, answer.finish)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        kind = "text/event-stream; charset=utf-8"
        return guarded(StreamingResponse(written, media_type=kind, headers=headers))


class _Answer:
    """One answer: its pieces, and how it ended."""

    def __init__(
        self, parts: QuestionParts, frame: Frame, caller: Caller, asked: CompletionRequest, request_id: str
    ) -> None:
        self._parts = parts
        self._frame = frame
        self._caller = caller
        self._asked = asked
        self._request_id = request_id
        self._error: OfficiumError | None = None

    async def events(self) -> AsyncGenerator[NumberedEvent, None]:
        """What the model says, as events of an answer; closing it stops the provider's work."""
        context = CallContext(request_id=self._request_id, app="console", cache="off")
        number = 0
        try:
            stream = await self._parts.gateway.open_stream(self._caller, self._asked, context)
            try:
                async for deltas in stream:
                    if text := "".join(delta.text or delta.refusal for delta in deltas):
                        number += 1
                        yield _event(number, "message", {"content": text})
            finally:
                await stream.aclose()
            yield _event(number + 1, "message", {"content": "", "done": True})
        except OfficiumError as error:
            self._error = presentable(error, self._request_id)
            yield _event(number + 1, "error", {"error": {"message": self._error.message}})

    async def finish(self, state: State, fault: str, text: GrowingMarkdown) -> dict[str, Any]:
        """What stands below the answer from now on: what it took, or what to do."""
        code = self._error.code if self._error is not None else None
        html = self._frame.render(
            "first_steps/answered.html",
            state=state,
            fault=fault,
            advice=advice(code),
            took=await self._took(),
            asked=next(one for one in self._parts.providers if one.name == self._asked.model),
            request_id=self._request_id,
            is_admin=self._caller.may("admin"),
            may_try_scripted=self._asked.model != SCRIPTED
            and SCRIPTED in await self._parts.available_providers(self._caller),
        )
        said = text.text if state == "complete" else fault or text.text
        return {"html": html, "say": said, "state": state}

    async def _took(self) -> WrittenRecord | None:
        """The attempt that decided the call, from the usage log; `None` where it does not stand there yet."""
        if not self._caller.may("usage:read"):
            return None
        for _ in range(_LOOKS):
            found = await self._parts.attempts.list_attempts(self._caller, self._request_id)
            if found:
                return found[-1]
            await asyncio.sleep(_LOGGED_WITHIN_S / _LOOKS)
        return None


def _event(number: int, name: str, data: dict[str, Any]) -> NumberedEvent:
    return NumberedEvent(number, name, msgspec.json.encode(data).decode())
