"""How long a provider asks us to wait, read off its headers."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH_S = 1e9
"""A plain number from here on is a time since 1970 in seconds, from a thousand times that in milliseconds."""


def parse_retry_after(headers: Mapping[str, str], now: datetime, status: int | None = None) -> float | None:
    """The delay in seconds from `now` on (aware), or `None` if the provider does not ask for one.

    `headers` have lower-case names. In order: `retry-after-ms` if above 0 (Azure sends 0 beside a
    `retry-after`), `retry-after` in seconds or as an HTTP date, and on a 429 the reset headers.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds:
        return milliseconds / 1000
    if said := headers.get("retry-after"):
        seconds = _number(said)
        delay_s = seconds if seconds is not None else _until_http_date(said, now)
        if delay_s is not None:
            return delay_s
    return _until_reset(headers, now) if status == 429 else None


def parse_should_retry(headers: Mapping[str, str]) -> bool | None:
    """What `x-should-retry` says, or `None` where it is missing or says neither."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def parse_delay(said: str, now: datetime) -> float | None:
    """Seconds from `now` in any of the shapes of a reset header: `6m0s`, `20ms`, `7.5`, an RFC 3339 time,
    a Unix time. `None` for anything else; 0 for a moment that has passed."""
    said = said.strip()
    number = _number(said)
    if number is not None:
        if number >= _EPOCH_S * 1000:
            number /= 1000
        return max(0.0, number - now.timestamp()) if number >= _EPOCH_S else number
    if _DURATION.sub("", said) == "" and said:
        return sum(float(amount) * _UNIT_S[unit] for amount, unit in _DURATION.findall(said))
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return _seconds_until(moment, now)


def _until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """The longest wait among the limits that are used up; where none is said to be, the shortest of all."""
    resets = list(_resets(headers, now))
    used_up = [delay_s for delay_s, is_used_up in resets if is_used_up]
    if used_up:
        return max(used_up)
    return min((delay_s for delay_s, _ in resets), default=None)


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[float, bool]]:
    for name, said in headers.items():
        if "ratelimit" in name and "reset" in name:
            delay_s = parse_delay(said, now)
            if delay_s is not None:
                yield delay_s, _number(headers.get(name.replace("reset", "remaining"))) == 0


def _number(said: str | None) -> float | None:
    """A number that is not negative, or `None`."""
    try:
        number = float(said or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until_http_date(said: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return _seconds_until(moment, now)


def _seconds_until(moment: datetime, now: datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
