"""Distributions over days: something happens so many days from now, later than we look, or never."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LONGEST_DAYS = 730
"""How far ahead we look. What has not happened by then counts as never."""


def quantile_days(mass: FloatArray, level: float) -> int:
    """The first day by which `level` of what happens at all has happened. `mass` needs a sum above zero."""
    reached = np.cumsum(mass)
    # a hair below, so that rounding in the sum does not push a quantile that is exact to the next day
    return int(np.searchsorted(reached, level * reached[-1] * (1 - 1e-9)))


def as_long_again(day: int) -> FloatArray:
    """The distribution, counted from `day`, of what outlived all that is known: it may take as long again.

    The probability of lasting r days more is day / (day + r), so its median is `day` (the Lindy effect).
    """
    lasted = max(day, 1)
    lasting = lasted / (lasted + np.arange(LONGEST_DAYS + 1, dtype=np.float64))
    return np.concatenate(([0.0], lasting[:-1] - lasting[1:]))


def shifted(mass: FloatArray, days: int) -> FloatArray:
    """The distribution moved by `days`; before day 0 is day 0, behind the end is never."""
    if days == 0:
        return mass
    moved = np.zeros_like(mass)
    if days > 0:
        moved[days:] = mass[: len(mass) - days] if days < len(mass) else 0
    else:
        moved[: len(mass) + days] = mass[-days:]
        moved[0] += mass[:-days].sum()
    return moved


def summed(first: FloatArray, second: FloatArray) -> FloatArray:
    """The distribution of the sum of two independent times, cut at the longest day."""
    size = 2 * len(first)
    product: Any = np.fft.rfft(first, size) * np.fft.rfft(second, size)
    mass = np.fft.irfft(product, size)[: len(first)]
    return np.maximum(mass, 0.0)
