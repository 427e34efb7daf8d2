"""Reading what people write into cells: amounts, days and currencies in the ways of several countries."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from babel.numbers import list_currencies

from officium.apps.cashflow.deals.deal import StageChange
from officium.apps.cashflow.period import later

DateOrder = Literal["ymd", "dmy", "mdy"]
DecimalMark = Literal[".", ","]

_EXCEL_DAYS = range(20_000, 100_000)
_EXCEL_ZERO = date(1899, 12, 30)
_SPACES = re.compile(r"[\s\u00a0\u202f'’_]")  # noqa: RUF001
_AMOUNT = re.compile(r"[A-Za-z]{0,3}\.?(-?[0-9][0-9.,]*)[A-Za-z]{0,3}")
_NUMBERS_OF_DATE = re.compile(r"(\d{1,4})[./\-\s](\d{1,2})[./\-\s](\d{1,4})(?:[T\s].*)?")
_STAGES = re.compile(r"\s*(\d{4}-\d{2}-\d{2})\s+(.+?)\s*")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "﷼": "SAR", "SR": "SAR", "RS": "SAR"}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_KNOWN_CURRENCIES = frozenset(list_currencies())


def date_order_of(cells: Iterable[object]) -> DateOrder | None:
    """How a column of days is written, if any of them shows it; `None` where they could be read both ways."""
    for cell in cells:
        match = _NUMBERS_OF_DATE.fullmatch(_ascii(cell)) if isinstance(cell, str) else None
        if match is None:
            continue
        first, second = int(match[1]), int(match[2])
        if len(match[1]) == 4:
            return "ymd"
        if first > 12 >= second:
            return "dmy"
        if second > 12 >= first:
            return "mdy"
    return None


def decimal_mark_of(cells: Iterable[object]) -> DecimalMark | None:
    """What parts units from cents in a column, if any cell shows it."""
    for cell in cells:
        text = _SPACES.sub("", _ascii(cell)) if isinstance(cell, str) else ""
        comma, point = text.rfind(","), text.rfind(".")
        if comma >= 0 and point >= 0:
            return "," if comma > point else "."
        for sign, other in ((",", "."), (".", ",")):
            if text.count(sign) > 1:
                return other  # type: ignore[return-value]
        digits = re.search(r"[.,](\d+)\D*$", text)
        if digits and len(digits[1]) != 3:
            return "," if comma >= 0 else "."
    return None


def read_amount(cell: object, mark: DecimalMark) -> Decimal:
    """The amount in a cell, exactly as it stands there. Raises ValueError with a sentence for people."""
    if isinstance(cell, bool):
        raise ValueError("is no amount")
    if isinstance(cell, int | float):
        # Excel keeps amounts as floats: what it shows is the shortest text that stands for them.
        return Decimal(repr(cell)) if isinstance(cell, float) else Decimal(cell)
    text = _SPACES.sub("", _ascii(cell))
    for sign in _SIGNS:
        text = text.replace(sign, "")
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("is no amount; write it like 12500.50")
    thousands = "," if mark == "." else "."
    try:
        return Decimal(match[1].replace(thousands, "").replace(mark, "."))
    except InvalidOperation:
        raise ValueError("is no amount; write it like 12500.50") from None


def read_day(cell: object, order: DateOrder) -> date:
    """The day in a cell. Raises ValueError with a sentence for people."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if int(cell) in _EXCEL_DAYS:
            return later(_EXCEL_ZERO, int(cell))
        raise ValueError("is no day")
    text = _ascii(cell).strip()
    try:
        match = _NUMBERS_OF_DATE.fullmatch(text)
        return _named_day(text) if match is None else _numbered_day(match, order)
    except ValueError:
        raise ValueError("is no day; write it like 2026-11-20") from None


def read_currency(cell: object) -> str:
    """The ISO code of a currency. Raises ValueError."""
    said = str(cell).strip()
    code = _SIGNS.get(said.upper(), said.upper())
    if code not in _KNOWN_CURRENCIES:
        raise ValueError("is no currency; write its code, such as SAR")
    return code


def read_whole(cell: object) -> int:
    """A whole number. Raises ValueError."""
    number = read_amount(cell, ".")
    if number != int(number):
        raise ValueError("is no whole number")
    return int(number)


def read_history(cell: object) -> tuple[StageChange, ...]:
    """Stages as an export writes them: `2026-01-05 Order Received; 2026-02-01 Invoiced`."""
    changes = []
    for part in str(cell).split(";"):
        if not part.strip():
            continue
        match = _STAGES.fullmatch(part)
        if match is None:
            raise ValueError("is no history; write it like 2026-01-05 Order Received; 2026-02-01 Invoiced")
        changes.append(StageChange(entered_on=date.fromisoformat(match[1]), stage=match[2]))
    return tuple(changes)


def read_text(cell: object) -> str:
    """The text of a cell; a quote before what would be a formula is the export's, and goes."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def _ascii(cell: object) -> str:
    """The cell's text with Arabic and other digits as ASCII ones, and their signs, too."""
    text = str(cell).replace("\u066b", ".").replace("\u066c", ",")
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(sign)) if unicodedata.decimal(sign, None) is not None else sign
        for sign in text
    )


def _numbered_day(match: re.Match[str], order: DateOrder) -> date:
    first, second, third = (int(number) for number in match.groups())
    if len(match[1]) == 4:
        return date(first, second, third)
    if len(match[3]) != 4:
        third += 2000 if len(match[3]) == 2 else 0
    return date(third, second, first) if order != "mdy" else date(third, first, second)


def _named_day(text: str) -> date:
    """A day with its month's English name, such as `5 Dec 2026`, `Dec 5, 2026` or `05-Dec-26`."""
    words = re.findall(r"[A-Za-z]+|\d+", text)
    if len(words) < 3:
        raise ValueError
    named = next((word for word in words[:2] if word.isalpha()), "")
    numbers = [int(word) for word in words[:3] if word.isdigit()]
    month = _MONTHS.get(named[:3].lower())
    if month is None or len(numbers) != 2:
        raise ValueError
    day, year = numbers
    return date(year + 2000 if year < 100 else year, month, day)
