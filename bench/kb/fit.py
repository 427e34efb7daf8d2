"""Fitting the calibrator: a logistic regression for searches with sentence vectors, one for those without."""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.kb.sightings import Sightings
from officium.core.knowledge.calibrator import widened
from officium.core.knowledge.evidence import NAMES

_OUTSIDE_SHARE = 0.2
_PENALTY = 0.002
"""On the squares of the weights; ten times more or less changes little."""
_STEPS = 30
_OFFICIAL, _PART, _OTHER_LANGUAGE = 2.0, 0.5, 0.4
"""How much a task, a part of one, and one of the six languages' tasks count."""

Numbers = NDArray[np.float64]


def fitted(sightings: Sequence[Sightings], without: str | None) -> str:
    """Return the calibrator as JSON, fitted on all sources but `without`."""
    used = [one for one in sightings if one.source != without]
    found = {
        "names": NAMES,
        "with_vectors": _scale([one for one in used if one.has_vectors]),
        "by_words": _scale([one for one in used if not one.has_vectors]),
    }
    return json.dumps(found, indent=1) + "\n"


def _scale(sightings: Sequence[Sightings]) -> dict[str, list[float]]:
    evidence = np.concatenate([one.evidence for one in sightings]).astype(np.float64)
    weights = np.concatenate([_weights(one) for one in sightings])
    means, spreads = evidence.mean(axis=0), evidence.std(axis=0) + 1e-6
    seen = widened((evidence - means) / spreads)
    right = np.concatenate([one.is_right for one in sightings]).astype(np.float64)
    inside = np.concatenate([one.is_inside for one in sightings]).astype(np.float64)
    found = {
        "means": means,
        "spreads": spreads,
        "confidence": _regression(seen, right, weights),
        "scope": _regression(seen, inside, weights),
    }
    return {name: [round(float(number), 5) for number in numbers] for name, numbers in found.items()}


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
