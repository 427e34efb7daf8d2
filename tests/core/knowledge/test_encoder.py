"""The local encoder: built from the installed weights, the same for a text whatever stands beside it."""

from pathlib import Path

import numpy as np
import pytest

from officium.core.knowledge import (
    EncoderMissing,
    Entry,
    KnowledgeIndex,
    KnowledgeIndexes,
    LocalEncoder,
    weights,
)
from officium.core.tenancy import Caller
from tests.core.knowledge.test_indexes import Shelf

ANN = Caller("ten_ann", "key:1", frozenset())


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LocalEncoder:
    return LocalEncoder(tmp_path_factory.mktemp("models"))


def test_texts_that_mean_the_same_lie_closer(encoder: LocalEncoder) -> None:
    asked, same, other = encoder.encode(
        ["I would like my money back", "How do I get a refund?", "The weather is lovely in spring"]
    )

    assert asked.shape == (768,)
    assert np.linalg.norm(asked) == pytest.approx(1.0, abs=1e-5)
    assert asked @ same > asked @ other + 0.2


def test_a_vector_does_not_depend_on_its_neighbours(encoder: LocalEncoder) -> None:
    alone = encoder.encode(["where is my parcel"])[0]
    among = encoder.encode(["x" * 500, "where is my parcel", ""])[1]

    assert np.array_equal(alone, among)


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "👩‍👩‍👧" * 300, "ab " * 5_000, "مرحبا"])
def test_any_text_has_a_vector(encoder: LocalEncoder, text: str) -> None:
    assert np.isfinite(encoder.encode([text])).all()


def test_the_network_is_kept_for_the_next_start(encoder: LocalEncoder, tmp_path: Path) -> None:
    first = LocalEncoder(tmp_path).encode(["opening hours"])
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns

    second = LocalEncoder(tmp_path).encode(["opening hours"])

    assert np.array_equal(first, second)
    assert kept.stat().st_mtime_ns == written


def test_languages_it_cannot_read_are_found_by_words_and_letters(encoder: LocalEncoder) -> None:
    english = (Entry(1, ("How do I return a parcel?",), None), Entry(2, ("When do you open?",), None))
    german = (Entry(1, ("Wie schicke ich ein Paket zurück?",), None), Entry(2, ("Wann öffnet ihr?",), None))

    assert KnowledgeIndex.build(english, encoder).has_vectors
    assert not KnowledgeIndex.build(german, encoder).has_vectors


async def test_without_the_weights_words_and_letters_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no-such-package-of-weights")
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours", "returns")

    findings = await KnowledgeIndexes(shelf, LocalEncoder(tmp_path)).search(ANN, 1, 1, "your opening hours")

    assert findings.matches[0].entry_id == 0
    with pytest.raises(EncoderMissing):
        LocalEncoder(tmp_path).encode(["opening hours"])
