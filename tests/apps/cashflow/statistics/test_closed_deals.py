"""Deals in columns are the deals they were made of."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.cashflow.statistics import ClosedDeal, ClosedDeals, DealHistory, joined
from officium.apps.cashflow.statistics.closed_deals import Words, columns_of_deals
from tests.apps.cashflow.statistics.builders import TODAY, a_closed_deal, closed_deals

DAYS = st.dates(date(2025, 1, 1), TODAY)


@st.composite
def histories(draw: st.DrawFn) -> list[ClosedDeal]:
    return [draw(closed_deals(deal_id=number)) for number in range(draw(st.integers(0, 8)))]


@given(histories())
def test_columns_give_back_every_deal_as_it_was(deals: list[ClosedDeal]):
    columns = ClosedDeals.of(deals)

    assert list(columns) == deals
    assert columns[:] == tuple(deals)
    assert ClosedDeals.of(columns) is columns


def test_what_few_deals_have_is_kept_too():
    deal = replace(
        a_closed_deal(terms_days=0, amount="999999999999999.9999", customer="مؤسسة", currency="JOD"),
        stage_changes=((date(2026, 1, 5), "A"), (date(2026, 1, 6), "B"), (date(2026, 1, 7), "A")),
    )
    bare = replace(a_closed_deal(2, paid_after=None, lost_after=3, amount="0"), stage_changes=())

    assert list(ClosedDeals.of([deal, bare, deal])) == [deal, bare, deal]


@given(histories(), DAYS)
def test_past_day_is_the_same_for_columns_as_for_objects(deals: list[ClosedDeal], day: date):
    expected = DealHistory(tuple(deals)).as_of(day)
    begun = tuple(deal for deal in expected.closed if deal.created_on <= day)

    closed, still_open = ClosedDeals.of(deals).as_of(day)

    assert (tuple(closed), still_open) == (begun, expected.open)


@given(histories(), histories(), st.data())
def test_columns_are_joined_and_chosen_in_order(
    first: list[ClosedDeal], second: list[ClosedDeal], data: st.DataObject
):
    words = Words()
    columns = joined([columns_of_deals(words, first), columns_of_deals(words, second)])
    deals = [*first, *second]
    which = data.draw(st.lists(st.booleans(), min_size=len(deals), max_size=len(deals)))

    chosen = ClosedDeals(columns.chosen(np.array(which, dtype=bool)))

    assert list(chosen) == [deal for deal, is_chosen in zip(deals, which, strict=True) if is_chosen]


def test_columns_take_little_room():
    begun = date(2025, 1, 1)
    deals = [
        a_closed_deal(
            number, customer=f"Customer {number % 50}", created_on=begun + timedelta(days=number % 300)
        )
        for number in range(1000)
    ]

    columns = ClosedDeals.of(deals).columns

    arrays = [getattr(columns, name) for name in columns.__slots__ if name != "words"]
    assert sum(array.nbytes for array in arrays) < 80 * len(deals)
