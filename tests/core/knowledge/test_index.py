"""Searching a knowledge base with words alone, and what an index does when its entries change."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.knowledge import Entry, KnowledgeIndex
from officium.core.knowledge.rows import Floats

SHOP = (
    Entry(1, ("How do I return a parcel?", "I want to send my order back"), "Within 30 days."),
    Entry(2, ("What are your opening hours?", "When are you open?"), "Nine to five."),
    Entry(3, ("Where is my invoice?", "I need a bill for my order"), "In your account."),
    Entry(4, ("Do you deliver to Switzerland?",), "Yes."),
)
LANGUAGES = (
    Entry(10, ("Wann habt ihr geöffnet?",), None),
    Entry(11, ("كيف يمكنني إرجاع طلبي؟",), None),
    Entry(12, ("返品するにはどうすればいいですか",), None),
    Entry(13, ("我的发票在哪里",), None),
    Entry(14, ("Siparişim ne zaman gelir?",), None),
    Entry(15, ("Как отменить заказ?",), None),
)


class CountingEncoder:
    """Vectors from the letters of a text, and a count of the texts it was given."""

    name = "letters"
    dimensions = 64

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Floats:
        self.encoded += texts
        vectors = np.full((len(texts), self.dimensions), 0.01, np.float32)
        for row, text in enumerate(texts):
            np.add.at(vectors[row], [ord(letter) % self.dimensions for letter in text], 1.0)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("how can i return my parcel", 1),
        ("opening houres", 2),
        ("INVOICE!!!", 3),
        ("delivery switzerland", 4),
    ],
)
def test_the_right_entry_comes_first(question: str, expected: int) -> None:
    findings = KnowledgeIndex.build(SHOP, None).search(question)

    assert findings.matches[0].entry_id == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("wann geoeffnet", 10),
        ("إرجاع الطلب", 11),
        ("返品したい", 12),
        ("发票", 13),
        ("siparis ne zaman", 14),
        ("отмена заказа", 15),
    ],
    ids=["German", "Arabic", "Japanese", "Chinese", "Turkish", "Russian"],
)
def test_words_are_found_in_every_script(question: str, expected: int) -> None:
    findings = KnowledgeIndex.build(LANGUAGES, None).search(question)

    assert findings.matches[0].entry_id == expected


def test_a_question_of_known_words_is_likelier_in_scope_than_one_of_unknown_words() -> None:
    index = KnowledgeIndex.build(SHOP, None)

    asked, stray = index.search("how do I return a parcel"), index.search("best pizza recipe for tonight")

    assert asked.scope > stray.scope
    assert asked.matches[0].confidence > stray.matches[0].confidence


def test_matches_come_best_first_and_as_many_as_asked_for() -> None:
    findings = KnowledgeIndex.build(SHOP, None).search("my order", limit=3)

    assert len(findings.matches) == 3
    scores = [match.score for match in findings.matches]
    confidences = [match.confidence for match in findings.matches]
    assert scores == sorted(scores, reverse=True)
    assert confidences == sorted(confidences, reverse=True)


def test_only_texts_that_changed_are_encoded_again() -> None:
    encoder = CountingEncoder()
    index = KnowledgeIndex.build(SHOP, encoder)
    encoder.encoded.clear()

    changed = Entry(2, ("What are your opening hours?", "Open on Sundays?"), "No.")
    later = index.updated([changed], removed=[3])

    assert encoder.encoded == ["Open on Sundays?"]
    assert {entry.id for entry in later.entries} == {1, 2, 4}
    assert {entry.id for entry in index.entries} == {1, 2, 3, 4}


def test_an_updated_index_finds_what_a_fresh_one_finds() -> None:
    encoder = CountingEncoder()
    added = Entry(5, ("Can I pay by card?",), "Yes.")

    updated = KnowledgeIndex.build(SHOP, encoder).updated([added], removed=[1])
    fresh = KnowledgeIndex.build([added, *SHOP[1:]], encoder)

    assert updated.search("pay with a card") == fresh.search("pay with a card")


def test_the_order_of_the_entries_does_not_matter() -> None:
    encoder = CountingEncoder()

    there = KnowledgeIndex.build(SHOP, encoder).search("send it back")
    back = KnowledgeIndex.build(SHOP[::-1], encoder).search("send it back")

    assert there == back


def test_an_entry_without_phrasings_is_found_by_its_answer() -> None:
    index = KnowledgeIndex.build([*SHOP, Entry(9, (), "We plant a tree for every chair.")], None)

    assert index.search("do you plant trees").matches[0].entry_id == 9


@pytest.mark.parametrize(
    "entries", [(), SHOP[:1], (Entry(1, ("", "  "), None),)], ids=["none", "one", "blank"]
)
def test_the_smallest_knowledge_bases_answer(entries: tuple[Entry, ...]) -> None:
    findings = KnowledgeIndex.build(entries, None).search("return a parcel")

    assert len(findings.matches) == len(entries)
    assert 0.0 <= findings.scope <= 1.0


@pytest.mark.parametrize(
    "text", ["", "   ", "👍🏽" * 500, "\u202eabc", "\x00", "\ud800", "e\u0301" * 9, "a" * 1_000_000]
)
def test_hostile_texts_are_searched_and_kept(text: str) -> None:
    index = KnowledgeIndex.build([*SHOP, Entry(7, (text,), text)], CountingEncoder())

    findings = index.search(text)

    assert all(0.0 <= match.confidence <= 1.0 for match in findings.matches)


@given(st.text(max_size=200), st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gives_probabilities(question: str, phrasings: list[str]) -> None:
    findings = KnowledgeIndex.build([*SHOP, Entry(8, tuple(phrasings), None)], None).search(question)

    assert 0.0 <= findings.scope <= 1.0
    assert all(0.0 <= match.confidence <= 1.0 and np.isfinite(match.score) for match in findings.matches)
