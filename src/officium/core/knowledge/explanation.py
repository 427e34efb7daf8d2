"""Which phrasings, taken together, say what a question says."""

import numpy as np

from officium.core.knowledge.rows import Floats

PHRASINGS_ASKED = 100
"""The nearest ones; twice as many find nothing more."""
_STEEPNESS = 3.0
_DOUBT = 0.1
"""How little a single phrasing is trusted."""
_REMAINDER = 1e-10
"""The share of the squares that may stay unexplained: what is found is right to four digits."""
_STEPS_MOST = 60


def explained(near: Floats, among: Floats) -> Floats:
    """Return how much of a question each phrasing explains, where the others explain the rest.

    `near` is how close each is to the question, `among` how close they are to each other, 1 being the
    same; some product of vectors with themselves. What many have in common tells them apart no more, and a
    phrasing beside ten like it does not count ten times. This is kernel ridge regression on the phrasings'
    entries, solved for one question.
    """
    kernel = np.exp(_STEEPNESS * (among - 1))
    kernel[np.diag_indices(len(kernel))] += _DOUBT
    return _solved(kernel, np.exp(_STEEPNESS * (near - 1)))


def _solved(matrix: Floats, wanted: Floats) -> Floats:
    """Return what `matrix`, which is positive definite, makes `wanted` of: by conjugate gradients.

    Some twenty steps do, on one core. The solver of numpy wakes the others, and takes fifty times as long.
    """
    found, missing = np.zeros_like(wanted), wanted.copy()
    direction = missing.copy()
    square = float(np.vecdot(missing, missing))
    enough = _REMAINDER * square
    for _ in range(_STEPS_MOST):
        if square <= enough:
            break
        product = np.vecdot(matrix, direction)
        step = square / float(np.vecdot(direction, product))
        found += step * direction
        missing -= step * product
        before, square = square, float(np.vecdot(missing, missing))
        direction = missing + (square / before) * direction
    return found
