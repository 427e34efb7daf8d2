from datetime import date, timedelta

import numpy as np
import pytest

from officium.apps.cashflow.statistics import ClosedDeal, DealHistory, backtest, fit, score_forecasts
from officium.apps.cashflow.statistics.calibration import (
    AS_STATED,
    calibration_bins,
    calibration_error,
    fit_calibration,
)
from tests.apps.cashflow.statistics.builders import a_closed_deal

START = date(2025, 1, 6)
TODAY = date(2026, 6, 29)
ORIGINS = [date(2025, 9, 1) + timedelta(days=28 * number) for number in range(6)]


def a_history(count: int = 400) -> DealHistory:
    """Customers with habits of their own, on which payments scatter."""
    random = np.random.default_rng(7)
    habits = random.uniform(10, 70, 12)
    deals = []
    for number in range(count):
        customer = int(random.integers(12))
        deals.append(
            a_closed_deal(
                number,
                customer=f"C{customer}",
                stage="Order Received",
                created_on=START + timedelta(days=int(random.integers(420))),
                invoiced_after=int(random.integers(3, 40)),
                paid_after=max(int(habits[customer] + random.normal(0, 6)), 1),
                amount=str(int(random.integers(100, 10_000))),
                currency="SAR" if customer % 3 else "USD",
            )
        )
    return DealHistory(tuple(deals))


def test_beats_all_three_baselines_where_customers_have_habits() -> None:
    report = backtest(a_history(), ORIGINS, TODAY, runs=200)

    assert [rival.name for rival in report.baselines] == ["constants", "averages", "customer_averages"]
    assert report.model.mae_days is not None
    assert report.model.deals > 100
    for rival in report.baselines:
        assert rival.deals == report.model.deals
        assert rival.mae_days is not None
        assert report.model.mae_days < rival.mae_days
        for currency in ("SAR", "USD"):
            assert report.model.wape[currency] < rival.wape[currency]
    assert report.model.coverage == pytest.approx(0.8, abs=0.08)
    assert report.week_coverage == pytest.approx(0.8, abs=0.15)
    assert report.calibration_error < 0.1


def test_knows_nothing_of_what_came_after_the_origin() -> None:
    whole = a_history()
    origin = ORIGINS[2]
    until = DealHistory(
        tuple(deal for deal in whole.closed if deal.paid_on is not None and deal.paid_on <= origin)
    )

    known = whole.as_of(origin)

    assert set(known.closed) == set(until.closed)
    for deal in known.open:
        assert deal.created_on <= origin
        assert deal.invoiced_on is None or deal.invoiced_on <= origin
        assert all(day <= origin for day, _ in deal.stage_changes)


def test_the_future_of_a_deal_does_not_change_its_forecast() -> None:
    origin = ORIGINS[2]
    whole = a_history()
    later = DealHistory(tuple(_ten_days_later(deal, origin) for deal in whole.closed))

    forecasts = []
    for history in (whole, later):
        known = history.as_of(origin)
        model = fit(known.closed, known.open, origin)
        forecasts.append({deal.deal_id: model.predict(deal) for deal in known.open})

    assert forecasts[0] == forecasts[1]


def _ten_days_later(deal: ClosedDeal, after: date) -> ClosedDeal:
    """The deal, with all that comes after a day put off by ten days."""

    def off(day: date | None) -> date | None:
        return day + timedelta(days=10) if day is not None and day > after else day

    return ClosedDeal(
        deal.deal_id,
        deal.customer,
        deal.pipeline,
        deal.amount,
        deal.currency,
        deal.created_on if deal.created_on <= after else deal.created_on + timedelta(days=10),
        tuple(
            (day if day <= after else day + timedelta(days=10), stage) for day, stage in deal.stage_changes
        ),
        off(deal.invoiced_on),
        off(deal.paid_on),
        off(deal.lost_on),
        deal.terms_days,
    )


def test_stored_forecasts_are_scored_by_the_payments_that_came() -> None:
    known = a_history().as_of(ORIGINS[0])
    model = fit(known.closed, known.open, ORIGINS[0])
    forecasts = [model.predict(deal) for deal in known.open][:2]
    paid = {forecasts[0].deal_id: forecasts[0].payment.p50 + timedelta(days=3)}

    score = score_forecasts(forecasts, paid)

    assert (score.deals, score.mae_days, score.within_week) == (1, 3, 1)


def test_overconfidence_is_corrected() -> None:
    random = np.random.default_rng(1)
    truth = random.uniform(0.1, 0.9, 3000)
    right = random.random(3000) < truth
    stated = 1 / (1 + np.exp(-2 * np.log(truth / (1 - truth))))  # twice as sure as it should be

    correction = fit_calibration(list(stated), list(right))

    corrected = [correction(one) for one in stated]
    assert correction.slope == pytest.approx(0.5, abs=0.05)
    assert calibration_error(calibration_bins(corrected, list(right))) < 0.03
    assert calibration_error(calibration_bins(list(stated), list(right))) > 0.08


def test_without_outcomes_confidence_stays_as_stated() -> None:
    assert fit_calibration([], []) == AS_STATED
