"""The reference of the HTTP API as a page, from its OpenAPI description."""

from collections.abc import Iterator, Mapping
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


def api_reference(schema: Mapping[str, Any]) -> str:
    """The page: routes by what they are about, with their parameters, bodies and answers."""
    groups: dict[str, list[str]] = {}
    for path, operations in schema["paths"].items():
        for method in _METHODS:
            if method in operations:
                about = operations[method]
                group = groups.setdefault((about.get("tags") or ["other"])[0], [])
                group += _operation(path, method, about)
    lines = [
        "# API reference",
        "",
        f"Every route of version {schema['info']['version']}. A running server has it at `/docs`, where",
        "requests can be tried, and as `/openapi.json` for programs. [http.md](http.md) tells the same in",
        "words; [errors.md](errors.md) lists codes.",
        "",
    ]
    for name in sorted(groups):
        lines += [f"## {name.capitalize()}", "", *groups[name]]
    lines += ["## Shapes", "", "What bodies and answers look like.", ""]
    for name, shape in sorted(schema.get("components", {}).get("schemas", {}).items()):
        lines += _shape(name, shape)
    return "\n".join(lines) + "\n"


def _operation(path: str, method: str, about: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `{method.upper()} {path}`"
    yield ""
    if summary := about.get("summary") or about.get("description"):
        yield f"{_line(summary)}."
        yield ""
    if parameters := about.get("parameters"):
        yield "| parameter | in | type | says |"
        yield "| --- | --- | --- | --- |"
        for one in parameters:
            needed = "" if one.get("required") else ", optional"
            kind = _kind(one.get("schema", {}))
            yield f"| `{one['name']}` | {one['in']}{needed} | {kind} | {_line(one.get('description', ''))} |"
        yield ""
    for media, content in about.get("requestBody", {}).get("content", {}).items():
        yield f"Takes {_kind(content.get('schema', {}))} as `{media}`."
        yield ""
    for status, answer in about.get("responses", {}).items():
        shapes = [_kind(content.get("schema", {})) for content in answer.get("content", {}).values()]
        says = ", ".join(filter(None, shapes)) or _line(answer["description"])
        yield f"- **{status}** {says}"
    yield ""


def _shape(name: str, shape: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    if description := shape.get("description"):
        yield _line(description)
        yield ""
    if properties := shape.get("properties"):
        needed = set(shape.get("required", ()))
        yield "| field | type | says |"
        yield "| --- | --- | --- |"
        for field, about in properties.items():
            optional = "" if field in needed else ", optional"
            yield f"| `{field}` | {_kind(about)}{optional} | {_line(about.get('description', ''))} |"
        yield ""


def _kind(schema: Mapping[str, Any]) -> str:
    """A type in a few words, with links to shapes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(filter(None, map(_kind, schema[several]))))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {})) or 'anything'}"
    return str(schema.get("format") or schema.get("type") or "")


def _line(text: str) -> str:
    """One line of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").rstrip(".")
