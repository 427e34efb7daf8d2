"""Watches over open streams: what they have used is noted, and none goes on without credit."""

import asyncio
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

import structlog

from officium.core.gateway.accounting import Accountant, OpenCall
from officium.kit.errors import OfficiumError

EVERY_S = 1.0
"""How often streams are looked at. It is also how much of a stream a killed process may forget."""
_SLICE_TOKENS = 256

logger = structlog.get_logger("gateway")


class KeptStream(Protocol):
    """A stream under way."""

    call: OpenCall

    def cut(self) -> None:
        """End the answer here."""
        ...


class StreamKeeper:
    """Looks at all open streams of this process every second.

    Providers are told how long an answer may be, and nearly all obey. Where one does not, the hold is
    extended while there is room, and the stream is cut when there is none.
    """

    def __init__(self, accountant: Accountant) -> None:
        self._accountant = accountant
        self._streams: WeakSet[KeptStream] = WeakSet()
        self._task: asyncio.Task[None] | None = None

    def watch(self, stream: KeptStream) -> None:
        """Look after `stream` as long as it lives."""
        if stream.call.hold is not None:
            self._streams.add(stream)

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._keep(), name="stream-keeper")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Look at every open stream once."""
        for stream in list(self._streams):
            if stream.call.is_closed:
                self._streams.discard(stream)
            else:
                await self._look_at(stream)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except OfficiumError as error:
                logger.warning("streams.not_kept", reason=error.code)

    async def _look_at(self, stream: KeptStream) -> None:
        call = stream.call
        spent = self._accountant.spent_so_far(call)
        if call.hold is None or not spent.tokens:
            return
        call.hold.streamed = spent
        missing = spent.tokens - call.hold.granted.tokens
        if missing > 0 and not await self._accountant.extend(call, missing + _SLICE_TOKENS):
            logger.warning("stream.cut", request_id=call.context.request_id, tokens=spent.tokens)
            stream.cut()
