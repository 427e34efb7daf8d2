"""Kaplan-Meier and Aalen-Johansen estimates over whole days, with pseudo-observations of a belief."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.days import LONGEST_DAYS, FloatArray

OPEN, HAPPENED, LOST = 0, 1, 2
"""How a time ended: it is still running, with the event we wait for, or with the other one."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The probability of each outcome on each day after the start; the rest stays open."""

    happened: FloatArray
    lost: FloatArray

    @property
    def ever(self) -> float:
        """The probability that it happens at all."""
        return float(self.happened.sum())


def certain(happened: FloatArray) -> Outcomes:
    """Outcomes in which nothing is ever lost."""
    return Outcomes(happened=happened, lost=np.zeros_like(happened))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many times ended with each outcome on each day, and how many ended or were cut off on it."""

    happened: FloatArray
    lost: FloatArray
    ended: FloatArray


def count(
    days: NDArray[np.integer], outcomes: NDArray[np.integer], weights: FloatArray | None = None
) -> Counts:
    """Count the times by day and outcome. Times beyond the longest day count as still running on it."""
    size = LONGEST_DAYS + 1
    capped = np.minimum(days, LONGEST_DAYS)
    known = np.where(days > LONGEST_DAYS, OPEN, outcomes)
    flat = np.bincount(known * size + capped, weights=weights, minlength=3 * size)
    by_outcome = flat.reshape(3, size).astype(np.float64)
    return Counts(by_outcome[HAPPENED], by_outcome[LOST], by_outcome.sum(axis=0))


def estimate(
    days: NDArray[np.integer],
    outcomes: NDArray[np.integer],
    weights: FloatArray | None = None,
    belief: Outcomes | None = None,
    worth: float = 0.0,
) -> Outcomes:
    """Estimate when each outcome comes, from times of which some are still running.

    `days` are whole days since each start, `outcomes` say how each time ended, `weights` how much each
    counts. See `estimate_from`.
    """
    return estimate_from(count(days, outcomes, weights), belief, worth)


def estimate_from(counts: Counts, belief: Outcomes | None = None, worth: float = 0.0) -> Outcomes:
    """Estimate when each outcome comes. `belief` counts as `worth` further observations that follow it.

    With no belief this is the Aalen-Johansen estimate (Kaplan-Meier when nothing is lost); with no data it is
    the belief. Source of the pseudo-observations: the beta process prior of Hjort (1990), whose mean is this
    estimate.
    """
    happened, lost = counts.happened, counts.lost
    at_risk = counts.ended[::-1].cumsum()[::-1]
    if belief is not None and worth > 0:
        unhappened = 1.0 - (belief.happened + belief.lost).cumsum()
        at_risk = at_risk + worth
        at_risk[1:] -= worth * (1.0 - np.maximum(unhappened[:-1], 0.0))
        happened = happened + worth * belief.happened
        lost = lost + worth * belief.lost
    return _incidence(happened, lost, at_risk)


def _incidence(happened: FloatArray, lost: FloatArray, at_risk: FloatArray) -> Outcomes:
    """Turn events and numbers at risk of each day into the probability of each outcome on each day."""
    share = np.where(at_risk > 1e-9, 1.0, 0.0) / np.maximum(at_risk, 1e-9)
    leaving = np.minimum((happened + lost) * share, 1.0)
    share[1:] *= np.cumprod(1.0 - leaving)[:-1]
    return Outcomes(happened=happened * share, lost=lost * share)
