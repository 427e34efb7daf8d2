"""What a server does after a start with a knowledge base it has had before: read its vectors, encode none."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from bench.kb.data import read
from officium.apps.widget.answers import LiveEntries
from officium.apps.widget.knowledge import EntryDraft, KnowledgeStore
from officium.apps.widget.knowledge.store import Plan
from officium.apps.widget.vectors import VectorStore
from officium.core.knowledge import KnowledgeIndexes, LocalEncoder
from officium.kit import schema
from officium.kit.database import Database, sqlite_url
from tests.support.agency import Agency

_TASKS = ("clinc150", "banking77", "bitext", "curekart", "powerplay11")


class _CountingEncoder(LocalEncoder):
    """The local encoder, which counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def encode(self, texts: Sequence[str]):  # type: ignore[no-untyped-def]
        self.count += len(texts)
        return super().encode(texts)


async def measure(folder: Path, entries: int, url: str | None) -> None:
    """Print how long the first index of so many entries takes, and the one after a restart.

    `url` names an empty database; without one a SQLite file is made and thrown away.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as work:
        database = Database.open(url or sqlite_url(Path(work)))
        try:
            await schema.upgrade(database)
            await _measure(database, _texts(folder, entries))
        finally:
            await database.close()


async def _measure(database: Database, texts: Sequence[str]) -> None:
    agency = Agency(database)
    admin = await agency.an_admin()
    widget = await agency.a_widget(admin, await agency.a_client(admin))
    store = KnowledgeStore(database)
    for start in range(0, len(texts), 2_000):
        drafts = [EntryDraft(phrasings=(text,), answer="Yes.") for text in texts[start : start + 2_000]]
        await store.carry_out(admin, widget.id, Plan(cause="imported", added=drafts), agency.clock.now())
    version = await store.get_version(admin, widget.id)
    for name in ("first", "after a restart", "after another"):
        encoder = _CountingEncoder()
        indexes = KnowledgeIndexes(
            LiveEntries(store, agency.clock), encoder, patience_s=3_600, vectors=VectorStore(database)
        )
        wall, processor = time.perf_counter(), time.process_time()
        index = await indexes.get(admin, widget.id, version)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(
            f"{name:16}{len(index.entries):>8,} entries {encoder.count:>8,} texts encoded"
            f"{wall:>8.2f} s {processor:>8.2f} s of the processor, with vectors: {index.has_vectors}",
            flush=True,
        )


def _texts(folder: Path, count: int) -> list[str]:
    found = {
        text
        for task in _TASKS
        for kind in ("entries", "queries")
        for record in read(folder / f"{task}.{kind}.jsonl")
        for text in (record["phrasings"] if kind == "entries" else [record["text"]])
    }
    return sorted(found)[:: max(1, len(found) // count)][:count]


def run(folder: Path, entries: Sequence[int], url: str | None) -> None:
    """Measure each size, one after the other."""
    for count in entries:
        asyncio.run(measure(folder, count, url))
