"""One streamed answer as server-sent events: opened late, kept alive while nothing is said."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from officium.web.exchange import Exchange, Header


class HeartbeatRenderer(Protocol):
    """Knows the bytes that mean nothing to the door's client."""

    def heartbeat(self) -> bytes:
        """Bytes that keep the connection open."""
        ...


class EventStream:
    """The client's end of a stream.

    Between `keep_alive` and `stop` a silence of `heartbeat_s` is broken by a heartbeat, which opens the
    stream if need be: from then on an error can only be told inside it.
    """

    __slots__ = (
        "_beat",
        "_exchange",
        "_heartbeat_s",
        "_last_write",
        "_loop",
        "_renderer",
        "_timer",
        "is_open",
    )

    def __init__(self, exchange: Exchange, renderer: HeartbeatRenderer, heartbeat_s: float) -> None:
        self.is_open = False
        self._exchange = exchange
        self._renderer = renderer
        self._heartbeat_s = heartbeat_s
        self._loop = asyncio.get_running_loop()
        self._last_write = self._loop.time()
        self._beat: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def keep_alive(self) -> None:
        """Begin to send heartbeats."""
        self._timer = self._loop.call_later(self._heartbeat_s, self._wake)

    async def stop(self) -> None:
        """No heartbeats any more; waits for one that is on its way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._end_beat()

    async def open(self, headers: Sequence[Header]) -> None:
        """Start the answer, unless a heartbeat already did (then without these headers)."""
        await self._end_beat()
        if not self.is_open:
            self.is_open = True
            await self._exchange.start_stream(headers)

    async def write(self, data: bytes) -> None:
        """Send events."""
        if self._beat is not None:
            await self._end_beat()
        self._last_write = self._loop.time()
        await self._exchange.write(data)

    async def close(self, data: bytes) -> None:
        """Send the last events and end the answer."""
        await self.stop()
        await self._exchange.finish(data)

    def _wake(self) -> None:
        wait_s = self._last_write + self._heartbeat_s - self._loop.time()
        if wait_s <= 0:
            wait_s = self._heartbeat_s
            if self._beat is None or self._beat.done():
                # From here on nobody else may begin the answer, though the heartbeat has yet to do so.
                must_open, self.is_open = not self.is_open, True
                self._beat = self._loop.create_task(self._send_heartbeat(must_open))
        self._timer = self._loop.call_later(wait_s, self._wake)

    async def _end_beat(self) -> None:
        """Wait for a heartbeat that is on its way, which is not cancelled with whoever waits for it."""
        if self._beat is not None and not self._beat.done():
            await asyncio.shield(self._beat)

    async def _send_heartbeat(self, must_open: bool) -> None:
        if must_open:
            await self._exchange.start_stream()
        self._last_write = self._loop.time()
        await self._exchange.write(self._renderer.heartbeat())
