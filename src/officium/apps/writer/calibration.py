"""From what a confidence is made of to what it turned out to mean: the share of drafts that people kept."""

from bisect import bisect_right
from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

PRIOR_WEIGHT = 4.0
"""As many outcomes as each tenth of the scale is believed without any."""
_GRID = 10
_Z = 1.96
BINS = 10


class Outcome(Struct, frozen=True):
    """A confidence that was given, and what the draft turned out to be worth."""

    confidence: float
    worth: float


class Calibration(Struct, frozen=True):
    """A function that never falls, by its points."""

    points: tuple[tuple[float, float], ...] = ()
    outcomes: int = 0

    def of(self, raw: float) -> float:
        """The calibrated confidence; without outcomes the raw one. 0 stays 0: no model wrote that."""
        if not self.outcomes or raw <= 0 or not self.points:
            return raw
        place = bisect_right(self.points, raw, key=lambda point: point[0])
        if place == 0:
            return round(self.points[0][1], 4)
        if place == len(self.points):
            return round(self.points[-1][1], 4)
        (x0, y0), (x1, y1) = self.points[place - 1], self.points[place]
        share = (raw - x0) / (x1 - x0) if x1 > x0 else 0.0
        return round(y0 + share * (y1 - y0), 4)


class Bin(Struct, frozen=True, kw_only=True):
    """Drafts whose confidence lay between `low` and `high`: what was promised and what was kept.

    `least` and `most` bound the kept share with 95 % (Wilson's interval).
    """

    low: float
    high: float
    count: int
    mean_confidence: float | None = None
    kept: float | None = None
    least: float | None = None
    most: float | None = None


class Reliability(Struct, frozen=True, kw_only=True):
    """The bins of a reliability chart. `error` is the expected calibration error, `brier` Brier's score."""

    bins: tuple[Bin, ...]
    count: int
    error: float | None = None
    brier: float | None = None


def calibrate(outcomes: Sequence[Outcome]) -> Calibration:
    """The calibration that outcomes of raw confidences teach.

    Isotonic regression by pooling adjacent violators (Ayer et al. 1955) over the outcomes and a prior that
    believes each confidence as it stands, with the weight of 4 outcomes a tenth.
    """
    if not outcomes:
        return Calibration()
    told: dict[float, list[float]] = {
        place / _GRID: [PRIOR_WEIGHT, PRIOR_WEIGHT * place / _GRID] for place in range(_GRID + 1)
    }
    for one in outcomes:
        at = told.setdefault(one.confidence, [0.0, 0.0])
        at[0] += 1
        at[1] += one.worth
    blocks: list[_Block] = []
    for x in sorted(told):
        blocks.append(_Block(x, x, *told[x]))
        while len(blocks) > 1 and blocks[-2].mean >= blocks[-1].mean:
            last, before = blocks.pop(), blocks.pop()
            pooled = (before.weight + last.weight, before.total + last.total)
            blocks.append(_Block(before.first, last.last, *pooled))
    points = tuple((x, block.mean) for block in blocks for x in dict.fromkeys((block.first, block.last)))
    return Calibration(points, len(outcomes))


class _Block(Struct, frozen=True):
    """Confidences from `first` to `last` that are worth the same."""

    first: float
    last: float
    weight: float
    total: float

    @property
    def mean(self) -> float:
        return self.total / self.weight


def reliability(outcomes: Sequence[Outcome]) -> Reliability:
    """How confidences turned out, in ten bins."""
    bins = []
    error = 0.0
    for place in range(BINS):
        inside = [one for one in outcomes if _bin(one.confidence) == place]
        edges = {"low": place / BINS, "high": (place + 1) / BINS}
        if not inside:
            bins.append(Bin(**edges, count=0))
            continue
        count = len(inside)
        mean = sum(one.confidence for one in inside) / count
        kept = sum(one.worth for one in inside) / count
        error += abs(mean - kept) * count / len(outcomes)
        least, most = _wilson(kept, count)
        bins.append(
            Bin(
                **edges,
                count=count,
                mean_confidence=round(mean, 4),
                kept=round(kept, 4),
                least=least,
                most=most,
            )
        )
    if not outcomes:
        return Reliability(bins=tuple(bins), count=0)
    brier = sum((one.confidence - one.worth) ** 2 for one in outcomes) / len(outcomes)
    return Reliability(bins=tuple(bins), count=len(outcomes), error=round(error, 4), brier=round(brier, 4))


def _bin(confidence: float) -> int:
    return min(int(confidence * BINS), BINS - 1)


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Source: E. B. Wilson, JASA 22 (1927)."""
    square = _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)
