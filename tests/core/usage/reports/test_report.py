"""The days of a report."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.usage.reports.report import days_between
from officium.kit.errors import InvalidRequest

FIRST = date(2026, 11, 1)


def test_days_begin_at_midnight_of_the_tenant():
    (day,) = days_between(FIRST, FIRST, "Asia/Riyadh")

    assert day.key == "2026-11-01"
    assert (day.starts_at, day.ends_at) == (
        datetime(2026, 10, 31, 21, tzinfo=UTC),
        datetime(2026, 11, 1, 21, tzinfo=UTC),
    )


@given(
    first=st.dates(date(2000, 1, 2), date(2100, 1, 1)),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Sao_Paulo"]
    ),
)
def test_days_touch_and_none_is_left_out(first: date, zone: str):
    last = date.fromordinal(first.toordinal() + 40)

    days = days_between(first, last, zone)

    assert [day.key for day in days] == [
        date.fromordinal(first.toordinal() + n).isoformat() for n in range(41)
    ]
    assert all(day.ends_at == following.starts_at for day, following in pairwise(days))


@pytest.mark.parametrize(
    ("first", "last", "param"),
    [
        pytest.param(date(2026, 11, 2), FIRST, "to", id="backwards"),
        pytest.param(date(2025, 10, 31), FIRST, "from", id="more-than-a-year"),
        pytest.param(date(1, 1, 1), date(1, 1, 2), "to", id="first-year"),
        pytest.param(date(9999, 12, 31), date(9999, 12, 31), "to", id="last-year"),
    ],
)
def test_days_that_make_no_report_are_refused(first: date, last: date, param: str):
    with pytest.raises(InvalidRequest) as raised:
        days_between(first, last, "UTC")

    assert raised.value.fields["param"] == param
