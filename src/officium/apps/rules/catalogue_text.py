"""A catalogue in the words in which a model reads it: a line for each capability."""

from collections.abc import Iterator, Mapping
from typing import Any

from officium.apps.rules.catalogue import ActionType, Catalogue, ConditionType, Trigger

_MOST_VALUES = 30


def catalogue_text(catalogue: Catalogue) -> str:
    """The lines: triggers, facts, actions."""
    return "\n".join(
        (
            "Triggers:",
            *map(_trigger, catalogue.triggers),
            "Facts:",
            *map(_fact, catalogue.condition_types),
            "Actions:",
            *map(_action, catalogue.action_types),
        )
    )


def _trigger(trigger: Trigger) -> str:
    return _line(f"{trigger.name} ({trigger.kind})", trigger.description, _params(trigger, "trigger_params"))


def _fact(fact: ConditionType) -> str:
    what: list[str] = [fact.type]
    if fact.unit:
        what.append(f"in {fact.unit}")
    if fact.minimum is not None or fact.maximum is not None:
        low = "" if fact.minimum is None else f"{fact.minimum:g}"
        high = "" if fact.maximum is None else f"{fact.maximum:g}"
        what.append(f"{low}..{high}")
    if fact.values:
        what.append(f"one of {', '.join(fact.values[:_MOST_VALUES])}")
    return _line(f"${fact.path}", ", ".join(what), fact.description)


def _action(action: ActionType) -> str:
    return _line(action.name, action.description, _params(action, "params"))


def _line(name: str, *parts: str) -> str:
    said = "; ".join(" ".join(part.split()) for part in parts if part)
    return f"- {name}: {said}" if said else f"- {name}"


def _params(capability: Trigger | ActionType, label: str) -> str:
    return ", ".join(_each_param(capability.parameters, label))


def _each_param(schema: Mapping[str, Any], label: str) -> Iterator[str]:
    needed = set(schema.get("required", ()))
    lead = f"{label}: "
    for name, part in schema.get("properties", {}).items():
        what = _type_of(part)
        if name in needed:
            what += ", needed"
        yield f"{lead}{name} ({what})"
        lead = ""


def _type_of(part: Any) -> str:
    if not isinstance(part, Mapping):
        return "any"
    if "enum" in part:
        return "one of " + ", ".join(str(value) for value in part["enum"][:_MOST_VALUES])
    said = part.get("type", "any")
    kind = said if isinstance(said, str) else " or ".join(map(str, said))
    limits = [f"{part[word]:g}" if word in part else "" for word in ("minimum", "maximum")]
    return f"{kind} {limits[0]}..{limits[1]}" if any(limits) else kind
