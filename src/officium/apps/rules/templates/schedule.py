"""When a sentence wants its rule looked at: every day at 9, every 15 minutes, for at least 5 minutes."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from officium.apps.rules.templates.quantity import minutes_in
from officium.apps.rules.templates.understanding import NotUnderstood

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = rf"(?:{'|'.join(_DAYS)})s?"
_CLOCK = r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s*(?P<half>am|pm|a\.m\.|p\.m\.|o'clock)?|noon|midnight"
_AT = re.compile(
    rf"\b(?:(?:every|each)\s+(?P<days>day|morning|evening|weekday|workday|{_DAY}(?:(?:\s*,\s*|\s+and\s+){_DAY})*)"
    rf"|(?P<daily>daily|on weekdays))(?:\s*,)?\s*(?:at\s+(?P<time>{_CLOCK}))?\b",
    re.IGNORECASE,
)
_MONTHLY = re.compile(
    rf"\b(?:on the (?P<day>\d{{1,2}})(?:st|nd|rd|th)? of (?:every|each) month|monthly)\s*"
    rf"(?:at\s+(?P<time>{_CLOCK}))?",
    re.IGNORECASE,
)
_EVERY = re.compile(
    r"\b(?:every|each)\s+(?:(?P<count>\d+)\s+)?(?P<unit>minutes?|mins?|hours?)\b|\b(?P<hourly>hourly)\b",
    re.IGNORECASE,
)
_HOLD = re.compile(
    r"\bfor\s+(?:at least\s+|more than\s+|over\s+|longer than\s+)?(?P<count>\d+)\s*"
    r"(?P<unit>seconds?|secs?|minutes?|mins?|min|hours?|days?)\b",
    re.IGNORECASE,
)
_UNITS = {"secs": "seconds", "sec": "seconds", "mins": "minutes", "min": "minutes"}


class Timing(Struct, frozen=True, kw_only=True):
    """What a sentence says of time, and the rest of it."""

    rest: str
    at: str | None = None
    weekdays: tuple[str, ...] = ()
    day_of_month: int | None = None
    every_minutes: int | None = None
    for_minutes: int | None = None

    @property
    def is_periodic(self) -> bool:
        """Whether the clock is to set the rule off."""
        return self.at is not None or self.every_minutes is not None

    def params(self) -> dict[str, Any]:
        """The parameters a trigger would need for that, under their usual names."""
        said = {
            "at": self.at,
            "weekdays": list(self.weekdays) or None,
            "day_of_month": self.day_of_month,
            "every_minutes": self.every_minutes,
            "for_minutes": self.for_minutes,
        }
        return {name: value for name, value in said.items() if value is not None}


def timing_of(sentence: str) -> Timing:
    """Take what a sentence says of time out of it. Raises NotUnderstood for times that do not exist."""
    values: dict[str, Any] = {}
    rest = sentence
    if found := _HOLD.search(rest):
        unit = _UNITS.get(found["unit"].casefold(), found["unit"])
        values["for_minutes"] = minutes_in(found["count"], unit)
        rest = _without(rest, found)
    if found := _MONTHLY.search(rest):
        values |= {"at": _clock(found), "day_of_month": int(found["day"] or 1)}
        if not 1 <= values["day_of_month"] <= 31:
            raise NotUnderstood(f"No month has a day {values['day_of_month']}.")
        rest = _without(rest, found)
    elif found := _EVERY.search(rest):
        unit = "hours" if found["hourly"] or found["unit"].casefold().startswith("h") else "minutes"
        values["every_minutes"] = minutes_in(found["count"] or "1", unit)
        rest = _without(rest, found)
    elif found := _AT.search(rest):
        values |= {"at": _clock(found), "weekdays": tuple(_weekdays(found))}
        rest = _without(rest, found)
    return Timing(rest=rest, **values)


def _weekdays(found: re.Match[str]) -> Iterator[str]:
    said = (found["days"] or found["daily"] or "").casefold()
    if "weekday" in said or "workday" in said:
        yield from _DAYS[:5]
    for day in _DAYS:
        if day in said:
            yield day


def _clock(found: re.Match[str]) -> str:
    said = (found["time"] or "").casefold()
    if said == "midnight":
        return "00:00"
    if said == "noon":
        return "12:00"
    if not said:
        return "18:00" if "evening" in found[0].casefold() else "09:00"
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half = (found["half"] or "").replace(".", "").casefold()
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    elif not half and "evening" in found[0].casefold() and hour < 12:
        hour += 12
    if hour > 23 or minute > 59:
        raise NotUnderstood(f"There is no time {said}.")
    return f"{hour:02}:{minute:02}"


def _without(text: str, found: re.Match[str]) -> str:
    before, after = text[: found.start()].rstrip(" ,"), text[found.end() :].lstrip(" ,")
    return " ".join(f"{before} {after}".split())
