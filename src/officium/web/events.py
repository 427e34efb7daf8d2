"""Events of an answer that is read by and by, as server-sent events with ids."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress

from fastapi.responses import StreamingResponse

from officium.core.conversations.live import NumberedEvent
from officium.kit.errors import InvalidRequest

HEARTBEAT = b": \n\n"
_LATEST_ID = 2**31 - 1


def event_response(
    events: AsyncGenerator[NumberedEvent, None], heartbeat_s: float, headers: Mapping[str, str]
) -> StreamingResponse:
    """Send events as they come; a silence of `heartbeat_s` is broken by a comment."""
    return StreamingResponse(
        _written(events, heartbeat_s),
        media_type="text/event-stream; charset=utf-8",
        headers={"cache-control": "no-cache", "x-accel-buffering": "no", **headers},
    )


def last_event_id(said: str | None) -> int:
    """The id of the last event that a reader has seen, 0 for none. Raises InvalidRequest."""
    if said is None or said == "":
        return 0
    if not (said.isascii() and said.isdecimal() and len(said) <= 10):
        raise InvalidRequest("`Last-Event-ID` is the `id` of an event.", param="Last-Event-ID")
    return min(int(said), _LATEST_ID)


async def _written(events: AsyncGenerator[NumberedEvent, None], heartbeat_s: float) -> AsyncIterator[bytes]:
    async with aclosing(events):
        coming = _next(events)
        try:
            while True:
                await asyncio.wait({coming}, timeout=heartbeat_s)
                if not coming.done():
                    yield HEARTBEAT
                    continue
                event = coming.result()
                if event is None:
                    return
                yield f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n".encode()
                coming = _next(events)
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming


def _next(events: AsyncGenerator[NumberedEvent, None]) -> "asyncio.Task[NumberedEvent | None]":
    async def read() -> NumberedEvent | None:
        return await anext(events, None)

    return asyncio.ensure_future(read())
