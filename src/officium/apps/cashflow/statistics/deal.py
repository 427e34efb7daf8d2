"""Deals as the statistics see them: what happened to each, and on which day."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

StageChanges = tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True)
class ClosedDeal:
    """A deal whose end is known: it was paid, or lost before or after its invoice.

    `stage_changes` are the days on which it entered its stages, oldest first, beginning with the first stage.
    `lost_on` is the day it was lost, deleted or written off. `terms_days` are the payment terms agreed for
    this deal.
    """

    deal_id: int
    customer: str
    pipeline: str
    amount: Decimal
    currency: str
    created_on: date
    stage_changes: StageChanges
    invoiced_on: date | None
    paid_on: date | None
    lost_on: date | None
    terms_days: int | None


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """A deal that is neither paid nor lost yet, in its `stage` since `stage_entered_on`.

    `shift_days` moves its payment by so many days: scenarios set it, data never does.
    """

    deal_id: int
    customer: str
    pipeline: str
    amount: Decimal
    currency: str
    created_on: date
    stage_changes: StageChanges
    stage: str
    stage_entered_on: date
    invoiced_on: date | None
    terms_days: int | None
    shift_days: int = 0


@dataclass(frozen=True, slots=True)
class DealHistory:
    """All deals of a tenant, and what was known of them on any past day."""

    closed: tuple[ClosedDeal, ...]
    open: tuple[OpenDeal, ...] = ()

    def as_of(self, day: date) -> "DealHistory":
        """The deals as they stood at the end of `day`; what came later is not known."""
        closed: list[ClosedDeal] = []
        still_open: list[OpenDeal] = []
        for deal in self.closed:
            if _ended_by(deal, day):
                closed.append(deal)
            elif deal.created_on <= day:
                still_open.append(opened(deal, day))
        still_open.extend(_rewound(deal, day) for deal in self.open if deal.created_on <= day)
        return DealHistory(closed=tuple(closed), open=tuple(still_open))


def _ended_by(deal: ClosedDeal, day: date) -> bool:
    return (deal.paid_on is not None and deal.paid_on <= day) or (
        deal.lost_on is not None and deal.lost_on <= day
    )


def opened(deal: ClosedDeal, day: date) -> OpenDeal:
    """The closed deal as it stood on `day`, when it was open."""
    changes, stage, entered = _stages_by(deal.stage_changes, day, deal.created_on)
    return OpenDeal(
        deal_id=deal.deal_id,
        customer=deal.customer,
        pipeline=deal.pipeline,
        amount=deal.amount,
        currency=deal.currency,
        created_on=deal.created_on,
        stage_changes=changes,
        stage=stage,
        stage_entered_on=entered,
        invoiced_on=_by(deal.invoiced_on, day),
        terms_days=deal.terms_days,
    )


def _rewound(deal: OpenDeal, day: date) -> OpenDeal:
    """The open deal as it stood on an earlier `day`."""
    if deal.stage_entered_on <= day and (deal.invoiced_on is None or deal.invoiced_on <= day):
        return deal
    changes, stage, entered = _stages_by(deal.stage_changes, day, deal.created_on)
    return replace(
        deal,
        stage_changes=changes,
        stage=stage,
        stage_entered_on=entered,
        invoiced_on=_by(deal.invoiced_on, day),
    )


def _by(happened: date | None, day: date) -> date | None:
    return happened if happened is not None and happened <= day else None


def _stages_by(changes: StageChanges, day: date, created_on: date) -> tuple[StageChanges, str, date]:
    """The stage changes up to `day`, and the stage entered last. Without one the stage is unknown: ''."""
    known = tuple(change for change in changes if change[0] <= day)
    if not known:
        return (), "", created_on
    entered, stage = known[-1]
    return known, stage, entered


def total(deals: Iterable[OpenDeal]) -> dict[str, Decimal]:
    """The amounts of the deals, by currency."""
    sums: dict[str, Decimal] = {}
    for deal in deals:
        sums[deal.currency] = sums.get(deal.currency, Decimal(0)) + deal.amount
    return dict(sorted(sums.items()))
