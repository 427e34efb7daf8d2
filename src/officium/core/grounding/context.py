"""Reads a context as people use it.

A list of deals is a family of records that go by their titles, a list of weeks one that goes by dates, and
`lastMonth` beside `thisMonth` are two records as well. What a list adds up to is a fact, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from officium.core.grounding.fact import Fact, Facts, Record, label, labels_of, nature_of
from officium.core.grounding.figure import DateReading, Figure, find_figures
from officium.core.grounding.place import Place, number_fact
from officium.core.grounding.records import are_alike, in_time, is_period, names_in, names_in_key, plain_words
from officium.core.grounding.sums import counts, sums_of_list, sums_of_mapping
from officium.core.grounding.words import CURRENCIES, TOO_COMMON, Nature

MOST_FACTS = 5_000
DEEPEST = 16

_PART = re.compile(r"[,;.!?]\s|\sand\s")
_WORD = re.compile(r"[^\W\d_]+")


def read_facts(context: Any) -> Facts:
    """The facts of a JSON-like context; at most 5,000, at most 16 levels deep.

    Besides what is written there: how many things a list has, all together and of each status, and the sums
    and means of their numbers.
    """
    reader = _Reader()
    found: list[Fact] = []
    for fact in reader.walk(context, Place()):
        if len(found) == MOST_FACTS:
            return Facts(tuple(found), tuple(reader.records), is_complete=False)
        found.append(fact)
    return Facts(tuple(found), tuple(reader.records), is_complete=True)


class _Reader:
    """Walks through a context and numbers its records."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def walk(self, node: Any, place: Place) -> Iterator[Fact]:
        """The facts in a node and below it."""
        if place.depth > DEEPEST or node is None or isinstance(node, bool):
            return
        if isinstance(node, Mapping):
            yield from self._mapping(node, place)
        elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
            yield from self._list(node, place)
        else:
            yield from _leaf(node, place)

    def _mapping(self, node: Mapping[Any, Any], place: Place) -> Iterator[Fact]:
        currency = next((code for key, value in node.items() if (code := _currency(key, value))), None)
        place = place if currency is None else _with_currency(place, currency)
        members = self._members(node, place)
        for key, value in node.items():
            thing = members.get(str(key))
            if thing is None:
                yield from self.walk(value, place.below(str(key)))
            else:
                things = (*place.things, thing)
                hides = not isinstance(value, Mapping) or not plain_words(str(key))
                yield from self.walk(value, place.below(str(key), things=things, hides_key=hides))
        yield from sums_of_mapping(node, place)

    def _members(self, node: Mapping[Any, Any], place: Place) -> dict[str, int]:
        """The keys that stand for records of a family: maps of the same make, or spans of the calendar."""
        maps = {str(key): value for key, value in node.items() if isinstance(value, Mapping)}
        alike = {
            key
            for key, value in maps.items()
            if any(are_alike(value, maps[other]) for other in maps if other != key)
        }
        if len(maps) > 50:
            alike = set(maps)
        if len(alike) >= 2:
            return self._family(f"{place.path}.*", {key: names_in_key(key) for key in alike})
        scalars = [str(key) for key, value in node.items() if isinstance(value, int | float | Decimal)]
        periods = {key: names_in_key(key) for key in scalars if is_period(key)}
        return self._family(f"{place.path}.*", periods) if len(periods) >= 2 else {}

    def _list(self, items: Sequence[Any], place: Place) -> Iterator[Fact]:
        yield from counts(items, place)
        yield from sums_of_list(items, place)
        mappings = {str(index): item for index, item in enumerate(items) if isinstance(item, Mapping)}
        names = {index: names_in(item) for index, item in mappings.items()}
        members = self._family(f"{place.path}[]", names)
        for index, item in enumerate(items):
            things = place.things
            if str(index) in members:
                things = (*things, members[str(index)])
            below = Place(
                path=f"{place.path}[{index}]",
                names=place.names,
                things=things,
                currency=place.currency,
                depth=place.depth + 1,
            )
            yield from self.walk(item, below)

    def _family(self, family: str, names: Mapping[str, frozenset[str]]) -> dict[str, int]:
        """Number the members of a family; their keys with their numbers."""
        order = in_time(names)
        found = {}
        for key, words in names.items():
            found[key] = len(self.records)
            place = order.get(key)
            is_last = place is not None and place == max(order.values())
            self.records.append(Record(family=family, names=words, order=place, is_last=is_last))
        return found


def _currency(key: Any, value: Any) -> str | None:
    if isinstance(value, str) and "currency" in str(key).lower():
        return CURRENCIES.get(value.strip().lower())
    return None


def _with_currency(place: Place, currency: str) -> Place:
    return Place(
        path=place.path, names=place.names, things=place.things, currency=currency, depth=place.depth
    )


def _leaf(node: Any, place: Place) -> Iterator[Fact]:
    labels = labels_of(place.names[-1]) if place.names else frozenset()
    parents = frozenset(word for name in place.names[:-1] for word in labels_of(name))
    if isinstance(node, int | float | Decimal):
        yield from number_fact(Decimal(str(node)), place, labels, parents)
    elif isinstance(node, date):
        day = DateReading(node.year, node.month, node.day)
        yield Fact(path=place.path, labels=labels, parents=parents, things=place.things, date=day)
    elif isinstance(node, str):
        yield from _figures_in(node, place, labels, parents)


def _figures_in(text: str, place: Place, labels: frozenset[str], parents: frozenset[str]) -> Iterator[Fact]:
    for figure in find_figures(text):
        near = _near(text, figure)
        is_prose = len(text) > figure.end - figure.start + 12
        words, above = (near, labels | parents) if is_prose and near else (labels | near, parents)
        for day in figure.dates:
            yield Fact(path=place.path, labels=words, parents=above, things=place.things, date=day)
        nature: Nature = "any" if is_prose else nature_of(words)
        if figure.kind in ("money", "percent", "duration"):
            nature = figure.kind
        for reading in figure.readings:
            yield Fact(
                path=place.path,
                labels=words,
                parents=above,
                things=place.things,
                nature=nature,
                value=float(reading.value),
                unit=figure.unit or (place.currency if nature == "money" else None),
            )


def _near(text: str, figure: Figure) -> frozenset[str]:
    """The words on either side of a figure inside a longer text."""
    before = _WORD.findall(_PART.split(text[max(0, figure.start - 40) : figure.start])[-1])[-3:]
    after = _WORD.findall(_PART.split(text[figure.end : figure.end + 40])[0])[:3]
    found = (label(word) for word in (*before, *after) if len(word) > 2)
    return frozenset(word for word in found if word not in TOO_COMMON)
