"""The facts of a context, ready to be looked up by value, by name and by the thing they are of."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from officium.core.grounding.closeness import bounds, states
from officium.core.grounding.fact import Fact, Facts, fits, names_of_date
from officium.core.grounding.figure import DateReading, Figure
from officium.core.grounding.words import QUALIFIERS, TOO_COMMON

Mentions = Mapping[str, frozenset[int]]
"""The records a text speaks of, by family."""

_MOST_EQUAL = 60
_MOST_KINDS = 60
_MOST_ALIKE = 40
_MOST_THINGS = 4
_MOST_OWN = 6
_COMMON = 50
"""A word in the names of more records than that tells nothing."""


class Kind(Struct, frozen=True):
    """What facts of the same name have in common."""

    labels: frozenset[str]
    parents: frozenset[str]
    needs: frozenset[str]
    is_date: bool


class Book:
    """An index of facts."""

    def __init__(self, facts: Facts) -> None:
        self.records = facts.records
        self._numbers = sorted((fact for fact in facts.facts if fact.value is not None), key=_size)
        self._sizes = [_size(fact) for fact in self._numbers]
        self._dates: dict[tuple[int | None, int | None], list[Fact]] = defaultdict(list)
        self._kinds: dict[Kind, list[Fact]] = defaultdict(list)
        self._of_thing: dict[tuple[Kind, int], list[Fact]] = defaultdict(list)
        self._own: dict[int, list[Fact]] = defaultdict(list)
        self._named: dict[str, dict[Kind, None]] = defaultdict(dict)
        for fact in facts.facts:
            self._add(fact)
        self.labels = (
            frozenset(word for kind in self._kinds for word in kind.labels | kind.parents) - TOO_COMMON
        )
        self.needs = frozenset(word for kind in self._kinds for word in kind.needs)
        self.currencies = frozenset(fact.unit for fact in facts.facts if fact.nature == "money" and fact.unit)
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._alone: dict[str, list[int]] = defaultdict(list)
        self._families: dict[str, list[int]] = defaultdict(list)
        self._index_names()

    def _add(self, fact: Fact) -> None:
        kind = kind_of(fact)
        self._kinds[kind].append(fact)
        for thing in fact.things:
            self._own[thing].append(fact)
            self._of_thing[kind, thing].append(fact)
        for word in fact.labels | fact.parents | fact.needs:
            self._named[word][kind] = None
        if fact.date is not None:
            self._dates[fact.date.month, fact.date.day].append(fact)

    def _index_names(self) -> None:
        families: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, record in enumerate(self.records):
            self._families[record.family].append(number)
            for word in record.names:
                families[record.family][word].append(number)
        for words in families.values():
            for word, numbers in words.items():
                if len(numbers) == 1 and not word.startswith("y"):
                    self._alone[word].append(numbers[0])
                if len(numbers) <= _COMMON:
                    self._whole[word] += numbers[:_COMMON]

    def known(self, word: str) -> str:
        """The label that a word stands for, in whatever tense: `damage` for `damaged`."""
        if word in self.labels:
            return word
        forms = (f"{word}d", f"{word}ed", *_stems(word))
        return next((form for form in forms if form in self.labels and len(form) > 3), word)

    def equal(self, figure: Figure, mentions: Mentions) -> list[Fact]:
        """The facts that a figure may state by its value, its nature and its unit.

        Where very many are equal, those of the mentioned records come before the rest.
        """
        found: dict[int, Fact] = {}
        for low, high in bounds(figure):
            first, last = bisect_left(self._sizes, low), bisect_right(self._sizes, high)
            for place in range(first, min(last, first + 10 * _MOST_EQUAL)):
                fact = self._numbers[place]
                if place not in found and _states(figure, fact):
                    found[place] = fact
                    if len(found) == _MOST_EQUAL:
                        break
        if len(found) < _MOST_EQUAL:
            return list(found.values())
        own = (
            fact
            for thing in islice(iter_mentioned(mentions), _MOST_ALIKE)
            for fact in self._own[thing][:_MOST_ALIKE]
        )
        return [*(fact for fact in own if fact.value is not None and _states(figure, fact)), *found.values()]

    def dated(self, figure: Figure) -> list[Fact]:
        """The facts with a date that the figure may name."""
        found = []
        for day in figure.dates:
            for key in ((day.month, day.day), (day.month, None)):
                found += [one for one in self._dates.get(key, ())[:_MOST_EQUAL] if _same_date(day, one.date)]
            if day.day is None:
                found += [
                    one
                    for key in self._dates
                    if key[0] == day.month
                    for one in self._dates[key][:_MOST_ALIKE]
                    if _same_date(day, one.date)
                ]
        return found

    def kinds(self, words: Iterable[str]) -> list[Kind]:
        """The kinds of facts that one of the words names."""
        found: dict[Kind, None] = {}
        for word in words:
            found.update(islice(self._named.get(word, {}).items(), _MOST_KINDS))
        return list(found)[: _MOST_KINDS * 2]

    def facts_of(self, kind: Kind, mentions: Mentions) -> list[Fact]:
        """The facts of a kind that belong to what the text speaks of."""
        facts = self._kinds[kind]
        if len(facts) > _MOST_ALIKE:
            things = (thing for things in mentions.values() for thing in things)
            own = [fact for thing in things for fact in self._of_thing.get((kind, thing), ())]
            facts = own or facts[:_MOST_ALIKE]
        return [fact for fact in facts if self.belongs(fact, mentions)]

    def belongs(self, fact: Fact, mentions: Mentions) -> bool:
        """Whether none of the things a fact is of has a neighbour that the text speaks of instead."""
        for thing in fact.things:
            named = mentions.get(self.records[thing].family)
            if named and thing not in named:
                return False
        return True

    def names_its_record(self, fact: Fact) -> bool:
        """Whether a fact is the date by which its record goes."""
        return fact.date is not None and any(
            names_of_date(fact.date) <= self.records[thing].names for thing in fact.things
        )

    def mentions(self, words: frozenset[str]) -> Mentions:
        """The records that go by some of the words."""
        found: set[int] = set()
        for word in words:
            found.update(self._alone.get(word, ()))
            found.update(one for one in self._whole.get(word, ()) if self.records[one].names <= words)
        families: dict[str, set[int]] = defaultdict(set)
        for number in found:
            families[self.records[number].family].add(number)
        return {family: frozenset(numbers) for family, numbers in families.items()}

    def around(self, mentions: Mentions) -> Mentions:
        """The mentioned records and, of those that follow one another, the one before and the last."""
        found = {}
        for family, things in mentions.items():
            orders = {order for one in things if (order := self.records[one].order) is not None}
            if not orders and family.endswith("*"):
                things = things | frozenset(self._families[family][:_MOST_ALIKE])
            if len(orders) == 1:
                wanted = {min(orders) - 1, *orders}
                things = things | {
                    one
                    for one in self._families[family][:_MOST_ALIKE]
                    if self.records[one].order in wanted or self.records[one].is_last
                }
            found[family] = things
        return found

    def of_things(self, mentions: Mentions) -> Iterator[Fact]:
        """The first facts of each record that the text speaks of."""
        for thing in islice(iter_mentioned(mentions), _MOST_THINGS):
            yield from self._own[thing][:_MOST_OWN]

    def order(self, fact: Fact) -> int | None:
        """The place in time of a fact among its like."""
        places = (self.records[thing].order for thing in reversed(fact.things))
        return next((place for place in places if place is not None), None)

    def is_stale(self, fact: Fact) -> bool:
        """Whether a later record has the same figure anew."""
        return any(
            self.records[thing].order is not None and not self.records[thing].is_last for thing in fact.things
        )


def _stems(word: str) -> Iterator[str]:
    for ending in ("ed", "ing", "ation"):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            yield from (stem, f"{stem}e", f"{stem}ed")


def kind_of(fact: Fact) -> Kind:
    """The kind of a fact."""
    return Kind(fact.labels, fact.parents, fact.needs, fact.date is not None)


def heads(labels: frozenset[str]) -> frozenset[str]:
    """The labels that say what is counted."""
    return labels - QUALIFIERS


def iter_mentioned(mentions: Mentions) -> Iterator[int]:
    """The records, whatever their family."""
    for things in mentions.values():
        yield from things


def _size(fact: Fact) -> float:
    return abs(fact.value or 0.0)


def _states(figure: Figure, fact: Fact) -> bool:
    if not fits(figure.kind, fact.nature):
        return False
    unit = fact.unit if figure.kind == fact.nature or figure.kind == "money" else None
    return any(states(one, fact.value or 0.0, fact.nature) for one in in_unit(figure, unit))


_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4, "quarter": 91.25, "year": 365.0}
_DOLLARS = frozenset({"USD", "CAD", "AUD"})


def in_unit(figure: Figure, unit: str | None) -> Iterator[Figure]:
    """The figure, where it may be said in a unit; two weeks are 14 days."""
    if figure.unit is None or unit is None or figure.unit == unit or {figure.unit, unit} <= _DOLLARS:
        yield figure
    elif figure.kind == "duration" and figure.unit == "week" and unit == "day":
        yield _times(figure, 7)
    elif figure.kind == "duration" and figure.unit == "hour" and unit == "minute":
        yield _times(figure, 60)


def _times(figure: Figure, factor: int) -> Figure:
    return replace(
        figure, readings=tuple(replace(one, value=one.value * factor) for one in figure.readings), unit=None
    )


def _same_date(said: DateReading, fact: DateReading | None) -> bool:
    return fact is not None and all(
        one is None or other is None or one == other
        for one, other in ((said.year, fact.year), (said.month, fact.month), (said.day, fact.day))
    )
