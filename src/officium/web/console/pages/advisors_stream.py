"""An answer under way, drawn for the page: events that say which blocks of HTML are new.

Each event has the id of the answer's own event up to which it is drawn, so a page that lost its connection
goes on with `Last-Event-ID` wherever it asks: the answer is read from its beginning, what the page has seen
is drawn in silence, and only what differs is sent.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from time import perf_counter
from typing import Any

import msgspec

from officium.core.conversations.live import NumberedEvent
from officium.web.console.markdown import GrowingMarkdown
from officium.web.console.pages.advisors_minutes import GrowingMinutes
from officium.web.console.pages.advisors_view import State
from officium.web.events import HEARTBEAT

Finish = Callable[[State, str, GrowingMarkdown], Awaitable[dict[str, Any]]]
"""Makes what the page is told at the end, of how the answer ended, what went wrong, and what was said."""
_SHORTEST_PAUSE_S = 0.05
_WORKING_SHARE = 10


async def drawn(
    events: AsyncGenerator[NumberedEvent, None],
    text: GrowingMarkdown,
    after: int,
    heartbeat_s: float,
    finish: Finish,
) -> AsyncIterator[bytes]:
    """The answer's events after the id `after`, for the page. `events` are those from the beginning on.

    `draw` has `keep`, how many blocks stay, and `blocks`, the HTML of those behind them. `end` is the last.
    """
    drawing = _Drawing(text, after)
    async with aclosing(_paced(events, heartbeat_s)) as batches:
        async for batch in batches:
            if not batch:
                yield HEARTBEAT
                continue
            if (change := await asyncio.to_thread(drawing.take, batch)) is not None:
                yield _event(batch[-1].id, "draw", change)
    yield _event(drawing.last_id + 1, "end", await finish(drawing.state, drawing.fault, text))


class _Drawing:
    """What has been drawn of an answer, and how it ended."""

    def __init__(self, text: GrowingMarkdown, after: int) -> None:
        self.state: State = "interrupted"
        self.fault = ""
        self.last_id = 0
        self._text = text
        self._after = after
        self._drawn: list[str] = []

    def take(self, batch: Sequence[NumberedEvent]) -> dict[str, Any] | None:
        """Take the next events; what changes on the page, if anything."""
        seen = [event for event in batch if event.id <= self._after]
        for event in seen:
            self._read(event)
        if seen:
            self._drawn = self._text.blocks()
        if len(seen) == len(batch):
            return None
        for event in batch[len(seen) :]:
            self._read(event)
        before, self._drawn = self._drawn, self._text.blocks()
        keep = 0
        for old, new in zip(before, self._drawn, strict=False):
            if old != new:
                break
            keep += 1
        if keep == len(before) == len(self._drawn):
            return None
        return {"keep": keep, "blocks": self._drawn[keep:]}

    def _read(self, event: NumberedEvent) -> None:
        self.last_id = event.id
        data = msgspec.json.decode(event.data)
        if isinstance(self._text, GrowingMinutes):
            self._text.hear(event.name, data)
        if event.name == "message":
            self._text.feed(data.get("content", ""))
            if data.get("done"):
                self.state = "complete"
        elif event.name == "figures" and not isinstance(self._text, GrowingMinutes):
            self._text.feed("", data["figures"])
        elif event.name == "error":
            self.state, self.fault = "failed", str(data.get("error", {}).get("message", ""))
        elif event.name == "stopped":
            self.state = "stopped"


async def _paced(
    events: AsyncGenerator[NumberedEvent, None], heartbeat_s: float
) -> AsyncGenerator[list[NumberedEvent], None]:
    """The events in batches: a page is drawn twenty times a second at most, less where drawing takes long.

    An empty batch says that nothing came for `heartbeat_s`.
    """
    async with aclosing(events):
        coming = _next(events)
        try:
            while True:
                await asyncio.wait({coming}, timeout=heartbeat_s)
                if not coming.done():
                    yield []
                    continue
                batch: list[NumberedEvent] = []
                while coming.done() and (event := coming.result()) is not None:
                    batch.append(event)
                    coming = _next(events)
                    # What waits already comes without a pause.
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                if batch:
                    began = perf_counter()
                    yield batch
                    await asyncio.sleep(max(_SHORTEST_PAUSE_S, _WORKING_SHARE * (perf_counter() - began)))
                elif coming.done():
                    return
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming


def _next(events: AsyncGenerator[NumberedEvent, None]) -> "asyncio.Task[NumberedEvent | None]":
    async def read() -> NumberedEvent | None:
        return await anext(events, None)

    return asyncio.ensure_future(read())


def _event(id: int, name: str, data: dict[str, Any]) -> bytes:
    return f"id: {id}\nevent: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()
