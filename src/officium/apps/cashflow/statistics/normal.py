"""The standard normal distribution's quantiles, for arrays."""

import numpy as np

from officium.apps.cashflow.statistics.days import FloatArray

_A = (-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02)
_A2 = (1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00)
_B = (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02)
_B2 = (6.680131188771972e01, -1.328068155288572e01, 1.0)
_C = (-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00)
_C2 = (-2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00)
_D = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0)
_LOW = 0.02425


def normal_quantile(level: FloatArray) -> FloatArray:
    """The value below which the share `level` lies; minus and plus infinity at 0 and 1.

    Off by less than 1.2e-9 relative. Source: P. J. Acklam, "An algorithm for computing the inverse normal
    cumulative distribution function" (2003).
    """
    inside = np.clip(level, 1e-300, 1 - 1e-16)
    middle = inside - 0.5
    square = middle * middle
    central = middle * np.polyval(_A + _A2, square) / np.polyval(_B + _B2, square)
    tail = np.sqrt(-2 * np.log(np.minimum(inside, 1 - inside)))
    outer = np.polyval(_C + _C2, tail) / np.polyval(_D, tail)
    found = np.where(inside < _LOW, outer, np.where(inside > 1 - _LOW, -outer, central))
    found = np.where(level <= 0, -np.inf, found)
    return np.where(level >= 1, np.inf, found)
