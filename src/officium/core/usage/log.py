"""The usage log: records are taken at once and written together, a moment later."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from officium.core.usage.errors import RecordRefused
from officium.core.usage.record import UsageRecord
from officium.kit.errors import OfficiumError

BATCH_LARGEST = 2000
BATCH_WAIT_S = 0.1
BACKLOG_LARGEST = 100_000
_RETRY_WAIT_S = 0.5

logger = structlog.get_logger("usage")


class RecordSink(Protocol):
    """Where batches of records go."""

    async def append_for_all_tenants(self, records: Sequence[UsageRecord]) -> None:
        """Write all or none. Raises RecordRefused for what will never be taken; any other error may pass."""
        ...


class UsageLog:
    """Takes records without waiting and writes them in batches, one transaction each, in order.

    While the database is away records wait in memory. When `BACKLOG_LARGEST` of them wait, `is_full` asks
    the gateway to admit nobody: a call that cannot be recorded is not made. A record that the database
    refuses for its own sake is logged whole and passed over, so it cannot hold up the others.
    """

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink
        self._waiting: list[UsageRecord] = []
        self._batch_size = BATCH_LARGEST
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more calls should be admitted."""
        return len(self._waiting) >= BACKLOG_LARGEST

    def start(self) -> None:
        """Begin writing, on the running loop."""
        self._task = asyncio.create_task(self._write_all(), name="usage-log")

    def append(self, record: UsageRecord) -> None:
        """Take in a record; never waits and never fails. After `close` it can only be logged."""
        if self._is_closing and (self._task is None or self._task.done()):
            _log_lost(record)
            return
        self._waiting.append(record)
        if not self._has_work.is_set():
            self._has_work.set()
            self._is_idle.clear()

    async def flush(self) -> None:
        """Wait until everything taken so far is written."""
        await self._is_idle.wait()

    async def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and stop. What cannot be written in `timeout_s` is logged, record by record."""
        self._is_closing = True
        self._has_work.set()
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._task, timeout_s)
        except TimeoutError:
            for record in self._waiting:
                _log_lost(record)

    async def _write_all(self) -> None:
        while True:
            await self._has_work.wait()
            if not self._is_closing:
                await asyncio.sleep(BATCH_WAIT_S)
            while self._waiting:
                await self._write_batch()
            self._is_idle.set()
            if self._is_closing:
                return
            self._has_work.clear()

    async def _write_batch(self) -> None:
        batch = self._waiting[: self._batch_size]
        try:
            await self._sink.append_for_all_tenants(batch)
        except RecordRefused:
            if len(batch) > 1:
                self._batch_size = len(batch) // 2
            else:
                _log_lost(self._waiting.pop(0))
        except Exception as error:
            logger.error("usage.write_failed", waiting=len(self._waiting), reason=_reason(error))
            await asyncio.sleep(_RETRY_WAIT_S)
        else:
            del self._waiting[: len(batch)]
            self._batch_size = min(self._batch_size * 2, BATCH_LARGEST)


def _reason(error: Exception) -> str:
    """Why a batch was not written, without what stands in it: drivers repeat the values they were given."""
    return str(error) if isinstance(error, OfficiumError) else type(error).__name__


def _log_lost(record: UsageRecord) -> None:
    fields = msgspec.structs.asdict(record)
    fields["created_at"] = record.created_at.isoformat()
    logger.error("usage.lost", **fields)
