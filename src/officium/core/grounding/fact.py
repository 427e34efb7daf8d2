"""What a context says: figures and dates with the words that speak of them, and the things they are of."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from officium.core.grounding.figure import DateReading
from officium.core.grounding.words import NATURES, SAME, TOO_COMMON, FigureKind, Nature

How = Literal["count", "sum", "mean"]
"""How a fact was reckoned from others."""

CODE = re.compile(r"\b[^\W\d_]{1,12}-\d[\w-]{0,24}|\b[^\W\d_]{0,12}\d[\w-]{0,24}")
"""A number by which a thing goes: `INV-1001`, `B12`."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+")


class Fact(Struct, frozen=True, kw_only=True):
    """Something the context says: `value` or `date`.

    `labels` are the words of its own name, `parents` those of the names above it. `things` are the records it
    belongs to, by number. `needs` are words without which a text does not speak of it. `unit` is a currency's
    code or a span of time. `how` says how it was reckoned, if it is not written there.
    """

    path: str
    labels: frozenset[str]
    parents: frozenset[str] = frozenset()
    things: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()
    nature: Nature = "any"
    value: float | None = None
    date: DateReading | None = None
    unit: str | None = None
    how: How | None = None


class Record(Struct, frozen=True, kw_only=True):
    """One of several things of a kind. `names` are the words it goes by, `order` its place in time."""

    family: str
    names: frozenset[str]
    order: int | None = None
    is_last: bool = False


class Facts(Struct, frozen=True):
    """What a context says, and the records that the facts belong to."""

    facts: tuple[Fact, ...]
    records: tuple[Record, ...]
    is_complete: bool


@lru_cache(maxsize=8192)
def label(word: str) -> str:
    """The word by which others that mean the same are known: singular, in lower case."""
    word = word.lower()
    if word in SAME:
        return SAME[word]
    for prefix in ("وال", "بال", "لل", "ال", "و"):
        if word.startswith(prefix) and len(word) > len(prefix) + 2:
            word = word[len(prefix) :]
            break
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith(("ss", "us", "is")):
            word = word[: -len(ending)] + instead
            break
    return SAME.get(word, word)


def labels_of(name: str) -> frozenset[str]:
    """The labels in a key such as `recentAnalytics` or `days_in_stage`."""
    return frozenset(label(word) for word in words_of(name)) - TOO_COMMON


def nature_of(labels: Iterable[str]) -> Nature:
    """What numbers of such a name count."""
    words = set(labels)
    return next((nature for nature, names in NATURES.items() if words & names), "any")


def fits(kind: FigureKind, nature: Nature) -> bool:
    """Whether a figure of this kind may state a fact of this nature."""
    return nature == "any" or kind in ("number", nature)


def names_of_date(day: DateReading) -> frozenset[str]:
    """The words for a date, as those of a period."""
    parts = (("y", day.year), ("m", day.month), ("d", day.day))
    return frozenset(f"{letter}{number}" for letter, number in parts if number is not None)


def words_of(key: str) -> list[str]:
    """The words in a key, as they are written there."""
    return [word for part in _CAMEL.split(key) for word in _WORD.findall(part)]
