"""The local encoder: it comes with the package, and is the same for a text whatever stands beside it."""

from pathlib import Path

import numpy as np
import pytest

from officium.core.knowledge import (
    EncoderMissing,
    Entry,
    KnowledgeIndex,
    KnowledgeIndexes,
    LocalEncoder,
)
from officium.core.tenancy import Caller
from tests.core.knowledge.test_indexes import Shelf

ANN = Caller("ten_ann", "key:1", frozenset())


@pytest.fixture(scope="module")
def encoder() -> LocalEncoder:
    return LocalEncoder()


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


def test_its_name_stands_for_these_vectors(encoder: LocalEncoder) -> None:
    """Vectors are kept under the name: where these differ, the encoder needs another.

    Processors multiply signed bytes in different ways, which moves a number by less than 0.002; another
    network, or other shares of its layers, by more than 0.005.
    """
    known = {
        "opening hours": [-0.00060, 0.01210, -0.03033, -0.04493, -0.01772, 0.01857, -0.02756, 0.02200],
        "Où est my 包裹?": [-0.01552, 0.04812, -0.07832, -0.00316, -0.03231, -0.00797, -0.04425, 0.00434],
    }

    vectors = encoder.encode(list(known))

    assert encoder.name == "all-MiniLM-L6-v2/8bit-2"
    assert vectors[:, ::96] == pytest.approx(np.array(list(known.values())), abs=4e-3)


def test_languages_it_cannot_read_are_found_by_words_and_letters(encoder: LocalEncoder) -> None:
    english = (Entry(1, ("How do I return a parcel?",), None), Entry(2, ("When do you open?",), None))
    german = (Entry(1, ("Wie schicke ich ein Paket zurück?",), None), Entry(2, ("Wann öffnet ihr?",), None))

    assert KnowledgeIndex.build(english, encoder).has_vectors
    assert not KnowledgeIndex.build(german, encoder).has_vectors


@pytest.mark.parametrize("network", [None, b"half a file"], ids=["missing", "damaged"])
async def test_without_its_files_words_and_letters_answer(network: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "vocabulary.txt").write_text("[CLS]\n[SEP]\n[UNK]\n")
    if network:
        (tmp_path / "network.onnx").write_bytes(network)
    shelf = Shelf()
    shelf.put(ANN, 1, 1, "opening hours", "returns")

    findings = await KnowledgeIndexes(shelf, LocalEncoder(tmp_path)).search(ANN, 1, 1, "your opening hours")

    assert findings.matches[0].entry_id == 0
    with pytest.raises(EncoderMissing, match="Install Officium again"):
        LocalEncoder(tmp_path).encode(["opening hours"])
