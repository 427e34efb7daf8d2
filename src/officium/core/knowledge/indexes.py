"""The indexes that are in memory: made when first asked, kept while there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import structlog

from officium.core.knowledge.encoder import Encoder
from officium.core.knowledge.entry import Entry, Findings
from officium.core.knowledge.errors import EncoderMissing
from officium.core.knowledge.index import KnowledgeIndex
from officium.core.tenancy import Caller

_log = structlog.get_logger()

_Key = tuple[str, int]
_LARGE_FROM = 1_000
"""Entries from which on encoding takes longer than a visitor waits."""


class EntrySource(Protocol):
    """Where the entries of knowledge bases are kept."""

    async def load(self, caller: Caller, base_id: int) -> tuple[int, Sequence[Entry]]:
        """Return the version of the caller's knowledge base and all its entries, read at once."""


class KnowledgeIndexes:
    """Indexes by tenant and knowledge base, the ones not asked for longest leaving first.

    For one event loop. Building and searching happen in threads; one small and one large knowledge base are
    built at a time, so nobody waits for a neighbour's minutes. While a large one is encoded for the first
    time, words and letters answer.
    """

    def __init__(
        self,
        source: EntrySource,
        encoder: Encoder | None,
        memory_bytes: int = 256 * 1024 * 1024,
        patience_s: float = 2.0,
    ) -> None:
        self._source = source
        self._encoder = encoder
        self._memory_bytes = memory_bytes
        self._patience_s = patience_s
        self._kept: OrderedDict[_Key, tuple[int, KnowledgeIndex]] = OrderedDict()
        self._making: dict[tuple[_Key, int], asyncio.Task[KnowledgeIndex]] = {}
        self._one_small, self._one_large = asyncio.Lock(), asyncio.Lock()

    async def search(
        self, caller: Caller, base_id: int, version: int, query: str, limit: int = 10
    ) -> Findings:
        """Search the caller's knowledge base as of `version`; see `get`."""
        index = await self.get(caller, base_id, version)
        return await asyncio.to_thread(index.search, query, limit)

    async def get(self, caller: Caller, base_id: int, version: int) -> KnowledgeIndex:
        """Return the index of at least `version`; while that takes long to make, what there is until then.

        Everybody who asks meanwhile waits for the same making, and it goes on when they give up.
        """
        key = (caller.tenant_id, base_id)
        kept = self._kept.get(key)
        if kept is not None and kept[0] >= version:
            self._kept.move_to_end(key)
            return kept[1]
        making = self._making.get((key, version))
        if making is None:
            making = asyncio.create_task(self._make(caller, base_id, kept[1] if kept else None))
            self._making[key, version] = making
            making.add_done_callback(lambda _: self._making.pop((key, version), None))
        while True:
            done, _ = await asyncio.wait((making,), timeout=self._patience_s)
            if done:
                return making.result()
            if (kept := self._kept.get(key)) is not None:
                return kept[1]

    def forget(self, tenant_id: str, base_id: int) -> None:
        """Let go of an index, as when its knowledge base is deleted."""
        self._kept.pop((tenant_id, base_id), None)

    @property
    def size_bytes(self) -> int:
        """About how much memory the kept indexes take."""
        return sum(index.size_bytes for _, index in self._kept.values())

    async def _make(self, caller: Caller, base_id: int, before: KnowledgeIndex | None) -> KnowledgeIndex:
        key = (caller.tenant_id, base_id)
        version, entries = await self._source.load(caller, base_id)
        is_large = len(entries) > _LARGE_FROM
        if before is None and is_large and self._encoder is not None:
            async with self._one_large:
                self._keep(key, version - 1, await asyncio.to_thread(_measured, entries, None))
        async with self._one_large if is_large else self._one_small:
            index = await asyncio.to_thread(self._build, entries, before)
        _log.info("knowledge.indexed", base=base_id, version=version, entries=len(entries))
        self._keep(key, version, index)
        return index

    def _keep(self, key: _Key, version: int, index: KnowledgeIndex) -> None:
        self._kept[key] = (version, index)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self.size_bytes > self._memory_bytes:
            self._kept.popitem(last=False)

    def _build(self, entries: Sequence[Entry], before: KnowledgeIndex | None) -> KnowledgeIndex:
        try:
            if before is None or before.encoder is not self._encoder:
                return _measured(entries, self._encoder)
            known = {entry.id: entry for entry in before.entries}
            changed = [entry for entry in entries if known.get(entry.id) != entry]
            index = before.updated(changed, known.keys() - {entry.id for entry in entries})
        except EncoderMissing as error:
            _log.warning("knowledge.encoder_missing", error=error.message)
            return _measured(entries, None)
        _ = index.size_bytes
        return index


def _measured(entries: Sequence[Entry], encoder: Encoder | None) -> KnowledgeIndex:
    """Build an index and count its memory here, in a thread, so that the event loop need not."""
    index = KnowledgeIndex.build(entries, encoder)
    _ = index.size_bytes
    return index
