"""Keeps prompts and answers behind the back of the calls: taken at once, masked, sealed and written later."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from officium.core.tenancy import Caller
from officium.core.usage.contents.content import PendingContent, write_answer, write_request
from officium.core.usage.contents.store import ContentRow
from officium.core.usage.contents.terms import LogTerms, TermsBook
from officium.core.usage.errors import RecordRefused
from officium.kit.errors import OfficiumError
from officium.kit.ids import new_id

BATCH_LARGEST = 64
BATCH_BYTES = 2 * 1024 * 1024
BATCH_WAIT_S = 0.1
WAITING_BYTES = 64 * 1024 * 1024
"""What may wait in memory. Beyond it contents are left out: no call waits for them, and none is refused."""
_RETRY_WAIT_S = 0.5

logger = structlog.get_logger("usage")


class ContentSink(Protocol):
    """Where batches of contents go."""

    async def append_for_all_tenants(self, rows: Sequence[ContentRow]) -> None:
        """Seal and write all or none. Raises RecordRefused for what will never be taken."""
        ...


class ContentKeeper:
    """Takes in what is to be kept without waiting, and writes it in batches, as the usage log does.

    It has a line of its own: records must be written or nobody is admitted, contents may be lost.
    """

    def __init__(self, sink: ContentSink, book: TermsBook) -> None:
        self._sink = sink
        self._book = book
        self._waiting: deque[PendingContent] = deque()
        self._waiting_bytes = 0
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    def peek_terms(self, tenant_id: str) -> LogTerms | None:
        """What the tenant wants to be kept, if it is at hand; else `load_terms`."""
        return self._book.peek(tenant_id)

    async def load_terms(self, caller: Caller) -> LogTerms:
        """What the caller's tenant wants to be kept. Never fails."""
        return await self._book.load(caller)

    def start(self) -> None:
        """Begin writing, on the running loop."""
        self._task = asyncio.create_task(self._write_all(), name="request-contents")

    def append(self, pending: PendingContent) -> None:
        """Take in what is to be kept; never waits and never fails."""
        size_bytes = pending.size_bytes
        if self._waiting_bytes + size_bytes > WAITING_BYTES or self._is_closing:
            logger.warning("content.not_kept", tenant=pending.tenant_id, request_id=pending.request_id)
            return
        self._waiting.append(pending)
        self._waiting_bytes += size_bytes
        self._is_idle.clear()
        self._has_work.set()

    async def flush(self) -> None:
        """Wait until everything taken so far is written."""
        await self._is_idle.wait()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits and stop; what cannot be written in `timeout_s` is lost, and said to be."""
        self._is_closing = True
        self._has_work.set()
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._task, timeout_s)
        except TimeoutError:
            logger.warning("content.lost", requests=len(self._waiting))

    async def _write_all(self) -> None:
        while True:
            await self._has_work.wait()
            if not self._is_closing:
                await asyncio.sleep(BATCH_WAIT_S)
            while self._waiting:
                await self._write(self._next_batch())
            self._is_idle.set()
            if self._is_closing:
                return
            self._has_work.clear()

    def _next_batch(self) -> list[PendingContent]:
        batch: list[PendingContent] = []
        size_bytes = 0
        while self._waiting and len(batch) < BATCH_LARGEST and size_bytes < BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size_bytes += batch[-1].size_bytes
        return batch

    async def _write(self, batch: Sequence[PendingContent]) -> None:
        try:
            rows = await asyncio.to_thread(lambda: [row for one in batch if (row := _row(one)) is not None])
            await self._append(rows)
        except Exception:  # whatever it is, the next requests must be kept
            logger.exception("content.not_kept", requests=len(batch))
        finally:
            self._waiting_bytes -= sum(one.size_bytes for one in batch)

    async def _append(self, rows: Sequence[ContentRow]) -> None:
        while rows:
            try:
                await self._sink.append_for_all_tenants(rows)
                return
            except RecordRefused:
                if len(rows) == 1:
                    logger.warning("content.not_kept", tenant=rows[0].tenant_id, reason="no tenant")
                    return
                for row in rows:
                    await self._append([row])
                return
            except OfficiumError as error:
                logger.error("content.write_failed", waiting=len(self._waiting), reason=error.code)
                await asyncio.sleep(_RETRY_WAIT_S)


def _row(pending: PendingContent) -> ContentRow | None:
    """The row of a request. What cannot be written as JSON is left out: its provider refused it, too."""
    try:
        request, is_request_cut = write_request(pending.request, is_masked=pending.is_masked)
        answer, is_answer_cut = write_answer(pending)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        logger.warning("content.not_kept", tenant=pending.tenant_id, reason=type(error).__name__)
        return None
    return ContentRow(
        id=new_id("cnt"),
        tenant_id=pending.tenant_id,
        request_id=pending.request_id,
        created_at=pending.created_at,
        widget_id=pending.widget_id,
        visitor_id=pending.visitor_id,
        is_masked=pending.is_masked,
        is_request_cut=is_request_cut,
        is_answer_cut=is_answer_cut,
        request=request,
        answer=answer,
    )
