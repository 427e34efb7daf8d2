"""What searches saw, and whether they were right: what a calibrator is fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.kb.data import Base, source_of
from officium.core.knowledge import Encoder, KnowledgeIndex
from officium.core.knowledge.rows import Floats


@dataclass(frozen=True)
class Sightings:
    """All questions of one knowledge base: the evidence, and whether the first entry, and any, is right."""

    base: Base
    has_vectors: bool
    evidence: Floats
    is_right: NDArray[np.bool_]
    is_inside: NDArray[np.bool_]
    ranked: tuple[tuple[int, ...], ...]

    @property
    def source(self) -> str:
        """Whose data it is."""
        return source_of(self.base.task)


def look(base: Base, encoder: Encoder | None) -> Sightings:
    """Search `base` for all its questions."""
    index = KnowledgeIndex.build(base.entries, encoder)
    evidence, right, ranked = [], [], []
    for text, entry_id in base.questions:
        seen = index.look(text)
        ids = tuple(index.entries[place].id for place in seen.places)
        evidence.append(seen.evidence)
        right.append(entry_id is not None and ids[0] == entry_id)
        ranked.append(ids)
    inside = np.array([entry_id is not None for _, entry_id in base.questions])
    return Sightings(base, index.has_vectors, np.stack(evidence), np.array(right), inside, tuple(ranked))
