"""The inputs at which conditions change their mind.

A condition that compares paths with constants has the same answer everywhere between two neighbouring
constants. So it is enough to try each constant, the value just below and just above it, and one value for
everything that is not mentioned: a few points stand for all inputs, and a search over them is a proof. Where
a condition calculates, compares two paths or matches patterns, the points are only likely places, and
`is_exhaustive` says so.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations, pairwise, product
from math import prod
from typing import Any

from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue, ConditionType
from officium.apps.rules.conditions import Condition
from officium.apps.rules.conditions.condition import (
    Between,
    Comparison,
    IsNull,
    ListOf,
    Negative,
    Node,
    Null,
    Number,
    Path,
    Text,
    Truth,
    children_of,
    walk,
)

MOST_POINTS = 20_000
_MOST_LISTED = 40
_MOST_SUBSETS = 4
_LARGEST_INDEX = 100

Point = tuple[object, ...]
"""A value for each axis, in their order."""


class Axis(Struct, frozen=True):
    """A path, and the values of it that are worth trying."""

    steps: tuple[str | int, ...]
    name: str
    values: tuple[object, ...]


class Space(Struct, frozen=True):
    """All inputs that matter to some conditions; at most `most` points of it are tried."""

    axes: tuple[Axis, ...]
    is_exhaustive: bool
    most: int = MOST_POINTS

    def points(self) -> Iterator[Point]:
        """The points to try: all of them, or as many as there is time for, always the same ones."""
        sizes = [len(axis.values) for axis in self.axes]
        if prod(sizes) <= self.most:
            yield from product(*(axis.values for axis in self.axes))
            return
        yield from self._near()
        chance = random.Random(0)  # noqa: S311 - not for secrets: the same points every time
        for _ in range(self.most // 2):
            yield tuple(chance.choice(axis.values) for axis in self.axes)

    def _near(self) -> Iterator[Point]:
        """Around one point in the middle: all changes of one path, and of two."""
        middle = [axis.values[len(axis.values) // 2] for axis in self.axes]
        yield tuple(middle)
        left = self.most // 2
        for first, second in combinations(range(len(self.axes)), 2):
            for one, other in product(self.axes[first].values, self.axes[second].values):
                if left == 0:
                    return
                left -= 1
                point = list(middle)
                point[first], point[second] = one, other
                yield tuple(point)

    def facts(self, point: Point, without: frozenset[int] = frozenset()) -> dict[str, Any]:
        """The facts at a point; the axes in `without` are left out."""
        facts: dict[str, Any] = {}
        for index, (axis, value) in enumerate(zip(self.axes, point, strict=True)):
            if index not in without:
                _put(facts, axis.steps, value)
        return facts


class _Mentions(Struct):
    """What conditions say of a path."""

    steps: tuple[str | int, ...]
    numbers: set[Decimal]
    texts: list[str]
    parts: list[str]
    has_null: bool = False
    has_truth: bool = False
    is_exact: bool = True


def space_of(conditions: Iterable[Condition], catalogue: Catalogue, most: int = MOST_POINTS) -> Space:
    """The inputs that matter to `conditions`, with the catalogue's types, limits and listed values.

    `most` is how many points may be tried; where there are very many paths, fewer are.
    """
    mentions: dict[str, _Mentions] = {}
    for condition in conditions:
        _note(condition.root, mentions)
    axes = []
    is_exhaustive = True
    for name, mention in mentions.items():
        fact = catalogue.fact_by_path.get(name)
        values, is_exact = _values(mention, fact)
        axes.append(Axis(mention.steps, name, tuple(values)))
        is_exhaustive = is_exhaustive and is_exact
    size = prod(len(axis.values) for axis in axes)
    most = max(100, most // max(1, len(axes) // 10))
    return Space(tuple(axes), is_exhaustive and size <= most, most)


def _note(node: Node, mentions: dict[str, _Mentions]) -> None:
    match node:
        case Comparison(operator, left, right):
            _note_comparison(operator, left, right, mentions)
        case Between(Path() as path, low, high):
            numbers, others = _constants(low), _constants(high)
            mention = _of(path, mentions)
            for constant in (*numbers, *others):
                _add(mention, constant, "<")
            if not numbers or not others:
                _inexact(node, mentions)
        case IsNull(Path() as path):
            _of(path, mentions).has_null = True
        case Path():
            _of(node, mentions).has_truth = True
        case Between() | IsNull():
            _inexact(node, mentions)
        case _:
            for child in children_of(node):
                _note(child, mentions)


def _note_comparison(operator: str, left: Node, right: Node, mentions: dict[str, _Mentions]) -> None:
    path, other = (left, right) if isinstance(left, Path) else (right, left)
    constants = _constants(other)
    if not isinstance(path, Path) or (not constants and not _is_empty_list(other)):
        _inexact(left, mentions)
        _inexact(right, mentions)
        return
    mention = _of(path, mentions)
    for constant in constants:
        _add(mention, constant, operator)


def _add(mention: _Mentions, constant: object, operator: str) -> None:
    if constant is None:
        mention.has_null = True
    elif isinstance(constant, bool):
        mention.has_truth = True
    elif isinstance(constant, Decimal):
        mention.numbers.add(constant)
    elif isinstance(constant, str):
        if operator in ("==", "!=", "IN"):
            mention.texts.append(constant)
        else:
            mention.parts.append(constant)
            mention.is_exact = mention.is_exact and operator != "MATCHES" and len(set(mention.parts)) == 1


def _inexact(node: Node, mentions: dict[str, _Mentions]) -> None:
    """Note that what stands below calculates or compares paths: its numbers are only likely places."""
    numbers = {Decimal(str(each.value)) for each in walk(node) if isinstance(each, Number)}
    for each in walk(node):
        if isinstance(each, Path):
            mention = _of(each, mentions)
            mention.is_exact = False
            mention.numbers |= numbers or {Decimal(0)}


def _of(path: Path, mentions: dict[str, _Mentions]) -> _Mentions:
    if path.name not in mentions:
        mentions[path.name] = _Mentions(path.steps, set(), [], [])
    return mentions[path.name]


def _constants(node: Node) -> list[object]:
    """The constants a node is made of; none where it is anything but constants."""
    match node:
        case Number(value):
            return [Decimal(str(value))]
        case Negative(Number(value)):
            return [-Decimal(str(value))]
        case Text(value):
            return [value]
        case Truth(value):
            return [value]
        case Null():
            return [None]
        case ListOf(items):
            found = [_constants(item) for item in items]
            return [each for constants in found for each in constants] if all(found) else []
        case _:
            return []


def _is_empty_list(node: Node) -> bool:
    return isinstance(node, ListOf) and not node.items


def _values(mention: _Mentions, fact: ConditionType | None) -> tuple[list[object], bool]:
    """The values of a path worth trying, and whether they stand for all others."""
    values: list[object] = []
    is_exact = mention.is_exact
    kind = fact.type if fact is not None else "any"
    if kind == "boolean" or (mention.has_truth and kind == "any"):
        values += [False, True]
    if fact is not None and fact.values and len(fact.values) <= _MOST_LISTED:
        values += fact.values
        is_exact = True
    elif kind == "list":
        found, all_of_them = _lists(mention)
        values += found
        is_exact = is_exact and all_of_them
    else:
        if mention.numbers and kind in ("number", "integer", "any"):
            values += _numbers(mention.numbers, fact)
        if kind in ("string", "timestamp", "any") and (mention.texts or mention.parts):
            values += _texts(mention, fact)
            is_exact = is_exact and kind != "timestamp"
    if not values:
        values = ["something"] if kind in ("string", "timestamp") else [1]
    if mention.has_null:
        values.append(None)
    return values, is_exact


def _numbers(numbers: set[Decimal], fact: ConditionType | None) -> list[object]:
    """Each number with its neighbours, within the limits of the fact."""
    decimals = max(max(0, -int(number.as_tuple().exponent)) for number in numbers if number.is_finite())
    is_whole = fact is not None and fact.type == "integer"
    step = Decimal(1) if is_whole else Decimal(1).scaleb(-decimals - 1)
    tried = {near for number in numbers for near in (number - step, number, number + step)}
    low = None if fact is None or fact.minimum is None else Decimal(str(fact.minimum))
    high = None if fact is None or fact.maximum is None else Decimal(str(fact.maximum))
    kept = sorted(
        number
        for number in tried
        if (low is None or number >= low)
        and (high is None or number <= high)
        and (not is_whole or number == number.to_integral_value())
    )
    return [_plain(number) for number in kept]


def _texts(mention: _Mentions, fact: ConditionType | None) -> list[object]:
    texts = list(dict.fromkeys((*mention.texts, *mention.parts)))
    for part in dict.fromkeys(mention.parts):
        texts += [f"{part} etc", f"see {part}", f"see {part} etc"]
    other = "something else"
    while any(part in other for part in mention.parts):
        other = f"x{other[1:]}" if other[0] != "x" else f"{other}x"
        if len(other) > len("something else") + 20:
            break
    return [*dict.fromkeys(texts), other]


def _lists(mention: _Mentions) -> tuple[list[object], bool]:
    """All sets of what is looked for, where these are few; an empty list is one of them."""
    wanted: list[object] = [*dict.fromkeys((*mention.texts, *mention.parts))]
    wanted += [_plain(number) for number in sorted(mention.numbers)]
    if len(wanted) > _MOST_SUBSETS:
        return [[], *([each] for each in wanted), wanted], False
    return [
        list(subset) for size in range(len(wanted) + 1) for subset in combinations(wanted, size)
    ], mention.is_exact or bool(mention.parts)


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _put(facts: dict[str, Any], steps: Sequence[str | int], value: object) -> None:
    """Write a value where the path leads, making objects and lists on the way."""
    holder: Any = facts
    for step, following in pairwise(steps):
        child: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            holder.extend([None] * (min(step, _LARGEST_INDEX) + 1 - len(holder)))
            if not isinstance(holder[step], dict | list):
                holder[step] = child
            holder = holder[step]
        else:
            if not isinstance(holder.get(step), dict | list):
                holder[step] = child
            holder = holder[step]
    last = steps[-1]
    if isinstance(last, int):
        holder.extend([None] * (min(last, _LARGEST_INDEX) + 1 - len(holder)))
    holder[last] = value


def smallest(
    space: Space, point: Point, still: Callable[[Mapping[str, Any]], bool]
) -> tuple[dict[str, Any], frozenset[int]]:
    """The facts at a point without those that do not matter: `still` says whether enough is left."""
    without: frozenset[int] = frozenset()
    for index in range(len(space.axes)):
        fewer = without | {index}
        if still(space.facts(point, fewer)):
            without = fewer
    return space.facts(point, without), without
