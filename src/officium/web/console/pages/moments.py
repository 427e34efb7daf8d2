"""Moments as people read them, where their tenant is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct


class Moment(Struct, frozen=True):
    """A moment for a page: for people, and as `datetime` of a `time` element."""

    shown: str
    iso: str


def moment_in(zone: str, at: datetime | None) -> Moment | None:
    """The moment as clocks in this time zone show it; `None` where there is none."""
    if at is None:
        return None
    local = at.astimezone(ZoneInfo(zone))
    return Moment(f"{local:%Y-%m-%d %H:%M}", at.isoformat(timespec="seconds"))
