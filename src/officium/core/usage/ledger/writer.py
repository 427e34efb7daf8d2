"""The one who writes the ledger: everything that waits goes into the next transaction together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from msgspec import Struct

from officium.core.usage.ledger.errors import OperationRefused, PerhapsWritten
from officium.core.usage.ledger.operation import (
    Answer,
    Granted,
    Operation,
    PlaceHold,
    ReleaseHold,
    SettleHold,
)
from officium.kit.errors import ServiceUnavailable

BATCH_LARGEST = 512
BACKLOG_LARGEST = 100_000
_RETRY_WAIT_S = 0.5

logger = structlog.get_logger("ledger")


class BatchSink(Protocol):
    """Where batches go."""

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        """Carry out all or none. Raises NotWritten, PerhapsWritten and OperationRefused."""
        ...


class _Job(Struct):
    """An operation, and who waits for its answer. One without a future is kept until it is written."""

    operation: Operation
    future: asyncio.Future[Any] | None


class LedgerWriter:
    """Gathers operations while the last ones are committed, and carries them out in one transaction.

    When the database is away, whoever waits is told so, once; settlements and releases are kept and tried
    again until they are written, which is safe however often it happens. When `BACKLOG_LARGEST` of them wait,
    `is_full` asks for no more holds. An operation that the database refuses for its own sake is passed over.
    """

    def __init__(self, sink: BatchSink, on_written: Callable[[set[str]], None]) -> None:
        """`on_written` is told of which tenants holds have ended, after each batch where some have."""
        self._sink = sink
        self._on_written = on_written
        self._jobs: deque[_Job] = deque()
        self._kept = 0
        self._batch_size = BATCH_LARGEST
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that no more holds should be placed."""
        return self._kept >= BACKLOG_LARGEST

    def start(self) -> None:
        """Begin writing, on the running loop."""
        self._task = asyncio.create_task(self._write_all(), name="ledger-writer")

    def submit(self, operation: Operation) -> "asyncio.Future[Any]":
        """Have an operation carried out; its answer, or ServiceUnavailable.

        A future that is cancelled in time leaves nothing behind: a hold placed for it is released.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._is_closing:
            future.set_exception(_unavailable())
        else:
            self._add(_Job(operation, future))
        return future

    def post(self, operation: SettleHold | ReleaseHold) -> None:
        """Have an operation carried out without fail; never waits and never raises."""
        if self._is_closing and (self._task is None or self._task.done()):
            _log_lost(operation)
            return
        self._kept += 1
        self._add(_Job(operation, None))

    async def flush(self) -> None:
        """Wait until everything taken so far is written."""
        await self._is_idle.wait()

    async def close(self, timeout_s: float) -> None:
        """Write what waits and stop. What cannot be written in `timeout_s` is logged, line by line."""
        self._is_closing = True
        self._has_work.set()
        if self._task is not None:
            try:
                await asyncio.wait_for(self._task, timeout_s)
            except TimeoutError:
                self._give_up()

    def _add(self, job: _Job) -> None:
        self._jobs.append(job)
        if not self._has_work.is_set():
            self._has_work.set()
            self._is_idle.clear()

    async def _write_all(self) -> None:
        while True:
            await self._has_work.wait()
            while self._jobs:
                await self._write_batch(self._take_batch())
            self._is_idle.set()
            if self._is_closing:
                return
            self._has_work.clear()

    def _take_batch(self) -> list[_Job]:
        batch: list[_Job] = []
        while self._jobs and len(batch) < self._batch_size:
            job = self._jobs.popleft()
            if job.future is None or not job.future.done():
                batch.append(job)
        return batch

    async def _write_batch(self, batch: list[_Job]) -> None:
        if not batch:
            return
        try:
            answers = await self._sink.write_for_all_tenants([job.operation for job in batch])
        except OperationRefused as error:
            self._split(batch, error)
        except Exception as error:
            await self._put_off(batch, error)
        except BaseException:
            self._jobs.extendleft(reversed(batch))
            raise
        else:
            self._batch_size = min(self._batch_size * 2, BATCH_LARGEST)
            self._answer(batch, answers)

    def _answer(self, batch: list[_Job], answers: Sequence[Answer]) -> None:
        tenants: set[str] = set()
        for job, answer in zip(batch, answers, strict=True):
            future = job.future
            if future is None:
                self._kept -= 1
                tenants.add(job.operation.tenant_id)  # type: ignore[union-attr]
            elif not future.done():
                future.set_result(answer)
            elif isinstance(answer, Granted):
                self._release(job.operation)
        if tenants:
            self._on_written(tenants)

    def _split(self, batch: list[_Job], error: OperationRefused) -> None:
        """Try half of it next, so that in the end the one at fault stands alone and is passed over."""
        if len(batch) > 1:
            self._batch_size = len(batch) // 2
            self._jobs.extendleft(reversed(batch))
            return
        logger.error("ledger.refused", reason=str(error), exc_info=error)
        self._drop(batch[0])

    async def _put_off(self, batch: list[_Job], error: Exception) -> None:
        """Tell those who wait that it did not work, and keep the rest for later."""
        logger.error("ledger.write_failed", waiting=self._kept, reason=str(error))
        self._jobs.extendleft(reversed([job for job in batch if job.future is None]))
        for job in batch:
            if job.future is not None:
                if isinstance(error, PerhapsWritten):
                    self._release(job.operation)
                if not job.future.done():
                    job.future.set_exception(_unavailable())
        await asyncio.sleep(_RETRY_WAIT_S)

    def _release(self, operation: Operation) -> None:
        """Leave no hold behind for which nobody will make a call."""
        if isinstance(operation, PlaceHold):
            self.post(ReleaseHold(hold_id=operation.id, tenant_id=operation.tenant_id))

    def _drop(self, job: _Job) -> None:
        if job.future is None:
            self._kept -= 1
            _log_lost(job.operation)
        elif not job.future.done():
            job.future.set_exception(_unavailable())

    def _give_up(self) -> None:
        while self._jobs:
            self._drop(self._jobs.popleft())


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("Credits cannot be set aside right now. Try again in a moment.")


def _log_lost(operation: Operation) -> None:
    """What could not be booked, with all it takes to book it by hand."""
    if isinstance(operation, SettleHold):
        spent, label = operation.spent, operation.label
        logger.error(
            "ledger.lost",
            tenant_id=operation.tenant_id,
            hold_id=operation.hold_id,
            request_id=label.request_id,
            actor=label.actor,
            model=label.model,
            counters=operation.counters,
            tokens=spent.tokens,
            requests=spent.requests,
            nano_usd=spent.nano_usd,
            source=operation.source,
            settled_at=operation.settled_at.isoformat(),
        )
