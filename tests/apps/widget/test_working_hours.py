"""When people answer, in their own time zone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.working_hours import check_hours, is_open

BERLIN = {"time_zone": "Europe/Berlin", "days": {"mon": ["09:00", "18:00"], "tue": ["00:00", "24:00"]}}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 17, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 12, 0, tzinfo=UTC), False),
    ],
)
def test_hours_are_those_of_the_place(moment: datetime, expected: bool):
    check_hours(BERLIN)

    assert is_open(BERLIN, moment) is expected


def test_nobody_has_said_when():
    assert is_open(None, datetime(2026, 11, 23, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"time_zone": "Mars", "days": {}},
        {"time_zone": "UTC", "days": {"monday": ["09:00", "18:00"]}},
        {"time_zone": "UTC", "days": {"mon": ["18:00", "09:00"]}},
        {"time_zone": "UTC", "days": {"mon": ["9", "18"]}},
        {"time_zone": "UTC", "days": {"mon": "09:00-18:00"}},
        {"time_zone": "UTC", "days": [], "more": 1},
    ],
)
def test_what_are_no_hours_is_refused(said: Any):
    with pytest.raises(InvalidWidget):
        check_hours(said)
