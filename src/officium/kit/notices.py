"""Short notices between the processes of one installation: "forget what you remember of this".

A notice may be lost, so whoever keeps something must also forget it by time. Losing Redis costs speed only.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import structlog

from officium.kit.redis import SOCKET_TIMEOUT_S

if TYPE_CHECKING:
    from redis.asyncio import Redis

Handler = Callable[[str], None]
"""What to do with a notice's text. Must be quick and must not fail."""

_log = structlog.get_logger(__name__)

_CHANNEL = "officium:notices"
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_LAST_WORDS_S = 1.0


class Notices(Protocol):
    """Carries notices to every process, this one included."""

    def publish(self, topic: str, text: str) -> None:
        """Tell everyone who subscribed to `topic`. Never waits and never fails."""
        ...

    def subscribe(self, topic: str, handler: Handler) -> Callable[[], None]:
        """Call `handler` with each notice's text from now on; the result takes the subscription back."""
        ...

    async def start(self) -> None:
        """Begin to listen to the other processes."""
        ...

    async def close(self) -> None:
        """Send what waits, if that takes no more than a moment, and stop listening."""
        ...


class LocalNotices:
    """Notices within one process."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}

    def publish(self, topic: str, text: str) -> None:
        for handler in tuple(self._handlers.get(topic, ())):
            handler(text)

    def subscribe(self, topic: str, handler: Handler) -> Callable[[], None]:
        handlers = self._handlers.setdefault(topic, [])
        handlers.append(handler)

        def unsubscribe() -> None:
            with suppress(ValueError):
                handlers.remove(handler)

        return unsubscribe

    async def start(self) -> None:
        """Nothing to listen to."""

    async def close(self) -> None:
        """Nothing to stop."""


def open_notices(redis: "Redis | None") -> Notices:
    """Notices over Redis where there is one, else within this process."""
    return LocalNotices() if redis is None else RedisNotices(redis)


class RedisNotices:
    """Notices between processes over Redis publish/subscribe.

    A handler of the publishing process is called at once, and perhaps a second time when Redis echoes the
    notice. While Redis is away, up to `max_waiting` notices wait for it; then the oldest are dropped. The
    client is shared, so closing the notices leaves it open.
    """

    def __init__(self, redis: "Redis", *, channel: str = _CHANNEL, max_waiting: int = 1000) -> None:
        self._redis = redis
        self._channel = channel
        self._local = LocalNotices()
        self._waiting: asyncio.Queue[str] = asyncio.Queue(max_waiting)
        self._tasks: list[asyncio.Task[None]] = []

    def publish(self, topic: str, text: str) -> None:
        self._local.publish(topic, text)
        if self._waiting.full():
            self._waiting.get_nowait()
            self._waiting.task_done()
        self._waiting.put_nowait(f"{topic}\n{text}")

    def subscribe(self, topic: str, handler: Handler) -> Callable[[], None]:
        return self._local.subscribe(topic, handler)

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(_again_and_again(self._send), name="notices.send"),
            asyncio.create_task(_again_and_again(self._listen), name="notices.listen"),
        ]

    async def close(self) -> None:
        if self._tasks:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._waiting.join(), _LAST_WORDS_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, connected: Callable[[], None]) -> None:
        while True:
            notice = await self._waiting.get()
            try:
                await self._redis.publish(self._channel, notice)
            except BaseException:
                if not self._waiting.full():
                    self._waiting.put_nowait(notice)
                raise
            finally:
                self._waiting.task_done()
            connected()

    async def _listen(self, connected: Callable[[], None]) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as listener:
            await listener.subscribe(self._channel)
            connected()
            while True:
                message = await listener.get_message(timeout=SOCKET_TIMEOUT_S)
                if message is not None:
                    topic, _, text = message["data"].decode(errors="replace").partition("\n")
                    self._local.publish(topic, text)


async def _again_and_again(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    """Run `work`, and run it again with growing pauses whenever Redis fails it."""
    from redis.exceptions import RedisError

    pause_s = _FIRST_PAUSE_S

    def connected() -> None:
        nonlocal pause_s
        pause_s = _FIRST_PAUSE_S

    while True:
        try:
            await work(connected)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("notices.redis_away", error=type(error).__name__, retry_after_s=round(pause_s, 1))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
