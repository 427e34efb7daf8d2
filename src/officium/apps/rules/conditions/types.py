"""What the paths of the facts are declared to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from officium.apps.rules.conditions.condition import path_name

Kind = Literal["number", "string", "boolean", "timestamp", "list", "object", "null", "any"]


@dataclass(frozen=True, slots=True)
class PathType:
    """What stands behind a path.

    `items` is what a list holds; `values` are the only values there are, in the spelling of the facts; `unit`
    is told to people and checked nowhere. A `timestamp` is a string of ISO 8601; `any` and `object` allow any
    path below.
    """

    kind: Kind
    items: "PathType | None" = None
    values: tuple[str | int | float, ...] = ()
    unit: str | None = None


ANY: Final = PathType("any")
NUMBER: Final = PathType("number")
STRING: Final = PathType("string")
BOOLEAN: Final = PathType("boolean")
NULL: Final = PathType("null")
OBJECT: Final = PathType("object")


@dataclass(frozen=True, slots=True)
class Declarations:
    """Declared paths by name: `metrics.cpu`, `items[].price` for a member of every element; a leading $ is
    allowed."""

    by_name: Mapping[str, PathType]
    objects: frozenset[str]
    """The names that are no declared path and stand before one: `metrics` where `metrics.cpu` is declared."""

    def type_of(self, steps: tuple[str | int, ...]) -> PathType | None:
        """The type of a path, or None where nothing declares it."""
        for length in range(len(steps), 0, -1):
            declared = self._declared(steps[:length])
            if declared is not None:
                return _below(declared, steps[length:])
        return OBJECT if _general_name(steps) in self.objects else None

    def _declared(self, steps: tuple[str | int, ...]) -> PathType | None:
        exact = self.by_name.get(path_name(steps))
        return exact if exact is not None else self.by_name.get(_general_name(steps))


def declarations(types: Mapping[str, PathType]) -> Declarations:
    """Make declared paths ready to be looked up."""
    by_name = {name.removeprefix("$"): declared for name, declared in types.items()}
    objects = {
        name[:at] for name in by_name for at, character in enumerate(name) if character in ".[" and at
    } - by_name.keys()
    return Declarations(by_name, frozenset(objects))


def _general_name(steps: tuple[str | int, ...]) -> str:
    """The name of a path with every index left open: `items[].price`."""
    parts: list[str] = []
    for step in steps:
        part = path_name((step,)) if isinstance(step, str) else "[]"
        parts.append(part if not parts or part.startswith("[") else f".{part}")
    return "".join(parts)


def _below(declared: PathType, steps: tuple[str | int, ...]) -> PathType | None:
    for step in steps:
        if declared.kind in ("any", "object"):
            return ANY
        if declared.kind != "list" or isinstance(step, str):
            return None
        declared = declared.items or ANY
    return declared
