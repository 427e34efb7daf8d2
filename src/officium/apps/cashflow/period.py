"""Weeks and months, and days that stay within the calendar."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal, NamedTuple

OVERDUE = "overdue"
"""Names the bucket of what was to come before today."""


class Period(NamedTuple):
    """A week from Monday to Sunday, or a month, both ends included."""

    name: str
    start: date
    end: date


def later(day: date, days: int) -> date:
    """The day so many days on (or back); the calendar's first or last one where it ends before that."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def period_of(day: date, granularity: Literal["week", "month"]) -> Period:
    """The week (`2026-W48`, as ISO 8601 counts) or month (`2026-11`) with this day."""
    if granularity == "week":
        year, week, weekday = day.isocalendar()
        return Period(f"{year}-W{week:02}", later(day, 1 - weekday), later(day, 7 - weekday))
    start = day.replace(day=1)
    end = later(later(start, 31).replace(day=1), -1)
    return Period(f"{day:%Y-%m}", start, end)


def periods_between(first: date, last: date, granularity: Literal["week", "month"]) -> Iterator[Period]:
    """Every period from that with the first day to that with the last."""
    day = first
    while day <= last:
        period = period_of(day, granularity)
        yield period
        day = later(period.end, 1)
        if day <= period.end:
            return
