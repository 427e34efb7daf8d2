"""Numbers as people write them, with their units, in the unit of the fact they are compared with."""

import re
from decimal import Decimal

from officium.apps.rules.templates.understanding import NotUnderstood

_QUANTITY = re.compile(
    r"(?P<sign>-|minus )?(?P<money>[$€£])?\s*(?P<digits>\d[\d,]*(?:\.\d+)?|\.\d+)\s*"
    r"(?P<size>k|m|thousand|million)?\b\s*(?P<unit>%|[A-Za-z°/]+(?: ?[A-Za-z]+)?)?",
    re.IGNORECASE,
)
_SIZES = {"k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_DIMENSIONS: tuple[dict[str, Decimal], ...] = (
    {
        **dict.fromkeys(("ms", "millisecond", "milliseconds"), Decimal("0.001")),
        **dict.fromkeys(("s", "sec", "second", "seconds"), Decimal(1)),
        **dict.fromkeys(("min", "mins", "minute", "minutes"), Decimal(60)),
        **dict.fromkeys(("h", "hr", "hour", "hours"), Decimal(3600)),
        **dict.fromkeys(("d", "day", "days"), Decimal(86_400)),
        **dict.fromkeys(("w", "week", "weeks"), Decimal(604_800)),
    },
    {
        **dict.fromkeys(("kb",), Decimal(1) / 1_000_000),
        **dict.fromkeys(("mb",), Decimal(1) / 1_000),
        **dict.fromkeys(("gb",), Decimal(1)),
        **dict.fromkeys(("tb",), Decimal(1_000)),
    },
    dict.fromkeys(("%", "percent", "pct", "per cent"), Decimal(1)),
    dict.fromkeys(("usd", "$", "dollar", "dollars"), Decimal(1)),
    dict.fromkeys(("eur", "€", "euro", "euros"), Decimal(1)),
    dict.fromkeys(("°c", "c", "degrees", "degree", "celsius"), Decimal(1)),
)


def number_in(text: str, unit: str) -> str:
    """The number that `text` says, as a literal in `unit`.

    Raises NotUnderstood where it says no number, or one of another kind. A word behind the
    number that is no unit we know (`errors`, `users`) is passed over.
    """
    found = _QUANTITY.fullmatch(text.strip().rstrip("."))
    if found is None:
        raise NotUnderstood(f"{text!r} is no number.")
    value = Decimal(found["digits"].replace(",", ""))
    said = (found["unit"] or found["money"] or "").casefold().strip()
    size = (found["size"] or "").casefold()
    if size and not (size == "m" and said):
        value *= _SIZES[size]
    if found["sign"]:
        value = -value
    return _plain(value * _factor(said, unit.casefold()))


def minutes_in(count: str, unit: str) -> int:
    """Whole minutes of `count` seconds, minutes, hours or days. Raises NotUnderstood."""
    seconds = Decimal(count) * _DIMENSIONS[0][unit.casefold()]
    if seconds % 60:
        raise NotUnderstood(f"{count} {unit} are no whole minutes.")
    return int(seconds // 60)


def _factor(said: str, wanted: str) -> Decimal:
    if not said or said == wanted:
        return Decimal(1)
    for dimension in _DIMENSIONS:
        if said in dimension:
            if wanted in dimension:
                return dimension[said] / dimension[wanted]
            if wanted:
                raise NotUnderstood(f"The fact is measured in {wanted}, not in {said}.")
            return Decimal(1)
    return Decimal(1)


def _plain(value: Decimal) -> str:
    text = f"{value.normalize():f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
