"""A kept forecast against the cash that came."""

from datetime import date
from decimal import Decimal

from officium.apps.cashflow.forecast_table import ForecastPeriod, ForecastTable
from officium.apps.cashflow.runs.cash_score import Came, score_cash

MADE_ON = date(2026, 11, 4)
"""A Wednesday."""


def _week(day: int, expected: int, p10: int, p90: int, currency: str = "SAR") -> ForecastPeriod:
    return ForecastPeriod(
        period=f"week of {day}",
        start_date=date(2026, 11, day),
        end_date=date(2026, 11, day + 6),
        currency=currency,
        deal_count=3,
        expected_value=Decimal(expected),
        p10=Decimal(p10),
        p90=Decimal(p90),
    )


def _table(*lines: ForecastPeriod) -> ForecastTable:
    return ForecastTable(
        granularity="week", basis="payment", today=MADE_ON, horizon_days=30, periods=lines, totals=()
    )


def _came(day: int, amount: int, currency: str = "SAR") -> Came:
    return Came(date(2026, 11, day), currency, Decimal(amount))


def test_weeks_that_are_over_are_scored_and_what_had_come_before_is_not():
    table = _table(_week(2, 100, 50, 150), _week(9, 200, 150, 250), _week(16, 400, 1, 999))
    came = [_came(4, 999), _came(5, 60), _came(8, 60), _came(9, 100), _came(17, 77)]

    (score,) = score_cash(table, came, MADE_ON, date(2026, 11, 20))

    assert (score.periods, score.expected, score.actual) == (2, 300, 220)
    assert score.wape == round((20 + 100) / 220, 4)
    assert score.coverage == 0.5
    assert [(line.start_date.day, line.expected, line.actual) for line in score.lines] == [
        (2, 100, 120),
        (9, 200, 100),
    ]


def test_currencies_are_scored_apart_and_nothing_before_a_week_is_over():
    table = _table(_week(2, 100, 50, 150), _week(2, 10, 5, 15, "USD"))
    came = [_came(6, 100), _came(6, 30, "USD")]

    scores = score_cash(table, came, MADE_ON, date(2026, 11, 9))

    assert [(score.currency, score.wape, score.coverage) for score in scores] == [
        ("SAR", 0.0, 1.0),
        ("USD", round(20 / 30, 4), 0.0),
    ]
    assert score_cash(table, came, MADE_ON, date(2026, 11, 8)) == []
