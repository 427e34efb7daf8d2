"""After a change: the rules that mean the same as before are given back as they were, byte for byte."""

from collections.abc import Mapping
from typing import Any

from officium.apps.rules.conditions import ConditionSyntaxError, parse_condition


def keep_untouched(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`after` with the very rules of `before` where one of them was only written differently.

    A model that copies a rule may turn a bracket, a space or the order of two parameters; nobody asked for
    that, and nobody wants to read it in a comparison.
    """
    old = list(before["rules"])
    rules = [_counterpart(rule, old) or rule for rule in after["rules"]]
    kept = {**after, "rules": rules}
    for name in ("workflow_name", "trigger_params"):
        if name in before and before[name] == kept.get(name):
            kept[name] = before[name]
    return kept


def untouched_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the rules that are as they were."""
    old = list(before["rules"])
    return [rule["name"] for rule in after["rules"] if any(rule is each or rule == each for each in old)]


def _counterpart(rule: Mapping[str, Any], old: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    for each in old:
        if each["name"] == rule["name"] and _calls(each) == _calls(rule) and _is_same_condition(each, rule):
            return each
    return None


def _calls(rule: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(call["action"], call.get("params") or {}) for call in rule["then"]]


def _is_same_condition(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one["condition"] == other["condition"]:
        return True
    try:
        return parse_condition(one["condition"]).root == parse_condition(other["condition"]).root
    except ConditionSyntaxError:
        return False
