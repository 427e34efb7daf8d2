"""Very many entries: the likely ones are found along a few axes, and the answers stay the same."""

import numpy as np
import pytest

from officium.core.knowledge import Entry, KnowledgeIndex, index
from officium.core.knowledge.rows import Floats, Rows
from officium.core.knowledge.vectors import Vectors
from tests.core.knowledge.test_index import CountingEncoder

SUBJECTS = (
    "invoice",
    "parcel",
    "refund",
    "password",
    "voucher",
    "delivery",
    "warranty",
    "size",
    "colour",
    "gift",
)
ACTIONS = ("change", "lose", "find", "cancel", "pay", "open", "return", "order", "print", "share")
MANY = tuple(
    Entry(number, (f"how do I {action} my {subject}", f"{action} {subject}"), None)
    for number, (action, subject) in enumerate(
        (action, subject) for action in ACTIONS for subject in SUBJECTS
    )
)


def _random_unit_rows(count: int, width: int) -> Floats:
    matrix = np.random.default_rng(5).normal(size=(count, width)).astype(np.float32)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), np.float32)


def test_pressed_vectors_give_nearly_the_likeness_of_whole_ones() -> None:
    matrix = _random_unit_rows(300, 40)
    pressed = Vectors.pressed(
        [str(row) for row in range(300)], lambda texts: matrix[[int(text) for text in texts]]
    )

    likeness = pressed.compare(np.arange(300), matrix[7])

    assert np.abs(likeness - matrix @ matrix[7]).max() < 0.02
    assert np.abs(pressed.rows(slice(None)) - matrix).max() < 0.02


@pytest.mark.parametrize("encoder", [None, CountingEncoder()], ids=["by words", "with vectors"])
def test_looking_at_likely_entries_only_finds_the_same(
    monkeypatch: pytest.MonkeyPatch, encoder: CountingEncoder | None
) -> None:
    whole = KnowledgeIndex.build(MANY, encoder)
    monkeypatch.setattr(index, "PRESSED_FROM", 10)
    part = KnowledgeIndex.build(MANY, encoder)

    for question in ("how can I cancel my parcel", "print invoice", "lost pasword", "warranty"):
        first, second = whole.search(question).matches[0], part.search(question).matches[0]
        assert first.entry_id == second.entry_id
        assert first.score == pytest.approx(second.score, abs=0.03)


@pytest.mark.parametrize("question", ["zzz", "💥", "?", "how"])
def test_a_question_like_nothing_is_answered_from_very_many_entries(
    monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(index, "PRESSED_FROM", 10)

    findings = KnowledgeIndex.build(MANY, None).search(question)

    assert findings.matches
    assert 0.0 <= findings.scope <= 1.0


def test_very_many_entries_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "PRESSED_FROM", 10)
    encoder = CountingEncoder()
    many = KnowledgeIndex.build(MANY, encoder)
    encoder.encoded.clear()

    later = many.updated([Entry(500, ("who plays the piano tonight",), None)], removed=[0])

    assert set(encoder.encoded) == {"who plays the piano tonight"}
    assert later.search("piano tonight").matches[0].entry_id == 500


def test_rows_are_added_up_turned_and_taken() -> None:
    rows = Rows.from_pairs(
        np.array([0, 2, 0, 2]), np.array([1, 0, 1, 3]), np.array([1, 2, 3, 4], np.float32), (3, 4)
    )

    vector = np.array([10, 20, 30, 40], np.float32)

    assert rows.times(vector).tolist() == [80, 0, 180]
    assert rows.taken(np.array([2, 0])).times(vector).tolist() == [180, 80]
    assert rows.turned(4).times(np.array([1, 1, 1], np.float32)).tolist() == [2, 4, 0, 4]
