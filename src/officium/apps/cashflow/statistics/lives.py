"""Deals turned into arrays once: how long each stayed in its stages, how long its invoice took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from officium.apps.cashflow.statistics.days import FloatArray, IntArray
from officium.apps.cashflow.statistics.deal import ClosedDeal, OpenDeal
from officium.apps.cashflow.statistics.survival import HAPPENED, LOST, OPEN


@dataclass(frozen=True, slots=True)
class StageStays:
    """Every stay of a deal in a stage: how long it lasted, and what came of the deal when."""

    stages: tuple[str, ...]
    pipelines: tuple[str, ...]
    stage: IntArray
    pipeline: IntArray
    stayed_days: IntArray
    """The deal was in the stage at the end of its days 0 to this one, the last excluded."""
    end_days: IntArray
    outcome: IntArray
    deals: int
    """How many deals they are of."""


@dataclass(frozen=True, slots=True)
class Payments:
    """Every invoice: how many days after it the payment came, the loss, or today."""

    customers: tuple[str, ...]
    pipelines: tuple[str, ...]
    customer: IntArray
    pipeline: IntArray
    days: IntArray
    outcome: IntArray
    age_days: IntArray
    """How long ago the invoice was issued."""
    terms: FloatArray
    """The terms agreed, in days; NaN where none are known."""


def stays_and_payments(
    closed: Sequence[ClosedDeal], still_open: Sequence[OpenDeal], today: date
) -> tuple[StageStays, Payments]:
    """Read the deals into arrays. What is dated after `today` has not happened yet."""
    reader = _Reader()
    for deal in closed:
        reader.read(deal, deal.invoiced_on or deal.paid_on, deal.paid_on, deal.lost_on)
    for waiting in still_open:
        reader.read(waiting, waiting.invoiced_on, None, None)
    return reader.stays(today.toordinal()), reader.payments(today.toordinal())


class _Reader:
    """Collects what is needed of each deal, as plain numbers; dates as ordinals, missing ones as `NEVER`."""

    NEVER = 10**7

    def __init__(self) -> None:
        self._stages: dict[str, int] = {}
        self._pipelines: dict[str, int] = {}
        self._customers: dict[str, int] = {}
        self._deals: list[tuple[int, int, int, int, int, int, float]] = []
        self._entered: list[int] = []
        self._stage: list[int] = []

    def read(
        self, deal: ClosedDeal | OpenDeal, invoiced: date | None, paid: date | None, lost: date | None
    ) -> None:
        never = self.NEVER
        customers, pipelines, stages = self._customers, self._pipelines, self._stages
        changes = deal.stage_changes
        self._deals.append(
            (
                customers.setdefault(deal.customer, len(customers)),
                pipelines.setdefault(deal.pipeline, len(pipelines)),
                invoiced.toordinal() if invoiced else never,
                paid.toordinal() if paid else never,
                lost.toordinal() if lost else never,
                len(changes),
                math.nan if deal.terms_days is None else deal.terms_days,
            )
        )
        for day, stage in changes:
            self._entered.append(day.toordinal())
            self._stage.append(stages.setdefault(stage, len(stages)))

    def _columns(self) -> FloatArray:
        return np.array(self._deals, dtype=np.float64).reshape(-1, 7).T

    def stays(self, now: int) -> StageStays:
        """The stays that began by `now`."""
        _, pipeline, invoiced, _, lost, changes = self._columns()[:6].astype(np.int64)
        deal = np.repeat(np.arange(len(changes)), changes)
        entered, stage = np.array(self._entered, dtype=np.int64), np.array(self._stage, dtype=np.int64)
        lost = np.where(invoiced <= now, self.NEVER, lost)
        end = np.minimum(np.minimum(invoiced, lost), now + 1)[deal]
        outcome = np.where(invoiced <= now, HAPPENED, np.where(lost <= now, LOST, OPEN))[deal]
        following = np.full(len(deal), self.NEVER)
        same = deal[1:] == deal[:-1]
        following[:-1][same] = entered[1:][same]
        stayed = np.minimum(following, end) - entered
        # what is still open has been seen to the end of today, and not a day longer
        end_days = end - entered - (outcome == OPEN)
        kept = stayed > 0
        return StageStays(
            stages=tuple(self._stages),
            pipelines=tuple(self._pipelines),
            stage=stage[kept],
            pipeline=pipeline[deal][kept],
            stayed_days=stayed[kept],
            end_days=end_days[kept],
            outcome=outcome[kept],
            deals=len(np.unique(deal[kept])),
        )

    def payments(self, now: int) -> Payments:
        """The invoices issued by `now`."""
        columns = self._columns()
        columns = columns[:, columns[2] <= now]
        customer, pipeline, invoiced, paid, lost, _ = columns[:6].astype(np.int64)
        outcome = np.where(paid <= now, HAPPENED, np.where(lost <= now, LOST, OPEN))
        end = np.where(paid <= now, paid, np.minimum(lost, now))
        return Payments(
            customers=tuple(self._customers),
            pipelines=tuple(self._pipelines),
            customer=customer,
            pipeline=pipeline,
            days=np.maximum(end - invoiced, 0),
            outcome=outcome,
            age_days=now - invoiced,
            terms=columns[6],
        )
