"""The JSON schema a model's answer must fit, made from the part of the catalogue it was shown.

Providers hold a model to it where they can, so that most mistakes cannot be made. Whatever comes back is
checked against the whole catalogue nevertheless.
"""

from collections.abc import Mapping
from typing import Any

from officium.apps.rules.catalogue import ActionType, Catalogue, Trigger

_REFUSED = frozenset(("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "examples"))
_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
NOT_POSSIBLE = "not_possible"
"""The field in which a model says why a rule cannot be made."""


def answer_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a workflow, or of the words why there is none.

    Optional parameters may be null, which means that they are left out: strict modes require every field.
    """
    rule = _object(
        {
            "name": {"type": "string", "description": "Short, in kebab-case, such as check-memory."},
            "condition": {
                "type": "string",
                "description": "In the condition language, over the facts of the catalogue; true for always.",
            },
            "then": {
                "type": "array",
                "minItems": 1,
                "items": _either(_call(a) for a in catalogue.action_types),
            },
        }
    )
    properties: dict[str, Any] = {
        "workflow_name": {"type": "string", "description": "In kebab-case, such as database-memory-alert."},
        "trigger": {"enum": [trigger.name for trigger in catalogue.triggers]},
        "rules": {"type": "array", "items": rule},
        NOT_POSSIBLE: {
            "type": ["string", "null"],
            "description": "Null; or, where this catalogue cannot do what is wanted, what is missing.",
        },
    }
    with_params = [trigger for trigger in catalogue.triggers if _takes(trigger)]
    if with_params:
        shapes = [_open_optional(trigger.parameters) for trigger in with_params]
        properties["trigger_params"] = {"anyOf": [*shapes, {"type": "null"}]}
    return {"title": "workflow_rules", **_object(properties)}


def as_rule(answer: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The workflow in an answer: without what was null because it is left out, in the documented order."""
    inner = answer.get("workflow_rules")
    said = inner if isinstance(inner, Mapping) and "rules" not in answer else answer
    shaped = {name: said[name] for name in ("workflow_name", "trigger") if name in said}
    params = said.get("trigger_params")
    if params is not None:
        trigger = catalogue.trigger_by_name.get(str(said.get("trigger")))
        cleaned = _without_nulls(params, trigger)
        if cleaned != {}:
            shaped["trigger_params"] = cleaned
    if "rules" in said:
        shaped["rules"] = _rules(said["rules"], catalogue)
    known = {"workflow_name", "trigger", "trigger_params", "rules", NOT_POSSIBLE}
    return {**shaped, **{str(name): value for name, value in said.items() if name not in known}}


def _rules(said: Any, catalogue: Catalogue) -> Any:
    if not isinstance(said, list):
        return said
    return [_rule(rule, catalogue) if isinstance(rule, Mapping) else rule for rule in said]


def _rule(said: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    calls = said.get("then")
    if isinstance(calls, list):
        calls = [_cleaned_call(call, catalogue) if isinstance(call, Mapping) else call for call in calls]
        said = {**said, "then": calls}
    first = ("name", "condition", "then")
    rest = [str(name) for name in said if name not in first]
    return {name: said[name] for name in (*first, *rest) if name in said}


def _cleaned_call(call: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    action = catalogue.action_by_name.get(str(call.get("action")))
    params = call.get("params")
    return {**call, "params": _without_nulls({} if params is None else params, action)}


def _without_nulls(params: Any, capability: Trigger | ActionType | None) -> Any:
    """The parameters without nulls, where null is nothing that the parameter itself could be."""
    if not isinstance(params, Mapping):
        return params
    declared = capability.parameters.get("properties", {}) if capability is not None else {}
    return {
        name: value
        for name, value in params.items()
        if value is not None or (name in declared and _allows_null(declared[name]))
    }


def _allows_null(schema: Any) -> bool:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    return kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def _call(action: ActionType) -> dict[str, Any]:
    shape: dict[str, Any] = {"action": {"const": action.name}}
    if action.parameters.get("properties"):
        shape["params"] = _open_optional(action.parameters)
    return _object(shape)


def _enforceable(schema: Any) -> Any:
    """The schema without those limits that strict modes refuse; texts keep their longest length in words."""
    if isinstance(schema, list):
        return [_enforceable(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {
        word: {name: _enforceable(part) for name, part in value.items()}
        if word in ("properties", "$defs") and isinstance(value, Mapping)
        else value
        if word in ("enum", "const", "required")
        else _enforceable(value)
        for word, value in schema.items()
        if word not in _REFUSED and (word != "format" or value in _FORMATS)
    }
    if isinstance(longest := schema.get("maxLength"), int):
        kept["description"] = f"{kept.get('description', '')} At most {longest} characters.".strip()
    return kept


def _open_optional(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, where what is optional is required but may be null; unchanged where it is less plain."""
    schema = _enforceable(schema)
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
        return dict(schema)
    required = set(schema.get("required", ()))
    opened = {
        name: part if name in required or _allows_null(part) else {"anyOf": [part, {"type": "null"}]}
        for name, part in properties.items()
    }
    return {**schema, "properties": opened, "required": list(properties)}


def _takes(trigger: Trigger) -> bool:
    return bool(trigger.parameters.get("properties"))


def _either(schemas: Any) -> dict[str, Any]:
    choices = list(schemas)
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
