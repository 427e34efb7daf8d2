"""The entries of a widget's knowledge base that may answer a question."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from officium.apps.widget.knowledge.entry import KnowledgeEntry
from officium.core.knowledge import Entry, Findings
from officium.core.tenancy import Caller
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError

MOST_ENTRIES = 10
"""As many are told a model."""
PATIENCE_S = 10.0
"""A search that takes longer, as the first one of a huge knowledge base may, finds nothing this time."""
_SPARE = 5
_MOST_VERSIONS = 10_000

_log = structlog.get_logger("widget")


class Found(Struct, frozen=True, kw_only=True):
    """An entry that may answer, and how likely it does."""

    entry_id: int
    question: str
    answer: str
    source_url: str | None
    confidence: float


class Retrieved(Struct, frozen=True, kw_only=True):
    """What was found, best first. `scope` is how likely the knowledge base has an answer at all."""

    entries: tuple[Found, ...] = ()
    scope: float = 0.0


class Store(Protocol):
    """Where entries are kept."""

    async def get_version(self, caller: Caller, widget_id: int) -> int: ...

    async def load(self, caller: Caller, widget_id: int) -> tuple[int, list[KnowledgeEntry]]: ...

    async def find_entries(
        self, caller: Caller, widget_id: int, ids: Sequence[int]
    ) -> dict[int, KnowledgeEntry]: ...


class Indexes(Protocol):
    """Searches a knowledge base as of a version."""

    async def search(
        self, caller: Caller, base_id: int, version: int, query: str, limit: int = 10
    ) -> Findings: ...


class LiveEntries:
    """What visitors may be answered with, for the indexes: live entries that have not ended."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def load(self, caller: Caller, base_id: int) -> tuple[int, list[Entry]]:
        """The version of a widget's knowledge base, and its entries."""
        version, entries = await self._store.load(caller, base_id)
        now = self._clock.now()
        return version, [
            Entry(entry.id, entry.phrasings, entry.answer, entry.language, entry.tags)
            for entry in entries
            if entry.state == "live" and (entry.valid_to is None or now < entry.valid_to)
        ]


class Retrieval:
    """Searches widgets' knowledge bases. Never fails: what goes wrong is logged, and nothing is found.

    While the database is away, what was read of it last is searched, as far as it is in memory.
    """

    def __init__(self, store: Store, indexes: Indexes, clock: Clock) -> None:
        self._store = store
        self._indexes = indexes
        self._clock = clock
        self._versions: dict[tuple[str, int], int] = {}
        self._last: dict[tuple[str, int], dict[int, KnowledgeEntry]] = {}

    async def search(self, caller: Caller, widget_id: int, question: str) -> Retrieved:
        """The entries that may answer, at most ten."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._search(caller, widget_id, question)
        except Exception as error:
            reason = error.code if isinstance(error, OfficiumError) else type(error).__name__
            _log.error("knowledge.search_failed", tenant=caller.tenant_id, widget=widget_id, reason=reason)
            return Retrieved()

    async def _search(self, caller: Caller, widget_id: int, question: str) -> Retrieved:
        key = (caller.tenant_id, widget_id)
        try:
            version = await self._store.get_version(caller, widget_id)
        except OfficiumError:
            if key not in self._versions:
                raise
            version = self._versions[key]
        if version == 0:
            return Retrieved()
        if len(self._versions) >= _MOST_VERSIONS:
            self._versions.clear()
            self._last.clear()
        self._versions[key] = version
        findings = await self._indexes.search(caller, widget_id, version, question, MOST_ENTRIES + _SPARE)
        entries = await self._entries(caller, widget_id, [match.entry_id for match in findings.matches])
        now = self._clock.now()
        found = [
            Found(
                entry_id=match.entry_id,
                question=entry.question,
                answer=entry.answer,
                source_url=entry.source_url,
                confidence=round(match.confidence, 4),
            )
            for match in findings.matches
            if (entry := entries.get(match.entry_id)) is not None and entry.is_valid(now)
        ]
        return Retrieved(entries=tuple(found[:MOST_ENTRIES]), scope=round(findings.scope, 4))

    async def _entries(self, caller: Caller, widget_id: int, ids: Sequence[int]) -> dict[int, KnowledgeEntry]:
        """The entries as they are now; while the database is away as they were when last asked for."""
        key = (caller.tenant_id, widget_id)
        try:
            found = await self._store.find_entries(caller, widget_id, ids)
        except OfficiumError:
            return self._last.get(key, {})
        kept = {**self._last.get(key, {}), **found}
        while len(kept) > 200:
            del kept[next(iter(kept))]
        self._last[key] = kept
        return found
