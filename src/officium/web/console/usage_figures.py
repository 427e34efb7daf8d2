"""Figures as people read them: short where they are many, exact where they are money."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_compact_decimal

from officium.web.console.texts import readers_language

_NONE = "\N{EN DASH}"


def count(number: int | float | None) -> str:
    """A whole number with commas: `12,345`."""
    return _NONE if number is None else f"{round(number):,}"


def short(number: int | float | None) -> str:
    """A number in a few characters: `950`, `12.3K`, `4M`."""
    if number is None:
        return _NONE
    return str(format_compact_decimal(round(number), locale=readers_language().code, fraction_digits=1))


def money(nano_usd: int | None) -> str:
    """Dollars: two places from a cent on, and as many as it takes below."""
    if nano_usd is None:
        return _NONE
    dollars = Decimal(nano_usd).scaleb(-9)
    if dollars == 0 or abs(dollars) >= 1:
        return f"${dollars:,.2f}"
    return f"${dollars:,.4f}" if abs(dollars) >= Decimal("0.01") else f"${exact_dollars(nano_usd)}"


def exact_dollars(nano_usd: int) -> str:
    """Every digit of it: `0.000089`."""
    return f"{Decimal(nano_usd).scaleb(-9).normalize():f}"


def time_of(ms: float | None) -> str:
    """How long something took: `850 ms`, `1.2 s`, `2 min 5 s`."""
    if ms is None:
        return _NONE
    if ms < 1000:
        said = f"{round(ms)} ms"
    elif ms < 60_000:
        said = f"{ms / 1000:.1f} s"
    else:
        said = f"{int(ms // 60_000)} min {int(ms % 60_000 // 1000)} s"
    return readers_language().set_apart(said)


def percent(share: float | None) -> str:
    """A share of one as percent: `0.4%`, `12%`."""
    if share is None:
        return _NONE
    return f"{share * 100:.1f}%" if 0 < share < 0.1 else f"{share * 100:.0f}%"


def moment(at: datetime, zone: str) -> str:
    """A moment where its reader is: `2026-11-21 14:05:09`."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def isolated(text: str) -> str:
    """The text from left to right, in whatever sentence it stands."""
    return f"\u2066{text}\u2069"


FILTERS = {
    "count": count,
    "short": short,
    "usd": money,
    "exact_usd": exact_dollars,
    "time_of": time_of,
    "share": percent,
    "local": moment,
    "isolated": isolated,
}
"""What templates may write behind a bar."""
