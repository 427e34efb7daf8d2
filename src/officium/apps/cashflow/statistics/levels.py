"""How many days later or earlier than usual each customer pays, and each pipeline is paid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.days import FloatArray, IntArray
from officium.apps.cashflow.statistics.survival import HAPPENED, estimate

_ROUNDS = 6
_OFFSET = 365
"""Residuals are counted in whole days from this far below zero."""
_UNKNOWN_RATIO = 3.0
"""The variance within groups over that between them, while too few have paid to tell."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Days added to the tenant's usual delay: by customer, by pipeline, and by both together."""

    usual_days: float
    by_customer: FloatArray
    by_pipeline: FloatArray
    by_pair: dict[tuple[int, int], float]
    known: FloatArray
    """How many payments each customer's level rests on; an unpaid invoice counts as far as it is late."""
    trust: FloatArray
    """How far each customer's own level is believed, from 0 to 1."""
    within_to_between: float
    """The variance within customers over the variance between them."""
    of_invoices: FloatArray
    """The shift of each of the invoices that were learned from."""

    def shift(self, customer: int | None, pipeline: int | None) -> float:
        """How many days later than usual; what is not known yet is as usual."""
        days = 0.0 if pipeline is None else float(self.by_pipeline[pipeline])
        if customer is None:
            return days
        days += float(self.by_customer[customer])
        return days if pipeline is None else days + self.by_pair.get((customer, pipeline), 0.0)


@dataclass(frozen=True, slots=True)
class Observed:
    """The invoices to learn from: their delays, or how long they have been unpaid, and their weights."""

    customer: IntArray
    pipeline: IntArray
    days: IntArray
    outcome: IntArray
    weight: FloatArray
    customers: int
    pipelines: int


def levels_of(seen: Observed, expected_days: float) -> Levels:
    """Estimate the levels; each is shrunk to zero as far as the spread within and between groups says.

    An unpaid invoice counts as the payment it is expected to become, given how long it has been unpaid.
    Sources: Buckley and James (1979) for the unpaid ones; Efron and Morris (1975) for the shrinkage, with the
    variances of a one-way analysis of variance.
    """
    pairs, pair = np.unique(seen.customer * max(seen.pipelines, 1) + seen.pipeline, return_inverse=True)
    usual = expected_days
    by_customer, by_pipeline = _Group(seen.customer, seen.customers), _Group(seen.pipeline, seen.pipelines)
    by_pair = _Group(pair, len(pairs))
    # where each customer is in one pipeline, the two together say nothing new
    several = len(pairs) > np.count_nonzero(np.bincount(seen.customer))
    groups = (by_pipeline, by_customer, by_pair) if several else (by_pipeline, by_customer)
    for _ in range(_ROUNDS if len(seen.days) else 0):
        fitted = usual + by_pipeline.fitted + by_customer.fitted + by_pair.fitted
        value, heard = _values(seen, fitted)
        # what is far off speaks no louder than what is a little off
        reach = 4 * float(np.median(np.abs(value - fitted))) + 7
        value = np.clip(value, fitted - reach, fitted + reach)
        usual += _mean(value - fitted, seen.weight)
        for group in groups:
            rest = value - usual - sum(other.fitted for other in groups if other is not group)
            group.learn(rest, seen.weight, heard)
    numbers = divmod(pairs, max(seen.pipelines, 1))
    levels = zip(zip(*(one.tolist() for one in numbers), strict=True), by_pair.level.tolist(), strict=True)
    return Levels(
        usual_days=usual,
        by_customer=by_customer.level,
        by_pipeline=by_pipeline.level,
        by_pair=dict(levels) if several else {},
        known=by_customer.known,
        trust=by_customer.trust,
        within_to_between=by_customer.ratio,
        of_invoices=by_pipeline.fitted + by_customer.fitted + by_pair.fitted,
    )


class _Group:
    """The levels of one way to group the invoices."""

    def __init__(self, member: NDArray[np.integer], count: int) -> None:
        self.member = member
        self._count = count
        self.level: FloatArray = np.zeros(count)
        self.known: FloatArray = np.zeros(count)
        self.trust: FloatArray = np.zeros(count)
        self.ratio = _UNKNOWN_RATIO
        self.fitted: FloatArray = np.zeros(len(member))

    def learn(self, rest: FloatArray, weight: FloatArray, heard: FloatArray) -> None:
        """Set each level to the shrunk mean of `rest`; `heard`: how far an invoice is an observation."""
        total = np.bincount(self.member, weights=weight, minlength=self._count)
        sums = np.bincount(self.member, weights=weight * rest, minlength=self._count)
        means = np.divide(sums, total, out=np.zeros(self._count), where=total > 0)
        self.known = np.bincount(self.member, weights=weight * heard, minlength=self._count).astype(
            np.float64
        )
        squares = np.bincount(
            self.member, weights=weight * heard * (rest - means[self.member]) ** 2, minlength=self._count
        )
        self.ratio = _within_to_between(self.known, means, squares.astype(np.float64))
        self.trust = self.known / (self.known + self.ratio)
        self.level = means * self.trust
        self.fitted = self.level[self.member]


def _values(seen: Observed, fitted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each invoice's delay, or what it is expected to become, and how far it counts as an observation."""
    paid = seen.outcome == HAPPENED
    residual = np.clip(np.rint(seen.days - fitted).astype(np.int64) + _OFFSET, 0, None)
    # a written-off invoice says only that it was unpaid so long
    happened = estimate(residual, np.where(paid, HAPPENED, 0), seen.weight).happened
    days = np.arange(len(happened))
    left = happened[::-1].cumsum()[::-1] - happened
    later = (happened * days)[::-1].cumsum()[::-1] - happened * days
    expected = np.where(left > 1e-6, later / np.maximum(left, 1e-6), days + 7.0) - _OFFSET
    by_now = np.minimum(happened.cumsum() / max(happened.sum(), 1e-9), 1.0)
    at = np.minimum(residual, len(happened) - 1)
    value = np.where(paid, seen.days, fitted + expected[at])
    return value, np.where(paid, 1.0, by_now[at])


def _mean(values: FloatArray, weights: FloatArray) -> float:
    return float((values * weights).sum() / max(float(weights.sum()), 1e-9))


def _within_to_between(known: FloatArray, means: FloatArray, squares: FloatArray) -> float:
    """How many observations of one group weigh as much as what all groups say."""
    several = known >= 1.5
    freedom = float((known[several] - 1).sum())
    if freedom < 5 or np.count_nonzero(several) < 3:
        return _UNKNOWN_RATIO
    within = float(squares[several].sum()) / freedom
    between = float(np.var(means[several], ddof=1)) - within * float(np.mean(1 / known[several]))
    return float(np.clip(within / max(between, within / 50), 0.2, 50.0))
