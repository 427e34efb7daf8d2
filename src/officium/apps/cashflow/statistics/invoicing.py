"""When an open deal is invoiced: Kaplan-Meier with competing outcomes over stage and days in stage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.days import LONGEST_DAYS
from officium.apps.cashflow.statistics.lives import StageStays
from officium.apps.cashflow.statistics.prior import Prior, spread_around
from officium.apps.cashflow.statistics.survival import (
    HAPPENED,
    LOST,
    OPEN,
    Counts,
    Outcomes,
    certain,
    count,
    estimate_from,
)

BORROWED = 8.0
"""How many deals a stage of one pipeline borrows from the stage in all pipelines."""
BORROWED_BY_STAGE = 4.0
"""How many deals a stage borrows from all stages, and deals of one age from those of all ages."""
_LOOK_EVERY_DAYS = 30


@dataclass(frozen=True, slots=True)
class InvoiceOutlook:
    """When a deal is invoiced, in days from today, how many past deals say so, and what share each has."""

    outcomes: Outcomes
    stage_deals: int
    pipeline_deals: int
    stage_weight: float
    pipeline_weight: float
    other_stages_weight: float
    prior_weight: float


class InvoiceTimes:
    """What the tenant's deals say about the time from a day in a stage to the invoice.

    A deal that has been in its stage for so many days is compared with those that were in the same stage for
    as long, however many stages came after: that is a landmark estimate, so a deal's age counts by itself.
    What is rare borrows from what is not: a pipeline from its stage, a stage from all stages at that age, an
    age from all ages, and these from the prior. As long as no deal has ended, there is nothing to learn.
    """

    def __init__(self, stays: StageStays, prior: Prior) -> None:
        self._prior = prior
        self._stages = {name: number for number, name in enumerate(stays.stages)}
        self._pipelines = {name: number for number, name in enumerate(stays.pipelines)}
        self._stays = stays
        self._deals = stays.deals if np.any(stays.outcome >= HAPPENED) else 0
        every = np.ones(len(stays.stage), dtype=bool)
        self._all = _Stays(stays, every, is_asked_again=True)
        self._typical = _counted_over_time(stays)
        self._chosen: dict[tuple[int, int | None], _Stays] = {}
        self._at_age: dict[tuple[int, int], tuple[Outcomes, int]] = {}
        self._in_stage: dict[tuple[str, int], tuple[Outcomes, int, int]] = {}
        self._known: dict[tuple[str, str, int], InvoiceOutlook] = {}

    def outlook(self, stage: str, pipeline: str, days_in_stage: int) -> InvoiceOutlook:
        """When a deal is invoiced that has been in `stage` for `days_in_stage` and is not invoiced yet."""
        key = (stage, pipeline, min(max(days_in_stage, 0), LONGEST_DAYS))
        if key not in self._known:
            self._known[key] = self._estimate(*key)
        return self._known[key]

    def _estimate(self, stage: str, pipeline: str, days: int) -> InvoiceOutlook:
        outcomes, in_stage, at_age = self._of_stage(stage, days)
        number, in_pipeline = self._stages.get(stage), 0
        if number is not None and pipeline in self._pipelines and self._deals:
            same = self._of(number, self._pipelines[pipeline])
            if len(same) < len(self._of(number, None)):
                outcomes, in_pipeline = same.after(days, outcomes, BORROWED)
        left = 1.0
        weights = []
        for deals, borrowed in (
            (in_pipeline, BORROWED),
            (in_stage, BORROWED_BY_STAGE),
            (at_age, BORROWED_BY_STAGE),
            (self._deals, self._prior.stage_observations),
        ):
            weights.append(left * deals / (deals + borrowed) if deals else 0.0)
            left -= weights[-1]
        return InvoiceOutlook(
            outcomes=outcomes,
            stage_deals=in_stage,
            pipeline_deals=in_pipeline,
            pipeline_weight=weights[0],
            stage_weight=weights[1],
            other_stages_weight=weights[2] + weights[3],
            prior_weight=left,
        )

    def _of_stage(self, stage: str, days: int) -> tuple[Outcomes, int, int]:
        """What all pipelines say of the stage, how many of its deals do, and how many of that age."""
        key = (stage, days)
        if key not in self._in_stage:
            self._in_stage[key] = self._from_the_prior_on(stage, days)
        return self._in_stage[key]

    def _from_the_prior_on(self, stage: str, days: int) -> tuple[Outcomes, int, int]:
        expected = min(self._prior.days_to_invoice(stage, days), LONGEST_DAYS)
        believed = certain(spread_around(expected, 1))
        if not self._deals:
            return believed, 0, 0
        if (expected, days) not in self._at_age:
            typical = estimate_from(self._typical, believed, self._prior.stage_observations)
            self._at_age[expected, days] = self._all.after(days, typical, BORROWED_BY_STAGE)
        outcomes, at_age = self._at_age[expected, days]
        number = self._stages.get(stage)
        if number is None:
            return outcomes, 0, at_age
        outcomes, in_stage = self._of(number, None).after(days, outcomes, BORROWED_BY_STAGE)
        return outcomes, in_stage, at_age

    def _of(self, stage: int, pipeline: int | None) -> "_Stays":
        if (stage, pipeline) not in self._chosen:
            chosen = self._stays.stage == stage
            if pipeline is not None:
                chosen &= self._stays.pipeline == pipeline
            self._chosen[stage, pipeline] = _Stays(self._stays, chosen)
        return self._chosen[stage, pipeline]


def _counted_over_time(stays: StageStays) -> Counts:
    """How long after any day in any stage the invoice came: every stay looked at once a month.

    All looks together count as many as there are deals, for those of one deal say much the same.
    """
    looks = (stays.stayed_days - 1) // _LOOK_EVERY_DAYS + 1
    stay = np.repeat(np.arange(len(looks)), looks)
    number = np.arange(len(stay)) - np.repeat(looks.cumsum() - looks, looks)
    left = stays.end_days[stay] - number * _LOOK_EVERY_DAYS
    share = stays.deals / max(len(stay), 1)
    return count(np.maximum(left, 0), stays.outcome[stay], np.full(len(stay), share))


class _Stays:
    """Some stays, longest first, so that those that lasted long enough are the first ones."""

    def __init__(self, stays: StageStays, chosen: NDArray[np.bool_], *, is_asked_again: bool = False) -> None:
        self._is_asked_again = is_asked_again
        order = np.argsort(-stays.stayed_days[chosen], kind="stable")
        self._negative_stayed = -stays.stayed_days[chosen][order]
        end, outcome = stays.end_days[chosen][order], stays.outcome[chosen][order]
        # the end and the outcome in one number, so that counting those that lasted is one step
        self._size = max(int(end.max(initial=0)), LONGEST_DAYS) + 1
        self._ends = outcome.astype(np.intp) * self._size + end
        self._counts: dict[int, Counts] = {}
        self._ended = np.concatenate(([0], np.cumsum(outcome >= HAPPENED))).astype(np.int32)

    def __len__(self) -> int:
        return len(self._ends)

    def after(self, days: int, belief: Outcomes, worth: float) -> tuple[Outcomes, int]:
        """The outcomes counted from day `days` of the stay, and how many ended deals speak for them."""
        long = int(np.searchsorted(self._negative_stayed, np.int32(-days), side="left"))
        counts = self._counts.get(days) or self._count(long, days)
        if self._is_asked_again:
            self._counts[days] = counts
        return estimate_from(counts, belief, worth), int(self._ended[long])

    def _count(self, long: int, days: int) -> Counts:
        """The first `long` stays by their end and outcome, from day `days` on; as `count` does it."""
        found = np.bincount(self._ends[:long], minlength=3 * self._size).reshape(3, self._size)
        by_outcome = np.zeros((3, LONGEST_DAYS + 1))
        near = found[:, days : days + LONGEST_DAYS + 1]
        by_outcome[:, : near.shape[1]] = near
        by_outcome[OPEN, LONGEST_DAYS] += found[:, days + LONGEST_DAYS + 1 :].sum()
        return Counts(by_outcome[HAPPENED], by_outcome[LOST], by_outcome.sum(axis=0))
