"""When people answer visitors: hours by day of the week, in a time zone."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from officium.apps.widget.errors import InvalidWidget
from officium.core.usage.budgets.terms import check_time_zone
from officium.core.usage.ledger.errors import InvalidBudget

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def check_hours(said: Mapping[str, Any] | None) -> None:
    """Raise InvalidWidget unless these are hours, as the error shows them."""
    if said is None:
        return
    try:
        is_known = set(said) == {"time_zone", "days"}
        check_time_zone(said["time_zone"])
        is_fine = all(_is_span(day, span) for day, span in said["days"].items())
    except (KeyError, TypeError, AttributeError, ValueError, InvalidBudget) as error:
        raise _invalid() from error
    if not (is_known and is_fine):
        raise _invalid()


def is_open(said: Mapping[str, Any] | None, now: datetime) -> bool | None:
    """Whether people answer now; `None` where nobody has said when they do."""
    if said is None:
        return None
    there = now.astimezone(ZoneInfo(said["time_zone"]))
    span = said["days"].get(DAYS[there.weekday()])
    return span is not None and span[0] <= f"{there:%H:%M}" < span[1]


def _is_span(day: object, span: Any) -> bool:
    if day not in DAYS or not isinstance(span, list | tuple) or len(span) != 2:
        return False
    return all(isinstance(time, str) and _TIME.fullmatch(time) for time in span) and span[0] < span[1]


def _invalid() -> InvalidWidget:
    return InvalidWidget(
        'Write working hours like {"time_zone": "Europe/Berlin", "days": {"mon": ["09:00", "18:00"]}}.',
        param="working_hours",
    )
