"""What two versions of a workflow do differently, found by trying both at every boundary."""

from collections.abc import Mapping
from typing import Any

import msgspec

from officium.apps.rules.boundaries import MOST_POINTS, smallest, space_of
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.firing import Deed, ReadyRule, deeds_of, ready
from officium.apps.rules.rule import WorkflowRules, workflow_json
from officium.apps.rules.untouched import keep_untouched, untouched_names

_MOST_SHOWN = 20
_MOST_VERDICTS = 1_000_000
"""As many conditions are evaluated at most."""


def difference(before: WorkflowRules, after: WorkflowRules, catalogue: Catalogue) -> dict[str, Any]:
    """The changes in behaviour, as JSON.

    `changes` lists facts on which something else is done, the smallest of each kind; `same_behaviour` is a
    proof where `is_exhaustive` is true, and else means that no difference was found. Whether the trigger is
    the same is said apart.
    """
    old, new = ready(before), ready(after)
    rules = [each.condition.condition for each in (*old, *new)]
    space = space_of(rules, catalogue, min(MOST_POINTS, _MOST_VERDICTS // len(rules)))
    seen: dict[tuple[tuple[Deed, ...], tuple[Deed, ...]], dict[str, Any]] = {}
    tried = differing = 0
    for point in space.points():
        tried += 1
        facts = space.facts(point)
        did, does = deeds_of(old, facts), deeds_of(new, facts)
        if did == does:
            continue
        differing += 1
        kind = (did, does)
        if kind in seen:
            continue

        def still(
            fewer: Mapping[str, Any],
            did: tuple[Deed, ...] = did,
            does: tuple[Deed, ...] = does,
        ) -> bool:
            return deeds_of(old, fewer) == did and deeds_of(new, fewer) == does

        least, _ = smallest(space, point, still)
        seen[kind] = _change(least, old, new, did, does)
    same_trigger = (before.trigger, before.trigger_params) == (after.trigger, after.trigger_params)
    return {
        "same_behaviour": not seen and same_trigger,
        "is_exhaustive": space.is_exhaustive,
        "tried": tried,
        "differing": differing,
        "trigger": None if same_trigger else {"before": _trigger(before), "after": _trigger(after)},
        "changes": list(seen.values())[:_MOST_SHOWN],
        "rules": _rules(before, after),
    }


def _change(
    facts: Mapping[str, Any],
    old: list[ReadyRule],
    new: list[ReadyRule],
    did: tuple[Deed, ...],
    does: tuple[Deed, ...],
) -> dict[str, Any]:
    return {
        "facts": facts,
        "before": {"rules": _firing(old, facts), "actions": [_deed_json(deed) for deed in did]},
        "after": {"rules": _firing(new, facts), "actions": [_deed_json(deed) for deed in does]},
        "in_words": _in_words(did, does),
    }


def _firing(rules: list[ReadyRule], facts: Mapping[str, Any]) -> list[str]:
    return [each.rule.name for each in rules if each.fires(facts)]


def _in_words(did: tuple[Deed, ...], does: tuple[Deed, ...]) -> str:
    was, now = _listed(did), _listed(does)
    if not did:
        return f"Nothing was done here; now {now}."
    if not does:
        return f"Here {was} was done; now nothing."
    return f"Here {was} was done; now {now}."


def _listed(deeds: tuple[Deed, ...]) -> str:
    return ", ".join(deed[0] for deed in deeds)


def _rules(before: WorkflowRules, after: WorkflowRules) -> dict[str, list[str]]:
    old_json, new_json = workflow_json(before), workflow_json(after)
    untouched = untouched_names(old_json, keep_untouched(old_json, new_json))
    old, new = [rule.name for rule in before.rules], [rule.name for rule in after.rules]
    return {
        "untouched": untouched,
        "changed": [name for name in new if name in old and name not in untouched],
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
    }


def _trigger(workflow: WorkflowRules) -> dict[str, Any]:
    return {"trigger": workflow.trigger, "trigger_params": dict(workflow.trigger_params)}


def _deed_json(deed: Deed) -> dict[str, Any]:
    return {"action": deed[0], "params": msgspec.json.decode(deed[1])}
