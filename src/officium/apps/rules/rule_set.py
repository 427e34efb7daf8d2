"""Several workflows together: conflicts, rules in the shadow of others, gaps between them, and loops."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from officium.apps.rules.boundaries import Space, smallest, space_of
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.firing import ReadyRule, ready
from officium.apps.rules.rule import ActionCall, WorkflowRules

MOST_WORKFLOWS = 200
_MOST_FOUND = 100
_MOST_PAIRS = 500
_MOST_POINTS = 2_000
MOST_RULES = 500
"""As many rules may be compared with each other."""


class Finding(Struct, frozen=True, kw_only=True):
    """Something about a set of rules that is probably not meant.

    `rules` are `workflow/rule`; `facts` show it; `is_certain` says whether it is proved or only likely.
    """

    code: str
    message: str
    rules: Sequence[str]
    facts: Mapping[str, Any] | None = None
    is_certain: bool = True


class _Entry(Struct, frozen=True):
    label: str
    group: str
    ready: ReadyRule


def check_set(workflows: Sequence[tuple[str, WorkflowRules]], catalogue: Catalogue) -> list[Finding]:
    """What is odd about these workflows, each with its label, together; at most a hundred findings."""
    entries = [
        _Entry(f"{label}/{each.rule.name}", _group(workflow, catalogue), each)
        for label, workflow in workflows
        for each in ready(workflow)
    ]
    found: list[Finding] = []
    for findings in (
        _alone(entries, catalogue),
        _together(entries, catalogue),
        _gaps(entries, catalogue),
        _loops(workflows, catalogue),
    ):
        for finding in findings:
            if len(found) == _MOST_FOUND:
                return found
            found.append(finding)
    return found


def _group(workflow: WorkflowRules, catalogue: Catalogue) -> str:
    """Workflows of one group may be looked at in one moment: those by clock or by metric, or of one event."""
    trigger = catalogue.trigger_by_name.get(workflow.trigger)
    return workflow.trigger if trigger is None or trigger.kind == "event" else "measured"


def _alone(entries: Sequence[_Entry], catalogue: Catalogue) -> Iterator[Finding]:
    for entry in entries:
        space = _space((entry,), catalogue)
        if not space.is_exhaustive or not space.axes:
            continue
        results = {entry.ready.fires(space.facts(point)) for point in space.points()}
        if results == {False}:
            yield Finding(code="never_fires", message=f"{entry.label} can never fire.", rules=[entry.label])
        elif results == {True}:
            yield Finding(
                code="always_fires",
                message=f"{entry.label} fires whatever the facts are.",
                rules=[entry.label],
            )


def _together(entries: Sequence[_Entry], catalogue: Catalogue) -> Iterator[Finding]:
    pairs = 0
    for index, one in enumerate(entries):
        for other in entries[index + 1 :]:
            if one.group != other.group:
                continue
            opposed = _opposed(one, other, catalogue)
            covers, is_covered = _covers(one, other), _covers(other, one)
            if not (opposed or covers or is_covered):
                continue
            pairs += 1
            if pairs > _MOST_PAIRS:
                return
            yield from _pair(one, other, opposed, covers, is_covered, catalogue)


def _pair(
    one: _Entry, other: _Entry, opposed: str, covers: bool, is_covered: bool, catalogue: Catalogue
) -> Iterator[Finding]:
    space = _space((one, other), catalogue)
    both = None
    only_one = only_other = False
    for point in space.points():
        facts = space.facts(point)
        first, second = one.ready.fires(facts), other.ready.fires(facts)
        if first and second and both is None:
            both = point
        only_one = only_one or (first and not second)
        only_other = only_other or (second and not first)
        if both is not None and only_one and only_other:
            break
    if both is None:
        return
    if opposed:
        facts, _ = smallest(space, both, lambda facts: one.ready.fires(facts) and other.ready.fires(facts))
        yield Finding(
            code="conflict",
            message=f"{one.label} and {other.label} both fire here, and {opposed}.",
            rules=[one.label, other.label],
            facts=facts,
        )
    if not space.is_exhaustive:
        return
    if covers and is_covered and not only_one and not only_other:
        yield Finding(
            code="duplicate",
            message=f"{one.label} and {other.label} do the same on the same facts.",
            rules=[one.label, other.label],
        )
    elif covers and not only_other:
        yield _shadow(other, one)
    elif is_covered and not only_one:
        yield _shadow(one, other)


def _shadow(hidden: _Entry, cover: _Entry) -> Finding:
    return Finding(
        code="shadowed",
        message=f"Whenever {hidden.label} fires, {cover.label} does the same already.",
        rules=[hidden.label, cover.label],
    )


def _covers(one: _Entry, other: _Entry) -> bool:
    """Whether `one` does all that `other` does."""
    return set(other.ready.deeds) <= set(one.ready.deeds)


def _opposed(one: _Entry, other: _Entry, catalogue: Catalogue) -> str:
    """How actions of the two go against each other, in words; nothing where they do not."""
    for first in one.ready.rule.then:
        for second in other.ready.rule.then:
            if said := _opposed_calls(first, second, catalogue):
                return said
    return ""


def _opposed_calls(first: ActionCall, second: ActionCall, catalogue: Catalogue) -> str:
    kinds = catalogue.action_by_name
    one, other = kinds.get(first.action), kinds.get(second.action)
    if one is None or other is None:
        return ""
    targets = set(one.target) | set(other.target)
    if any(first.params.get(name) != second.params.get(name) for name in targets):
        return ""
    if second.action in one.opposes or first.action in other.opposes:
        return f"{first.action} and {second.action} undo each other"
    if first.action == second.action and one.writes and dict(first.params) != dict(second.params):
        return f"{first.action} is given different parameters"
    return ""


def _gaps(entries: Sequence[_Entry], catalogue: Catalogue) -> Iterator[Finding]:
    """Values of a fact between those on which some rule fires, on which none does."""
    groups: dict[tuple[str, str], list[_Entry]] = defaultdict(list)
    for entry in entries:
        space = _space((entry,), catalogue)
        if len(space.axes) == 1:
            groups[entry.group, space.axes[0].name].append(entry)
    for (_, name), rules in groups.items():
        space = _space(rules, catalogue)
        if len(rules) < 2 or not space.is_exhaustive:
            continue
        yield from _gaps_of(name, rules, space)


def _gaps_of(name: str, rules: Sequence[_Entry], space: Space) -> Iterator[Finding]:
    values = space.axes[0].values
    covered = [any(entry.ready.fires(space.facts((value,))) for entry in rules) for value in values]
    labels = [entry.label for entry in rules]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        first = next((at for at, is_covered in enumerate(covered) if is_covered), None)
        if first is None:
            return
        last = max(at for at, is_covered in enumerate(covered) if is_covered)
        at = first
        while at < last:
            if covered[at]:
                at += 1
                continue
            end = at
            while not covered[end + 1]:
                end += 1
            said = f"{values[at]}" if at == end else f"{values[at]} to {values[end]}"
            yield _gap(name, said, labels, space.facts((values[at],)))
            at = end + 1
    elif any(covered) and not all(covered) and sum(covered) > 1:
        open_values = [value for value, is_covered in zip(values, covered, strict=True) if not is_covered]
        said = ", ".join(map(str, open_values[:10]))
        yield _gap(name, said, labels, space.facts((open_values[0],)))


def _gap(name: str, values: str, labels: Sequence[str], facts: Mapping[str, Any]) -> Finding:
    return Finding(
        code="gap",
        message=f"No rule fires where ${name} is {values}, between values on which some do.",
        rules=labels,
        facts=facts,
        is_certain=False,
    )


def _loops(workflows: Sequence[tuple[str, WorkflowRules]], catalogue: Catalogue) -> Iterator[Finding]:
    """Workflows that set each other off in a circle."""
    follows: dict[int, set[int]] = {}
    for index, (_, workflow) in enumerate(workflows):
        emitted = {
            trigger
            for call in workflow.actions()
            if call.action in catalogue.action_by_name
            for trigger in catalogue.action_by_name[call.action].emits
        }
        follows[index] = {at for at, (_, other) in enumerate(workflows) if other.trigger in emitted}
    reported: set[frozenset[int]] = set()
    for start in follows:
        circle = _circle(start, follows)
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            names = [workflows[at][0] for at in circle]
            yield Finding(
                code="loop",
                message=f"{' sets off '.join([*names, names[0]])}: this may go on for ever.",
                rules=names,
                is_certain=False,
            )


def _circle(start: int, follows: Mapping[int, set[int]]) -> list[int]:
    """The shortest way from a workflow back to itself; nothing where there is none."""
    ways: list[list[int]] = [[start]]
    seen = {start}
    for way in ways:
        for after in sorted(follows[way[-1]]):
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return []


def _space(entries: Sequence[_Entry], catalogue: Catalogue) -> Space:
    return space_of([entry.ready.condition.condition for entry in entries], catalogue, _MOST_POINTS)
