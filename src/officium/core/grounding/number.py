"""Numbers as people write them: separators, scales and digits of several languages."""

import re
from decimal import Decimal

from msgspec import Struct

_DIGITS = str.maketrans(
    "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯０１２３４５６７８９٫٬٪−％＄",
    "0123456789" * 5 + ".,%-%$",
)
_SPACES = " \u00a0\u2009\u202f"
NUMBER = (
    rf"\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)(?:[.,]\d+)?"
    r"|\d{1,3}(?:['\u2019]\d{3})+(?:\.\d+)?"
    r"|\d(?:[\d.,]*\d)?"
)
"""A run of digits with whatever may stand between them. It never ends with a separator."""


class Reading(Struct, frozen=True):
    """One way to read a number. `step` is the worth of its last digit: 0.1 in `12.5`, 1 in `1,500`."""

    value: Decimal
    step: Decimal


def plain_digits(text: str) -> str:
    """`text` with digits and their marks in ASCII; every character keeps its place."""
    return text if text.isascii() else text.translate(_DIGITS)


def read_number(written: str, power: int = 0) -> tuple[Reading, ...]:
    """The ways to read a number, most usual first; `power` of ten is what its scale adds.

    `1.500` and `1,500` may be a thousand and a half thousand, or one and a half.
    """
    written = re.sub(rf"[{_SPACES}'\u2019]", "", written)
    found = [_reading(form, power) for form in _forms(written)]
    return tuple(dict.fromkeys(found))


def _forms(written: str) -> list[str]:
    """The number in Python's own form, once for each way to read its separators."""
    dots, commas = written.count("."), written.count(",")
    if dots and commas:
        mark = "." if written.rfind(".") > written.rfind(",") else ","
        other = "," if mark == "." else "."
        return (
            [written.replace(other, "").replace(mark, ".")] if written.count(mark) == 1 else [_bare(written)]
        )
    if dots + commas == 0:
        return [written]
    mark = "." if dots else ","
    groups = written.split(mark)
    is_grouped = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if len(groups) > 2:
        return [_bare(written)]
    as_fraction = written.replace(",", ".")
    if not is_grouped or groups[0] == "0":
        return [as_fraction]
    return [_bare(written), as_fraction] if mark == "," else [as_fraction, _bare(written)]


def _bare(written: str) -> str:
    return written.replace(".", "").replace(",", "")


def _reading(form: str, power: int) -> Reading:
    value = Decimal(form)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return Reading(value.scaleb(power), Decimal(1).scaleb(exponent + power))
