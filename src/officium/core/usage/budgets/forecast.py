"""When a budget runs out if things go on as they did, and which of several does first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

LOOK_BACK = timedelta(days=7)
"""How much of the past counts as the current rate."""
LEAST_KNOWN = timedelta(days=1)
"""With less to go by, nothing is said."""
_FARTHEST_DAYS = 3650
_DAY_S = 86_400


class Use(Struct, frozen=True):
    """What was used from `starts_at` until `ends_at`, or until now where that is earlier."""

    starts_at: datetime
    ends_at: datetime
    used: int


class Forecast(Struct, frozen=True):
    """What is to be expected. Both are `None` where there is too little to say.

    `daily_use` is the average of the last days. `runs_out_at` is when nothing is left at that rate; `None`
    also where the period ends before that, or ten years pass.
    """

    daily_use: float | None = None
    runs_out_at: datetime | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """Where a limit stands: what is left of it until `ends_at`, and at which rate it goes."""

    name: str
    limit: int
    used: int
    left: int
    ends_at: datetime
    forecast: Forecast


def daily_use(uses: Sequence[Use], since: datetime, now: datetime) -> float | None:
    """The average use of a day in the last `LOOK_BACK`; `None` where it is not known for a whole day.

    `uses` do not overlap. A stretch in which nothing was used needs none, but nothing is known of the time
    before `since`. Of a use that began earlier the later part counts, as if it had been even.
    """
    begins_at = max(now - LOOK_BACK, since)
    if now - begins_at < LEAST_KNOWN:
        return None
    total = sum(use.used * _share_after(use, begins_at, since, now) for use in uses)
    return total / _days(now - begins_at) if total > 0 else None


def forecast(daily: float | None, left: int, ends_at: datetime, now: datetime) -> Forecast:
    """What becomes of `left` at `daily` a day."""
    if left <= 0:
        return Forecast(daily, now)
    if daily is None or left / daily > _FARTHEST_DAYS:
        return Forecast(daily)
    runs_out_at = now + timedelta(days=left / daily)
    return Forecast(daily, runs_out_at if runs_out_at < ends_at else None)


def binding(standings: Sequence[Standing], now: datetime) -> str | None:
    """The name of the limit that stops its subject first; `None` where there is none, or no use at all.

    That is what has run out; else what runs out earliest; else that of which most will be used up when its
    period ends.
    """
    used = [standing for standing in standings if standing.left <= 0 or standing.used > 0]
    if not used:
        return None
    return min(used, key=lambda standing: _urgency(standing, now)).name


def _urgency(standing: Standing, now: datetime) -> tuple[int, float]:
    """Smaller is more urgent."""
    if standing.left <= 0:
        return (0, -_days(standing.ends_at - now))
    runs_out_at = standing.forecast.runs_out_at
    if runs_out_at is not None:
        return (1, runs_out_at.timestamp())
    rest_days = min(_days(standing.ends_at - now), _FARTHEST_DAYS)
    expected = standing.limit - standing.left + (standing.forecast.daily_use or 0.0) * rest_days
    return (2, -expected / standing.limit)


def _share_after(use: Use, begins_at: datetime, since: datetime, now: datetime) -> float:
    """Which part of a use fell after `begins_at`."""
    started_at, ended_at = max(use.starts_at, since), min(use.ends_at, now)
    if started_at >= begins_at:
        return 1.0
    if ended_at <= begins_at:
        return 0.0
    return (ended_at - begins_at) / (ended_at - started_at)


def _days(span: timedelta) -> float:
    return span.total_seconds() / _DAY_S
