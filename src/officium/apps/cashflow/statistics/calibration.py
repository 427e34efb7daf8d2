"""Confidence that means something: stated probabilities, corrected by how often such statements came true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BINS = 10
_STEPS = 25
_SURE = 20.0
"""How firmly the statements are believed before outcomes are known, on the scale of a regression's ridge."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A correction of stated probabilities on the scale of log odds: `slope * logit + shift`."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, stated: float) -> float:
        """The corrected probability. Certainty is kept a hair away: one surprise is never impossible."""
        inside = min(max(stated, 1e-4), 1 - 1e-4)
        odds = self.slope * float(np.log(inside / (1 - inside))) + self.shift
        return float(1 / (1 + np.exp(-odds)))


AS_STATED = Calibration()


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Statements of about the same confidence: how many, how sure on average, and how many were right."""

    lower: float
    upper: float
    count: int
    stated: float
    right: float


def fit_calibration(stated: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Learn a correction from past statements and whether they were right; with none, there is none.

    Logistic regression with a ridge towards no correction, by Newton's method. Source: Platt (1999).
    """
    inside = np.clip(np.asarray(stated, dtype=np.float64), 1e-4, 1 - 1e-4)
    outcome = np.asarray(right, dtype=np.float64)
    odds = np.log(inside / (1 - inside))
    features = np.column_stack([odds, np.ones_like(odds)])
    start = np.array([1.0, 0.0])
    found = start.copy()
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(features @ found)))
        slope = features.T @ (outcome - chance) - _SURE * (found - start)
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + _SURE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        found = found + np.clip(step, -1, 1)
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(slope=max(float(found[0]), 0.0), shift=float(found[1]))


def calibration_bins(stated: Sequence[float], right: Sequence[bool]) -> tuple[CalibrationBin, ...]:
    """The statements in ten bins of equal width; empty bins are left out."""
    values, outcomes = np.asarray(stated, dtype=np.float64), np.asarray(right, dtype=np.float64)
    number = np.clip((values * _BINS).astype(int), 0, _BINS - 1)
    return tuple(
        CalibrationBin(
            lower=place / _BINS,
            upper=(place + 1) / _BINS,
            count=int(chosen.sum()),
            stated=float(values[chosen].mean()),
            right=float(outcomes[chosen].mean()),
        )
        for place in range(_BINS)
        if (chosen := number == place).any()
    )


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """How far statements and outcomes are apart on average, over all statements; 0 where there are none."""
    total = sum(one.count for one in bins)
    return sum(abs(one.stated - one.right) * one.count for one in bins) / total if total else 0.0
