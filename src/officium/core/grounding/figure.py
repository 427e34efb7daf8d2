"""The figures in a text: amounts, percentages, durations, dates and bare numbers, with their places."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from officium.core.grounding.number import NUMBER, Reading, plain_digits, read_number
from officium.core.grounding.words import (
    CURRENCIES,
    HEDGES,
    MONTHS,
    NUMBER_WORDS,
    SCALES,
    SPANS,
    FigureKind,
    Hedge,
)


class DateReading(Struct, frozen=True):
    """One way to read a date; what it does not say is `None`."""

    year: int | None
    month: int | None
    day: int | None


class Figure(Struct, frozen=True, kw_only=True):
    """A figure where it stands: `text[start:end]`.

    `readings` are the numbers it may mean, `dates` the days. `unit` is a currency's code, or a span of time
    in English. `hedge` says that the text calls it an approximation.
    """

    start: int
    end: int
    text: str
    kind: FigureKind
    readings: tuple[Reading, ...] = ()
    dates: tuple[DateReading, ...] = ()
    unit: str | None = None
    hedge: Hedge | None = None


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_SIGNS = _any_of(name for name in CURRENCIES if not name.isalpha())
_CODES = _any_of(set(CURRENCIES.values()))
_MONEY_WORDS = _any_of(name for name in CURRENCIES if name.isalpha())
_PERCENT = (
    r"%|percent\b|per\ cent\b|prozent\b|pour\ cent\b|por\ ciento\b|percentage\ points?\b|pp\b|points?\b"
    r"|prozentpunkte?n?\b|puntos?\b"
)
_SCALE = _any_of(SCALES)

_FIGURE = re.compile(
    rf"""
    (?<![\w.,]) (?: (?<!(?<!\d)[A-Za-z][-/]) | (?=\D) )
    (?P<sign>(?<![\w)])[-+])?
    (?: (?P<before>{_SIGNS}|(?:{_CODES})(?=[\s\d\u00a0])) [\s\u00a0\u202f]? )?
    (?P<inner>-)?
    (?P<number>{NUMBER})
    (?: [\s\u00a0\u202f]?-?(?P<scale>(?:mio|mrd|tsd|mn)\.|(?:{_SCALE})\b) )?
    (?: [\s\u00a0\u202f]?(?P<percent>{_PERCENT}) )?
    (?: [\s\u00a0\u202f]?(?P<after>{_SIGNS}|(?:{_MONEY_WORDS})\b) )?
    (?: [-\s\u00a0](?P<span>[^\W\d_]{{1,12}})\b )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_SPAN = re.compile(r"[-\s]([^\W\d_]{1,12})\b")
_RANGE = re.compile(r"\s?(?:-|–|—|to|bis|à|a|hasta)\s?", re.IGNORECASE)
_LONGEST_NUMBER = 40

_MONTH = _any_of(MONTHS)
_DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"),
    re.compile(r"(?<![\d.])(?P<one>\d{1,2})(?P<mark>[./])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})(?!\d)"),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.|er)?\s{{1,3}}(?:of\s|de\s)?(?P<name>{_MONTH})\b\.?"
        r"(?:,?\s{1,3}(?:de\s)?(?P<year>\d{4}))?",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<name>{_MONTH})\b\.?\s{{1,3}}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,]\d)(?:,?\s{{1,3}}(?P<year>\d{{4}}))?",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?P<name>{_MONTH})\b\.?,?\s{{1,3}}(?:de\s)?(?P<year>\d{{4}})(?!\d)", re.IGNORECASE),
)  # fmt: skip
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?(?!\d)", re.IGNORECASE)

_HEDGES: tuple[tuple[Hedge, re.Pattern[str]], ...] = tuple(
    (hedge, re.compile(rf"(?:{_any_of(words)})\s{{0,3}}(?:US)?[$€£]?$", re.IGNORECASE))
    for hedge, words in HEDGES.items()
)
_HEDGE_REACH = 24


def find_figures(text: str) -> list[Figure]:
    """Every figure in `text`, in order. Places are counted in characters of `text`."""
    plain = plain_digits(text)
    found = list(_find_dates(plain, text))
    taken = sorted(
        [(one.start, one.end) for one in found] + [match.span() for match in _CLOCK.finditer(plain)]
    )
    starts = [start for start, _ in taken]
    numbers = []
    for match in _FIGURE.finditer(plain):
        if match.end("number") - match.start("number") > _LONGEST_NUMBER:
            continue
        before = bisect_left(starts, match.end()) - 1
        if before < 0 or taken[before][1] <= match.start():
            numbers.append(_Number(_figure(match, plain, text), match["scale"]))
    return sorted(found + _span_ranges(numbers, plain), key=lambda figure: figure.start)


