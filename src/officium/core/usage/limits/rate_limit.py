"""What a rate limit says, and how much of it is left."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

Unit = Literal["requests", "tokens"]

MOST_LIMITS = 8
"""As many may stand in one text."""
_LARGEST_MAX = 10**12
_LONGEST_WINDOW_S = 366 * 86_400
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_WORDS = re.compile(r"(\d{1,13})(?: ?(requests|tokens))? ?/ ?(\d{0,9}) ?(ms|s|m|h|d)")
_OFF = frozenset(("", "0", "off", "none", "unlimited"))


class RateLimit(Struct, frozen=True):
    """At most `max` requests (or tokens) within any `window_s` seconds."""

    max: int
    window_s: float
    unit: Unit = "requests"

    def __str__(self) -> str:
        return f"{self.max} {self.unit} in {spoken(self.window_s)}"


class RateLimitState(Struct, frozen=True, kw_only=True):
    """What came of a check: whether the request may pass, and what is left.

    `limit` is the most there may be in a window of `window_s` seconds, `remaining` what is free after this
    check. In `reset_after_s` seconds after `checked_at` (aware, in UTC) the oldest of what is counted leaves
    the window. `retry_after_s` says when the refused request would pass; 0 for one that was allowed. `name`
    says which of several limits this is about, where they have names.
    """

    allowed: bool
    limit: int
    remaining: int
    window_s: float
    reset_after_s: float
    checked_at: datetime
    retry_after_s: float = 0.0
    name: str = ""

    @property
    def reset_at(self) -> datetime:
        """When the oldest of what is counted leaves the window."""
        return self.checked_at + timedelta(seconds=self.reset_after_s)


class WindowState(Struct, frozen=True):
    """One window after a check: what is counted in it, when the oldest of it goes, and when there is room.

    Times are in seconds from now. `room_after_s` is 0 where there is room.
    """

    used: int
    oldest_goes_s: float
    room_after_s: float


def parse_limits(text: str) -> tuple[RateLimit, ...]:
    """Read `10/1m` or `30/1m, 14400/1d`, or `200000 tokens/1m`; nothing for `off`, `0` and an empty text.

    A window is a number of ms, s, m, h or d (1 where it is left out). Raises ValueError with a sentence.
    """
    if text.strip().lower() in _OFF:
        return ()
    limits = tuple(_parse_one(part.strip()) for part in text.split(","))
    if len(limits) > MOST_LIMITS:
        raise ValueError(f"must not hold more than {MOST_LIMITS} limits")
    return limits


def tightest(limits: Sequence[RateLimit], states: Sequence[WindowState]) -> int:
    """Which of several to show: of those in the way the longest, else the one with least left.

    `limits` and `states` belong together one by one, and there is at least one.
    """
    places = range(len(limits))
    if any(state.room_after_s for state in states):
        return max(places, key=lambda place: states[place].room_after_s)
    return min(places, key=lambda place: (limits[place].max - states[place].used) / limits[place].max)


def shown(limit: RateLimit, state: WindowState, now: datetime, name: str = "") -> RateLimitState:
    """What a window's state means for who asked."""
    return RateLimitState(
        allowed=state.room_after_s <= 0,
        limit=limit.max,
        remaining=max(0, limit.max - state.used),
        window_s=limit.window_s,
        reset_after_s=state.oldest_goes_s,
        checked_at=now,
        retry_after_s=state.room_after_s,
        name=name,
    )


def spoken(window_s: float) -> str:
    """A length of time in words: `1 minute`, `15 minutes`, `0.5 seconds`."""
    for name, length_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if window_s >= length_s and window_s % length_s == 0:
            count = round(window_s / length_s)
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "1 second" if window_s == 1 else f"{window_s:g} seconds"


def _parse_one(text: str) -> RateLimit:
    found = _WORDS.fullmatch(text.lower())
    if found is None:
        raise ValueError(f"{text!r} is no rate limit; write such as 10/1m, 100/15m, 14400/1d, or off")
    most, unit, count, length = found.groups()
    window_s = int(count or 1) * _UNITS_S[length]
    if not 1 <= int(most) <= _LARGEST_MAX:
        raise ValueError(
            f"{text!r}: the number before the stroke must be from 1 to 10^12; write off for no limit"
        )
    if not 0 < window_s <= _LONGEST_WINDOW_S:
        raise ValueError(f"{text!r}: the window must be longer than nothing and not longer than 366 days")
    return RateLimit(int(most), window_s, "tokens" if unit == "tokens" else "requests")
