"""How regularly each customer pays: the spread of its payments around its level, beside that of all."""

import numpy as np

from officium.apps.cashflow.statistics.days import FloatArray, IntArray
from officium.apps.cashflow.statistics.levels import Levels
from officium.apps.cashflow.statistics.survival import HAPPENED

BORROWED = 4.0
"""How many payments' worth of everybody's spread a customer's own borrows."""
_STEPS_PER_DOUBLING = 4
_MOST_STEPS = 8
"""No customer is taken to be more than four times as regular as all, or as irregular."""
_ENOUGH = 30


def factors(steps: IntArray) -> FloatArray:
    """By how much delays are spread wider than usual after so many steps."""
    return np.asarray(2.0 ** (steps / _STEPS_PER_DOUBLING))


def spread_steps(
    customer: IntArray, rest: FloatArray, outcome: IntArray, weight: FloatArray, levels: Levels
) -> tuple[IntArray, float]:
    """How many steps wider than usual each customer's payments are spread, and by how much all are.

    Four steps double the spread. `rest` is what the levels leave of each invoice's delay, in days. The
    variance of a customer is shrunk to that of all, as if `BORROWED` more of its payments had been seen; what
    is far off counts as a little off. All are a bit wider than what is left says, for the levels were fitted
    to the same payments. Source: G. K. Smyth (2004) for the shrinkage of variances.
    """
    paid = outcome == HAPPENED
    count = np.bincount(customer, weights=weight * paid, minlength=len(levels.trust))
    if np.count_nonzero(paid) < _ENOUGH:
        return np.zeros(len(count), dtype=np.int64), 1.0
    reach = 4 * float(np.median(np.abs(rest[paid]))) + 7
    squares = np.minimum(rest**2, reach**2) * weight * paid
    of_customer = np.bincount(customer, weights=squares, minlength=len(count))
    usual = max(float(of_customer.sum() / count.sum()), 1e-9)
    variance = (BORROWED * usual + of_customer) / (BORROWED + count) / usual
    fitted = float(levels.trust[count > 0].sum() / count.sum())
    steps = np.clip(np.rint(_STEPS_PER_DOUBLING * np.log2(variance) / 2), -_MOST_STEPS, _MOST_STEPS)
    return steps.astype(np.int64), (1 - min(fitted, 0.75)) ** -0.5
