"""From what a search saw to a probability: logistic regressions, fitted on public questions and shipped."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from officium.core.knowledge.evidence import NAMES
from officium.core.knowledge.rows import Floats

_FARTHEST = 4.0
"""In spreads from the mean: evidence beyond says no more than evidence there."""
_PRODUCTS = (("lead_second", "above_strangers"), ("share", "above_strangers"), ("share", "meaning_best"))
"""Standing out says more where the match is a good one."""
TERMS = (*NAMES, *("*".join(pair) for pair in _PRODUCTS))
_LEFT, _RIGHT = ([NAMES.index(pair[side]) for pair in _PRODUCTS] for side in (0, 1))
ANSWERED_FROM = 0.85
"""The confidence from which widgets are advised to answer without asking a model."""
_LOWERED_FROM = 0.7


@dataclass(frozen=True, slots=True)
class Judgement:
    """Two probabilities: that the first match answers the question, and that some entry does."""

    confidence: float
    scope: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Two regressions over evidence that is brought to a usual size: minus `means`, over `spreads`.

    A regression is right on the average of knowledge bases, and too sure in the harder half of them. So a
    confidence of 0.85 is told from `sure` on only; see `prudent`.
    """

    means: Floats
    spreads: Floats
    confidence: Floats
    scope: Floats
    sure: float

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Scale":
        """Read numbers by the names of the fields."""
        means, spreads, confidence, scope = (
            np.array(found[key], np.float32) for key in ("means", "spreads", "confidence", "scope")
        )
        return cls(means, spreads, confidence, scope, float(found["sure"]))

    def judge(self, evidence: Floats) -> Judgement:
        """Return the probabilities."""
        seen = widened((evidence - self.means) / self.spreads)
        confidence = prudent(_probability(float(seen @ self.confidence)), self.sure)
        return Judgement(confidence, _probability(float(seen @ self.scope)))


@dataclass(frozen=True)
class Calibrator:
    """One scale for searches with sentence vectors, and one for those by words alone."""

    with_vectors: Scale
    by_words: Scale

    @classmethod
    def read(cls, text: str) -> "Calibrator":
        """Read JSON. Raises ValueError where it was fitted for other evidence."""
        found: dict[str, Any] = json.loads(text)
        if tuple(found["names"]) != TERMS:
            raise ValueError("The calibrator was fitted for other evidence. Fit it again.")
        return cls(Scale.read(found["with_vectors"]), Scale.read(found["by_words"]))

    @classmethod
    def from_file(cls, file: Path) -> "Calibrator":
        """Read a file that was fitted elsewhere."""
        return cls.read(file.read_text("utf-8"))

    def judge(self, evidence: Floats, has_vectors: bool) -> Judgement:
        """Return the probabilities; `evidence` has the numbers that `NAMES` names."""
        return (self.with_vectors if has_vectors else self.by_words).judge(evidence)


def widened(usual: Floats) -> Floats:
    """Return the numbers that `TERMS` names, and a one for the constant; of one search or many.

    `usual` is evidence of usual size; it is cut at the ends.
    """
    cut = np.clip(usual, -_FARTHEST, _FARTHEST)
    products = cut[..., _LEFT] * cut[..., _RIGHT]
    return np.concatenate((cut, products, np.ones((*cut.shape[:-1], 1), np.float32)), axis=-1)


def prudent(probability: float, sure: float) -> float:
    """Return `probability`, lowered between 0.7 and 1 so that `sure` becomes 0.85; the order stays."""
    return float(
        np.interp(probability, (0.0, _LOWERED_FROM, sure, 1.0), (0.0, _LOWERED_FROM, ANSWERED_FROM, 1.0))
    )


@cache
def shipped_calibrator() -> Calibrator:
    """Return the calibrator that comes with the package."""
    file = resources.files("officium.core.knowledge").joinpath("calibrator.json")
    return Calibrator.read(file.read_text("utf-8"))


def _probability(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30))))
