from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from officium.apps.cashflow.statistics import ClosedDeal, DealHistory, OpenDeal, fit
from officium.apps.cashflow.statistics.days import LONGEST_DAYS
from officium.apps.cashflow.statistics.levels import Observed
from officium.apps.cashflow.statistics.recency import recency_weights
from officium.apps.cashflow.statistics.survival import HAPPENED
from tests.apps.cashflow.statistics.builders import (
    TODAY,
    a_closed_deal,
    an_open_deal,
    closed_deals,
    open_deals,
)

CONSTANTS = {"Order Received": 10, "Under Progress": 22, "Awaiting GR": 5, "Production/Supplying": 45}


@pytest.mark.parametrize(("stage", "days"), CONSTANTS.items())
def test_with_no_history_the_documented_constants_come_out_exactly(stage: str, days: int) -> None:
    forecast = fit([], [], TODAY).predict(an_open_deal(stage=stage))

    assert forecast.invoice.p50 == forecast.invoice.mean == TODAY + timedelta(days=days)
    assert forecast.payment.p50 == forecast.payment.mean == TODAY + timedelta(days=days + 37)
    assert forecast.probability == pytest.approx(1)
    assert forecast.evidence.invoice_prior_weight == forecast.evidence.payment_prior_weight == 1


@given(
    stage=st.sampled_from(list(CONSTANTS)), days=st.integers(0, 400), terms=st.none() | st.integers(0, 180)
)
def test_with_no_history_the_constants_count_from_today_with_a_penalty_for_stuck_deals(
    stage: str, days: int, terms: int | None
) -> None:
    deal = an_open_deal(stage=stage, days_in_stage=days, terms_days=terms)

    forecast = fit([], [deal], TODAY).predict(deal)

    expected = CONSTANTS[stage] + (14 if days > 60 else 0)
    assert (forecast.invoice.p50 - TODAY).days == expected
    assert (forecast.payment.p50 - TODAY).days == expected + (37 if terms is None else terms)


def test_open_deals_alone_are_no_history() -> None:
    waiting = [an_open_deal(n, days_in_stage=n * 9, customer="Acme") for n in range(40)]
    waiting += [an_open_deal(n + 50, invoiced_before=n * 9, customer="Acme") for n in range(40)]
    model = fit([], waiting, TODAY)

    forecast = model.predict(an_open_deal(stage="Under Progress", days_in_stage=3))

    assert forecast.invoice.p50 == TODAY + timedelta(days=22)
    assert forecast.payment.p50 == TODAY + timedelta(days=22 + 37)


def test_a_few_closed_deals_tell_even_of_stages_and_ages_they_never_were_in() -> None:
    history = [a_closed_deal(n, stage="Order Received", invoiced_after=200 + n) for n in range(12)]
    model = fit(history, [], TODAY)

    forecast = model.predict(an_open_deal(stage="Awaiting GR", days_in_stage=20))

    assert (forecast.invoice.p50 - TODAY).days > 100
    assert forecast.evidence.other_stages_weight > forecast.evidence.invoice_prior_weight > 0


def test_stages_are_compared_without_case_and_extra_spaces() -> None:
    forecast = fit([], [], TODAY).predict(an_open_deal(stage=" awaiting  gr"))

    assert forecast.invoice.p50 == TODAY + timedelta(days=5)


@given(age=st.integers(0, 400))
def test_with_no_history_an_invoice_is_paid_37_days_after_it_or_tomorrow(age: int) -> None:
    deal = an_open_deal(invoiced_before=age)

    forecast = fit([], [deal], TODAY).predict(deal)

    assert forecast.payment.p50 == TODAY + timedelta(days=max(37 - age, 1))
    assert forecast.is_overdue == (age > 37)
    assert forecast.confidence <= 0.5


@settings(max_examples=60, deadline=None)
@given(
    history=st.lists(closed_deals(), max_size=30), still_open=st.lists(open_deals(), min_size=1, max_size=5)
)
def test_quantiles_never_cross_and_probabilities_stay_in_range(
    history: list[ClosedDeal], still_open: list[OpenDeal]
) -> None:
    model = fit(history, still_open, TODAY)

    for deal in still_open:
        forecast = model.predict(deal)
        for dates in (forecast.invoice, forecast.payment):
            assert dates.p10 <= dates.p50 <= dates.p90
        assert forecast.payment.p10 > TODAY
        for chance in (forecast.probability, forecast.payment_probability, forecast.confidence):
            assert 0 <= chance <= 1
        said = forecast.evidence
        weights = said.customer_weight + said.tenant_weight + said.payment_prior_weight
        assert weights == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(history=st.lists(closed_deals(), min_size=2, max_size=20), deal=open_deals(), data=st.data())
def test_the_order_of_the_deals_does_not_matter(
    history: list[ClosedDeal], deal: OpenDeal, data: st.DataObject
) -> None:
    again = data.draw(st.permutations(history))

    one, other = fit(history, [deal], TODAY), fit(again, [deal], TODAY)

    assert one.predict(deal).payment.p50 == other.predict(deal).payment.p50
    assert one.predict(deal).confidence == pytest.approx(other.predict(deal).confidence)


