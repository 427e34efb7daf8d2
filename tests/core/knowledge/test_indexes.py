"""Keeping indexes in memory: one making for all who ask, and nobody sees what is not theirs."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from officium.core.knowledge import Entry, KeptVector, KnowledgeIndex, KnowledgeIndexes, digest_of
from officium.core.knowledge import indexes as module
from officium.core.knowledge.kept_vectors import packed, unpacked
from officium.core.knowledge.rows import Floats
from officium.core.tenancy import Caller
from officium.kit.database import DatabaseUnavailable
from tests.core.knowledge.test_index import CountingEncoder

ANN = Caller("ten_ann", "key:1", frozenset())
BOB = Caller("ten_bob", "key:2", frozenset())


class Shelf:
    """Entries by tenant and knowledge base, and which of them were loaded."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int], tuple[int, list[Entry]]] = {}
        self.loads: list[tuple[str, int]] = []

    def put(self, caller: Caller, base_id: int, version: int, *questions: str) -> None:
        entries = [Entry(number, (question,), None) for number, question in enumerate(questions)]
        self.entries[caller.tenant_id, base_id] = (version, entries)

    async def load(self, caller: Caller, base_id: int) -> tuple[int, Sequence[Entry]]:
        self.loads.append((caller.tenant_id, base_id))
        await asyncio.sleep(0)
        return self.entries[caller.tenant_id, base_id]


async def test_all_who_ask_at_once_wait_for_one_making() -> None:
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours", "returns")
    indexes = KnowledgeIndexes(shelf, None)

    found = await asyncio.gather(*(indexes.search(ANN, 1, 1, "open") for _ in range(20)))

    assert shelf.loads == [("ten_ann", 1)]
    assert {findings.matches[0].entry_id for findings in found} == {0}


async def test_a_new_version_is_loaded_and_an_old_one_is_not() -> None:
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours")
    indexes = KnowledgeIndexes(shelf, None)
    await indexes.get(ANN, 1, 1)

    shelf.put(ANN, 1, 2, "opening hours", "returns")
    later = await indexes.search(ANN, 1, 2, "returns")
    await indexes.get(ANN, 1, 1)

    assert later.matches[0].entry_id == 1
    assert len(shelf.loads) == 2


async def test_tenants_and_bases_with_the_same_number_stay_apart() -> None:
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "ann's secret recipe")
    shelf.put(ANN, 2, 1, "shipping", "delivery", "parcels")
    shelf.put(BOB, 1, 1, "opening hours", "returns")
    indexes = KnowledgeIndexes(shelf, None)

    counts = [len((await indexes.get(*who, 1)).entries) for who in ((ANN, 1), (BOB, 1), (ANN, 2))]

    assert counts == [1, 2, 3]


async def test_the_index_asked_for_longest_ago_leaves_when_there_is_no_room() -> None:
    shelf = Shelf()
    for base_id in (1, 2, 3):
        shelf.put(ANN, base_id, 1, *(f"question {number} of base {base_id}" for number in range(50)))
    indexes = KnowledgeIndexes(shelf, None)
    one = (await indexes.get(ANN, 1, 1)).size_bytes
    roomy = KnowledgeIndexes(shelf, None, memory_bytes=int(one * 2.5))
    shelf.loads.clear()

    for base_id in (1, 2, 1, 3, 1, 2):
        await roomy.get(ANN, base_id, 1)

    assert [base_id for _, base_id in shelf.loads] == [1, 2, 3, 2]
    assert roomy.size_bytes <= one * 2.5


async def test_a_failed_making_fails_those_who_wait_and_is_tried_again() -> None:
    shelf = Shelf()
    indexes = KnowledgeIndexes(shelf, None)

    failed = await asyncio.gather(*(indexes.get(ANN, 1, 1) for _ in range(3)), return_exceptions=True)
    shelf.put(ANN, 1, 1, "opening hours")
    index = await indexes.get(ANN, 1, 1)

    assert all(isinstance(error, KeyError) for error in failed)
    assert len(index.entries) == 1


