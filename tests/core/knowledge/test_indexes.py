"""Keeping indexes in memory: one making for all who ask, and nobody sees what is not theirs."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from officium.core.knowledge import Entry, KnowledgeIndexes
from officium.core.knowledge import indexes as module
from officium.core.knowledge.rows import Floats
from officium.core.tenancy import Caller
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
