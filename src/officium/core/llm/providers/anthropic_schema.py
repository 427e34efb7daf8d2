"""JSON Schemas in the subset that Anthropic's structured output enforces."""

from collections.abc import Mapping
from typing import Any

_UNENFORCED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "maxItems", "uniqueItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_VERBATIM = frozenset({"enum", "const", "default", "examples", "required"})
_BY_NAME = frozenset({"properties", "$defs", "definitions"})


class _OpenObjectError(Exception):
    """A schema allows properties it does not name."""


def close_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the subset that is enforced, or `None` where that would change what it means.

    Objects must be closed, so one that allows any property cannot be said. Limits that are not enforced
    move into the description, where the model reads them. Source: the anthropic SDK's `transform_schema`.
    """
    try:
        return _close(schema)
    except _OpenObjectError:
        return None


def _close(schema: Mapping[str, Any]) -> dict[str, Any]:
    closed: dict[str, Any] = {}
    limits = []
    for word, value in schema.items():
        if word in _UNENFORCED or (word == "minItems" and value not in (0, 1)):
            limits.append(f"{word}: {value}")
        elif word in _VERBATIM:
            closed[word] = value
        elif word in _BY_NAME and isinstance(value, Mapping):
            closed[word] = {name: _close_value(inner) for name, inner in value.items()}
        else:
            closed["anyOf" if word == "oneOf" else word] = _close_value(value)
    types = schema.get("type")
    if types == "object" or (isinstance(types, list) and "object" in types) or "properties" in schema:
        if schema.get("additionalProperties") or not schema.get("properties"):
            raise _OpenObjectError
        closed["additionalProperties"] = False
    if limits:
        closed["description"] = "\n\n".join(
            filter(None, (schema.get("description"), f"{{{', '.join(limits)}}}"))
        )
    return closed


def _close_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _close(value)
    return [_close_value(inner) for inner in value] if isinstance(value, list) else value
