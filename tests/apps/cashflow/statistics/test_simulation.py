from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from officium.apps.cashflow.statistics import OpenDeal, WorkingCalendar, fit, simulate, simulate_invoices
from officium.apps.cashflow.statistics.periods import periods_from
from tests.apps.cashflow.statistics.builders import TODAY, a_closed_deal, an_open_deal, open_deals


@settings(max_examples=30, deadline=None)
@given(
    deals=st.lists(open_deals(), min_size=1, max_size=8, unique_by=lambda deal: deal.deal_id),
    data=st.data(),
)
def test_the_order_of_the_deals_does_not_matter(deals: list[OpenDeal], data: st.DataObject) -> None:
    again = data.draw(st.permutations(deals))
    model = fit([], deals, TODAY)

    one = simulate(model, deals, TODAY, 90, runs=50, seed=3)
    other = simulate(model, again, TODAY, 90, runs=50, seed=3)

    assert one == other


@settings(max_examples=30, deadline=None)
@given(deals=st.lists(open_deals(), min_size=1, max_size=8, unique_by=lambda deal: deal.deal_id))
def test_currencies_are_never_mixed_and_quantiles_never_cross(deals: list[OpenDeal]) -> None:
    model = fit([], deals, TODAY)

    both = simulate(model, deals, TODAY, 120, runs=50, granularity="month")

    assert set(both.currencies) == {deal.currency for deal in deals}
    for currency, cash in both.currencies.items():
        alone = [deal for deal in deals if deal.currency == currency]
        assert simulate(model, alone, TODAY, 120, runs=50, granularity="month").currencies == {currency: cash}
        most = sum(deal.amount for deal in alone)
        for row in cash.rows:
            for amounts in (row.cash, row.cumulated):
                assert 0 <= amounts.p10 <= amounts.p50 <= amounts.p90 <= most + Decimal("0.01")


def test_the_same_seed_gives_the_same_table_and_another_one_another() -> None:
    deals = [an_open_deal(n, customer=f"C{n}") for n in range(20)]
    model = fit([], deals, TODAY)

    tables = [simulate(model, deals, TODAY, 90, runs=200, seed=seed) for seed in (1, 1, 2)]

    assert np.array_equal(tables[0].currencies["SAR"].runs, tables[1].currencies["SAR"].runs)
    assert not np.array_equal(tables[0].currencies["SAR"].runs, tables[2].currencies["SAR"].runs)


def test_the_mean_of_the_runs_is_the_expectation() -> None:
    history = [a_closed_deal(n, customer=f"C{n % 7}", paid_after=10 + n % 40) for n in range(80)]
    deals = [an_open_deal(n, customer=f"C{n % 7}", invoiced_before=n % 20) for n in range(60)]
    model = fit(history, deals, TODAY)

    cash = simulate(model, deals, TODAY, 84, runs=4000, seed=5).currencies["SAR"]

    simulated = cash.runs.mean(axis=1)
    expected = [float(row.cash.mean) for row in cash.rows]
    np.testing.assert_allclose(simulated, expected, rtol=0.05, atol=150)


def test_what_one_customer_pays_late_it_pays_late_together() -> None:
    one = [an_open_deal(n, customer="New", invoiced_before=5) for n in range(30)]
    many = [an_open_deal(n, customer=f"New {n}", invoiced_before=5) for n in range(30)]
    model = fit([], [], TODAY)

    widths = []
    for deals in (one, many):
        row = simulate(model, deals, TODAY, 35, runs=2000).currencies["SAR"].rows[-1]
        widths.append(row.cumulated.p90 - row.cumulated.p10)

    assert widths[0] > widths[1] * 2


def test_payments_wait_for_the_next_working_day_of_the_country() -> None:
    friday = date(2026, 11, 20)
    model = fit([], [], friday - timedelta(days=1))
    deal = an_open_deal(invoiced_before=100, today=friday - timedelta(days=1))  # paid tomorrow, on the Friday

    in_riyadh = simulate(model, [deal], friday, 14, calendar=WorkingCalendar("SA")).currencies["SAR"].rows
    anywhere = simulate(model, [deal], friday, 2).currencies["SAR"].rows

    assert WorkingCalendar("SA").next_working_day(friday) == date(2026, 11, 22)
    assert anywhere[0].cash.mean == in_riyadh[0].cash.mean == 1000
    assert (
        simulate(model, [deal], friday, 2, calendar=WorkingCalendar("SA")).currencies["SAR"].rows[0].cash.mean
        == 0
    )


def test_the_balance_falls_under_a_limit_as_often_as_the_runs_do() -> None:
    deals = [an_open_deal(1, invoiced_before=0)]
    model = fit([], deals, TODAY)
    cash = simulate(model, deals, TODAY + timedelta(days=1), 84, runs=2000).currencies["SAR"]

    never_paid_out = cash.probability_below(Decimal(0))
    certain = cash.probability_below(Decimal(0), outgoing=[Decimal(2000), *[Decimal(0)] * 11])
    halfway = cash.probability_below(
        Decimal(0), outgoing=[Decimal(0)] * 5 + [Decimal(500)] + [Decimal(0)] * 6
    )

    assert never_paid_out == 0
    assert certain == 1
    assert 0.1 < halfway < 0.6


@pytest.mark.parametrize(("runs", "days"), [(0, 30), (10, 0), (10, 10_000), (10**9, 30)])
def test_absurd_sizes_are_refused(runs: int, days: int) -> None:
    with pytest.raises(ValueError, match="runs must be"):
        simulate(fit([], [], TODAY), [], TODAY, days, runs=runs)


def test_invoices_come_in_the_periods_as_often_as_their_chances_say() -> None:
    history = [a_closed_deal(number, invoiced_after=5 + number) for number in range(40)]
    deals = [an_open_deal(1000 + number, days_in_stage=number % 7) for number in range(300)]
    model = fit(history, deals, date(2026, 6, 1))
    periods = periods_from(date(2026, 6, 2), 56, "week")

    cash = simulate_invoices(model, deals, periods, runs=1000, seed=3)

    drawn, expected = cash.runs.mean(axis=1), [float(row.cash.mean) for row in cash.rows]
    assert drawn == pytest.approx(expected, rel=0.02, abs=500)
    assert cash == simulate_invoices(model, deals[::-1], periods, runs=1000, seed=3)


def test_chances_of_many_invoices_are_those_of_each() -> None:
    history = [a_closed_deal(number, invoiced_after=5 + number) for number in range(40)]
    deals = [an_open_deal(number, days_in_stage=number % 4) for number in range(9)]
    model = fit(history, deals, TODAY)

    chances = model.all_invoiced_within(deals, 50)

    for row, deal in zip(chances, deals, strict=True):
        assert row.tolist() == model.invoiced_within(deal, 50).mass.tolist()
