"""JSONLogic as its reference implementation answers it: what conditions are exported to, and no more.

A missing path is null. What the reference would coerce (ordering or calculating with anything but numbers,
ordering unlike types) is `Coerced`: there the export does not claim to say the same.
"""

import math
from functools import reduce
from itertools import pairwise
from typing import Any


class Coerced(Exception):
    """The reference answers by turning one type into another."""


def jsonlogic(rule: Any, data: Any) -> Any:
    """What a rule gives for these data."""
    if isinstance(rule, list):
        return [jsonlogic(each, data) for each in rule]
    if not isinstance(rule, dict) or len(rule) != 1:
        return rule
    [(name, said)] = rule.items()
    args = said if isinstance(said, list) else [said]
    if name in ("and", "or"):
        value: Any = False
        for each in args:
            value = jsonlogic(each, data)
            if is_true(value) == (name == "or"):
                break
        return value
    values = [jsonlogic(each, data) for each in args]
    if name == "var":
        return _read(values, data)
    return _OPERATIONS[name](values)


def is_true(value: Any) -> bool:
    """What JSONLogic takes for true."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return isinstance(value, dict) or (bool(value) and not is_nan)


def _read(values: list[Any], data: Any) -> Any:
    default = values[1] if len(values) > 1 else None
    if not values or values[0] in ("", None):
        return data
    for step in str(values[0]).split("."):
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return default
    return data


def _same(values: list[Any]) -> bool:
    one, other = values
    if isinstance(one, list | dict) or isinstance(other, list | dict):
        raise Coerced("objects are the same only if they are one object")
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _ordered(values: list[Any], *, is_equal_too: bool) -> bool:
    if not (all(map(_is_number, values)) or all(isinstance(value, str) for value in values)):
        raise Coerced("unlike types are ordered as numbers")
    if is_equal_too:
        return all(one <= other for one, other in pairwise(values))
    return all(one < other for one, other in pairwise(values))


def _within(values: list[Any]) -> bool:
    part, whole = values
    if isinstance(whole, str):
        if not isinstance(part, str):
            raise Coerced("what is no text is looked for as text")
        return part in whole
    return isinstance(whole, list) and any(_same([part, each]) for each in whole)


def _numbers(values: list[Any]) -> list[float]:
    if not all(map(_is_number, values)):
        raise Coerced("arithmetic turns everything into numbers")
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _minus(values: list[Any]) -> float:
    numbers = _numbers(values)
    return -numbers[0] if len(numbers) == 1 else reduce(lambda one, other: one - other, numbers)


def _divided(values: list[Any]) -> float:
    one, other = _numbers(values)
    if other == 0:
        raise Coerced("a division by zero is infinite")
    return one / other


def _remainder(values: list[Any]) -> float:
    one, other = _numbers(values)
    if other == 0:
        raise Coerced("a division by zero is no number")
    return math.fmod(one, other)


def _part(values: list[Any]) -> str:
    text, start, *length = values
    if not isinstance(text, str):
        raise Coerced("what is no text is cut as text")
    whole = text[start:] if start >= 0 else text[max(0, len(text) + start) :]
    if not length:
        return whole
    return whole[: length[0]] if length[0] >= 0 else whole[: max(0, len(whole) + length[0])]


_OPERATIONS: dict[str, Any] = {
    "===": _same,
    "!==": lambda values: not _same(values),
    "<": lambda values: _ordered(values, is_equal_too=False),
    "<=": lambda values: _ordered(values, is_equal_too=True),
    ">": lambda values: _ordered(values[::-1], is_equal_too=False),
    ">=": lambda values: _ordered(values[::-1], is_equal_too=True),
    "!": lambda values: not is_true(values[0]),
    "in": _within,
    "+": lambda values: sum(_numbers(values)),
    "-": _minus,
    "*": lambda values: math.prod(_numbers(values)),
    "/": _divided,
    "%": _remainder,
    "substr": _part,
}
OPERATORS = frozenset((*_OPERATIONS, "var", "and", "or"))
