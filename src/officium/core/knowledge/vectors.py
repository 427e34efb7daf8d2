"""Sentence vectors of many texts: whole while they are few, along principal axes when they are many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from officium.core.knowledge.rows import Floats, Ints

PRESSED_FROM = 4_000
"""Texts from which on vectors are pressed: looking through all of them takes some milliseconds then."""
_AXES, _AXES_SCANNED = 256, 64
_SAMPLE_LARGEST = 4_096
_CHUNK = 1_024


@dataclass(frozen=True, slots=True)
class Vectors:
    """All vectors, as `scanned` or as `scanned` and `codes`.

    While there are few, `axes` is None and `scanned` holds the vectors themselves. When there are many,
    `axes` has the main directions as columns, `scanned` the vectors along the first of them, and `codes`
    along all, as bytes, of which one is worth `steps[row]`.
    """

    scanned: Floats
    axes: Floats | None
    codes: NDArray[np.int8]
    steps: Floats
    middle: Floats
    """The mean of all vectors."""

    @classmethod
    def whole(cls, matrix: Floats) -> "Vectors":
        """Keep the rows of `matrix` as they are."""
        return cls(matrix, None, np.zeros((0, 0), np.int8), matrix[:0, 0], matrix.mean(axis=0))

    @classmethod
    def pressed(cls, texts: Sequence[str], encode: Callable[[Sequence[str]], Floats]) -> "Vectors":
        """Encode `texts` bit by bit, so that never all whole vectors are in memory."""
        sample = encode(texts[:: -(-len(texts) // _SAMPLE_LARGEST)])
        _, directions = np.linalg.eigh(sample.T @ sample)
        axes = np.ascontiguousarray(directions[:, ::-1][:, :_AXES], np.float32)
        size = axes.shape[1]
        scanned = np.empty((len(texts), min(_AXES_SCANNED, size)), np.float32)
        codes, steps = np.empty((len(texts), size), np.int8), np.empty(len(texts), np.float32)
        total = np.zeros(len(axes), np.float64)
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, start + _CHUNK)
            matrix = encode(texts[part])
            total += matrix.sum(axis=0)
            along = matrix @ axes
            scanned[part] = along[:, : scanned.shape[1]]
            steps[part] = np.maximum(np.abs(along).max(axis=1), 1e-9) / 127
            codes[part] = np.round(along / steps[part, None])
        return cls(scanned, axes, codes, steps, np.asarray(total / len(texts), np.float32))

    def __len__(self) -> int:
        return len(self.scanned)

    @property
    def size_bytes(self) -> int:
        """The memory of the arrays."""
        return self.scanned.nbytes + self.codes.nbytes + self.steps.nbytes

    def scan(self, vector: Floats) -> Floats:
        """Return how much each text is like `vector`; a little less than it is where vectors are pressed."""
        if self.axes is None:
            return _products(self.scanned, vector)
        return _products(self.scanned, vector @ self.axes[:, : self.scanned.shape[1]])

    def compare(self, rows: Ints, vector: Floats) -> Floats:
        """Return how much the texts `rows` are like `vector`."""
        if self.axes is None:
            return _products(self.scanned[rows], vector)
        return _products(self.codes[rows].astype(np.float32), vector @ self.axes) * self.steps[rows]

    def among(self, rows: Ints) -> Floats:
        """Return how much the texts `rows` are like each other, which are not many."""
        if self.axes is None:
            return _among(self.scanned[rows])
        return _among(self.codes[rows] * self.steps[rows, None])

    def rows(self, part: Ints | slice) -> Floats:
        """Return whole vectors, as well as they are known."""
        if self.axes is None:
            return self.scanned[part]
        return np.asarray((self.codes[part] * self.steps[part][:, None]) @ self.axes.T, np.float32)


def _products(matrix: Floats, vector: Floats) -> Floats:
    """Return `matrix @ vector` on one core: for so little, waking the others takes longer than the work."""
    products: Floats = np.vecdot(matrix, vector)
    return products


def _among(matrix: Floats) -> Floats:
    """Return `matrix @ matrix.T`, likewise."""
    products: Floats = np.vecdot(matrix[:, None], matrix[None])
    return products
