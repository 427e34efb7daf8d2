"""What the values in the facts are, and what the operators do with them.

Every operation is total: it answers with a value, with MISSING where a path is not there, or with a Fault
where the values do not fit. Facts come as JSON gives them (null, booleans, numbers, strings, lists, objects);
Decimal, date and datetime are welcome too. Everything else equals nothing and cannot be ordered.

- Numbers of every type are compared by the number they write, exactly: the float 0.1 is one tenth. Arithmetic
  is decimal, with 34 digits. NaN counts as missing; the infinities compare and do not calculate.
- Strings are compared character by character, and ordered by code point unless both are dates or times of ISO
  8601, which are ordered as moments (without an offset: UTC).
- Values of different kinds are unequal; ordering them is a fault.
"""

import operator as operators
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final, Literal

from officium.apps.rules.conditions.pattern import LONGEST_SUBJECT, PatternInvalid, compiled, found_in

FaultCode = Literal["type", "div_zero", "overflow", "pattern", "facts"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a condition has no answer although nothing is missing; `position` counts characters from 0."""

    code: FaultCode
    position: int
    message: str


class Missing:
    """The value of a path that is not in the facts; there is one of it, MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

_PLAIN: Final = frozenset({type(None), bool, int, float, str, list, dict, Decimal, datetime, Missing})
_KIND_OF_TYPE: Final[dict[type, str]] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    datetime: "a time",
}
_NUMBERS: Final = frozenset({int, float, Decimal})
_MAX_NESTING: Final = 64
_DECIMALS: Final = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[])
_MOST_BITS: Final = 16_384
"""An integer beyond this counts as infinite beside a fraction, and does not calculate."""
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def plain(value: object) -> object:
    """A fact as one of the types the operations know; a type they do not know stays as it is."""
    kind = type(value)
    if kind is float:
        return value if value == value else MISSING
    if kind is Decimal:
        return MISSING if value.is_nan() else value  # type: ignore[attr-defined]
    if kind in _PLAIN:
        return value
    return _plain_of_subtype(value)


def _plain_of_subtype(value: object) -> object:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return plain(float.__float__(value))
    if isinstance(value, Decimal):
        return plain(Decimal(value))
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.timetz())
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def kind_of(value: object) -> str:
    """What a plain value is, in words."""
    return _KIND_OF_TYPE.get(type(value), "something that is no JSON value")


def read_step(value: object, step: str | int) -> object:
    """One step of a path: a member of an object or of a list, or MISSING."""
    if isinstance(step, str):
        if type(value) is dict:
            return value.get(step, MISSING)
        if isinstance(value, Mapping):
            return value.get(step, MISSING)
        return MISSING
    if isinstance(value, list | tuple) and step < len(value):
        return value[step]
    return MISSING


def equal(left: object, right: object, nesting: int = 0) -> object:
    """Whether two values are the same: True, False, or MISSING where a missing one decides."""
    left, right = plain(left), plain(right)
    if left is MISSING or right is MISSING:
        return MISSING
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return _numbers_equal(left, right)
    if kind is list and other is list:
        return _lists_equal(left, right, nesting)  # type: ignore[arg-type]
    if kind is dict and other is dict:
        return _objects_equal(left, right, nesting)  # type: ignore[arg-type]
    if kind is datetime or other is datetime:
        first, second = moment_of(left), moment_of(right)
        return first is not None and second is not None and first == second
    return kind is other and kind in _KIND_OF_TYPE and left == right


def _numbers_equal(left: object, right: object) -> bool:
    if type(left) is type(right):
        return left == right
    return decimal_of(left) == decimal_of(right)


def _lists_equal(left: list[object], right: list[object], nesting: int) -> object:
    if len(left) != len(right):
        return False
    return _all_equal(zip(left, right, strict=True), nesting)


def _objects_equal(left: dict[object, object], right: dict[object, object], nesting: int) -> object:
    if left.keys() != right.keys():
        return False
    return _all_equal(((value, right[key]) for key, value in left.items()), nesting)


def _all_equal(pairs: object, nesting: int) -> object:
    if nesting >= _MAX_NESTING:
        return False
    verdict: object = True
    for left, right in pairs:  # type: ignore[attr-defined]
        same = equal(left, right, nesting + 1)
        if same is False:
            return False
        if same is not True:
            verdict = MISSING
    return verdict


def ordered(operator: str, left: object, right: object, position: int) -> object:
    """`<`, `<=`, `>` or `>=`: True, False, MISSING or a Fault."""
    left, right = plain(left), plain(right)
    if left is MISSING or right is MISSING:
        return MISSING
    kind, other = type(left), type(right)
    order = _ORDERS[operator]
    if kind in _NUMBERS and other in _NUMBERS:
        return order(left, right) if kind is other else order(decimal_of(left), decimal_of(right))
    if kind is str and other is str:
        return _strings_ordered(order, left, right)  # type: ignore[arg-type]
    if kind is datetime or other is datetime:
        first, second = moment_of(left), moment_of(right)
        if first is not None and second is not None:
            return order(first, second)
    return Fault("type", position, f"{operator} cannot order {kind_of(left)} and {kind_of(right)}.")


