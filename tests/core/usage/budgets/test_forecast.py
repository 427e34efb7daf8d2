"""When a budget runs out, and which limit stops a subject first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.usage.budgets.forecast import (
    Forecast,
    Standing,
    Use,
    binding,
    daily_use,
    forecast,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
DAY = timedelta(days=1)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def a_day(days_ago: int, used: int) -> Use:
    begin = MIDNIGHT - days_ago * DAY
    return Use(begin, begin + DAY, used)


def test_rate_is_what_was_used_in_the_last_seven_days():
    uses = [a_day(ago, 700) for ago in range(1, 7)]

    assert daily_use(uses, LONG_AGO, NOW) == 600


def test_day_in_which_nothing_was_used_counts():
    assert daily_use([a_day(1, 700)], LONG_AGO, NOW) == 100


def test_what_was_used_longer_ago_does_not_count():
    assert daily_use([a_day(1, 700), a_day(30, 10**6)], LONG_AGO, NOW) == 100


def test_of_a_day_that_lies_half_inside_half_counts():
    assert daily_use([a_day(7, 1400)], LONG_AGO, NOW) == 100


def test_of_a_month_its_last_days_count_as_if_it_had_been_even():
    uses = [Use(MONTH, NEXT_MONTH, 20_500)]

    assert daily_use(uses, LONG_AGO, NOW) == pytest.approx(1000)


def test_time_before_the_budget_was_made_does_not_dilute_the_rate():
    assert daily_use([a_day(0, 500), a_day(1, 500)], MIDNIGHT - DAY, NOW) == pytest.approx(1000 / 1.5)


@pytest.mark.parametrize(
    ("uses", "since"),
    [
        pytest.param([], LONG_AGO, id="nothing-used"),
        pytest.param([a_day(30, 9)], LONG_AGO, id="long-ago"),
        pytest.param([a_day(0, 500)], MIDNIGHT, id="made-this-morning"),
    ],
)
def test_too_little_is_no_rate(uses: list[Use], since: datetime):
    assert daily_use(uses, since, NOW) is None


@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_rate_is_never_more_than_all_that_was_used(amounts: list[int]):
    uses = [a_day(ago, used) for ago, used in enumerate(amounts)]

    found = daily_use(uses, LONG_AGO, NOW)

    assert found is None or 0 < found * 7 <= sum(amounts) * 1.000001


@pytest.mark.parametrize(
    ("daily", "left", "runs_out_at"),
    [
        pytest.param(1000.0, 2500, NOW + 2.5 * DAY, id="before-the-end"),
        pytest.param(1000.0, 9500, None, id="at-the-end"),
        pytest.param(1000.0, 10**6, None, id="after-the-end"),
        pytest.param(1000.0, 0, NOW, id="nothing-left"),
        pytest.param(None, 0, NOW, id="nothing-left-and-no-rate"),
        pytest.param(None, 100, None, id="no-rate"),
        pytest.param(1e-9, 10**18, None, id="not-in-ten-years"),
    ],
)
def test_budget_runs_out_at_its_rate(daily: float | None, left: int, runs_out_at: datetime | None):
    assert forecast(daily, left, NEXT_MONTH, NOW) == Forecast(daily, runs_out_at)


def a_standing(name: str, limit: int, used: int, daily: float | None = None, ends_at=NEXT_MONTH) -> Standing:
    left = max(0, limit - used)
    return Standing(
        name=name,
        limit=limit,
        used=used,
        left=left,
        ends_at=ends_at,
        forecast=forecast(daily, left, ends_at, NOW),
    )


TOMORROW = MIDNIGHT + DAY


@pytest.mark.parametrize(
    ("standings", "name"),
    [
        pytest.param([], None, id="no-limit"),
        pytest.param([a_standing("month", 100, 0), a_standing("day", 10, 0)], None, id="unused"),
        pytest.param(
            [a_standing("month", 100_000, 90_000, 4000.0), a_standing("day", 5000, 2000, 4000.0, TOMORROW)],
            "month",
            id="month-runs-out-and-the-day-does-not",
        ),
        pytest.param(
            [a_standing("month", 100_000, 50_000, 6000.0), a_standing("day", 5000, 3000, 6000.0, TOMORROW)],
            "day",
            id="day-runs-out-first",
        ),
        pytest.param(
            [a_standing("tokens", 100_000, 99_999, 50.0), a_standing("requests", 10, 10, 1.0)],
            "requests",
            id="exhausted",
        ),
        pytest.param(
            [a_standing("day", 10, 10, 9.0, TOMORROW), a_standing("month", 100, 100, 9.0)],
            "month",
            id="both-exhausted-the-longer-one",
        ),
        pytest.param(
            [a_standing("month", 100_000, 10_000, 1000.0), a_standing("day", 5000, 500, 1000.0, TOMORROW)],
            "day",
            id="neither-runs-out-the-fuller-one",
        ),
        pytest.param([a_standing("a", 100, 5), a_standing("b", 100, 50)], "b", id="no-rate-the-fuller-one"),
        pytest.param([a_standing("none", 0, 0), a_standing("b", 100, 50)], "none", id="limit-of-nothing"),
    ],
)
def test_first_to_stop_its_subject_is(standings: list[Standing], name: str | None):
    assert binding(standings, NOW) == name
    assert binding(standings[::-1], NOW) == name
