"""Deals turned into arrays once: how long each stayed in its stages, how long its invoice took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.closed_deals import (
    NEVER,
    NO_TERMS,
    ClosedDeals,
    DealColumns,
    columns_of_deals,
    joined,
)
from officium.apps.cashflow.statistics.days import FloatArray, IntArray
from officium.apps.cashflow.statistics.deal import ClosedDeal, OpenDeal
from officium.apps.cashflow.statistics.survival import HAPPENED, LOST, OPEN


@dataclass(frozen=True, slots=True)
class StageStays:
    """Every stay of a deal in a stage: how long it lasted, and what came of the deal when."""

    stages: tuple[str, ...]
    pipelines: tuple[str, ...]
    stage: NDArray[np.int32]
    pipeline: NDArray[np.int32]
    stayed_days: NDArray[np.int32]
    """The deal was in the stage at the end of its days 0 to this one, the last excluded."""
    end_days: NDArray[np.int32]
    outcome: NDArray[np.int16]
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
    ended = ClosedDeals.of(closed).columns
    deals = joined((ended, columns_of_deals(ended.words.copy(), still_open)))
    # a payment without an invoice was invoiced on that day, too
    is_ended = np.arange(len(deals)) < len(ended)
    never_invoiced = is_ended & (deals.invoiced == NEVER)
    invoiced = np.where(never_invoiced, deals.paid, deals.invoiced)
    now = today.toordinal()
    return _stays(deals, invoiced, now), _payments(deals, invoiced, now)


def _stays(deals: DealColumns, invoiced: NDArray[np.int32], now: int) -> StageStays:
    """The stays that began by `now`."""
    changes = np.diff(deals.first_change)
    deal = np.repeat(np.arange(len(changes), dtype=np.int32), changes)
    entered = deals.change_day
    lost = np.where(invoiced <= now, NEVER, deals.lost)
    end = np.minimum(np.minimum(invoiced, lost), now + 1)[deal]
    outcome = np.where(invoiced <= now, HAPPENED, np.where(lost <= now, LOST, OPEN)).astype(np.int16)[deal]
    following = np.full(len(deal), NEVER, dtype=np.int32)
    same = deal[1:] == deal[:-1]
    following[:-1][same] = entered[1:][same]
    stayed = np.minimum(following, end) - entered
    # what is still open has been seen to the end of today, and not a day longer
    end_days = end - entered - (outcome == OPEN)
    kept = stayed > 0
    return StageStays(
        stages=tuple(deals.words.stages),
        pipelines=tuple(deals.words.pipelines),
        stage=deals.change_stage[kept],
        pipeline=deals.pipeline[deal][kept],
        stayed_days=stayed[kept],
        end_days=end_days[kept],
        outcome=outcome[kept],
        deals=int(np.count_nonzero(np.bincount(deal[kept]))),
    )


def _payments(deals: DealColumns, invoiced: NDArray[np.int32], now: int) -> Payments:
    """The invoices issued by `now`."""
    known = invoiced <= now
    invoiced, paid, lost, terms = invoiced[known], deals.paid[known], deals.lost[known], deals.terms[known]
    outcome = np.where(paid <= now, HAPPENED, np.where(lost <= now, LOST, OPEN)).astype(np.int64)
    end = np.where(paid <= now, paid, np.minimum(lost, now)).astype(np.int64)
    return Payments(
        customers=tuple(deals.words.customers),
        pipelines=tuple(deals.words.pipelines),
        customer=deals.customer[known].astype(np.int64),
        pipeline=deals.pipeline[known].astype(np.int64),
        days=np.maximum(end - invoiced, 0),
        outcome=outcome,
        age_days=np.asarray(now - invoiced, dtype=np.int64),
        terms=np.where(terms == NO_TERMS, np.nan, terms),
    )
