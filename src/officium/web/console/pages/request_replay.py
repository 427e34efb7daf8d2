"""A kept request asked again, whose answer is drawn on the page as it is written."""

from collections.abc import AsyncGenerator
from time import perf_counter
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from officium.core.conversations.live import NumberedEvent
from officium.core.gateway.call import CallContext
from officium.core.gateway.replay import Prepared, Replayed, Wish
from officium.core.llm.completion import CompletionBuilder
from officium.core.tenancy.caller import Caller
from officium.core.usage.record import WrittenRecord
from officium.kit.errors import NotFound, OfficiumError
from officium.web.console.frame import Frame, guarded
from officium.web.console.markdown import GrowingMarkdown
from officium.web.console.pages.advisors_stream import drawn
from officium.web.console.pages.advisors_view import State
from officium.web.console.pages.request_contents import Replays, part_shown, recorded, wish_in
from officium.web.console.pages.requests import ROOT, Searches, id_of
from officium.web.door import presentable


def add_replay_stream(
    router: APIRouter, replays: Replays, searches: Searches, heartbeat_s: float, frame: Frame
) -> None:
    """Add the route that answers in pieces, as `drawn` writes them. Whoever hangs up stops the answer."""

    @router.post(f"{ROOT}/{{id}}/replay/stream")
    async def stream(request: Request, id: str) -> Response:
        caller, own_id = request.state.session.caller, request.scope["officium.request_id"]
        context = CallContext(request_id=own_id, app="console", user=caller.member_id, cache="off")
        wish = msgspec.structs.replace(wish_in(request.state.form), is_stream=True)
        before = await searches.list_attempts(caller, id_of(id))
        if not before:
            raise NotFound("No request of your tenant has this id. It may be mistyped.")
        prepared = await replays.prepare(caller, id, wish, context)
        answer = _Answer(replays, searches, frame, caller, prepared, wish, context, before[-1])
        written = drawn(answer.events(), GrowingMarkdown(), 0, heartbeat_s, answer.finish)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        kind = "text/event-stream; charset=utf-8"
        return guarded(StreamingResponse(written, media_type=kind, headers=headers))


class _Answer:
    """One answer: its pieces, and how it ended."""

    def __init__(
        self,
        replays: Replays,
        searches: Searches,
        frame: Frame,
        caller: Caller,
        prepared: Prepared,
        wish: Wish,
        context: CallContext,
        before: WrittenRecord,
    ) -> None:
        self._replays = replays
        self._searches = searches
        self._frame = frame
        self._caller = caller
        self._prepared = prepared
        self._wish = wish
        self._context = context
        self._before = before
        self._builder = CompletionBuilder()
        self._notes: tuple[str, ...] = ()
        self._model = wish.model
        self._began = perf_counter()
        self._first_ms = 0

    async def events(self) -> AsyncGenerator[NumberedEvent, None]:
        """What the model says, as events of an answer; closing it stops the provider's work."""
        number = 0
        try:
            stream = await self._replays.open_stream(self._caller, self._prepared, self._context)
            self._first_ms, self._model = self._since(), stream.deployment.name
            try:
                async for deltas in stream:
                    for delta in deltas:
                        self._builder.add(delta)
                    if text := "".join(delta.text or delta.refusal for delta in deltas):
                        number += 1
                        yield _event(number, "message", {"content": text})
            finally:
                await stream.aclose()
            self._notes = stream.notes
            yield _event(number + 1, "message", {"content": "", "done": True})
        except OfficiumError as error:
            shown = presentable(error, self._context.request_id)
            yield _event(number + 1, "error", {"error": {"message": shown.message}})

    async def finish(self, state: State, fault: str, text: GrowingMarkdown) -> dict[str, Any]:
        """Both answers side by side, which stand in the place of what was drawn."""
        completion = self._builder.build(self._notes)
        total_ms = self._since()
        html = self._frame.render(
            "requests/replayed.html",
            replayed=Replayed(
                before=self._prepared.before,
                completion=completion,
                model=self._model,
                first_ms=self._first_ms or total_ms,
                total_ms=total_ms,
            ),
            parts=[part_shown(part) for part in completion.parts],
            wish=self._wish,
            id=self._context.request_id,
            before=self._before,
            now=await recorded(self._searches, self._caller, self._context.request_id),
            fault=fault,
        )
        return {"html": html, "state": state}

    def _since(self) -> int:
        return round((perf_counter() - self._began) * 1000)


def _event(number: int, name: str, data: dict[str, Any]) -> NumberedEvent:
    return NumberedEvent(number, name, msgspec.json.encode(data).decode())
