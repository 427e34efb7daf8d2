"""How pages write amounts and moments. The templates have these as filters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date

from officium.core.usage.ledger.budget import Unit
from officium.web.console.texts import readers_language

_CENT = 10_000_000
_LEAST_SHOWN = 1_000


def number(value: float) -> str:
    """`12,345`, rounded to a whole number."""
    return f"{round(value):,}"


def money(nano_usd: float) -> str:
    """Dollars and cents, and below a cent as many places as say something: `$1,250.00`, `$0.0042`."""
    nano_usd = round(nano_usd)
    if nano_usd == 0 or nano_usd >= _CENT:
        return f"${nano_usd / 1e9:,.2f}"
    return f"${nano_usd / 1e9:.6f}".rstrip("0") if nano_usd >= _LEAST_SHOWN else "< $0.000001"


def amount(value: float, unit: Unit) -> str:
    """So much of a unit."""
    return money(value) if unit == "nano_usd" else number(value)


def day(moment: datetime | date, zone: str = "UTC") -> str:
    """`Tue 24 Nov`, as the calendar of a time zone has it."""
    local = moment.astimezone(ZoneInfo(zone)).date() if isinstance(moment, datetime) else moment
    return format_date(local, "EEE d MMM", locale=readers_language().code)


def short_day(moment: date) -> str:
    """`24 Nov`."""
    return format_date(moment, "d MMM", locale=readers_language().code)


def clock(moment: datetime, zone: str = "UTC") -> str:
    """`16:05`, as the clocks of a time zone show it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def moment(moment: datetime, zone: str = "UTC") -> str:
    """`Tue 24 Nov, 16:05`."""
    return readers_language().say("moment", day=day(moment, zone), clock=clock(moment, zone))


AMOUNTS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "money": money,
    "amount": amount,
    "day": day,
    "clock": clock,
    "moment": moment,
}
