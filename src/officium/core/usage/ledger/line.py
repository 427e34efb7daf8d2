"""The line in which holds wait for others to let go of what they hold: first come, first served."""

import asyncio
from bisect import insort
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice

from msgspec import Struct

from officium.core.usage.ledger.budget import Subject
from officium.core.usage.ledger.operation import Answer, Granted, MustWait, PlaceHold
from officium.kit.clock import Clock
from officium.kit.errors import ServiceUnavailable

RETRY_S = 0.1
"""How often those in front look again in any case: other processes do not say what they let go of."""
_MOST_AT_ONCE = 64

Submit = Callable[[PlaceHold], "asyncio.Future[Answer]"]


class _Waiter(Struct, eq=False, kw_only=True):
    operation: PlaceHold
    blocked_by: tuple[Subject, ...]
    deadline: float
    future: "asyncio.Future[Answer]"
    attempt: "asyncio.Future[Answer] | None" = None
    has_left: bool = False


class WaitingLine:
    """The holds of one tenant that wait, in the order they came.

    When something was let go of, those in front try again, together and in order. Whoever has waited until
    its deadline tries for the last time and takes what there is. They hold nothing meanwhile but a future.
    """

    def __init__(self, submit: Submit, release: Callable[[PlaceHold], None], clock: Clock) -> None:
        """`submit` tries to place a hold, `release` takes back one that nobody waits for any more."""
        self._submit = submit
        self._release = release
        self._clock = clock
        self._waiters: deque[_Waiter] = deque()
        self._blocked: Counter[Subject] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._must_try_again = False

    def __len__(self) -> int:
        return len(self._waiters)

    def blocked_by(self, subjects: Sequence[Subject]) -> tuple[Subject, ...]:
        """Those of `subjects` for whose budgets somebody waits already: who comes now stands behind."""
        return tuple(who for who in subjects if self._blocked[who] > 0)

    def join(
        self, operation: PlaceHold, blocked_by: tuple[Subject, ...], deadline: float
    ) -> "asyncio.Future[Answer]":
        """Queue up until `deadline`, on the loop's clock. Cancel the future to leave the line.

        All wait equally long, so the earlier deadline is that of who came first: one may join late, after
        an attempt that took its time.
        """
        waiter = _Waiter(
            operation=operation,
            blocked_by=blocked_by,
            deadline=deadline,
            future=asyncio.get_running_loop().create_future(),
        )
        insort(self._waiters, waiter, key=lambda one: one.deadline)
        self._blocked.update(blocked_by)
        waiter.future.add_done_callback(lambda _: self._leave(waiter))
        self._set_timer()
        return waiter.future

    def try_again(self) -> None:
        """Something was let go of."""
        self._must_try_again = True
        if self._task is None and self._waiters:
            self._task = asyncio.create_task(self._try_in_order(), name="ledger-line")

    def close(self) -> None:
        """Send everybody away."""
        for waiter in tuple(self._waiters):
            if not waiter.future.done():
                waiter.future.set_exception(
                    ServiceUnavailable("The server is stopping. Ask again in a moment.")
                )

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.has_left:
            return
        waiter.has_left = True
        self._waiters.remove(waiter)
        self._blocked.subtract(waiter.blocked_by)
        self._blocked = +self._blocked
        if waiter.attempt is not None:
            waiter.attempt.cancel()
        self._set_timer()

    def _set_timer(self) -> None:
        """Look again soon, or when the first one's time is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiters:
            loop = asyncio.get_running_loop()
            left_s = max(0.0, self._waiters[0].deadline - loop.time())
            self._timer = loop.call_later(min(RETRY_S, left_s), self.try_again)

    async def _try_in_order(self) -> None:
        try:
            while self._must_try_again and self._waiters:
                self._must_try_again = False
                front = [one for one in islice(self._waiters, _MOST_AT_ONCE) if not one.future.done()]
                if front and await self._try(front) == len(front):
                    self._must_try_again = True
        finally:
            self._task = None
            self._set_timer()

    async def _try(self, front: Sequence[_Waiter]) -> int:
        """One attempt of each; how many need not wait any longer."""
        now, moment = asyncio.get_running_loop().time(), self._clock.now()
        for waiter in front:
            operation = waiter.operation
            lifetime: timedelta = operation.expires_at - operation.created_at
            operation.created_at, operation.expires_at = moment, moment + lifetime
            operation.may_wait = now < waiter.deadline
            waiter.attempt = self._submit(operation)
        attempts = [waiter.attempt for waiter in front if waiter.attempt is not None]
        await asyncio.wait(attempts)
        return sum(self._take(waiter, attempt) for waiter, attempt in zip(front, attempts, strict=True))

    def _take(self, waiter: _Waiter, attempt: "asyncio.Future[Answer]") -> bool:
        """Pass on what came of an attempt; whether that was the last one."""
        waiter.attempt = None
        if attempt.cancelled():
            return True
        error = attempt.exception()
        answer = None if error else attempt.result()
        if waiter.future.done():
            if isinstance(answer, Granted):
                self._release(waiter.operation)
        elif error is not None:
            waiter.future.set_exception(error)
            self._leave(waiter)
        elif isinstance(answer, MustWait):
            self._blocked.subtract(waiter.blocked_by)
            self._blocked.update(answer.subjects)
            waiter.blocked_by = answer.subjects
            return False
        else:
            waiter.future.set_result(answer)
            self._leave(waiter)
        return True
