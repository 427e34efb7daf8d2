"""Deals for the tests."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from officium.apps.cashflow.statistics import ClosedDeal, OpenDeal

TODAY = date(2026, 11, 16)
STAGES = ("Order Received", "Under Progress", "Awaiting GR", "Production/Supplying")


def a_closed_deal(
    deal_id: int = 1,
    *,
    stage: str = "Under Progress",
    customer: str = "Acme",
    pipeline: str = "Projects",
    created_on: date = date(2026, 1, 5),
    invoiced_after: int | None = 20,
    paid_after: int | None = 30,
    lost_after: int | None = None,
    terms_days: int | None = None,
    amount: str = "1000.00",
    currency: str = "SAR",
) -> ClosedDeal:
    """A deal that was in one stage, was invoiced and paid so many days later, or was lost."""
    invoiced = None if invoiced_after is None else created_on + timedelta(days=invoiced_after)
    last = invoiced or created_on
    return ClosedDeal(
        deal_id=deal_id,
        customer=customer,
        pipeline=pipeline,
        amount=Decimal(amount),
        currency=currency,
        created_on=created_on,
        stage_changes=((created_on, stage),),
        invoiced_on=invoiced,
        paid_on=None if invoiced is None or paid_after is None else invoiced + timedelta(days=paid_after),
        lost_on=None if lost_after is None else last + timedelta(days=lost_after),
        terms_days=terms_days,
    )


def an_open_deal(
    deal_id: int = 1,
    *,
    stage: str = "Under Progress",
    days_in_stage: int = 0,
    customer: str = "Acme",
    pipeline: str = "Projects",
    invoiced_before: int | None = None,
    terms_days: int | None = None,
    amount: str = "1000.00",
    currency: str = "SAR",
    today: date = TODAY,
) -> OpenDeal:
    """A deal that has been in its stage for so many days, invoiced so many days ago or not yet."""
    entered = today - timedelta(days=days_in_stage)
    return OpenDeal(
        deal_id=deal_id,
        customer=customer,
        pipeline=pipeline,
        amount=Decimal(amount),
        currency=currency,
        created_on=entered,
        stage_changes=((entered, stage),),
        stage=stage,
        stage_entered_on=entered,
        invoiced_on=None if invoiced_before is None else today - timedelta(days=invoiced_before),
        terms_days=terms_days,
    )


@st.composite
def closed_deals(draw: st.DrawFn, deal_id: int = 1) -> ClosedDeal:
    """Any deal that ended: paid, written off, or lost before the invoice."""
    end = draw(st.sampled_from(("paid", "written off", "lost")))
    return a_closed_deal(
        draw(st.integers(1, 10_000)),
        stage=draw(st.sampled_from((*STAGES, "Elsewhere"))),
        customer=draw(st.sampled_from("ABC")),
        pipeline=draw(st.sampled_from(("Projects", "Trade"))),
        created_on=date(2025, 1, 1) + timedelta(days=draw(st.integers(0, 600))),
        invoiced_after=None if end == "lost" else draw(st.integers(0, 400)),
        paid_after=draw(st.integers(0, 400)) if end == "paid" else None,
        lost_after=None if end == "paid" else draw(st.integers(0, 400)),
        terms_days=draw(st.sampled_from((None, 15, 30, 90))),
        currency=draw(st.sampled_from(("SAR", "USD"))),
    )


@st.composite
def open_deals(draw: st.DrawFn, deal_id: int = 1) -> OpenDeal:
    """Any deal that is still open."""
    return an_open_deal(
        draw(st.integers(1, 10_000)),
        stage=draw(st.sampled_from((*STAGES, "Elsewhere", ""))),
        days_in_stage=draw(st.integers(0, 900)),
        customer=draw(st.sampled_from("ABCD")),
        pipeline=draw(st.sampled_from(("Projects", "Trade", "New"))),
        invoiced_before=draw(st.none() | st.integers(0, 900)),
        terms_days=draw(st.sampled_from((None, 15, 30, 90))),
        amount=str(draw(st.decimals("0.01", "1000000", places=2))),
        currency=draw(st.sampled_from(("SAR", "USD"))),
    )
