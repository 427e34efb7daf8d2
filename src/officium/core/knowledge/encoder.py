"""Sentence vectors: texts that mean the same lie close together."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from officium.core.knowledge.rows import Floats
from officium.core.knowledge.weights import find_model, read_weights

_TOKENS_LONGEST = 128
_GRAPH_VERSION = 2
"""Part of the kept file's name; raise it when graph.py changes."""


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

    The network is built from the installed weights when first needed, and kept in `folder` for the next
    start. Safe to use from several threads.
    """

    name = "all-MiniLM-L6-v2/8bit-2"
    dimensions = 768

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opening = threading.Lock()
        self._opened: tuple[Any, Any] | None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the vectors of `texts`. Raises EncoderMissing where the weights are not installed."""
        tokenizer, session = self._open()
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            ids = np.array([tokenizer.encode(_writable(text)).ids], np.int32)
            positions = np.arange(ids.shape[1], dtype=np.int32)
            (vectors[row : row + 1],) = session.run(None, {"ids": ids, "positions": positions})
        return vectors

    def fluency(self, texts: Sequence[str]) -> float:
        """Return the share of word pieces that are whole words: about 0.9 in English, below 0.6 elsewhere."""
        tokenizer, _ = self._open()
        whole = pieces = 0
        for text in texts:
            for piece in tokenizer.encode(_writable(text), add_special_tokens=False).tokens:
                is_part = piece == "[UNK]" or piece.startswith("##") or _is_ideograph(piece)
                whole += not is_part and piece[0].isalpha()
                pieces += is_part or piece[0].isalpha()
        return whole / pieces if pieces else 1.0

    def _open(self) -> tuple[Any, Any]:
        with self._opening:
            if self._opened is None:
                self._opened = self._load()
            return self._opened

    def _load(self) -> tuple[Any, Any]:
        import onnxruntime
        from tokenizers import Tokenizer

        model = find_model()
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_TOKENS_LONGEST)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = str(self._graph_file(model / "model.safetensors"))
        return tokenizer, onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def _graph_file(self, weights: Path) -> Path:
        about = weights.stat()
        mark = hashlib.sha256(f"{weights}:{about.st_size}:{about.st_mtime_ns}".encode()).hexdigest()[:12]
        file = self._folder / f"minilm-{_GRAPH_VERSION}-{mark}.onnx"
        if not file.exists():
            from officium.core.knowledge.graph import build_graph

            _write_whole(file, build_graph(read_weights(weights), _TOKENS_LONGEST))
        return file


def _is_ideograph(piece: str) -> bool:
    """Whether `piece` is a single letter of those scripts that the tokenizer cuts into letters."""
    return len(piece) == 1 and piece > "\u2e7f"


def _writable(text: str) -> str:
    """Return `text` without half characters, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _write_whole(file: Path, content: bytes) -> None:
    """Write through a second name, so that nobody ever reads half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
