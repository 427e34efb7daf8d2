"""A condition as a JSON tree, for editors and for programs that build conditions.

{"path": ["metrics", "cpu"]} · {"value": 80} · {"list": [node, …]}
{"op": "and", "args": [node, node, …]}, and likewise or, not, ==, !=, <, <=, >, >=, in, contains,
starts_with, ends_with, matches, between (value, low, high), is_null, negative
{"op": "calculate", "operators": ["+", "-"], "args": [node, node, node]}
"""

import math
import re
from collections.abc import Callable
from typing import Final, cast, get_args

from officium.apps.rules.conditions.condition import (
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Arithmetic,
    ArithmeticOperator,
    Between,
    Comparison,
    ComparisonOperator,
    Condition,
    IsNull,
    ListOf,
    Negative,
    Node,
    Not,
    Null,
    Number,
    Or,
    Path,
    Text,
    Truth,
)
from officium.apps.rules.conditions.errors import ConditionSyntaxError, InvalidConditionTree
from officium.apps.rules.conditions.formatter import format_condition
from officium.apps.rules.conditions.parser import parse_condition

_COMPARISONS: Final[dict[str, ComparisonOperator]] = {
    name.lower(): name for name in get_args(ComparisonOperator)
}
_ARITHMETIC: Final = frozenset("+-*/%")


def condition_to_json(condition: Condition) -> dict[str, object]:
    """The tree of a condition as JSON values."""
    return _to_json(condition.root)


def _to_json(node: Node) -> dict[str, object]:
    match node:
        case Path(steps):
            return {"path": list(steps)}
        case Number(value) | Text(value) | Truth(value):
            return {"value": value}
        case Null():
            return {"value": None}
        case ListOf(items):
            return {"list": [_to_json(item) for item in items]}
        case Negative(operand):
            return _operation("negative", operand)
        case Arithmetic(first, rest):
            operators = [operator for operator, _ in rest]
            args = [_to_json(operand) for operand in (first, *(operand for _, operand in rest))]
            return {"op": "calculate", "operators": operators, "args": args}
        case Comparison(operator, left, right):
            return _operation(operator.lower(), left, right)
        case Between(value, low, high):
            return _operation("between", value, low, high)
        case IsNull(operand):
            return _operation("is_null", operand)
        case Not(operand):
            return _operation("not", operand)
        case And(operands):
            return _operation("and", *operands)
        case Or(operands):
            return _operation("or", *operands)


def _operation(name: str, *operands: Node) -> dict[str, object]:
    return {"op": name, "args": [_to_json(operand) for operand in operands]}


def condition_from_json(tree: object) -> Condition:
    """Read a condition from a JSON tree; it gets its canonical text, and with that its positions.

    Raises InvalidConditionTree for a tree that is none, and for one whose text would pass a limit of the
    language.
    """
    built = Condition(_from_json(tree, "tree", 0))
    text = format_condition(built)
    if len(text) > MAX_LENGTH:
        raise _invalid("tree", f"written as text it has more than {MAX_LENGTH:,} characters")
    try:
        condition = parse_condition(text)
    except ConditionSyntaxError as error:
        raise _invalid("tree", error.message) from None
    if condition != built:
        raise _invalid("tree", "no text says the same")
    return condition


def _from_json(tree: object, place: str, depth: int) -> Node:
    if not isinstance(tree, dict):
        raise _invalid(place, "a node is an object")
    if depth > 2 * MAX_DEPTH:
        raise _invalid(place, "too many nodes stand inside each other")
    match tree:
        case {"path": list(steps), **rest} if not rest:
            return _path(steps, place)
        case {"value": value, **rest} if not rest:
            return _constant(value, place)
        case {"list": list(items), **rest} if not rest:
            return ListOf(_nodes(items, f"{place}.list", depth))
        case {"op": "calculate", "operators": list(operators), "args": list(args), **rest} if not rest:
            return _calculation(operators, _nodes(args, f"{place}.args", depth), place)
        case {"op": str(name), "args": list(args), **rest} if not rest:
            return _from_operation(name, _nodes(args, f"{place}.args", depth), place)
    raise _invalid(place, "a node has path, value, list, or op and args, and nothing else")


def _nodes(trees: list[object], place: str, depth: int) -> tuple[Node, ...]:
    if len(trees) > MAX_LENGTH:
        raise _invalid(place, "there are too many")
    return tuple(_from_json(tree, f"{place}[{at}]", depth + 1) for at, tree in enumerate(trees))


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _path(steps: list[object], place: str) -> Path:
    for step in steps:
        is_index = isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 10**9
        if not is_index and (not isinstance(step, str) or _SURROGATE.search(step)):
            raise _invalid(f"{place}.path", "a step is a name, or an index from 0")
    try:
        return Path(cast(tuple[str | int, ...], tuple(steps)))
    except ValueError as problem:
        raise _invalid(f"{place}.path", str(problem)) from None


def _constant(value: object, place: str) -> Node:
    match value:
        case None:
            return Null()
        case bool():
            return Truth(value)
        case int() | float() if math.isfinite(value) and abs(value) < 10**400:
            return Number(value)
        case str() if not _SURROGATE.search(value):
            return Text(value)
    raise _invalid(f"{place}.value", "a constant is null, true, false, a number or a string")


def _calculation(operators: list[object], operands: tuple[Node, ...], place: str) -> Arithmetic:
    if len(operands) != len(operators) + 1 or not all(
        isinstance(operator, str) and operator in _ARITHMETIC for operator in operators
    ):
        raise _invalid(place, "a calculation has + - * / or % between its args")
    rest = tuple(zip(cast(list[ArithmeticOperator], operators), operands[1:], strict=True))
    try:
        return Arithmetic(operands[0], rest)
    except ValueError as problem:
        raise _invalid(place, str(problem)) from None


_ONE: Final[dict[str, Callable[[Node], Node]]] = {"not": Not, "is_null": IsNull, "negative": Negative}


def _from_operation(name: str, operands: tuple[Node, ...], place: str) -> Node:
    count = len(operands)
    if name in _ONE and count == 1:
        return _ONE[name](operands[0])
    if name in _COMPARISONS and count == 2:
        return Comparison(_COMPARISONS[name], operands[0], operands[1])
    if name == "between" and count == 3:
        return Between(operands[0], operands[1], operands[2])
    if name in ("and", "or") and count >= 2:
        return And(operands) if name == "and" else Or(operands)
    if name in _ONE or name in _COMPARISONS or name in ("between", "and", "or"):
        raise _invalid(f"{place}.args", f"{name} takes another number of args than {count}")
    raise _invalid(f"{place}.op", f"there is no operation {name[:40]!r}")


def _invalid(place: str, problem: str) -> InvalidConditionTree:
    return InvalidConditionTree(f"The tree is no condition: {problem} ({place}).", param=place)
