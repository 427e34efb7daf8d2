"""The facts a text was given: every number, date and name of a context, with the words that speak of it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from msgspec import Struct

from officium.core.grounding.figure import DateReading, find_figures
from officium.core.grounding.words import NATURES, SAME, FigureKind, Nature

MOST_FACTS = 5_000
DEEPEST = 16

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+")


class Fact(Struct, frozen=True, kw_only=True):
    """Something the context says. `labels` are words of its own name, `thing` the names of what it is of."""

    path: str
    labels: frozenset[str]
    thing: frozenset[str] = frozenset()
    nature: Nature = "any"
    value: Decimal | None = None
    date: DateReading | None = None


def read_facts(context: Any) -> list[Fact]:
    """The facts of a JSON-like context; at most 5,000, at most 16 levels deep.

    Besides what is written there: how many things a list has, and the sum and the mean of their numbers.
    """
    found: list[Fact] = []
    for fact in _walk(context, "", (), frozenset(), 0):
        found.append(fact)
        if len(found) >= MOST_FACTS:
            break
    return found


@lru_cache(maxsize=8192)
def label(word: str) -> str:
    """The word by which others that mean the same are known: singular, in lower case."""
    word = word.lower()
    if word in SAME:
        return SAME[word]
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    return SAME.get(word, word)


def labels_of(name: str) -> frozenset[str]:
    """The labels in a key such as `recentAnalytics` or `days_in_stage`."""
    return frozenset(label(word) for part in _CAMEL.split(name) for word in _WORD.findall(part))


def nature_of(labels: Iterable[str]) -> Nature:
    """What numbers of such a name count."""
    words = set(labels)
    return next((nature for nature, names in NATURES.items() if words & names), "any")


def fits(kind: FigureKind, nature: Nature) -> bool:
    """Whether a figure of this kind may state a fact of this nature."""
    if nature == "any" or kind == "number":
        return True
    return kind == nature


def _walk(node: Any, path: str, names: tuple[str, ...], thing: frozenset[str], depth: int) -> Iterator[Fact]:
    if depth > DEEPEST:
        return
    if isinstance(node, Mapping):
        own = thing | _names_in(node)
        for key, value in node.items():
            below = f"{path}.{key}" if path else str(key)
            yield from _walk(value, below, (*names, str(key)), own, depth + 1)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        yield from _aggregates(node, path, names, thing)
        for index, value in enumerate(node):
            yield from _walk(value, f"{path}[{index}]", names, thing, depth + 1)
    else:
        yield from _leaf(node, path, names, thing)


def _names_in(node: Mapping[Any, Any]) -> frozenset[str]:
    """The words of the names a thing goes by, so that a fact of it is not taken for one of its neighbour."""
    found: set[str] = set()
    for key, value in node.items():
        if isinstance(value, str) and labels_of(str(key)) & {"title", "name", "id", "customer", "company"}:
            found.update(word.lower() for word in _WORD.findall(value) if len(word) > 1)
    return frozenset(found)


def _leaf(node: Any, path: str, names: tuple[str, ...], thing: frozenset[str]) -> Iterator[Fact]:
    labels = labels_of(names[-1]) if names else frozenset()
    if isinstance(node, bool) or node is None:
        return
    if isinstance(node, int | float | Decimal):
        value = Decimal(str(node))
        if value.is_finite():
            yield Fact(path=path, labels=labels, thing=thing, nature=nature_of(labels), value=value)
    elif isinstance(node, str):
        yield from _figures_in(node, path, labels, thing)


def _figures_in(text: str, path: str, labels: frozenset[str], thing: frozenset[str]) -> Iterator[Fact]:
    for figure in find_figures(text):
        words = labels | _near(text, figure.start, figure.end)
        nature: Nature = nature_of(words) if figure.kind in ("number", "date") else figure.kind  # type: ignore[assignment]
        for date in figure.dates:
            yield Fact(path=path, labels=words, thing=thing, date=date)
        for reading in figure.readings:
            yield Fact(path=path, labels=words, thing=thing, nature=nature, value=reading.value)


def _near(text: str, start: int, end: int) -> frozenset[str]:
    """The two words on either side of a figure inside a longer text."""
    before = _WORD.findall(text[max(0, start - 32) : start])[-2:]
    after = _WORD.findall(text[end : end + 32])[:2]
    return frozenset(label(word) for word in (*before, *after) if len(word) > 2)


def _aggregates(
    items: Sequence[Any], path: str, names: tuple[str, ...], thing: frozenset[str]
) -> Iterator[Fact]:
    labels = labels_of(names[-1]) if names else frozenset()
    yield Fact(path=f"count({path})", labels=labels, thing=thing, nature="count", value=Decimal(len(items)))
    columns: dict[str, list[Decimal]] = {}
    for item in items:
        if isinstance(item, Mapping):
            for key, value in item.items():
                if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                    columns.setdefault(str(key), []).append(Decimal(str(value)))
    for key, values in columns.items():
        if len(values) > 1 and all(value.is_finite() for value in values):
            words = labels_of(key)
            nature = nature_of(words)
            total = sum(values, Decimal(0))
            for name, value in (("sum", total), ("mean", total / len(values))):
                yield Fact(
                    path=f"{name}({path}[].{key})",
                    labels=words | labels | {"total" if name == "sum" else "average"},
                    thing=thing,
                    nature=nature,
                    value=value,
                )