@settings(max_examples=40, deadline=None)
@given(
    history=st.lists(closed_deals(), max_size=20),
    deals=st.lists(open_deals(), min_size=1, max_size=6),
    shifts=st.lists(st.sampled_from((0, -14, 30)), min_size=6, max_size=6),
    days=st.integers(1, 800),
)
def test_many_deals_at_once_are_forecast_as_each_alone(
    history: list[ClosedDeal], deals: list[OpenDeal], shifts: list[int], days: int
) -> None:
    deals = [replace(deal, shift_days=shift) for deal, shift in zip(deals, shifts, strict=False)]
    model = fit(history, deals, TODAY)

    together = model.paid_within(deals, days)

    for row, deal in zip(together, deals, strict=True):
        alone = np.zeros(days + 1)
        paid = model.outlook(deal).paid[: days + 1]
        alone[: len(paid)] = paid
        np.testing.assert_allclose(row, alone, atol=1e-9)
    for deal, forecast in zip(deals, model.predict_all(deals), strict=True):
        single = model.predict(deal)
        assert forecast.payment.p50 == single.payment.p50
        assert forecast.confidence == pytest.approx(single.confidence, abs=1e-6)


def test_each_closed_deal_moves_the_forecast_towards_what_happened() -> None:
    deal = an_open_deal(stage="Under Progress")

    expected = [
        fit([a_closed_deal(n, invoiced_after=60) for n in range(count)], [deal], TODAY).predict(deal)
        for count in (0, 2, 10, 100)
    ]

    days = [(forecast.invoice.mean - TODAY).days for forecast in expected]
    assert days[0] == 22
    assert days == sorted(days)
    assert 58 <= days[-1] <= 60


def test_lost_deals_lower_the_probability_of_an_invoice() -> None:
    lost = [a_closed_deal(n, invoiced_after=None, paid_after=None, lost_after=15) for n in range(40)]
    won = [a_closed_deal(n + 100) for n in range(40)]
    deal = an_open_deal()

    probability = fit(lost + won, [deal], TODAY).predict(deal).probability

    assert 0.45 < probability < 0.6


def test_a_deal_that_outlived_most_others_is_compared_with_those_that_did_too() -> None:
    quick = [a_closed_deal(n, invoiced_after=5) for n in range(50)]
    slow = [a_closed_deal(n + 100, invoiced_after=100) for n in range(50)]

    model = fit(quick + slow, [], TODAY)

    assert (model.predict(an_open_deal(days_in_stage=0)).invoice.p10 - TODAY).days == 5
    assert (model.predict(an_open_deal(days_in_stage=30)).invoice.p50 - TODAY).days == 70


def test_a_customer_that_pays_late_is_forecast_late() -> None:
    history = [a_closed_deal(n, customer="Slow", paid_after=80 + n % 5) for n in range(20)]
    history += [a_closed_deal(n + 100, customer="Prompt", paid_after=10 + n % 5) for n in range(20)]

    model = fit(history, [], TODAY)

    slow = model.predict(an_open_deal(customer="Slow", invoiced_before=0)).payment
    prompt = model.predict(an_open_deal(customer="Prompt", invoiced_before=0)).payment
    assert 78 <= (slow.p50 - TODAY).days <= 86
    assert 8 <= (prompt.p50 - TODAY).days <= 16


@pytest.mark.parametrize("payments", [5, 50, 500])
def test_an_invoice_that_outlived_all_others_is_not_expected_at_once(payments: int) -> None:
    history = [a_closed_deal(n, customer=f"C{n % 7}", paid_after=20 + n % 20) for n in range(payments)]
    model = fit(history, [], TODAY)

    forecast = model.predict(an_open_deal(customer="C1", invoiced_before=300))

    assert forecast.is_overdue
    assert 150 < (forecast.payment.p50 - TODAY).days < 320
    assert 0.6 < forecast.payment_probability < 0.8
    assert forecast.confidence < 0.1


def test_what_is_dated_after_the_day_is_not_known() -> None:
    deal = an_open_deal(customer="Acme", invoiced_before=0)
    later = a_closed_deal(created_on=TODAY - timedelta(days=5), invoiced_after=0, paid_after=20)

    forecast = fit([later], [deal], TODAY).predict(deal)

    assert forecast.evidence.tenant_payments == 0


def test_a_customer_that_changed_its_ways_is_forecast_by_the_new_ones() -> None:
    random = np.random.default_rng(3)
    deals = []
    for number in range(600):
        created = TODAY - timedelta(days=600 - number)
        delay = (20 if number < 450 else 50) + int(random.integers(-4, 5))
        customer = f"C{number % 9}"
        deals.append(
            a_closed_deal(number, customer=customer, created_on=created, invoiced_after=0, paid_after=delay)
        )
    known = DealHistory(tuple(deals)).as_of(TODAY)

    model = fit(known.closed, known.open, TODAY)

    forecast = model.predict(an_open_deal(customer="C1", invoiced_before=0))

    assert 42 <= (forecast.payment.p50 - TODAY).days <= 54


def test_where_nothing_changed_all_payments_count_the_same() -> None:
    random = np.random.default_rng(4)
    days = random.integers(20, 40, 400)
    seen = Observed(
        customer=np.arange(400) % 5,
        pipeline=np.zeros(400, dtype=int),
        days=days,
        outcome=np.full(400, HAPPENED),
        weight=np.ones(400),
        customers=5,
        pipelines=1,
    )

    assert np.all(recency_weights(seen, np.arange(400) + 50, 37.0) == 1)


def test_invoice_that_took_longer_than_we_look_counts_once_it_is_near_enough() -> None:
    long_ago = date(2020, 1, 1)
    history = [
        a_closed_deal(number, stage="Slow", created_on=long_ago, invoiced_after=LONGEST_DAYS + 170)
        for number in range(40)
    ]
    model = fit(history, [], TODAY)

    far, near = (
        model.invoiced_within(an_open_deal(stage="Slow", days_in_stage=days), LONGEST_DAYS).mass
        for days in (50, 200)
    )

    assert far[-1] < 0.01
    assert near[LONGEST_DAYS - 30] > 0.8
