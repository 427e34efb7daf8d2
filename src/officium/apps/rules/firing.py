"""Workflows made ready to be tried: which rules fire on given facts, and what they do."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from officium.apps.rules.conditions import (
    CompiledCondition,
    Verdict,
    compile_condition,
    explain_condition,
    explanation_to_json,
    parse_condition,
)
from officium.apps.rules.rule import ActionCall, Rule, WorkflowRules

Deed = tuple[str, bytes]
"""An action with its parameters, such that the same deed is equal however it was written."""


class ReadyRule(Struct, frozen=True):
    """A rule with its compiled condition."""

    rule: Rule
    condition: CompiledCondition
    deeds: tuple[Deed, ...]

    def fires(self, facts: Mapping[str, Any]) -> bool:
        """Whether it acts on these facts."""
        return self.condition.evaluate(facts).fires


def ready(workflow: WorkflowRules) -> list[ReadyRule]:
    """The rules of a workflow that was checked, ready to be tried."""
    return [
        ReadyRule(rule, compile_condition(parse_condition(rule.condition)), tuple(map(_deed, rule.then)))
        for rule in workflow.rules
    ]


def deeds_of(rules: Sequence[ReadyRule], facts: Mapping[str, Any]) -> tuple[Deed, ...]:
    """All that is done on these facts, in order."""
    return tuple(deed for rule in rules if rule.fires(facts) for deed in rule.deeds)


def dry_run(workflow: WorkflowRules, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the workflow would do on these facts, rule by rule with the reasons, as JSON."""
    rules = []
    would_do: list[dict[str, Any]] = []
    for each in ready(workflow):
        explanation = explain_condition(each.condition.condition, facts)
        verdict = explanation.verdict
        done = [_call_json(call) for call in each.rule.then] if verdict.fires else []
        would_do += done
        rules.append(
            {
                "name": each.rule.name,
                "condition": each.rule.condition,
                "fires": verdict.fires,
                "result": verdict.result,
                "missing": list(verdict.missing),
                "fault": None if verdict.fault is None else verdict.fault.message,
                "explanation": explanation_to_json(explanation),
                "actions": done,
            }
        )
    return {"fires": bool(would_do), "actions": would_do, "rules": rules}


def verdict_name(verdict: Verdict) -> str:
    """A verdict in a word: `true`, `false`, `unknown`, `fault`."""
    if verdict.fault is not None:
        return "fault"
    return {True: "true", False: "false", None: "unknown"}[verdict.result]


def _deed(call: ActionCall) -> Deed:
    return call.action, msgspec.json.encode(call.params, order="deterministic")


def _call_json(call: ActionCall) -> dict[str, Any]:
    return {"action": call.action, "params": dict(call.params)}
