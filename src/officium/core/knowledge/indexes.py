"""The indexes that are in memory: made when first asked, kept while there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from officium.core.knowledge.encoder import Encoder
from officium.core.knowledge.entry import Entry, Findings
from officium.core.knowledge.errors import EncoderMissing
from officium.core.knowledge.index import KnowledgeIndex, texts_to_encode
from officium.core.knowledge.kept_vectors import KeptVector, VectorShelf, digest_of, packed
from officium.core.tenancy import Caller
from officium.kit.errors import OfficiumError

_log = structlog.get_logger()

_Key = tuple[str, int]
_LARGE_FROM = 1_000
"""Entries, or texts to encode, from which on it takes longer than a visitor waits."""
_KEPT_AT_ONCE = 256
"""Texts that are encoded, and then kept, at once: about a second's work."""


class EntrySource(Protocol):
    """Where the entries of knowledge bases are kept."""

    async def load(self, caller: Caller, base_id: int) -> tuple[int, Sequence[Entry]]:
        """Return the version of the caller's knowledge base and all its entries, read at once."""


class KnowledgeIndexes:
    """Indexes by tenant and knowledge base, the ones not asked for longest leaving first.

    For one event loop. Building and searching happen in threads; one small and one large knowledge base are
    built at a time, so nobody waits for a neighbour's minutes. While a large one is encoded for the first
    time, words and letters answer. What was encoded is kept on the shelf `vectors` for the next start.
    """

    def __init__(
        self,
        source: EntrySource,
        encoder: Encoder | None,
        memory_bytes: int = 256 * 1024 * 1024,
        patience_s: float = 2.0,
        vectors: VectorShelf | None = None,
    ) -> None:
        self._source = source
        self._encoder = encoder
        self._memory_bytes = memory_bytes
        self._patience_s = patience_s
        self._vectors = vectors
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
        missing = await asyncio.to_thread(self._find_missing, entries, before)
        is_new = before is None or not before.has_vectors
        kept = await self._read_kept(caller, base_id, missing) if is_new else {}
        missing = {text: ids for text, ids in missing.items() if text not in kept}
        if before is None and len(missing) > _LARGE_FROM:
            async with self._one_large:
                self._keep(key, version - 1, await asyncio.to_thread(_measured, entries, None))
        is_large = max(len(entries), len(missing)) > _LARGE_FROM
        async with self._one_large if is_large else self._one_small:
            await self._encode(caller, base_id, version, missing, kept)
            index = await asyncio.to_thread(self._build, entries, before, kept)
        _log.info("knowledge.indexed", base=base_id, version=version, entries=len(entries))
        self._keep(key, version, index)
        return index

    def _find_missing(self, entries: Sequence[Entry], before: KnowledgeIndex | None) -> dict[str, list[int]]:
        try:
            return texts_to_encode(entries, self._encoder, before)
        except EncoderMissing:
            return {}

    async def _read_kept(
        self, caller: Caller, base_id: int, missing: Mapping[str, list[int]]
    ) -> dict[str, bytes]:
        """Return the packed vectors of those of the texts that have been encoded before."""
        if self._vectors is None or self._encoder is None or not missing:
            return {}
        shelf = await self._vectors.read(caller, base_id, self._encoder.name)
        found = ((text, shelf.get(digest_of(text))) for text in missing)
        return {text: vector for text, vector in found if vector and len(vector) == self._encoder.dimensions}

    async def _encode(
        self,
        caller: Caller,
        base_id: int,
        version: int,
        missing: Mapping[str, list[int]],
        kept: dict[str, bytes],
    ) -> None:
        """Encode the texts `missing`, bit by bit, into `kept` and onto the shelf."""
        shelf, encoder, texts = self._vectors, self._encoder, list(missing)
        if shelf is None or encoder is None:
            return
        for start in range(0, len(texts), _KEPT_AT_ONCE):
            some = texts[start : start + _KEPT_AT_ONCE]
            try:
                made = await asyncio.to_thread(_packed_by, encoder, some)
            except EncoderMissing:
                return
            kept.update(made)
            vectors = [KeptVector(id, digest_of(text), made[text]) for text in some for id in missing[text]]
            try:
                await shelf.put(caller, base_id, version, encoder.name, vectors)
            except OfficiumError as error:
                _log.warning("knowledge.vectors_not_kept", base=base_id, reason=error.code)
                return

    def _keep(self, key: _Key, version: int, index: KnowledgeIndex) -> None:
        self._kept[key] = (version, index)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self.size_bytes > self._memory_bytes:
            self._kept.popitem(last=False)

    def _build(
        self, entries: Sequence[Entry], before: KnowledgeIndex | None, kept: Mapping[str, bytes]
    ) -> KnowledgeIndex:
        try:
            if before is None or before.encoder is not self._encoder:
                return _measured(entries, self._encoder, kept)
            known = {entry.id: entry for entry in before.entries}
            changed = [entry for entry in entries if known.get(entry.id) != entry]
            index = before.updated(changed, known.keys() - {entry.id for entry in entries}, kept)
        except EncoderMissing as error:
            _log.warning("knowledge.encoder_missing", error=error.message)
            return _measured(entries, None)
        _ = index.size_bytes
        return index


def _measured(
    entries: Sequence[Entry], encoder: Encoder | None, kept: Mapping[str, bytes] | None = None
) -> KnowledgeIndex:
    """Build an index and count its memory here, in a thread, so that the event loop need not."""
    index = KnowledgeIndex.build(entries, encoder, kept=kept or {})
    _ = index.size_bytes
    return index


def _packed_by(encoder: Encoder, texts: Sequence[str]) -> dict[str, bytes]:
    return dict(zip(texts, packed(encoder.encode(texts)), strict=True))
