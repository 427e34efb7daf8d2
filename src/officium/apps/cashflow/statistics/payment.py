"""When an invoice is paid: each customer's habit, shrunk to the tenant's, shrunk to the documented terms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.days import (
    LONGEST_DAYS,
    FloatArray,
    IntArray,
    as_long_again,
    shifted,
)
from officium.apps.cashflow.statistics.levels import Observed, levels_of
from officium.apps.cashflow.statistics.lives import Payments
from officium.apps.cashflow.statistics.prior import Prior, spread_around
from officium.apps.cashflow.statistics.recency import recency_weights
from officium.apps.cashflow.statistics.spread import factors, spread_steps
from officium.apps.cashflow.statistics.survival import (
    HAPPENED,
    LOST,
    Counts,
    Outcomes,
    certain,
    estimate,
    estimate_from,
)

BORROWED = 40.0
"""How many payments the shape of one customer's delays borrows from all, with its level and spread."""
_MANY = 200
"""Payments from which on the prior, worth four, is taken as one for invoices of every age."""
_RESIDUALS = 3 * LONGEST_DAYS + 1
_NOTHING_LEFT = 1e-9
_ENOUGH_TERMS = 10
"""From so many payments with terms on, it is looked at whether payments follow them."""


@dataclass(frozen=True, slots=True)
class PaymentOutlook:
    """When an invoice is paid, in days from today (or from an invoice still to come), and who says so."""

    outcomes: Outcomes
    customer_payments: int
    tenant_payments: int
    customer_shift_days: float
    customer_weight: float
    tenant_weight: float
    prior_weight: float


