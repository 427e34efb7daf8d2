"""Days and months of a time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.usage.ledger.budget import Period
from officium.core.usage.ledger.period import TOTAL, Span, period_of

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "America/Sao_Paulo",  # skipped midnight each spring
    "America/Havana",  # shows midnight twice each autumn
    "America/St_Johns",  # put its clocks back over midnight, at 00:01
    "America/Nuuk",
    "America/Toronto",  # skipped half an hour on both sides of midnight in 1919
    "Africa/Cairo",
    "Africa/Monrovia",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Beirut",
    "Australia/Lord_Howe",  # moves its clocks by half an hour
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Antarctica/Troll",
)
MOMENTS = st.datetimes(
    min_value=datetime(1972, 1, 1), max_value=datetime(2060, 12, 31), timezones=st.just(UTC)
)


@given(st.sampled_from(ZONES), st.sampled_from(["day", "month"]), MOMENTS)
def test_a_moment_lies_in_its_period_and_so_does_the_whole_period(
    zone: str, period: Period, moment: datetime
):
    span = period_of(period, zone, moment)

    assert span.starts_at <= moment < span.ends_at
    assert period_of(period, zone, span.starts_at) == span
    assert period_of(period, zone, span.ends_at - timedelta(microseconds=1)) == span


@given(st.sampled_from(ZONES), st.sampled_from(["day", "month"]), MOMENTS)
def test_periods_touch_and_none_comes_twice(zone: str, period: Period, moment: datetime):
    spans = [period_of(period, zone, moment)]
    for _ in range(40):
        spans.append(period_of(period, zone, spans[-1].ends_at))

    assert [span.ends_at for span in spans[:-1]] == [span.starts_at for span in spans[1:]]
    keys = [span.key for span in spans]
    assert keys == sorted(set(keys))


@given(st.sampled_from(ZONES), MOMENTS)
def test_a_day_is_what_the_clocks_of_the_zone_say_but_for_an_hour_at_midnight(zone: str, moment: datetime):
    span = period_of("day", zone, moment)

    local = moment.astimezone(ZoneInfo(zone))
    is_put_back = local.date().isoformat() < span.key
    assert span.key == local.date().isoformat() or (
        is_put_back and moment - span.starts_at < timedelta(hours=2)
    )


@given(st.sampled_from(ZONES), st.integers(1972, 2050))
def test_a_year_has_as_many_resets_as_days(zone: str, year: int):
    moment = datetime(year, 6, 15, 12, tzinfo=UTC)
    keys = set()
    while moment.year == year and moment.month < 12:
        span = period_of("day", zone, moment)
        keys.add(span.key)
        moment = span.ends_at

    first = datetime.fromisoformat(min(keys))
    assert keys == {f"{first + timedelta(days=number):%Y-%m-%d}" for number in range(len(keys))}


@pytest.mark.parametrize(
    ("zone", "moment", "span"),
    [
        pytest.param(
            "Europe/Berlin",
            datetime(2026, 3, 29, 12, tzinfo=UTC),
            Span(
                "2026-03-29",
                datetime(2026, 3, 28, 23, tzinfo=UTC),
                datetime(2026, 3, 29, 22, tzinfo=UTC),
            ),
            id="23-hours",
        ),
        pytest.param(
            "Europe/Berlin",
            datetime(2026, 10, 25, 12, tzinfo=UTC),
            Span(
                "2026-10-25",
                datetime(2026, 10, 24, 22, tzinfo=UTC),
                datetime(2026, 10, 25, 23, tzinfo=UTC),
            ),
            id="25-hours",
        ),
        pytest.param(
            "America/Sao_Paulo",
            datetime(2018, 11, 4, 3, tzinfo=UTC),
            Span("2018-11-04", datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 11, 5, 2, tzinfo=UTC)),
            id="no-midnight",
        ),
        pytest.param(
            "America/Havana",
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
            Span("2026-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)),
            id="two-midnights",
        ),
        pytest.param(
            "America/St_Johns",
            datetime(2010, 11, 7, 3, 0, tzinfo=UTC),
            Span(
                "2010-11-07",
                datetime(2010, 11, 7, 2, 30, tzinfo=UTC),
                datetime(2010, 11, 8, 3, 30, tzinfo=UTC),
            ),
            id="yesterday-once-more",
        ),
        pytest.param(
            "America/Toronto",
            datetime(1919, 3, 31, 12, tzinfo=UTC),
            Span(
                "1919-03-31",
                datetime(1919, 3, 31, 4, 30, tzinfo=UTC),
                datetime(1919, 4, 1, 4, tzinfo=UTC),
            ),
            id="midnight-within-a-jump",
        ),
        pytest.param(
            "Pacific/Apia",
            datetime(2011, 12, 30, 10, tzinfo=UTC),
            Span(
                "2011-12-31",
                datetime(2011, 12, 30, 10, tzinfo=UTC),
                datetime(2011, 12, 31, 10, tzinfo=UTC),
            ),
            id="a-day-that-never-was",
        ),
        pytest.param(
            "UTC",
            datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),
            Span("2028-02-29", datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
            id="leap-day",
        ),
    ],
)
def test_days_that_are_unlike_others(zone: str, moment: datetime, span: Span):
    assert period_of("day", zone, moment) == span


@pytest.mark.parametrize(
    ("zone", "moment", "span"),
    [
        pytest.param(
            "UTC",
            datetime(2028, 2, 29, 12, tzinfo=UTC),
            Span("2028-02", datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
            id="leap-february",
        ),
        pytest.param(
            "Pacific/Auckland",
            datetime(2026, 12, 31, 12, tzinfo=UTC),
            Span("2027-01", datetime(2026, 12, 31, 11, tzinfo=UTC), datetime(2027, 1, 31, 11, tzinfo=UTC)),
            id="new-year-comes-early",
        ),
    ],
)
def test_months_are_those_of_the_zone(zone: str, moment: datetime, span: Span):
    assert period_of("month", zone, moment) == span


@pytest.mark.parametrize("year", [1975, 2026, 9998])
def test_total_is_one_period_for_ever(year: int):
    assert period_of("total", "Asia/Kathmandu", datetime(year, 1, 1, tzinfo=UTC)) == TOTAL


def test_the_clock_may_go_back():
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    keys = [period_of("day", "UTC", now + timedelta(days=days)).key for days in (0, 1, -1, 0)]

    assert keys == ["2026-11-21", "2026-11-22", "2026-11-20", "2026-11-21"]


def test_a_zone_that_is_not_known_here_is_refused():
    with pytest.raises(ZoneInfoNotFoundError):
        period_of("day", "Mars/Olympus_Mons", datetime(2026, 1, 1, tzinfo=UTC))
