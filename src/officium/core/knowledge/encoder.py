"""Sentence vectors: texts that mean the same lie close together."""

import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from officium.core.knowledge.errors import EncoderMissing
from officium.core.knowledge.rows import Floats
from officium.core.knowledge.wordpiece import WordPieces

_TOKENS_LONGEST = 128
_SHIPPED = Path(__file__).parent / "minilm"
"""What hatch_encoder.py makes when the package is built."""


class Encoder(Protocol):
    """Turns texts into vectors. Two encoders with the same name give the same vectors."""

    @property
    def name(self) -> str:
        """What its vectors are kept under."""

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return an array of shape (texts, dimensions), each row of length one. Slow: call it in a thread."""


@runtime_checkable
class Fluent(Protocol):
    """An encoder that can tell how well it reads a language. Others are taken to read every language."""

    def fluency(self, texts: Sequence[str]) -> float:
        """Return from 0 (it sees mere letters) to 1 (it knows the words)."""


class LocalEncoder:
    """all-MiniLM-L6-v2 on this machine's processor: English, 768 numbers, about 2 ms a text and core.

    The network and its vocabulary are in `folder`. Safe to use from several threads.
    """

    name = "all-MiniLM-L6-v2/8bit-2"
    dimensions = 768

    def __init__(self, folder: Path = _SHIPPED) -> None:
        self._folder = folder
        self._opening = threading.Lock()
        self._opened: tuple[WordPieces, Any] | None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the vectors of `texts`. Raises EncoderMissing where its files are not in place."""
        words, session = self._open()
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            ids = np.array([words.ids(_writable(text), _TOKENS_LONGEST)], np.int32)
            positions = np.arange(ids.shape[1], dtype=np.int32)
            (vectors[row : row + 1],) = session.run(None, {"ids": ids, "positions": positions})
        return vectors

    def fluency(self, texts: Sequence[str]) -> float:
        """Return the share of word pieces that are whole words: about 0.9 in English, below 0.6 elsewhere."""
        words, _ = self._open()
        whole = pieces = 0
        for text in texts:
            for piece in islice(words.pieces(_writable(text)), _TOKENS_LONGEST):
                is_part = piece == "[UNK]" or piece.startswith("##") or _is_ideograph(piece)
                whole += not is_part and piece[0].isalpha()
                pieces += is_part or piece[0].isalpha()
        return whole / pieces if pieces else 1.0

    def _open(self) -> tuple[WordPieces, Any]:
        with self._opening:
            if self._opened is None:
                self._opened = self._load()
            return self._opened

    def _load(self) -> tuple[WordPieces, Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        network = str(self._folder / "network.onnx")
        try:
            words = WordPieces(self._folder / "vocabulary.txt")
            return words, onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # those of onnxruntime have no class in common
            raise EncoderMissing(
                "The local encoder's files are missing or damaged. Install Officium again, or set "
                "OFFICIUM_KNOWLEDGE_ENCODER=none."
            ) from error


def _is_ideograph(piece: str) -> bool:
    """Whether `piece` is a single letter of those scripts that the tokenizer cuts into letters."""
    return len(piece) == 1 and piece > "\u2e7f"


def _writable(text: str) -> str:
    """Return `text` without half characters, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")
