"""Ending waits that take too long, without a timer for each of them."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from officium.core.llm.errors import LLMTimeoutError
from officium.core.llm.http import Timeouts

Phase = Literal["connect", "first_byte", "idle", "total"]

_GRAIN_S = 0.002
"""Event loops keep time in milliseconds; a timer may ring this much early."""


class Watchdog:
    """Keeps the time of one attempt: its total, and within it one wait at a time.

    A wait is a `with watchdog.guard(...)` around awaits; one that takes too long is cancelled and ends in
    LLMTimeoutError. The timer is moved only when it rings too early, so a guard costs next to nothing:
    `asyncio.timeout` would set and cancel one for each network chunk. If the total passes while nobody
    waits, `on_expiry` is called with the error.
    """

    __slots__ = (
        "_cancelling",
        "_is_expired",
        "_limit_s",
        "_loop",
        "_on_expiry",
        "_phase",
        "_rings_at",
        "_since",
        "_task",
        "_timeouts",
        "_timer",
        "_total_at",
        "_until",
    )

    def __init__(self, timeouts: Timeouts, on_expiry: Callable[[LLMTimeoutError], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        self._on_expiry: Callable[[LLMTimeoutError], None] | None = on_expiry
        self._since = self._loop.time()
        self._total_at = self._since + timeouts.total
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._phase: Phase = "total"
        self._limit_s = timeouts.total
        self._until = self._total_at
        self._is_expired = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = float("inf")

    @property
    def waited_s(self) -> float:
        """Seconds since the last guard was set."""
        return self._loop.time() - self._since

    def guard(self, phase: Phase, limit_s: float) -> Self:
        """Allow the wait in the following `with` block so many seconds from now, within the total."""
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        self._since = now = self._loop.time()
        until = now + limit_s
        if until > self._total_at:
            until, phase, limit_s = self._total_at, "total", self._timeouts.total
        self._until = until
        self._phase = phase
        self._limit_s = limit_s
        if until < self._rings_at:
            self._set(until)
        return self

    def stop(self) -> None:
        """The attempt is over."""
        self._task = None
        self._on_expiry = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._is_expired and task is not None:
            self._is_expired = False
            # As asyncio.timeout does: someone else's cancellation has precedence over ours.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise self._error() from error

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        now = self._loop.time() + _GRAIN_S
        self._timer = None
        if self._task is not None:
            if now < self._until:
                self._set(self._until)
            else:
                self._rings_at = float("inf")
                self._is_expired = True
                self._task.cancel()
        elif now < self._total_at:
            self._set(min(self._total_at, now + self._timeouts.idle))
        elif self._on_expiry is not None:
            self._phase, self._limit_s = "total", self._timeouts.total
            self._on_expiry(self._error())

    def _error(self) -> LLMTimeoutError:
        said = {
            "connect": "No connection within",
            "first_byte": "The provider did not begin to answer within",
            "idle": "The provider fell silent in its answer for",
            "total": "The answer was not complete within",
        }[self._phase]
        return LLMTimeoutError(
            f"{said} {self._limit_s:g} s.",
            # Another try would have to be as long as this one.
            is_retryable=self._phase != "total",
            phase=self._phase,
            limit_s=self._limit_s,
        )
