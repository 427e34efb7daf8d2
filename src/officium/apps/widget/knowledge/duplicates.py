"""Finds entries that ask nearly the same: what one answers, the other should not answer differently."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from officium.apps.widget.knowledge.entry import KnowledgeEntry, folded

LEAST_ALIKE = 0.75
"""From which share of common word parts on two phrasings are taken for the same question."""
MOST_PAIRS = 500
_MOST_COMPARED = 2_000_000


class Duplicate(Struct, frozen=True, kw_only=True):
    """Two entries whose phrasings are alike: `similarity` 1 says the same but for case and marks."""

    first: KnowledgeEntry
    second: KnowledgeEntry
    first_phrasing: str
    second_phrasing: str
    similarity: float


def find_duplicates(entries: Sequence[KnowledgeEntry], least: float = LEAST_ALIKE) -> list[Duplicate]:
    """The pairs of entries that are most alike, the best first; at most 500.

    Compares sets of character triples by Jaccard's measure. Of each set only its rarest members are looked
    up, as many as two sets so alike must share at least one of (prefix filtering, Chaudhuri et al. 2006).
    """
    phrasings = [
        (place, text, folded(text)) for place, entry in enumerate(entries) for text in entry.phrasings
    ]
    sets = [_triples(plain) for _, _, plain in phrasings]
    commonness = Counter(triple for one in sets for triple in one)
    seen: dict[str, list[int]] = defaultdict(list)
    best: dict[tuple[int, int], Duplicate] = {}
    compared = 0
    for number, (place, text, _) in enumerate(phrasings):
        mine = sorted(sets[number], key=lambda triple: (commonness[triple], triple))
        prefix = mine[: len(mine) - ceil(least * len(mine)) + 1]
        others = {other for triple in prefix for other in seen[triple]}
        compared += len(others)
        for other in others:
            other_place, other_text, _ = phrasings[other]
            similarity = _alike(sets[number], sets[other]) if other_place != place else 0.0
            pair = (other_place, place)
            if similarity >= least and (pair not in best or best[pair].similarity < similarity):
                best[pair] = Duplicate(
                    first=entries[other_place],
                    second=entries[place],
                    first_phrasing=other_text,
                    second_phrasing=text,
                    similarity=round(similarity, 3),
                )
        for triple in prefix:
            seen[triple].append(number)
        if compared > _MOST_COMPARED:
            break
    found = sorted(best.values(), key=lambda pair: (-pair.similarity, pair.first.id, pair.second.id))
    return found[:MOST_PAIRS]


def _triples(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[place : place + 3] for place in range(max(1, len(padded) - 2)))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)
