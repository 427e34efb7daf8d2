"""Reading JSON bodies: typed fields, and errors that name the faulty part.

Each reader takes the object, the field's name and the object's own path ("" for the body itself, else as
`messages[2].content[0]`). A field that is absent or null reads as `None`. What has the wrong type or lies
out of range raises InvalidRequest with `param` set to the field's path.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn

from officium.kit.errors import InvalidRequest

_LONGEST_MODEL_NAME = 256
"""Names are keys of many a table in memory, so they cannot be as long as a body."""


def join(path: str, name: str) -> str:
    """The path of field `name` in the object at `path`."""
    return f"{path}.{name}" if path else name


def refuse(path: str, message: str) -> NoReturn:
    """Raise InvalidRequest about the part at `path`; `message` continues a sentence that begins with it."""
    raise InvalidRequest(f"`{path}` {message}", param=path)


def text_field(body: Mapping[str, Any], name: str, path: str = "") -> str | None:
    """The string under `name`."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    refuse(join(path, name), f"must be a string, not {json_type(value)}.")


def required_text(body: Mapping[str, Any], name: str, path: str = "") -> str:
    """The string under `name`, which must be there and not be empty."""
    value = text_field(body, name, path)
    if not value:
        refuse(join(path, name), "is required and must be a string that is not empty.")
    return value


def model_name(body: Mapping[str, Any]) -> str:
    """The body's `model`, which must be there and be no longer than a name."""
    name = required_text(body, "model")
    if len(name) > _LONGEST_MODEL_NAME:
        refuse("model", f"must not be longer than {_LONGEST_MODEL_NAME} characters.")
    return name


def number(
    body: Mapping[str, Any], name: str, low: float | None = None, high: float | None = None, path: str = ""
) -> float | None:
    """The number under `name`, from `low` to `high`, both included."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(join(path, name), f"must be a number, not {json_type(value)}.")
    _check_range(value, low, high, join(path, name))
    return value


def integer(
    body: Mapping[str, Any], name: str, low: int | None = None, high: int | None = None, path: str = ""
) -> int | None:
    """The whole number under `name`, from `low` to `high`, both included. `3.0` is one."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(join(path, name), f"must be a whole number, not {json_type(value)}.")
    _check_range(value, low, high, join(path, name))
    return value


def flag(body: Mapping[str, Any], name: str, path: str = "") -> bool | None:
    """The boolean under `name`."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    refuse(join(path, name), f"must be true or false, not {json_type(value)}.")


def choice(body: Mapping[str, Any], name: str, allowed: Collection[str], path: str = "") -> str | None:
    """The string under `name`, which must be one of `allowed`."""
    value = text_field(body, name, path)
    if value is not None and value not in allowed:
        refuse(join(path, name), f"must be one of {', '.join(map(repr, allowed))}.")
    return value


def object_field(body: Mapping[str, Any], name: str, path: str = "") -> Mapping[str, Any] | None:
    """The object under `name`."""
    value = body.get(name)
    if value is None or isinstance(value, dict):
        return value
    refuse(join(path, name), f"must be an object, not {json_type(value)}.")


def required_object(body: Mapping[str, Any], name: str, path: str = "") -> Mapping[str, Any]:
    """The object under `name`, which must be there."""
    value = object_field(body, name, path)
    if value is None:
        refuse(join(path, name), "is required and must be an object.")
    return value


def list_field(body: Mapping[str, Any], name: str, path: str = "") -> list[Any] | None:
    """The list under `name`."""
    value = body.get(name)
    if value is None or isinstance(value, list):
        return value
    refuse(join(path, name), f"must be a list, not {json_type(value)}.")


def list_of_objects(
    body: Mapping[str, Any], name: str, path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects in the list under `name`, each with its own path; none where there is no list."""
    for index, item in enumerate(list_field(body, name, path) or ()):
        here = f"{join(path, name)}[{index}]"
        if not isinstance(item, dict):
            refuse(here, f"must be an object, not {json_type(item)}.")
        yield here, item


def list_of_texts(body: Mapping[str, Any], name: str, path: str = "") -> tuple[str, ...]:
    """The strings in the list under `name`; none where there is no list."""
    values = list_field(body, name, path) or ()
    for index, item in enumerate(values):
        if not isinstance(item, str):
            refuse(f"{join(path, name)}[{index}]", f"must be a string, not {json_type(item)}.")
    return tuple(values)


def json_type(value: object) -> str:
    """What JSON calls the value's type, with an article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def _check_range(value: float, low: float | None, high: float | None, path: str) -> None:
    if (low is None or value >= low) and (high is None or value <= high):
        return
    if high is None:
        refuse(path, f"must be at least {low}.")
    if low is None:
        refuse(path, f"must be at most {high}.")
    refuse(path, f"must lie between {low} and {high}.")
