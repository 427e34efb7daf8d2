"""What was asked and answered, on the page of a request, and the same question to another model."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from officium.core.gateway.call import AnswerStream, CallContext, ModelListing
from officium.core.gateway.replay import Prepared, Replayed, Wish
from officium.core.llm.message import Refusal, Text, ToolCall
from officium.core.tenancy.caller import Caller
from officium.core.usage.contents import KeptContent, LogBounds, LogTerms, RequestContent
from officium.core.usage.record import WrittenRecord
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.web.console.frame import Frame
from officium.web.console.pages.requests import ROOT, Searches, id_of
from officium.web.console.signed_in import Form

_MODELS_WITHIN_S = 3.0
_RECORDED_WITHIN = 20
_RECORDED_EVERY_S = 0.1
_MOST_DIGITS = 7


class Contents(Protocol):
    """Knows what is kept of requests."""

    bounds: LogBounds

    async def get_terms(self, caller: Caller) -> LogTerms: ...

    async def set_terms(self, caller: Caller, terms: LogTerms, *, request_id: str | None = None) -> None: ...

    async def list_kept(self, caller: Caller, request_id: str) -> Sequence[KeptContent]: ...

    async def open_content(
        self, caller: Caller, request_id: str, *, by: str | None = None, purpose: str = "read"
    ) -> Sequence[RequestContent]: ...

    async def forget_contents(self, caller: Caller, *, request_id: str | None = None) -> int: ...


class Replays(Protocol):
    """Asks kept requests again."""

    async def replay(self, caller: Caller, request_id: str, wish: Wish, context: CallContext) -> Replayed: ...

    async def prepare(
        self, caller: Caller, request_id: str, wish: Wish, context: CallContext
    ) -> Prepared: ...

    async def open_stream(self, caller: Caller, prepared: Prepared, context: CallContext) -> AnswerStream: ...


class Models(Protocol):
    """Knows which models there are."""

    async def list_models(self, caller: Caller) -> Sequence[ModelListing]: ...


def add_request_contents(
    router: APIRouter, contents: Contents, replays: Replays, models: Models, searches: Searches, frame: Frame
) -> None:
    """Add the pieces that the page of a request asks for."""

    @router.post(f"{ROOT}/{{id}}/content")
    async def open_content(request: Request, id: str) -> Response:
        caller = request.state.session.caller
        found = await contents.open_content(caller, id_of(id), by=request.scope["officium.request_id"])
        return frame.fragment(
            "requests/content.html",
            id=id,
            calls=found,
            models=await _models(models, caller),
            cannot=[_obstacle(one) for one in found],
        )

    @router.post(f"{ROOT}/{{id}}/replay")
    async def replay(request: Request, id: str) -> Response:
        caller, own_id = request.state.session.caller, request.scope["officium.request_id"]
        context = CallContext(request_id=own_id, app="console", user=caller.member_id, cache="off")
        wish = wish_in(request.state.form)
        before = await searches.list_attempts(caller, id_of(id))
        if not before:
            raise NotFound("No request of your tenant has this id. It may be mistyped.")
        replayed = await replays.replay(caller, id, wish, context)
        return frame.fragment(
            "requests/replayed.html",
            replayed=replayed,
            parts=[part_shown(part) for part in replayed.completion.parts],
            wish=wish,
            id=own_id,
            before=before[-1],
            now=await recorded(searches, caller, own_id),
            fault="",
        )


def wish_in(form: Form) -> Wish:
    """What somebody wants of the replay. Raises InvalidRequest."""
    call = form.get("call", "0")
    said = form.get("temperature", "").strip().replace(",", ".")
    tokens = form.get("max_tokens", "").strip()
    try:
        temperature = float(said) if said else None
    except ValueError:
        raise InvalidRequest("Write the temperature as a number, such as 0.7.", param="temperature") from None
    for name, number in (("max_tokens", tokens), ("call", call)):
        if number and not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
            raise InvalidRequest("Write a whole number, or nothing.", param=name)
    return Wish(
        model=form.get("model", "")[:256],
        call=int(call or 0),
        temperature=temperature,
        max_tokens=int(tokens) if tokens else None,
        is_stream="stream" in form,
    )


async def _models(models: Models, caller: Caller) -> list[str]:
    """What can be chosen, as far as providers say so soon; anything else can be written."""
    with suppress(TimeoutError, OfficiumError):
        async with asyncio.timeout(_MODELS_WITHIN_S):
            return [model.id for model in await models.list_models(caller)]
    return []


async def recorded(searches: Searches, caller: Caller, id: str) -> WrittenRecord | None:
    """The line of the log of a request that has just ended: it is written a moment later."""
    for _ in range(_RECORDED_WITHIN):
        if attempts := await searches.list_attempts(caller, id):
            return attempts[-1]
        await asyncio.sleep(_RECORDED_EVERY_S)
    return None


def _obstacle(content: RequestContent) -> str | None:
    """Why a call cannot be asked again, as the end of a text's key."""
    if content.request.inputs or not content.request.messages:
        return "embedding"
    if content.request.has_media:
        return "media"
    return "cut" if content.is_request_cut else None


def part_shown(part: Any) -> dict[str, str]:
    """A part of an answer as templates take it, like those that are kept."""
    match part:
        case Text():
            return {"kind": "text", "text": part.text, "name": ""}
        case Refusal():
            return {"kind": "refusal", "text": part.text, "name": ""}
        case ToolCall():
            return {"kind": "tool_call", "text": part.arguments, "name": part.name}
        case _:
            return {"kind": "reasoning", "text": getattr(part, "text", ""), "name": ""}
