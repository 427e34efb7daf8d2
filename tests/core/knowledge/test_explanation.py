"""Phrasings share a question among themselves, instead of each claiming all of it."""

import numpy as np
import pytest

from officium.core.knowledge import KnowledgeIndex, index, likeness
from officium.core.knowledge.explanation import explained
from officium.core.knowledge.lexicon import Lexicon
from officium.core.knowledge.rows import Floats
from officium.core.knowledge.vectors import Vectors
from tests.core.knowledge.test_index import CountingEncoder
from tests.core.knowledge.test_vectors import MANY


def _units(*rows: tuple[float, ...]) -> Floats:
    matrix = np.array(rows, np.float32)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), np.float32)


def test_a_phrasing_that_is_the_question_explains_it() -> None:
    phrasings = _units((1, 0, 0), (0, 1, 0), (0, 0, 1))

    found = explained(phrasings @ phrasings[0], phrasings @ phrasings.T)

    assert found[0] > 0.85
    assert np.abs(found[1:]).max() < 0.1


def test_many_alike_explain_hardly_more_than_one() -> None:
    question = _units((1, 1, 0))[0]
    one = _units((1, 0, 0), (0, 1, 0))
    many = _units(*[(1.0, 0.0, 0.0)] * 20, (0, 1, 0))

    of_one, of_many = explained(one @ question, one @ one.T), explained(many @ question, many @ many.T)

    assert of_many[:20].sum() < of_one[0] * 1.2
    assert of_many[20] > of_one[1] * 0.8


def test_what_two_have_in_common_explains_nothing() -> None:
    # all three are mostly the first axis; only the second phrasing has what is particular to the question
    phrasings = _units((3, 1, 0, 0), (3, 0, 1, 0), (3, 0, 0, 1))
    question = _units((3, 0, 1, 0.4))[0]

    near, found = phrasings @ question, explained(phrasings @ question, phrasings @ phrasings.T)

    assert near.min() > 0.85 * near.max()
    assert found.argmax() == 1
    assert found[0] < 0.2 * found[1]


def test_phrasings_that_are_the_same_are_no_difficulty() -> None:
    found = explained(np.ones(100, np.float32), np.ones((100, 100), np.float32))

    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0, abs=0.01)


def test_texts_agree_by_the_words_they_share() -> None:
    texts = ["cancel my order", "cancel the order", "refund a parcel", "order cancel my", "💥"]
    lexicon = Lexicon.build(texts, np.arange(5), False)

    alike = lexicon.among(np.array([0, 1, 2, 3, 4]))

    assert np.diagonal(alike) == pytest.approx(np.ones(5))
    assert alike == pytest.approx(alike.T)
    assert alike[0, 3] == pytest.approx(1.0, abs=1e-5)
    assert 0.3 < alike[0, 1] < 0.9
    assert alike[0, 2] == alike[0, 4] == alike[2, 4] == 0.0
    assert lexicon.among(np.array([1, 3]))[0, 1] == pytest.approx(alike[1, 3], abs=1e-6)


def test_pressed_vectors_are_as_like_each_other_as_whole_ones() -> None:
    matrix = np.random.default_rng(5).normal(size=(300, 40)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    pressed = Vectors.pressed(
        [str(row) for row in range(300)], lambda texts: matrix[[int(text) for text in texts]]
    )
    rows = np.array([3, 50, 299])

    assert pressed.among(rows) == pytest.approx(matrix[rows] @ matrix[rows].T, abs=0.03)
    assert Vectors.whole(matrix).among(rows) == pytest.approx(matrix[rows] @ matrix[rows].T, abs=1e-6)


def test_the_steps_end_where_the_equations_are_solved() -> None:
    matrix = np.random.default_rng(3).normal(size=(100, 30)).astype(np.float32) + 0.5
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    near, among = matrix @ matrix[0], matrix @ matrix.T
    kernel = np.exp(3.0 * (among.astype(np.float64) - 1)) + 0.1 * np.eye(100)

    found = explained(near, among)

    assert np.abs(kernel @ found - np.exp(3.0 * (near - 1))).max() < 1e-4


@pytest.mark.parametrize("most", [4_000, 10], ids=["whole", "pressed"])
def test_the_right_entry_leads_by_more_where_phrasings_have_much_in_common(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(index, "PRESSED_FROM", most)
    asked = KnowledgeIndex.build(MANY, CountingEncoder())
    question = "how could I cancel my parcel"

    found = asked.look(question)
    monkeypatch.setattr(likeness, "_EXPLAINED", 0.0)
    by_itself = asked.look(question)

    assert found.places[0] == by_itself.places[0]
    assert found.scores[0] - found.scores[1] > 1.2 * (by_itself.scores[0] - by_itself.scores[1])
