"""How sure one can be of a text: by what can be checked, never by what a model says of itself."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import mean

from officium.apps.writer.results import DraftClaim, Evidence

LOW = 0.5
"""Below it a text is logged, and should be read twice."""
ONE_SAMPLE = 0.85
"""The most that one answer can reach: nothing shows yet that another would say the same."""
_DISAGREEING, _AGREEING = 0.65, 0.97
_PER_CLAIM = 0.5
_INCOMPLETE = 0.4
_SUSPICIOUS = 0.5
CORRECTED = 0.9
"""Validity of an answer that fitted its schema only once it had been corrected."""

_WORD = re.compile(r"[^\W_]{3,}|\d+")


def weigh(
    claims: Sequence[DraftClaim],
    completeness: float,
    *,
    schema_validity: float = 1.0,
    agreement: float | None = None,
    suspicions: int = 0,
) -> Evidence:
    """What the parts of the evidence make together.

    The product of: what the answers' number allows (0.85 for one; 0.65 to 0.97 for several, by their
    agreement), the schema's validity, half for each unsupported claim, 0.4 to 1 by completeness, and half
    where anything is suspicious: orders to a model in the record, addresses that only a note has.
    """
    unsupported = sum(not claim.is_supported for claim in claims)
    left = _PER_CLAIM**unsupported
    most = ONE_SAMPLE if agreement is None else _DISAGREEING + (_AGREEING - _DISAGREEING) * agreement
    trust = _SUSPICIOUS if suspicions else 1.0
    whole = _INCOMPLETE + (1 - _INCOMPLETE) * completeness
    return Evidence(
        schema_validity=schema_validity,
        claims=left,
        claims_checked=len(claims),
        claims_unsupported=unsupported,
        completeness=completeness,
        agreement=agreement,
        suspicions=suspicions,
        raw_confidence=round(most * schema_validity * left * whole * trust, 4),
    )


def agreement_of(answers: Sequence[Mapping[str, str]]) -> float:
    """How alike answers are, from 0 to 1: the mean over all pairs of the share of words they have in common.

    Figures count three times: two texts that differ in one are not alike.
    """
    if len(answers) < 2:
        return 1.0
    words = [_weighted(" ".join(texts.values())) for texts in answers]
    return round(mean(_alike(one, other) for one, other in combinations(words, 2)), 4)


def most_typical(answers: Sequence[Mapping[str, str]]) -> int:
    """The number of the answer that is most like all others."""
    words = [_weighted(" ".join(texts.values())) for texts in answers]
    return max(range(len(words)), key=lambda one: sum(_alike(words[one], other) for other in words))


def _weighted(text: str) -> dict[str, int]:
    return {word: 3 if word.isdigit() else 1 for word in _WORD.findall(text.casefold())}


def _alike(one: dict[str, int], other: dict[str, int]) -> float:
    union = sum((one | other).values()) if one or other else 0
    return sum(one[word] for word in one.keys() & other.keys()) / union if union else 1.0
