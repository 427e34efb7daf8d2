"""Numbers, money and days as people of a language write them, and read from what they write."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date, format_datetime, format_interval, format_skeleton
from babel.numbers import (
    NumberFormatError,
    format_currency,
    format_decimal,
    format_percent,
    get_decimal_symbol,
    get_group_symbol,
    parse_decimal,
)

NOTHING = "\u2013"
"""A dash where there is no figure."""
_WHOLE = "#,##0"
_WHOLE_MONEY = "¤ #,##0;¤ -#,##0"
_MONEY = "¤ #,##0.00##;¤ -#,##0.00##"


class Figures:
    """The figures of one language."""

    def __init__(self, language: str) -> None:
        self._locale = Locale.parse(language, sep="-")

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount to the cent, with its currency's code: the signs of currencies are not unique."""
        return self._with_code(amount, currency, _MONEY)

    def about(self, amount: Decimal, currency: str) -> str:
        """An amount in whole units, with its currency's code."""
        return self._with_code(amount, currency, _WHOLE_MONEY)

    def whole(self, amount: Decimal | int | None) -> str:
        """A number without its decimals."""
        return NOTHING if amount is None else str(format_decimal(amount, _WHOLE, self._locale))

    def number(self, value: float | Decimal | None, digits: int = 1) -> str:
        """A number with so many decimals at most."""
        if value is None:
            return NOTHING
        shown = Decimal(repr(value)) if isinstance(value, float) else value
        return str(format_decimal(round(shown, digits), f"#,##0.{'#' * digits}", self._locale))

    def plain(self, value: Decimal) -> str:
        """A number to be changed in a field: exact, without marks between thousands."""
        return str(format_decimal(value, "0.####", self._locale))

    def percent(self, share: float | None) -> str:
        """A share of one, in whole percent; what is rare and what is nearly sure is not rounded away."""
        if share is None:
            return NOTHING
        if 0 < share < 0.01:
            return f"<{format_percent(0.01, locale=self._locale)}"
        if 0.99 < share < 1:
            return f">{format_percent(0.99, locale=self._locale)}"
        return str(format_percent(share, locale=self._locale))

    def day(self, day: date | None) -> str:
        """A day with its year."""
        return NOTHING if day is None else str(format_date(day, "medium", self._locale))

    def moment(self, moment: datetime) -> str:
        """A day and a time of day, in UTC."""
        return str(format_datetime(moment, "medium", locale=self._locale))

    def period(self, start: date, end: date, granularity: str) -> str:
        """A week by its days, a month by its name."""
        if granularity == "month":
            return str(format_skeleton("yMMM", start, locale=self._locale))
        return str(format_interval(start, end, "MMMd", locale=self._locale))

    def country(self, code: str) -> str:
        """A country's name."""
        return str(self._locale.territories.get(code, code))

    def read_number(self, said: str) -> Decimal:
        """A number as people of the language write it. Raises ValueError."""
        text = said.strip().replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
        try:
            number = parse_decimal(text, self._locale, strict=get_group_symbol(self._locale) in text)
        except NumberFormatError as error:
            raise ValueError(self.example) from error
        if any(sign.isalpha() for sign in text) or not number.is_finite():
            raise ValueError(self.example)
        return number

    @property
    def example(self) -> str:
        """How a number is written."""
        group, point = get_group_symbol(self._locale), get_decimal_symbol(self._locale)
        return f"12{group}500{point}50"

    def _with_code(self, amount: Decimal, currency: str, pattern: str) -> str:
        pattern = pattern.replace("¤", "¤¤")
        return str(format_currency(amount, currency, pattern, self._locale, currency_digits=False))


@cache
def figures_of(language: str) -> Figures:
    """The figures of a language, by its code."""
    return Figures(language)
