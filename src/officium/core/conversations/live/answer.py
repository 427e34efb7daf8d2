"""One answer that this process produces, with everything that was said so far."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import structlog

from officium.core.conversations.live.event import AnswerKey, Ending, Event, NumberedEvent, last_words
from officium.kit.clock import Clock

LARGEST_BYTES = 4 * 1024 * 1024
_BYTES_PER_EVENT = 64

_log = structlog.get_logger("conversations")


class LiveAnswer:
    """Takes the events of a producer and hands them to any number of readers, each at its own pace.

    `saved` says how many of the events are in the database. After `ending` is set nothing more is said.
    """

    def __init__(self, key: AnswerKey, clock: Clock) -> None:
        self.key = key
        self.events: list[NumberedEvent] = []
        self.ending: Ending | None = None
        self.saved = 0
        self.next_beat = clock.monotonic()
        self._clock = clock
        self._size_bytes = 0
        self._readers = 0
        self._left_at = clock.monotonic()
        self._news = asyncio.Event()
        self._cut: Ending | None = None
        self._is_producing = False
        self._is_over = False
        self._task: asyncio.Task[None] | None = None

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """The task of the producer."""
        return self._task

    @property
    def has_unsaved(self) -> bool:
        """Whether something is to be written down."""
        return self.ending is not None or self.saved < len(self.events)

    def start(self, producer: AsyncIterator[Event]) -> None:
        """Begin to produce, in a task of the running loop."""
        self._task = asyncio.create_task(self._produce(producer), name="live-answer")

    def cut(self, ending: Ending) -> None:
        """Cancel the producer, unless it is done already; the answer ends once it has cleaned up."""
        if self._cut is None and not self._is_over:
            self._cut = ending
            if self._task is not None and self._is_producing:
                self._task.cancel()

    def end(self, ending: Ending) -> None:
        """Say the last words; those of a second end are not heard."""
        if self.ending is None:
            if ending != "complete":
                self._append(*last_words(ending))
            self.ending = ending
            self._tell()

    def is_left_since(self, moment: float) -> bool:
        """Whether nobody of this process has read the answer since that moment of the clock."""
        return self.ending is None and self._readers == 0 and self._left_at <= moment

    async def read(self, after: int) -> AsyncGenerator[NumberedEvent, None]:
        """The events after the id `after`, then those to come, until the answer ends."""
        self._readers += 1
        try:
            position = min(after, len(self.events))
            while True:
                news = self._news
                while position < len(self.events):
                    position += 1
                    yield self.events[position - 1]
                if self.ending is not None:
                    return
                await news.wait()
        finally:
            self._readers -= 1
            self._left_at = self._clock.monotonic()

    async def _produce(self, producer: AsyncIterator[Event]) -> None:
        # A task that is cancelled before its first step takes none: that is why `cut` waits for this one.
        self._is_producing = True
        ending: Ending = "restarted"
        try:
            if self._cut is None:
                ending = await self._take_all(producer)
        except asyncio.CancelledError:
            _log.info("answer.cut", tenant=self.key.tenant_id, reason=self._cut or ending)
        except Exception:
            ending = "failed"
            _log.exception("answer.failed", tenant=self.key.tenant_id)
        self._is_over = True
        try:
            await close_producer(producer)
        finally:
            self.end(self._cut or ending)

    async def _take_all(self, producer: AsyncIterator[Event]) -> Ending:
        async for name, data in producer:
            if self._cut is not None:
                return self._cut
            if self._size_bytes + _size_bytes(name, data) > LARGEST_BYTES:
                return "too_large"
            self._append(name, data)
            self._tell()
        return "complete"

    def _append(self, name: str, data: str) -> None:
        self.events.append(NumberedEvent(len(self.events) + 1, name, data))
        self._size_bytes += _size_bytes(name, data)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _size_bytes(name: str, data: str) -> int:
    return len(name) + len(data.encode("utf-8", "replace")) + _BYTES_PER_EVENT


async def close_producer(producer: AsyncIterator[Event]) -> None:
    """Let a producer clean up, if it can; what it raises meanwhile is logged."""
    close = getattr(producer, "aclose", None)
    if close is not None:
        try:
            await close()
        except Exception:
            _log.exception("answer.not_closed")
