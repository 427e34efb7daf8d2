"""Whether two means differ by more than chance: Welch's test, with Student's distribution reckoned here."""

from math import exp, inf, lgamma, log, log1p, sqrt

from msgspec import Struct

_STEPS = 300
_TINY = 1e-300
_EXACT = 1e-12


class Sample(Struct, frozen=True):
    """How many values there were, their sum and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean, where there is a value."""
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float:
        """The unbiased variance; 0 below two values."""
        if self.count < 2:
            return 0.0
        return max(0.0, (self.squares - self.total**2 / self.count) / (self.count - 1))


def welch(one: Sample, other: Sample) -> float | None:
    """The probability of so large a difference by chance, both ways; `None` below two values each.

    Source: B. L. Welch, Biometrika 34 (1947), with the degrees of freedom of Satterthwaite.
    """
    if one.count < 2 or other.count < 2:
        return None
    first, second = one.variance / one.count, other.variance / other.count
    difference = (one.mean or 0.0) - (other.mean or 0.0)
    if first + second == 0:
        return 1.0 if difference == 0 else 0.0
    t = difference / sqrt(first + second)
    freedom = (first + second) ** 2 / (first**2 / (one.count - 1) + second**2 / (other.count - 1))
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    value, c, d = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        m = step // 2
        if step == 0:
            part = 1.0
        elif step % 2 == 0:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / max(1 + part * d, _TINY) if 1 + part * d >= 0 else 1 / min(1 + part * d, -_TINY)
        c = 1 + part / c if c != 0 else inf
        value *= c * d
        if step and abs(c * d - 1) < _EXACT:
            break
    return front * (value - 1)
