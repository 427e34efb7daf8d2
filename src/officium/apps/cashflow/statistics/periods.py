"""The weeks or months of a table, and into which of them a payment falls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from officium.apps.cashflow.statistics.calendar import WorkingCalendar
from officium.apps.cashflow.statistics.days import FloatArray

Granularity = Literal["week", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """One row of a table: from `first_day` to `last_day`, both included."""

    first_day: date
    last_day: date


def periods_from(start: date, horizon_days: int, granularity: Granularity) -> tuple[Period, ...]:
    """The periods that cover `horizon_days` from `start` on: seven days each, or the calendar's months.

    The first month begins at `start`; the last period ends with the horizon.
    """
    end = start + timedelta(days=horizon_days)
    found: list[Period] = []
    first = start
    while first < end:
        if granularity == "week":
            after = first + timedelta(days=7)
        else:
            after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        after = min(after, end)
        found.append(Period(first, after - timedelta(days=1)))
        first = after
    return tuple(found)


def period_of_day(
    today: date, longest_days: int, periods: Sequence[Period], calendar: WorkingCalendar
) -> FloatArray:
    """A matrix of shape (longest_days + 1, periods): 1 where a payment after so many days falls.

    A payment that falls on a weekend or a holiday comes on the next working day.
    """
    members = np.zeros((longest_days + 1, len(periods)))
    for days in range(longest_days + 1):
        comes = calendar.next_working_day(today + timedelta(days=days))
        for number, period in enumerate(periods):
            if period.first_day <= comes <= period.last_day:
                members[days, number] = 1.0
                break
    return members