class PaymentTimes:
    """What the tenant's invoices say about the time to the payment."""

    def __init__(self, payments: Payments, prior: Prior) -> None:
        self._prior = prior
        self._customers = {name: number for number, name in enumerate(payments.customers)}
        self._pipelines = {name: number for number, name in enumerate(payments.pipelines)}
        self._settled = int(np.count_nonzero(payments.outcome >= HAPPENED))
        self._terms = _Terms(payments, prior)
        self._outcome = payments.outcome
        self._days = self._terms.aligned(payments)
        seen = Observed(
            payments.customer,
            payments.pipeline,
            self._days,
            payments.outcome,
            np.ones(len(payments.days)),
            len(payments.customers),
            len(payments.pipelines),
        )
        expected = float(prior.payment_days)
        self._weight = recency_weights(seen, payments.age_days, expected)
        self._levels = levels_of(replace(seen, weight=self._weight), expected)
        self._shift = self._levels.of_invoices
        around = self._days - self._levels.usual_days
        of_pipeline = self._levels.by_pipeline[payments.pipeline]
        rest = around - self._shift
        steps, wider = spread_steps(payments.customer, rest, payments.outcome, self._weight, self._levels)
        self._steps = steps
        # each invoice as if its customer paid as regularly as all
        even = wider * rest / factors(steps)[payments.customer]
        known = np.unique(steps)
        self._alike = {
            int(step): _Residuals(even * factor, payments.outcome, self._weight)
            for step, factor in zip(known, factors(known), strict=True)
        }
        self._anyone = _Residuals(around - of_pipeline, payments.outcome, self._weight)
        self._order = np.argsort(payments.customer, kind="stable")
        counts = np.bincount(payments.customer, minlength=len(payments.customers))
        settled = payments.customer[payments.outcome >= HAPPENED]
        self._own_counts = np.bincount(settled, minlength=len(payments.customers))
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        self._delays: dict[tuple[str, str, int | None, int], Outcomes] = {}
        self._shared: dict[tuple[object, ...], Outcomes] = {}
        self._known: dict[tuple[str, str, int | None], PaymentOutlook] = {}

    def outlook(
        self, customer: str, pipeline: str, terms_days: int | None, age_days: int | None
    ) -> PaymentOutlook:
        """When an invoice is paid that is unpaid after `age_days`; None: it is still to be issued."""
        age = -1 if age_days is None else min(age_days, LONGEST_DAYS)
        key = (customer, pipeline, terms_days)
        if age >= 0:  # hardly two deals share it
            return self._estimate(*key, age)
        if key not in self._known:
            self._known[key] = self._estimate(*key, age)
        return self._known[key]

    def waiting(
        self, customer: str, pipeline: str, terms_days: int | None, age_days: int
    ) -> tuple[Outcomes, int]:
        """The same for an invoice unpaid after `age_days`, but not yet cut at its age: see `later_than`."""
        age = min(age_days, LONGEST_DAYS)
        return self._since_invoice(customer, pipeline, terms_days, age), age

    def shared_effect(self, customer: str) -> float:
        """The correlation between two payments of `customer`, whose level is known only so far.

        With n payments known it is 1 / (1 + n + k), where k is the variance within customers over that
        between them.
        """
        number = self._customers.get(customer)
        known = 0.0 if number is None else float(self._levels.known[number])
        return 1.0 / (1.0 + known + self._levels.within_to_between)

    def _estimate(self, customer: str, pipeline: str, terms: int | None, age: int) -> PaymentOutlook:
        outcomes = self._since_invoice(customer, pipeline, terms, age)
        number, in_pipeline = self._customers.get(customer), self._pipelines.get(pipeline)
        own_count = 0 if number is None else int(self._own_counts[number])
        own = own_count / (BORROWED + own_count)
        worth = self._prior.payment_observations
        believed = (1 - own) * worth / (worth + self._settled)
        return PaymentOutlook(
            outcomes=_later_than(outcomes, age) if age >= 0 else outcomes,
            customer_payments=own_count,
            tenant_payments=self._settled,
            customer_shift_days=self._levels.shift(number, in_pipeline),
            customer_weight=own,
            tenant_weight=1 - own - believed,
            prior_weight=believed,
        )

    def _since_invoice(self, customer: str, pipeline: str, terms: int | None, age: int) -> Outcomes:
        """The days from the invoice on: as far as the prior goes, those that are left at `age`."""
        # The prior is spread over the days that are left, as long as it says something of them.
        has_run_out = self._settled > 0 and age - self._terms.move(terms) >= self._terms.believed(terms)
        age_of_prior = age if self._settled < _MANY and not has_run_out else -1
        key = (customer, pipeline, terms, age_of_prior)
        if key not in self._delays:
            number, in_pipeline = self._customers.get(customer), self._pipelines.get(pipeline)
            self._delays[key] = self._delay(number, in_pipeline, terms, age_of_prior)
        return self._delays[key]

    def _delay(self, number: int | None, pipeline: int | None, terms: int | None, age: int) -> Outcomes:
        """The distribution of the days from the invoice to its payment, its age apart."""
        move = self._terms.move(terms)
        first = max(age - move, -1) + 1  # the first day left, on the scale of the usual terms
        center = min(max(self._terms.believed(terms), first), LONGEST_DAYS)
        prior = (center, min(max(first, 1), center))
        if not self._settled:  # nothing to learn, however many wait
            return _moved(certain(spread_around(*prior)), move)
        anyone = self._borrowed(self._anyone, self._levels.shift(None, pipeline), prior)
        if number is None:
            return _moved(anyone, move)
        shift = self._levels.shift(number, pipeline)
        alike = self._borrowed(self._alike[int(self._steps[number])], shift, prior)
        parent = _mixed(alike, anyone, float(self._levels.trust[number]))
        chosen = self._of(number)
        days = np.maximum(np.rint(self._days[chosen] + shift - self._shift[chosen]).astype(np.int64), 0)
        own = estimate(days, self._outcome[chosen], self._weight[chosen], parent, BORROWED)
        return _moved(own, move)

    def _of(self, customer: int) -> IntArray:
        """The places of a customer's invoices."""
        return self._order[self._starts[customer] : self._starts[customer + 1]]

    def _borrowed(self, residuals: "_Residuals", shift: float, prior: tuple[int, int]) -> Outcomes:
        """The delays of all invoices, freed of their own levels and moved to `shift`, and the prior's few."""
        key = (id(residuals), round(self._levels.usual_days + shift), prior)
        if key not in self._shared:
            belief = certain(spread_around(*prior))
            counts = residuals.around(key[1])
            self._shared[key] = estimate_from(counts, belief, self._prior.payment_observations)
        return self._shared[key]


class _Residuals:
    """How many invoices were paid so many days around their level, counted once and moved to any level."""

    def __init__(self, days: FloatArray, outcome: IntArray, weight: FloatArray) -> None:
        place = np.clip(np.rint(days).astype(np.int64) + LONGEST_DAYS, 0, _RESIDUALS - 1)
        counts = np.bincount(outcome * _RESIDUALS + place, weights=weight, minlength=3 * _RESIDUALS)
        self._counts = counts.reshape(3, _RESIDUALS).astype(np.float64)

    def around(self, level: int) -> Counts:
        """The counts by day, if all had this level. What would be before day 0 is on it."""
        level = min(max(level, 0), LONGEST_DAYS)
        first = LONGEST_DAYS - level
        days = self._counts[:, first : first + LONGEST_DAYS + 1].copy()
        days[:, 0] += self._counts[:, :first].sum(axis=1)
        beyond = self._counts[:, first + LONGEST_DAYS + 1 :].sum()
        ended = days.sum(axis=0)
        ended[-1] += beyond
        return Counts(days[HAPPENED], days[LOST], ended)