class SlowEncoder(CountingEncoder):
    """An encoder that waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()

    def encode(self, texts: Sequence[str]) -> Floats:
        assert self.may_go_on.wait(20)
        return super().encode(texts)


async def test_while_a_large_base_is_encoded_words_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE_FROM", 2)
    shelf, encoder = Shelf(), SlowEncoder()
    shelf.put(ANN, 1, 1, "opening hours", "returns", "parking")
    indexes = KnowledgeIndexes(shelf, encoder, patience_s=0.05)

    at_once = await indexes.get(ANN, 1, 1)
    encoder.may_go_on.set()
    later = await indexes.get(ANN, 1, 1)
    while not later.has_vectors:
        later = await indexes.get(ANN, 1, 1)

    assert not at_once.has_vectors
    assert at_once.search("parking").matches[0].entry_id == 2


async def test_a_small_base_does_not_wait_for_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE_FROM", 2)
    shelf, encoder = Shelf(), SlowEncoder()
    shelf.put(ANN, 1, 1, "opening hours", "returns", "parking")
    shelf.put(BOB, 1, 1)
    indexes = KnowledgeIndexes(shelf, encoder)

    large = asyncio.create_task(indexes.get(ANN, 1, 1))
    small = await indexes.get(BOB, 1, 1)
    encoder.may_go_on.set()

    assert small.entries == ()
    assert len((await large).entries) == 3


async def test_a_deleted_base_is_forgotten() -> None:
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours")
    indexes = KnowledgeIndexes(shelf, None)
    await indexes.get(ANN, 1, 1)

    indexes.forget("ten_ann", 1)

    assert indexes.size_bytes == 0


class VectorRow:
    """Kept vectors of one knowledge base, by encoder and digest, and how often they were read."""

    def __init__(self, fails: bool = False) -> None:
        self.kept: dict[str, dict[bytes, bytes]] = {}
        self.put_at_once: list[int] = []
        self.reads = 0
        self.fails = fails

    async def read(self, caller: Caller, base_id: int, encoder: str) -> dict[bytes, bytes]:
        self.reads += 1
        return self.kept.get(encoder, {})

    async def put(
        self, caller: Caller, base_id: int, version: int, encoder: str, vectors: Sequence[KeptVector]
    ) -> None:
        if self.fails:
            raise DatabaseUnavailable("The database does not answer.")
        self.put_at_once.append(len(vectors))
        self.kept.setdefault(encoder, {}).update((each.digest, each.vector) for each in vectors)


async def test_after_a_restart_nothing_is_encoded_and_the_findings_are_the_same() -> None:
    shelf, row, encoder = Shelf(), VectorRow(), CountingEncoder()
    shelf.put(ANN, 1, 1, "opening hours", "returns and refunds", "parking")
    first = await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)
    encoder.encoded.clear()

    second = await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)

    assert encoder.encoded == []
    assert second.has_vectors
    assert second.search("where to park") == first.search("where to park")
    assert KnowledgeIndex.build(first.entries, encoder).search("where to park") == first.search(
        "where to park"
    )


async def test_only_what_changed_is_encoded_and_kept() -> None:
    shelf, row, encoder = Shelf(), VectorRow(), CountingEncoder()
    shelf.put(ANN, 1, 1, "opening hours", "returns")
    indexes = KnowledgeIndexes(shelf, encoder, vectors=row)
    await indexes.get(ANN, 1, 1)
    encoder.encoded.clear()

    shelf.put(ANN, 1, 2, "opening hours", "refunds")
    index = await indexes.get(ANN, 1, 2)

    assert encoder.encoded == ["refunds"]
    assert row.put_at_once == [2, 1]
    assert index.search("refunds").matches[0].entry_id == 1


async def test_vectors_of_another_encoder_are_made_again() -> None:
    shelf, row, encoder = Shelf(), VectorRow(), CountingEncoder()
    shelf.put(ANN, 1, 1, "opening hours")
    await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)
    encoder.encoded.clear()
    encoder.name = "letters, counted anew"

    await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)

    assert encoder.encoded == ["opening hours"]
    assert set(row.kept) == {"letters", "letters, counted anew"}


async def test_damaged_vectors_are_made_again() -> None:
    shelf, row, encoder = Shelf(), VectorRow(), CountingEncoder()
    shelf.put(ANN, 1, 1, "opening hours", "returns")
    await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)
    row.kept["letters"][digest_of("returns")] = b"short"
    encoder.encoded.clear()

    index = await KnowledgeIndexes(shelf, encoder, vectors=row).get(ANN, 1, 1)

    assert encoder.encoded == ["returns"]
    assert index.search("returns").matches[0].entry_id == 1


async def test_vectors_are_kept_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_AT_ONCE", 2)
    shelf, row = Shelf(), VectorRow()
    shelf.put(ANN, 1, 1, "opening hours", "returns", "parking", "returns", "vouchers")

    await KnowledgeIndexes(shelf, CountingEncoder(), vectors=row).get(ANN, 1, 1)

    assert row.put_at_once == [3, 2]


async def test_where_vectors_cannot_be_kept_meaning_is_compared_all_the_same() -> None:
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours", "returns")

    index = await KnowledgeIndexes(shelf, CountingEncoder(), vectors=VectorRow(fails=True)).get(ANN, 1, 1)

    assert index.has_vectors
    assert index.search("returns").matches[0].entry_id == 1


async def test_a_large_base_whose_vectors_are_kept_has_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE_FROM", 2)
    shelf, row = Shelf(), VectorRow()
    shelf.put(ANN, 1, 1, "opening hours", "returns", "parking")
    await KnowledgeIndexes(shelf, CountingEncoder(), vectors=row).get(ANN, 1, 1)
    slow = SlowEncoder()

    index = await KnowledgeIndexes(shelf, slow, vectors=row).get(ANN, 1, 1)

    assert index.has_vectors
    assert slow.encoded == []


def test_a_packed_vector_is_nearly_the_vector() -> None:
    matrix = np.random.default_rng(7).normal(size=(50, 768)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)

    again = unpacked(packed(matrix))

    assert (np.vecdot(matrix, again) > 0.9998).all()
    assert np.allclose(np.linalg.norm(again, axis=1), 1.0, atol=1e-5)
    assert len(packed(matrix)[0]) == 768
    assert np.isfinite(unpacked(packed(np.zeros((1, 8), np.float32)))).all()
