"""For each rule the smallest facts on which it fires, just does not, and cannot tell."""

from collections.abc import Mapping
from typing import Any

from officium.apps.rules.boundaries import MOST_POINTS, Point, Space, smallest, space_of
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.conditions import CompiledCondition
from officium.apps.rules.firing import ready
from officium.apps.rules.rule import WorkflowRules

_MOST_POINTS = 200_000
"""As many are tried for all rules together."""


def examples(workflow: WorkflowRules, catalogue: Catalogue) -> list[dict[str, Any]]:
    """One entry for each rule, as JSON.

    `fires`, `just_does_not` and `lacks_data` hold facts, or `None` where none were found; `always` and
    `never` are claimed only where the search was exhaustive.
    """
    found = []
    rules = ready(workflow)
    for each in rules:
        space = space_of([each.condition.condition], catalogue, min(MOST_POINTS, _MOST_POINTS // len(rules)))
        found.append({"name": each.rule.name, **_of_rule(each.condition, space)})
    return found


def _of_rule(condition: CompiledCondition, space: Space) -> dict[str, Any]:
    firing: list[Point] = []
    silent: set[Any] = set()
    first_silent: Point | None = None
    for point in space.points():
        result = condition.evaluate(space.facts(point)).result
        if result is True:
            firing.append(point)
        elif result is False:
            silent.add(_key(point))
            first_silent = point if first_silent is None else first_silent
    pair = _closest_pair(firing, silent, space)
    fires_at = pair[0] if pair else (firing[0] if firing else None)
    silent_at = pair[1] if pair else first_silent
    said: dict[str, Any] = {
        "fires": None,
        "just_does_not": None,
        "differs_in": None,
        "lacks_data": None,
        "missing": [],
        "always": space.is_exhaustive and not silent,
        "never": space.is_exhaustive and not firing,
        "is_exhaustive": space.is_exhaustive,
    }
    if fires_at is not None:
        facts, without = smallest(space, fires_at, lambda facts: condition.evaluate(facts).result is True)
        said["fires"] = facts
        said |= _lacking(condition, space, fires_at, without)
    if silent_at is not None:
        said["just_does_not"] = smallest(
            space, silent_at, lambda facts: condition.evaluate(facts).result is False
        )[0]
        if pair:
            changed = [axis.name for axis, a, b in zip(space.axes, *pair, strict=True) if a != b]
            said["differs_in"] = changed[0]
            said["just_does_not"] = space.facts(pair[1], without)
    return said


def _closest_pair(firing: list[Point], silent: set[Any], space: Space) -> tuple[Point, Point] | None:
    """A firing point and a silent one that differ in one path only, by as little as there is."""
    best: tuple[float, Point, Point] | None = None
    for point in firing[:200]:
        for index, axis in enumerate(space.axes):
            for value in axis.values:
                other = (*point[:index], value, *point[index + 1 :])
                if _key(other) in silent:
                    gap = _gap(point[index], value)
                    if best is None or gap < best[0]:
                        best = (gap, point, other)
    return None if best is None else best[1:]


def _gap(one: object, other: object) -> float:
    """How far two values are apart: numbers by their difference, everything else further than any number."""
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return abs(one - other)
    return 1e300


def _lacking(
    condition: CompiledCondition, space: Space, point: Point, without: frozenset[int]
) -> Mapping[str, Any]:
    """The firing facts without one path that they need."""
    for index in range(len(space.axes)):
        if index not in without:
            facts = space.facts(point, without | {index})
            verdict = condition.evaluate(facts)
            if verdict.result is None and verdict.fault is None:
                return {"lacks_data": facts, "missing": list(verdict.missing)}
    return {}


def _key(point: Point) -> Any:
    """The point as something that can stand in a set, where 1, 1.0 and True are three values."""
    return tuple((type(value).__name__, repr(value)) for value in point)
