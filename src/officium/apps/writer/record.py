"""A context's record as lines, as a prompt tells them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_LONGEST_VALUE = 20_000


def lines_of(record: Mapping[str, Any]) -> str:
    """`Label: value` for each field, `- ` for the items of lists; nested things stay on one line."""
    return "\n".join(line for name, value in record.items() for line in _lines(label_of(name), value))


def label_of(name: str) -> str:
    """The name of a field in words: `days_in_stage` is `Days in stage`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _lines(label: str, value: Any) -> Iterator[str]:
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{label}:"
        yield from (f"- {_inline(item)}" for item in value if item not in (None, "", {}, []))
    else:
        yield f"{label}: {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = {label_of(name): part for name, part in value.items() if part not in (None, "")}
        return "; ".join(f"{label}: {_inline(part)}" for label, part in parts.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_inline, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value)[:_LONGEST_VALUE].split())
