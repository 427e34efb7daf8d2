"""A workflow's rules: on a trigger, under conditions, do actions. The JSON is the one the doors speak.

{"workflow_name", "trigger", "rules": [{"name", "condition", "then": [{"action", "params"}]}]}, and
`trigger_params` where the trigger takes parameters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

LONGEST_NAME = 200
MOST_RULES = 200
MOST_ACTIONS = 50
LONGEST_CONDITION = 4_096
LARGEST_PARAMS_BYTES = 16 * 1024


class ActionCall(Struct, frozen=True):
    """One thing a rule does, and with what."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Rule(Struct, frozen=True):
    """Under `condition` do what stands in `then`, in this order."""

    name: str
    condition: str
    then: tuple[ActionCall, ...]


class WorkflowRules(Struct, frozen=True, kw_only=True):
    """The rules that are looked at on one trigger; every one whose condition holds fires."""

    workflow_name: str
    trigger: str
    rules: tuple[Rule, ...]
    trigger_params: Mapping[str, Any] = field(default_factory=dict)

    def actions(self) -> Iterator[ActionCall]:
        """All actions, in order."""
        for rule in self.rules:
            yield from rule.then


def rule_from(said: Mapping[str, Any]) -> Rule:
    """The rule in JSON that was checked before."""
    then = tuple(ActionCall(call["action"], dict(call.get("params", {}))) for call in said["then"])
    return Rule(said["name"], said["condition"], then)


def workflow_from(said: Mapping[str, Any]) -> WorkflowRules:
    """The workflow in JSON that was checked before."""
    return WorkflowRules(
        workflow_name=said["workflow_name"],
        trigger=said["trigger"],
        trigger_params=dict(said.get("trigger_params", {})),
        rules=tuple(map(rule_from, said["rules"])),
    )


def rule_json(rule: Rule) -> dict[str, Any]:
    """The rule as the doors say it."""
    then = [{"action": call.action, "params": dict(call.params)} for call in rule.then]
    return {"name": rule.name, "condition": rule.condition, "then": then}


def workflow_json(workflow: WorkflowRules) -> dict[str, Any]:
    """The workflow as the doors say it."""
    said: dict[str, Any] = {"workflow_name": workflow.workflow_name, "trigger": workflow.trigger}
    if workflow.trigger_params:
        said["trigger_params"] = dict(workflow.trigger_params)
    said["rules"] = [rule_json(rule) for rule in workflow.rules]
    return said