def _strings_ordered(order: Callable[[object, object], bool], left: str, right: str) -> bool:
    if left[4:5] == "-" and right[4:5] == "-":
        first, second = moment_of(left), moment_of(right)
        if first is not None and second is not None:
            return order(first, second)
    return order(left, right)


def moment_of(value: object) -> datetime | None:
    """A point in time as an aware datetime, from one or from its text."""
    if isinstance(value, str):
        if not _MOMENT.fullmatch(value):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.utcoffset() is None else value.astimezone(UTC)
    except (OverflowError, ValueError):
        return value.replace(tzinfo=UTC)


def decimal_of(value: object) -> Decimal:
    """The number a value writes: a float is the shortest decimal that stands for it."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    assert isinstance(value, int)
    if value.bit_length() > _MOST_BITS:
        return Decimal("Infinity") if value > 0 else Decimal("-Infinity")
    return Decimal(value)


def inside(value: object, values: object, position: int) -> object:
    """`IN`: whether a list holds a value."""
    values = plain(values)
    if values is MISSING:
        return MISSING
    if type(values) is not list:
        return Fault("type", position, f"IN wants a list on its right, not {kind_of(values)}.")
    return _holds(values, value)


def contains(whole: object, part: object, position: int) -> object:
    """`CONTAINS`: whether a list holds a value, or a string a piece of text."""
    whole, part = plain(whole), plain(part)
    if whole is MISSING:
        return MISSING
    if type(whole) is list:
        return _holds(whole, part)
    if part is MISSING and type(whole) is str:
        return MISSING
    if type(whole) is str and type(part) is str:
        return part in whole
    if type(whole) is str:
        return Fault("type", position, f"CONTAINS finds text in a string, not {kind_of(part)}.")
    return Fault("type", position, f"CONTAINS wants a string or a list on its left, not {kind_of(whole)}.")


def _holds(values: list[object], value: object) -> object:
    if value is MISSING:
        return MISSING
    verdict: object = False
    for item in values:
        same = equal(item, value)
        if same is True:
            return True
        if same is MISSING:
            verdict = MISSING
    return verdict


def edges(operator: str, whole: object, part: object, position: int) -> object:
    """`STARTS_WITH` and `ENDS_WITH`."""
    whole, part = plain(whole), plain(part)
    if whole is MISSING or part is MISSING:
        return MISSING
    if type(whole) is str and type(part) is str:
        return whole.startswith(part) if operator == "STARTS_WITH" else whole.endswith(part)
    wrong, side = (whole, "left") if type(whole) is not str else (part, "right")
    return Fault("type", position, f"{operator} wants a string on its {side}, not {kind_of(wrong)}.")


def matches(whole: object, expression: object, position: int) -> object:
    """`MATCHES`: whether a regular expression occurs in a string."""
    whole = plain(whole)
    if whole is MISSING:
        return MISSING
    if type(whole) is not str or type(expression) is not str:
        return Fault("type", position, f"MATCHES wants a string on its left, not {kind_of(whole)}.")
    if len(whole) > LONGEST_SUBJECT:
        return Fault(
            "overflow", position, f"MATCHES searches strings of up to {LONGEST_SUBJECT:,} characters."
        )
    try:
        return found_in(compiled(expression), whole)
    except PatternInvalid as problem:
        return Fault("pattern", position, f"The regular expression does not work: {problem}.")


def negative(value: object, position: int) -> object:
    """A number with its sign turned."""
    value = plain(value)
    if value is MISSING or isinstance(value, Fault):
        return value
    if type(value) is int or type(value) is float or type(value) is Decimal:
        return -value if type(value) is not Decimal else value.copy_negate()
    return Fault("type", position, f"- wants a number, not {kind_of(value)}.")


def calculated(operator: str, left: object, right: object, position: int) -> object:
    """`+ - * / %` on two numbers, in decimal with 34 digits; the remainder has the sign of the left side."""
    if type(left) is not Decimal or not left.is_finite():
        left = plain(left)
    if type(right) is not Decimal or not right.is_finite():
        right = plain(right)
    if left is MISSING or right is MISSING:
        return MISSING
    if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
        wrong = left if type(left) not in _NUMBERS else right
        return Fault("type", position, f"{operator} wants numbers, not {kind_of(wrong)}.")
    first, second = decimal_of(left), decimal_of(right)
    if operator in "/%" and second == 0:
        return Fault("div_zero", position, f"The right side of {operator} is zero.")
    result = _CALCULATIONS[operator](first, second)
    if not (first.is_finite() and second.is_finite() and result.is_finite()):
        return Fault("overflow", position, f"The result of {operator} is too large.")
    return result


_CALCULATIONS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _DECIMALS.add,
    "-": _DECIMALS.subtract,
    "*": _DECIMALS.multiply,
    "/": _DECIMALS.divide,
    "%": _DECIMALS.remainder,
}


def as_truth(value: object, position: int) -> object:
    """A value where true or false is needed: True, False, MISSING or a Fault."""
    if value is True or value is False or value is MISSING or type(value) is Fault:
        return value
    value = plain(value)
    if value is MISSING:
        return MISSING
    return Fault("type", position, f"Something true or false is needed here, not {kind_of(value)}.")
