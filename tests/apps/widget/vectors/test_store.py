"""Vectors of knowledge bases on both databases: there after a restart, gone with what they are of."""

import asyncio

import pytest
from sqlalchemy import delete, func, select

from officium.apps.widget.answers import LiveEntries
from officium.apps.widget.knowledge import EntryChanges, KnowledgeStore
from officium.apps.widget.knowledge.tables import kb_vectors
from officium.apps.widget.vectors import VectorStore
from officium.core.knowledge import KeptVector, KnowledgeIndex, KnowledgeIndexes, digest_of
from officium.core.tenancy.tables import tenants
from officium.kit.database import ALL_TENANTS, Database
from tests.apps.widget.knowledge.test_service import HOURS, PAY, Shelf
from tests.core.knowledge.test_index import CountingEncoder


class Library:
    """A knowledge base with two entries, whose vectors are kept."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shelf = Shelf(database)
        self.store = VectorStore(database)
        self.encoder = CountingEncoder()

    async def open(self) -> "Library":
        await self.shelf.open()
        self.admin, self.id = self.shelf.admin, self.shelf.id
        self.hours, self.pay = [
            (await self.shelf.service.add_entry(self.admin, self.id, draft)).id for draft in (HOURS, PAY)
        ]
        await self.index()
        return self

    async def index(self) -> KnowledgeIndex:
        """What a server that has just started makes, having encoded `encoder.encoded`."""
        self.encoder.encoded.clear()
        entries = LiveEntries(KnowledgeStore(self.database), self.shelf.agency.clock)
        indexes = KnowledgeIndexes(entries, self.encoder, vectors=self.store)
        version = await self.shelf.service.get_version(self.admin, self.id)
        return await indexes.get(self.admin, self.id, version)

    async def kept(self) -> set[bytes]:
        return set(await self.store.read(self.admin, self.id, "letters"))

    async def count(self) -> int:
        async with self.database.reading(ALL_TENANTS) as connection:
            return (await connection.execute(select(func.count()).select_from(kb_vectors))).scalar_one()


@pytest.fixture
async def library(database: Database) -> Library:
    return await Library(database).open()


def digests(*texts: str) -> set[bytes]:
    return {digest_of(text) for text in texts}


async def test_a_restart_reads_what_was_encoded(library: Library) -> None:
    index = await library.index()

    assert library.encoder.encoded == []
    assert index.has_vectors
    assert index.search("when are you open").matches[0].entry_id == library.hours
    assert await library.kept() == digests(*HOURS.phrasings, *PAY.phrasings)


async def test_a_deleted_entry_takes_its_vectors_along(library: Library) -> None:
    await library.shelf.service.delete_entry(library.admin, library.id, library.hours)

    assert await library.kept() == digests(*PAY.phrasings)


async def test_a_phrasing_that_is_taken_out_takes_its_vector_along(library: Library) -> None:
    changes = EntryChanges(phrasings=("When do you open?", "Are you open on Sunday?"))
    await library.shelf.service.update_entry(library.admin, library.id, library.hours, changes)

    assert await library.kept() == digests("When do you open?", *PAY.phrasings)
    await library.index()
    assert library.encoder.encoded == ["Are you open on Sunday?"]
    assert await library.kept() == digests("When do you open?", "Are you open on Sunday?", *PAY.phrasings)


async def test_a_deleted_widget_and_a_deleted_tenant_take_theirs_along(library: Library) -> None:
    other = await Library(library.database).open()

    await library.shelf.agency.service.delete_widget(library.admin, library.id)

    assert await library.count() == 3
    async with library.database.writing(ALL_TENANTS) as connection:
        await connection.execute(delete(tenants).where(tenants.c.id == other.admin.tenant_id))
    assert await library.count() == 0


async def test_vectors_of_another_tenant_or_widget_are_neither_read_nor_written(library: Library) -> None:
    stranger = (await Library(library.database).open()).admin
    forged = [KeptVector(library.hours, digest_of("When do you open?"), b"\x01" * 64)]
    before = await library.store.read(library.admin, library.id, "letters")

    await library.store.put(stranger, library.id, 99, "letters", forged)
    await library.store.put(library.admin, library.id + 1_000, 99, "letters", forged)

    assert await library.store.read(stranger, library.id, "letters") == {}
    assert await library.store.read(library.admin, library.id, "letters") == before


async def test_another_encoder_takes_the_place_of_the_vectors(library: Library) -> None:
    library.encoder.name = "letters, counted anew"

    await library.index()

    assert len(library.encoder.encoded) == 3
    assert await library.kept() == set()
    assert await library.count() == 3


async def test_an_entry_that_was_changed_or_deleted_meanwhile_gets_no_vectors(library: Library) -> None:
    version = await library.shelf.service.get_version(library.admin, library.id)
    changes = EntryChanges(phrasings=("New words",))
    await library.shelf.service.update_entry(library.admin, library.id, library.hours, changes)
    await library.shelf.service.delete_entry(library.admin, library.id, library.pay)
    late = [
        KeptVector(id, digest_of("Old words"), b"\x01" * 64) for id in (library.hours, library.pay, 10**6)
    ]

    await library.store.put(library.admin, library.id, version, "letters", late)

    assert await library.kept() == set()


async def test_two_servers_may_keep_the_same_at_once(library: Library) -> None:
    version = await library.shelf.service.get_version(library.admin, library.id)
    vectors = [KeptVector(library.hours, digest_of(f"text {number}"), b"\x02" * 64) for number in range(600)]

    await asyncio.gather(
        *(library.store.put(library.admin, library.id, version, "letters", vectors) for _ in range(4))
    )

    assert len(await library.kept()) == 603
