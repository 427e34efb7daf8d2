"""The shorter forms in which platforms say what they can do, brought into the catalogue's own."""

from collections.abc import Mapping
from typing import Any

DEFAULT_TRIGGERS = ({"name": "ON_WORKFLOW_START", "kind": "event", "description": "A workflow starts."},)
_JSON_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))
_OTHER_TYPES = {
    **dict.fromkeys(("str", "text", "enum"), "string"),
    **dict.fromkeys(("float", "double", "decimal", "percent", "numeric"), "number"),
    **dict.fromkeys(("int", "long", "count"), "integer"),
    "bool": "boolean",
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("dict", "map", "json"), "object"),
}
_NAMES = ("name", "id", "type", "action", "trigger", "key")


def normal_form(said: Mapping[str, Any]) -> dict[str, Any]:
    """The three lists of the catalogue, whatever shape they came in; what is odd stays for the check."""
    triggers = said.get("triggers", said.get("trigger_types"))
    return {
        "triggers": _entries(triggers, _trigger) if triggers else list(DEFAULT_TRIGGERS),
        "condition_types": _entries(said.get("condition_types", ()), _fact),
        "action_types": _entries(said.get("action_types", ()), _action),
    }


def _entries(said: Any, make: Any) -> Any:
    if isinstance(said, Mapping):
        return [make(_with_name(entry, name)) for name, entry in said.items()]
    if isinstance(said, list | tuple):
        return [make(_with_name(entry, None)) for entry in said]
    return said


def _with_name(entry: Any, name: str | None) -> Any:
    """The entry as a mapping that has its name."""
    if isinstance(entry, str):
        return {"name": entry} if name is None else {"name": name, "said": entry}
    if not isinstance(entry, Mapping):
        return {"name": name} if name is not None and entry is None else entry
    if "name" in entry or name is not None:
        return {"name": name, **entry}
    found = next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), None)
    if found is None and isinstance(entry.get("path"), str):
        found = str(entry["path"]).removeprefix("$")
    return {**entry, "name": found} if found is not None else entry


def _trigger(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    shaped = {key: entry[key] for key in ("name", "kind", "description") if key in entry}
    if "said" in entry:
        shaped["description"] = entry["said"]
    if (parameters := _parameters(entry)) is not None:
        shaped["parameters"] = parameters
    return shaped


def _action(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    known = ("name", "description", "emits", "writes", "opposes", "target")
    shaped = {key: entry[key] for key in known if key in entry}
    if "said" in entry:
        shaped["description"] = entry["said"]
    if (parameters := _parameters(entry)) is not None:
        shaped["parameters"] = parameters
    return shaped


def _fact(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    known = ("description", "unit", "is_metric", "minimum", "maximum", "values")
    shaped = {key: entry[key] for key in known if key in entry}
    said = entry.get("type", entry.get("said"))
    path = entry.get("path", entry["name"] if "name" in entry else entry.get("type"))
    shaped["path"] = path
    shaped["name"] = entry.get("name", path)
    if isinstance(shaped["name"], str):
        shaped["name"] = shaped["name"].removeprefix("$")
    if isinstance(said, str) and said != path:
        kind = _OTHER_TYPES.get(said.casefold(), said.casefold())
        kind = {"array": "list", "null": "any", "date": "timestamp", "datetime": "timestamp"}.get(kind, kind)
        shaped["type"] = kind
    if "values" not in shaped and "enum" in entry:
        shaped["values"] = entry["enum"]
    return shaped


def _parameters(entry: Mapping[str, Any]) -> Any:
    """The JSON schema of the parameters; `None` where nothing is said of them."""
    said = next((entry[key] for key in ("parameters", "params", "input_schema") if key in entry), None)
    if said is None:
        return None
    if isinstance(said, list | tuple):
        said = {name: {} for name in said if isinstance(name, str)}
    if not isinstance(said, Mapping):
        return said
    if said.get("type") == "object" and "properties" not in said:
        return dict(said)
    if "properties" in said or "$ref" in said or not said:
        schema: dict[str, Any] = {"type": "object", "properties": {}, **said}
    else:
        schema = {
            "type": "object",
            "properties": {name: _parameter(what) for name, what in said.items()},
            "required": [name for name, what in said.items() if _is_required(what)],
        }
    schema.setdefault("additionalProperties", False)
    return schema


def _parameter(said: Any) -> Any:
    if isinstance(said, str):
        kind = _OTHER_TYPES.get(said.casefold(), said.casefold())
        return {"type": kind} if kind in _JSON_TYPES else {"description": said}
    if isinstance(said, Mapping):
        shaped = {key: value for key, value in said.items() if key not in ("required", "optional")}
        if isinstance(named := shaped.get("type"), str):
            shaped["type"] = _OTHER_TYPES.get(named.casefold(), named.casefold())
        return shaped
    return said


def _is_required(said: Any) -> bool:
    return isinstance(said, Mapping) and said.get("required") is True