class _Number(Struct, frozen=True):
    """A figure and the scale that was written after it."""

    figure: Figure
    scale: str | None


def _span_ranges(numbers: list[_Number], plain: str) -> list[Figure]:
    """The figures, with the unit and scale of a range at both of its ends: `2-3 weeks`, `$100-500k`."""
    found = [number.figure for number in numbers]
    for index in range(len(numbers) - 1):
        one, other = numbers[index], numbers[index + 1]
        if _RANGE.fullmatch(plain, one.figure.end, other.figure.start):
            found[index] = _alike(found[index], one.scale, other.figure, other.scale)
            if plain[other.figure.start - 1] in "-–—":
                found[index + 1] = _alike(other.figure, other.scale, found[index], one.scale)
    return found


def _alike(figure: Figure, scale: str | None, model: Figure, model_scale: str | None) -> Figure:
    if model_scale and not scale and (figure.kind == model.kind or "number" in (figure.kind, model.kind)):
        power = SCALES[model_scale.lower().rstrip(".")]
        readings = tuple(Reading(one.value.scaleb(power), one.step.scaleb(power)) for one in figure.readings)
        figure = replace(figure, readings=readings)
    if figure.kind == "number" and model.kind != "date":
        figure = replace(figure, kind=model.kind, unit=model.unit)
    return figure


def find_number_words(text: str) -> Iterator[Figure]:
    """Small numbers that are written as words, with a span of time where one follows."""
    for match in _WORD.finditer(text):
        value = NUMBER_WORDS.get(match.group().lower())
        if value is None:
            continue
        following = _SPAN.match(text, match.end())
        unit = SPANS.get(following[1].lower()) if following else None
        end = following.end() if following and unit else match.end()
        yield Figure(
            start=match.start(),
            end=end,
            text=text[match.start() : end],
            kind="duration" if unit else "number",
            readings=(Reading(Decimal(value), Decimal(1)),),
            unit=unit,
        )


def _figure(match: re.Match[str], plain: str, text: str) -> Figure:
    scale, percent, span = match["scale"], match["percent"], match["span"]
    money = match["before"] or match["after"]
    end = match.end()
    unit = SPANS.get(span.lower()) if span else None
    if span and (unit is None or money or percent):
        end, unit = match.start("span") - 1, None
    kind: FigureKind = "number"
    if percent:
        kind = "percent"
    elif money:
        kind, unit = "money", CURRENCIES[money.lower()]
    elif unit:
        kind = "duration"
    readings = read_number(match["number"], SCALES[scale.lower().rstrip(".")] if scale else 0)
    if match["sign"] == "-" or match["inner"]:
        readings = tuple(Reading(-reading.value, reading.step) for reading in readings)
    start = match.start()
    return Figure(
        start=start,
        end=end,
        text=text[start:end],
        kind=kind,
        readings=readings,
        unit=unit,
        hedge=_hedge(plain[max(0, start - _HEDGE_REACH) : start]),
    )


def _hedge(before: str) -> Hedge | None:
    return next((hedge for hedge, pattern in _HEDGES if pattern.search(before)), None)


def _find_dates(plain: str, text: str) -> Iterator[Figure]:
    end = -1
    matches = sorted(
        (match for pattern in _DATES for match in pattern.finditer(plain)),
        key=lambda match: (match.start(), -match.end()),
    )
    for match in matches:
        dates = _date_readings(match.groupdict())
        if match.start() >= end and dates:
            end = match.end()
            yield Figure(
                start=match.start(), end=end, text=text[match.start() : end], kind="date", dates=dates
            )


def _date_readings(said: Mapping[str, str | None]) -> tuple[DateReading, ...]:
    year = _whole(said.get("year"))
    if year is not None and year < 100:
        year += 2000
    one, two = _whole(said.get("one")), _whole(said.get("two"))
    if one is not None:
        found = [DateReading(year, two, one), DateReading(year, one, two)]
    else:
        name = said.get("name")
        month = MONTHS[name.lower()] if name else _whole(said.get("month"))
        found = [DateReading(year, month, _whole(said.get("day")))]
    return tuple(dict.fromkeys(date for date in found if _is_date(date)))


def _whole(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _is_date(date: DateReading) -> bool:
    return 1 <= (date.month or 1) <= 12 and 1 <= (date.day or 1) <= 31
