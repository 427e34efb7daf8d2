"""What an overview shows: a period, the one before it, and what happened in between."""

from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from officium.core.usage.ledger.period import Span, period_of
from officium.core.usage.tallies.histogram import Spread
from officium.core.usage.tallies.tally import SLOT, Tally, slot_of

Period = Literal["today", "7-days", "30-days"]
_DAYS: dict[Period, int] = {"today": 1, "7-days": 7, "30-days": 30}


class Point(Struct, frozen=True, kw_only=True):
    """A piece of the period: an hour of today, or a day."""

    starts_at: datetime
    tally: Tally


class Overview(Struct, frozen=True, kw_only=True):
    """A period from `starts_at` until now, and as much time as lies in it just before: `before`.

    `spreads` say how long things took, `points` are the pieces of it in their order. The groups come with the
    dearest first.
    """

    period: Period
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    total: Tally
    before: Tally
    spreads: list[Spread]
    points: list[Point]
    apps: list[tuple[str, Tally]]
    models: list[tuple[str, Tally]]
    clients: list[tuple[str, Tally]]


class Times(Struct, frozen=True):
    """The period, the one to compare it with, and the pieces it has."""

    starts_at: datetime
    ends_at: datetime
    before_starts_at: datetime
    before_ends_at: datetime
    pieces: list[Span]


def times_of(period: Period, time_zone: str, now: datetime) -> Times:
    """When a period is, in days of `time_zone`. The one before ends at the same time of the day as this one.

    Whoever compares today with yesterday would otherwise compare a morning with a whole day.
    """
    days = _DAYS[period]
    today = now.astimezone(ZoneInfo(time_zone)).date()
    ends_at = slot_of(now) + SLOT
    pieces = [_day(today - timedelta(days=back), time_zone) for back in reversed(range(days))]
    before = _day(today - timedelta(days=2 * days - 1), time_zone)
    starts_at = pieces[0].starts_at
    return Times(
        starts_at=starts_at,
        ends_at=ends_at,
        before_starts_at=before.starts_at,
        before_ends_at=min(starts_at, before.starts_at + (ends_at - starts_at)),
        pieces=_hours(pieces[0]) if period == "today" else pieces,
    )


def _day(day: date, time_zone: str) -> Span:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(time_zone))
    return period_of("day", time_zone, noon)


def _hours(day: Span) -> list[Span]:
    """The hours of a day, of which there are 23 or 25 where the clocks change."""
    hours = []
    starts_at = day.starts_at
    while starts_at < day.ends_at:
        ends_at = min(starts_at + timedelta(hours=1), day.ends_at)
        hours.append(Span(key=starts_at.isoformat(), starts_at=starts_at, ends_at=ends_at))
        starts_at = ends_at
    return hours
