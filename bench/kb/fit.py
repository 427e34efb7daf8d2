"""Fitting the calibrator: a logistic regression for searches with sentence vectors, one for those without."""

import json
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.kb.sightings import Sightings
from officium.core.knowledge.calibrator import ANSWERED_FROM, TERMS, widened
from officium.core.knowledge.evidence import NAMES

_OUTSIDE_SHARE = 0.2
_PENALTY = 0.002
"""On the squares of the weights; ten times more or less changes little."""
_STEPS = 30
_OFFICIAL, _PART, _OTHER_LANGUAGE = 2.0, 0.5, 0.4
"""How much a task, a part of one, and one of the six languages' tasks count."""
_UNLIKE = ("strangers", "kin", "subject")
"""With vectors these tell the sources apart rather than right answers from wrong ones: they weigh nothing."""
_PRODUCTS = TERMS[len(NAMES) :]
"""By words alone they help in English and harm in other languages."""
_PRECISION = 0.95
_SUREST = np.arange(0.85, 0.921, 0.005)
"""Beyond, hardly anything would be answered."""

Numbers = NDArray[np.float64]
Regressions = dict[str, Numbers]


def fitted(sightings: Sequence[Sightings], without: str | None) -> str:
    """Return the calibrator as JSON, fitted on all sources but `without`."""
    used = [one for one in sightings if one.source != without]
    with_vectors = [one for one in used if one.has_vectors]
    by_words = [one for one in used if not one.has_vectors]
    found = {
        "names": TERMS,
        "with_vectors": _scale(with_vectors, _UNLIKE, _sure(with_vectors, _UNLIKE)),
        # to be prudent, too, would take a third of the answers
        "by_words": _scale(by_words, _PRODUCTS, ANSWERED_FROM),
    }
    return json.dumps(found, indent=1) + "\n"


def _scale(
    sightings: Sequence[Sightings], ignored: Sequence[str], sure: float
) -> dict[str, list[float] | float]:
    numbers: dict[str, list[float] | float] = {
        name: [round(float(number), 5) for number in numbers]
        for name, numbers in _regressions(sightings, ignored).items()
    }
    return numbers | {"sure": round(sure, 3)}


def _regressions(sightings: Sequence[Sightings], ignored: Sequence[str]) -> Regressions:
    evidence = np.concatenate([one.evidence for one in sightings]).astype(np.float64)
    weights = np.concatenate([_weights(one) for one in sightings])
    means, spreads = evidence.mean(axis=0), evidence.std(axis=0) + 1e-6
    seen = widened((evidence - means) / spreads)
    seen[:, [TERMS.index(name) for name in ignored]] = 0.0
    right = np.concatenate([one.is_right for one in sightings]).astype(np.float64)
    inside = np.concatenate([one.is_inside for one in sightings]).astype(np.float64)
    return {
        "means": means,
        "spreads": spreads,
        "confidence": _regression(seen, right, weights),
        "scope": _regression(seen, inside, weights),
    }


def _sure(sightings: Sequence[Sightings], ignored: Sequence[str]) -> float:
    """Return how sure one must be that of a hundred answers 95 are right, on sources that were not seen.

    Each source is left out in turn. The mean is over the tasks of a source, and then over the sources.
    """
    seen = defaultdict(list)
    for source in dict.fromkeys(one.source for one in sightings):
        others = _regressions([one for one in sightings if one.source != source], ignored)
        for one in sightings:
            if one.source == source and one.base.is_official:
                seen[source].append((_probabilities(others, one), one.is_right, _weights(one)))
    for sure in _SUREST:
        means = [np.nanmean([_precision(*task, sure) for task in tasks]) for tasks in seen.values()]
        if np.mean(means) >= _PRECISION:
            return float(sure)
    return float(_SUREST[-1])


def _probabilities(found: Regressions, one: Sightings) -> Numbers:
    logits = widened((one.evidence - found["means"]) / found["spreads"]) @ found["confidence"]
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))


def _precision(probabilities: Numbers, right: NDArray[np.bool_], weights: Numbers, sure: float) -> float:
    answered = np.where(probabilities >= sure, weights, 0.0)
    return float(answered[right].sum() / answered.sum()) if answered.any() else float("nan")


def _weights(one: Sightings) -> Numbers:
    """Questions out of scope make a fifth of the traffic, whatever their share in the data."""
    inside = int(one.is_inside.sum())
    outside = len(one.is_inside) - inside
    whole = _OFFICIAL if one.base.is_official else _PART
    if one.base.task.startswith("xsid"):
        whole *= _OTHER_LANGUAGE
    shares = (whole * (1 - _OUTSIDE_SHARE) / max(inside, 1), whole * _OUTSIDE_SHARE / max(outside, 1))
    return np.where(one.is_inside, *shares)


def _regression(seen: Numbers, truth: Numbers, weights: Numbers) -> Numbers:
    """Return the weights of a logistic regression, by Newton's method; the constant, last, is free."""
    weights = weights / weights.sum()
    penalty = np.eye(seen.shape[1]) * _PENALTY
    penalty[-1, -1] = 0.0
    found = np.zeros(seen.shape[1])
    for _ in range(_STEPS):
        guess = 1.0 / (1.0 + np.exp(-np.clip(seen @ found, -30, 30)))
        slope = seen.T @ (weights * (guess - truth)) + penalty @ found
        bend = (seen * (weights * guess * (1 - guess))[:, None]).T @ seen + penalty
        found -= np.linalg.solve(bend, slope)
    return found
