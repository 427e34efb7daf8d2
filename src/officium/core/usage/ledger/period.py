"""Days and months of a time zone, as spans of time that touch without gap or overlap."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from officium.core.usage.ledger.budget import Period

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)


class Span(Struct, frozen=True):
    """A period: `key` is its local date, its month or `total`; it lasts from `starts_at` until `ends_at`."""

    key: str
    starts_at: datetime
    ends_at: datetime


TOTAL = Span("total", _BEGINNING, _END)
"""The one period of budgets that never begin anew."""

_latest: dict[tuple[Period, str], Span] = {}
"""The span last asked for, which is nearly always the one asked for next. Holds one for each zone in use."""


def period_of(period: Period, time_zone: str, moment: datetime) -> Span:
    """The day or month of `time_zone` (IANA) in which `moment` lies, with its bounds in UTC.

    A day begins at its first midnight, however often the clocks show it; where they skip midnight, when they
    skip it. So each day and each month begins exactly once, and where the previous one ends. `moment` is
    aware and lies in the years 1971 to 9998. Raises ZoneInfoNotFoundError for a zone this machine lacks.
    """
    if period == "total":
        return TOTAL
    span = _latest.get((period, time_zone))
    if span is None or not span.starts_at <= moment < span.ends_at:
        span = _latest[period, time_zone] = _find_span(period, time_zone, moment)
    return span


def _find_span(period: Period, time_zone: str, moment: datetime) -> Span:
    zone = _zone(time_zone)
    day = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    first = _first_of(period, day)
    # Clocks that were put back over midnight show yesterday's date for a while after today has begun.
    while moment < _begin(first, zone):
        first = _first_of(period, first - _ONE_DAY)
    while moment >= _begin(_next(period, first), zone):
        first = _next(period, first)
    key = first.strftime("%Y-%m-%d" if period == "day" else "%Y-%m")
    return Span(key, _begin(first, zone), _begin(_next(period, first), zone))


def _first_of(period: Period, day: datetime) -> datetime:
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


def _next(period: Period, first: datetime) -> datetime:
    if period == "day":
        return first + _ONE_DAY
    return (first + 31 * _ONE_DAY).replace(day=1)


def _begin(midnight: datetime, zone: tzinfo) -> datetime:
    """When clocks of `zone` first show `midnight`, or jump over it."""
    before = midnight.replace(tzinfo=zone, fold=0).astimezone(UTC)
    after = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if after >= before:
        return before
    return _jump(after, before, zone)


def _jump(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """When clocks are put forward, to the second: after `low` and not after `high`."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
