"""A workflow back in words, by template: what a person reads beside what they asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.conditions import describe_condition, parse_condition
from officium.apps.rules.rule import ActionCall, Rule, WorkflowRules

_LONGEST_VALUE = 80
_KINDS = {"periodic": "on the schedule", "metric": "whenever a value comes in", "event": "on the event"}


def describe_workflow(workflow: WorkflowRules, catalogue: Catalogue) -> str:
    """The workflow in sentences: when it is looked at, and one for each rule."""
    return " ".join((_when(workflow, catalogue), *(_sentence(rule, catalogue) for rule in workflow.rules)))


def trigger_details(workflow: WorkflowRules) -> list[str]:
    """What the trigger was told, in words: `every day at 09:00 UTC`."""
    params = dict(workflow.trigger_params)
    said: list[str] = []
    if "every_minutes" in params:
        said.append(f"every {params.pop('every_minutes')} minutes")
    if "at" in params:
        days = params.pop("weekdays", None)
        month = params.pop("day_of_month", None)
        on = f"on the {month}. of each month" if month else f"on {_listed(days)}" if days else "every day"
        said.append(f"{on} at {params.pop('at')} {params.pop('time_zone', 'UTC')}")
    if hold := params.pop("for_minutes", None):
        said.append(f"once the condition has held for {hold} minutes")
    return said + [f"{name} {_value(value)}" for name, value in params.items()]


def _when(workflow: WorkflowRules, catalogue: Catalogue) -> str:
    trigger = catalogue.trigger_by_name.get(workflow.trigger)
    said = trigger_details(workflow)
    lead = "Looked at" if trigger is None else f"Looked at {_KINDS[trigger.kind]}"
    more = f" ({', '.join(said)})" if said else ""
    return f"{lead} {workflow.trigger}{more}."


def _sentence(rule: Rule, catalogue: Catalogue) -> str:
    done = _listed([describe_call(call) for call in rule.then], ", then ", ", then ")
    condition = parse_condition(rule.condition)
    words = describe_condition(condition, catalogue.path_types)
    if rule.condition.strip("() ").casefold() == "true":
        return f"Always {done}."
    return f"If {words}, {done}."


def describe_call(call: ActionCall) -> str:
    """What an action does, with its parameters."""
    name = action_words(call.action)
    params = ", ".join(f"{key} {_value(value)}" for key, value in call.params.items())
    return f"{name} ({params})" if params else name


def action_words(name: str) -> str:
    """The name of an action as words: `SEND_WITH_ESCALATION` is `send with escalation`."""
    return name.lower().replace("_", " ") if name.isupper() else name


def _value(value: Any) -> str:
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
        return f'"{text}"'
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return "{…}" if value else "{}"
    if isinstance(value, list | tuple):
        return _listed([_value(item) for item in value])
    return str(value)


def _listed(parts: Sequence[str] | None, joint: str = ", ", last: str = " and ") -> str:
    if not parts:
        return ""
    *first, end = parts
    return f"{joint.join(first)}{last}{end}" if first else end