class _Terms:
    """Whether payments follow the terms agreed; if so, delays are compared on the usual terms' scale."""

    def __init__(self, payments: Payments, prior: Prior) -> None:
        paid = ~np.isnan(payments.terms) & (payments.outcome == HAPPENED)
        self._prior_days = prior.payment_days
        self._follow = True
        self.usual = int(np.median(payments.terms[paid])) if np.any(paid) else prior.payment_days
        if np.count_nonzero(paid) >= _ENOUGH_TERMS and np.ptp(payments.terms[paid]) > 0:
            self._follow = _follows(payments.customer[paid], payments.terms[paid], payments.days[paid])

    def move(self, terms: int | None) -> int:
        """By how many days the payment moves because of its terms."""
        return terms - self.usual if terms is not None and self._follow else 0

    def believed(self, terms: int | None) -> int:
        """The delay the prior expects, on the scale of the usual terms."""
        return self.usual if terms is not None and self._follow else self._prior_days

    def aligned(self, payments: Payments) -> IntArray:
        """The delays, as if all had the usual terms."""
        moves = np.where(np.isnan(payments.terms) | (not self._follow), 0.0, payments.terms - self.usual)
        return np.maximum(payments.days - moves.astype(np.int64), 0)


def _follows(customer: IntArray, terms: FloatArray, days: IntArray) -> bool:
    """Whether longer terms make payments later by at least half: within customers, where theirs differ."""
    count = np.maximum(np.bincount(customer), 1)

    def within(values: NDArray[Any]) -> FloatArray:
        return np.asarray(values - (np.bincount(customer, weights=values) / count)[customer])

    by, overall = within(terms), terms - terms.mean()
    if float(by @ by) < 0.1 * float(overall @ overall):
        return bool(overall @ (days - days.mean()) >= 0.5 * (overall @ overall))
    return bool(by @ within(days) >= 0.5 * (by @ by))


def _moved(outcomes: Outcomes, days: int) -> Outcomes:
    return Outcomes(happened=shifted(outcomes.happened, days), lost=shifted(outcomes.lost, days))


def _mixed(first: Outcomes, second: Outcomes, share: float) -> Outcomes:
    return Outcomes(
        happened=share * first.happened + (1 - share) * second.happened,
        lost=share * first.lost + (1 - share) * second.lost,
    )


def later_than(outcomes: Sequence[Outcomes], ages: Sequence[int], days: int) -> FloatArray:
    """When each invoice is paid, counted from its age, on the first `days` days: shape (invoices, days).

    The same as an outlook says, for many at once; invoices may share their outcomes.
    """
    numbers: dict[int, int] = {}
    row = np.array([numbers.setdefault(id(one), len(numbers)) for one in outcomes])
    different = list({id(one): one for one in outcomes}.values())
    age = np.array(ages)
    happened = np.zeros((len(different), LONGEST_DAYS + 1 + days))
    happened[:, : LONGEST_DAYS + 1] = [one.happened for one in different]
    reached = np.array([one.happened + one.lost for one in different]).cumsum(axis=1)
    left = 1.0 - reached[row, age]
    ahead: FloatArray = np.lib.stride_tricks.sliding_window_view(happened, days, axis=1)[row, age]
    ahead[:, 0] = 0.0
    outlived = (left <= _NOTHING_LEFT) | (age >= LONGEST_DAYS)
    ahead /= np.where(outlived, 1.0, left)[:, None]
    for place in np.flatnonzero(outlived):
        ahead[place] = as_long_again(int(age[place]))[:days]
    return ahead


def _later_than(outcomes: Outcomes, age: int) -> Outcomes:
    """The outcomes counted from `age`, for an invoice unpaid and not written off by then."""
    left = 1.0 - float(outcomes.happened[: age + 1].sum() + outcomes.lost[: age + 1].sum())
    if left <= _NOTHING_LEFT or age >= LONGEST_DAYS:
        return certain(as_long_again(age))
    size = len(outcomes.happened)
    happened, lost = np.zeros(size), np.zeros(size)
    happened[1 : size - age] = outcomes.happened[age + 1 :] / left
    lost[1 : size - age] = outcomes.lost[age + 1 :] / left
    return Outcomes(happened=happened, lost=lost)
