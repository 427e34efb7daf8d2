"""What the lists and maps of a context add up to: counts, sums and means, all together and of each group."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from officium.core.grounding.fact import Fact, How, label, labels_of, nature_of
from officium.core.grounding.figure import find_figures
from officium.core.grounding.place import Place, number_fact
from officium.core.grounding.records import LONGEST_NAME, MEASURES
from officium.core.grounding.words import QUALIFIERS, STATUS_KEYS, TOO_COMMON

_WORD = re.compile(r"[^\W\d_]+")


def counts(items: Sequence[Any], place: Place) -> Iterator[Fact]:
    """How many things a list has: all together, and of each status or other word that several share."""
    labels = labels_of(place.names[-1]) if place.names else frozenset()
    found: dict[tuple[str, str], int] = {}
    for item in items:
        for key, value in item.items() if isinstance(item, Mapping) else ():
            is_word = isinstance(value, str) and 0 < len(value) <= LONGEST_NAME
            if is_word and not labels_of(str(key)) & MEASURES:
                found[str(key), value] = found.get((str(key), value), 0) + 1
    whole = Fact(
        path=f"count({place.path})",
        labels=labels - {"analytic"},
        things=place.things,
        nature="count",
        value=float(len(items)),
        how="count",
    )
    yield whole
    for (key, value), count in found.items():
        needs = frozenset(
            word for word in (label(part) for part in _WORD.findall(value)) if word not in TOO_COMMON
        )
        if needs and (count > 1 or labels_of(key) & STATUS_KEYS):
            yield Fact(
                path=f"count({place.path}[{key}={value}])",
                labels=whole.labels,
                things=place.things,
                needs=needs,
                nature="count",
                value=float(count),
                how="count",
            )


def sums_of_list(items: Sequence[Any], place: Place) -> Iterator[Fact]:
    """What the numbers of a list of things add up to: all together, and of each status and the like."""
    columns: dict[str, list[tuple[Decimal, Mapping[Any, Any]]]] = {}
    for item in items:
        for key, value in item.items() if isinstance(item, Mapping) else ():
            for number in _amounts(value):
                columns.setdefault(str(key), []).append((number, item))
    for key, column in columns.items():
        yield from _sum_and_mean([number for number, _ in column], place, key, f"[].{key}", frozenset())
        groups: dict[tuple[str, str], list[Decimal]] = {}
        for number, item in column:
            for name, word in item.items():
                if isinstance(word, str) and len(word) <= LONGEST_NAME and not any(_amounts(word)):
                    groups.setdefault((str(name), word), []).append(number)
        for (name, word), numbers in groups.items():
            needs = frozenset(
                part for part in (label(one) for one in _WORD.findall(word)) if part not in TOO_COMMON
            )
            if 1 < len(numbers) < len(column) and needs:
                yield from _sum_and_mean(numbers, place, key, f"[{name}={word}].{key}", needs)


def sums_of_mapping(node: Mapping[Any, Any], place: Place) -> Iterator[Fact]:
    """What a map of numbers of one nature adds up to, and each number that several maps of a map share."""
    plain = {
        str(key): Decimal(str(value))
        for key, value in node.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    natures = {nature_of(labels_of(key)) for key in plain}
    if len(plain) > 1 and len(natures - {"any"}) <= 1 and place.path:
        key = place.path.rsplit(".", 1)[-1]
        yield from _sum_and_mean(list(plain.values()), place, key, ".*", frozenset())
    columns: dict[str, list[Decimal]] = {}
    for value in node.values():
        for key, part in value.items() if isinstance(value, Mapping) else ():
            columns.setdefault(str(key), []).extend(_amounts(part))
    for key, numbers in columns.items():
        yield from _sum_and_mean(numbers, place, key, f".*.{key}", frozenset())


def _amounts(value: Any) -> Iterator[Decimal]:
    """The number in a value, if that is all that there is."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(str(value))
        if number.is_finite():
            yield number
    elif isinstance(value, str) and len(value) <= 24:
        found = find_figures(value)
        if len(found) == 1 and found[0].kind == "money" and found[0].end - found[0].start == len(value):
            yield found[0].readings[0].value


def _sum_and_mean(
    numbers: Sequence[Decimal], place: Place, key: str, path: str, needs: frozenset[str]
) -> Iterator[Fact]:
    if len(numbers) < 2:
        return
    total = sum(numbers, Decimal(0))
    parents = frozenset(word for name in place.names for word in labels_of(name)) - QUALIFIERS
    results: tuple[tuple[How, Decimal], ...] = (("sum", total), ("mean", total / len(numbers)))
    for name, value in results:
        yield from number_fact(
            value,
            place,
            labels_of(key),
            parents,
            path=f"{name}({place.path}{path})",
            needs=needs,
            how=name,
        )
