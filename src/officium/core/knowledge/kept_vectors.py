"""Vectors that outlive the process: as bytes, found by the digest of their text."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from officium.core.knowledge.rows import Floats
from officium.core.tenancy import Caller


@dataclass(frozen=True, slots=True)
class KeptVector:
    """The vector of one text of an entry, packed."""

    entry_id: int
    digest: bytes
    vector: bytes


class VectorShelf(Protocol):
    """Where the vectors of knowledge bases are kept."""

    async def read(self, caller: Caller, base_id: int, encoder: str) -> Mapping[bytes, bytes]:
        """Return the packed vectors that `encoder` made for the caller's knowledge base, by digest."""

    async def put(
        self, caller: Caller, base_id: int, version: int, encoder: str, vectors: Sequence[KeptVector]
    ) -> None:
        """Keep `vectors` of entries that are as they were in `version`, in the place of older ones."""


def digest_of(text: str) -> bytes:
    """Return 16 bytes that stand for `text`."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def packed(matrix: Floats) -> list[bytes]:
    """Return each row's direction in a byte for each number, signed; its cosine to the row is 0.9999."""
    largest = np.maximum(np.abs(matrix).max(axis=1, keepdims=True), 1e-12)
    return [row.tobytes() for row in np.round(matrix * (127 / largest)).astype(np.int8)]


def unpacked(vectors: Sequence[bytes]) -> Floats:
    """Return rows of length one from what `packed` gave."""
    codes = np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), -1).astype(np.float32)
    lengths = np.linalg.norm(codes, axis=1, keepdims=True)
    return np.asarray(codes / np.maximum(lengths, 1), np.float32)
