"""How regularly customers pay, and what that makes of their forecasts."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from officium.apps.cashflow.statistics import ClosedDeal, fit
from officium.apps.cashflow.statistics.normal import normal_quantile
from tests.apps.cashflow.statistics.builders import a_closed_deal, an_open_deal

TODAY = date(2026, 6, 1)


def _paid(customer: str, spread_days: float, count: int, seed: int) -> list[ClosedDeal]:
    """Invoices of a customer that takes some days of its own, give or take so many."""
    normal = normal_quantile((np.arange(count) + 0.5) / count)
    delays = 30 + 5 * (seed % 7) + spread_days * np.random.default_rng(seed).permutation(normal)
    return [
        a_closed_deal(
            seed * 1000 + number,
            customer=customer,
            created_on=date(2025, 3, 1) + timedelta(days=number),
            paid_after=max(round(delay), 1),
        )
        for number, delay in enumerate(delays)
    ]


def _width(history: list[ClosedDeal], customer: str) -> int:
    """The days from P10 to P90 of an invoice of today."""
    deal = replace(an_open_deal(customer=customer, today=TODAY), invoiced_on=TODAY)
    payment = fit(history, [deal], TODAY).predict(deal).payment
    return (payment.p90 - payment.p10).days


def test_regular_customer_is_forecast_more_narrowly_than_an_irregular_one():
    others = [deal for seed in range(3, 13) for deal in _paid(f"Usual {seed}", 6, 12, seed)]
    history = [*others, *_paid("Clockwork", 1, 12, 1), *_paid("Careless", 15, 12, 2)]

    narrow, usual, wide = (_width(history, customer) for customer in ("Clockwork", "Usual 3", "Careless"))

    assert narrow < 0.6 * usual
    assert wide > 1.3 * usual


def test_few_payments_hardly_move_the_spread():
    others = [deal for seed in range(3, 13) for deal in _paid(f"Usual {seed}", 6, 12, seed)]
    same_day = _paid("New", 0, 2, 1)

    few, many = _width([*others, *same_day], "New"), _width([*others, *_paid("New", 0, 40, 1)], "New")

    assert few > 0.6 * _width(others, "Usual 3")
    assert many < 0.5 * few


@pytest.mark.parametrize("customers", [1, 4])
def test_where_all_are_alike_the_spread_is_that_of_the_payments(customers: int):
    history = [deal for seed in range(customers) for deal in _paid(f"Alike {seed}", 6, 400, seed)]

    assert _width(history, "Alike 0") == pytest.approx(2 * 1.2816 * 6, abs=2)
