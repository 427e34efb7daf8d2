"""A condition back in plain English, by template."""

from collections.abc import Mapping
from typing import Final

from officium.apps.rules.conditions.condition import (
    And,
    Arithmetic,
    Between,
    Comparison,
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
from officium.apps.rules.conditions.formatter import text_of
from officium.apps.rules.conditions.types import Declarations, PathType, declarations

_PHRASES: Final = {
    "==": ("is", "is not"),
    "!=": ("is not", "is"),
    "<": ("is below", "is not below"),
    "<=": ("is at most", "is more than"),
    ">": ("is above", "is not above"),
    ">=": ("is at least", "is less than"),
    "CONTAINS": ("contains", "does not contain"),
    "STARTS_WITH": ("starts with", "does not start with"),
    "ENDS_WITH": ("ends with", "does not end with"),
    "MATCHES": ("matches the pattern", "does not match the pattern"),
}
_PHRASES_OF_TIME: Final = {
    "<": ("is before", "is not before"),
    "<=": ("is no later than", "is later than"),
    ">": ("is after", "is not after"),
    ">=": ("is no earlier than", "is earlier than"),
}
_HAVE_UNITS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_NO_TYPES: Final = declarations({})


def describe_condition(condition: Condition, types: Mapping[str, PathType] | None = None) -> str:
    """Say a condition in words, without a capital or a full stop: `metrics.cpu is above 80 %`.

    `types` adds units, and speaks of times as times.
    """
    return phrase(condition.root, declarations(types) if types else _NO_TYPES)


def phrase(node: Node, declared: Declarations = _NO_TYPES, *, is_negated: bool = False) -> str:
    """A node that is true or false in words, or its opposite."""
    match node:
        case Not(operand):
            return phrase(operand, declared, is_negated=not is_negated)
        case And(operands) | Or(operands):
            word = " and " if isinstance(node, And) else " or "
            joined = word.join(_part(operand, declared) for operand in operands)
            return f"it is not so that ({joined})" if is_negated else joined
        case Truth(value):
            return "always" if value != is_negated else "never"
        case IsNull(operand):
            return f"{_thing(operand)} has {'a value' if is_negated else 'no value'}"
        case Between(value, low, high):
            unit = _unit(declared, value)
            verb = "is not between" if is_negated else "is between"
            return f"{_thing(value)} {verb} {_thing(low)} and {_thing(high, unit)}"
        case Comparison():
            return _comparison(node, declared, is_negated)
        case _:
            return f"{_thing(node)} {'is not true' if is_negated else 'is true'}"


def _part(node: Node, declared: Declarations) -> str:
    said = phrase(node, declared)
    return f"({said})" if isinstance(node, And | Or) else said


def _comparison(node: Comparison, declared: Declarations, is_negated: bool) -> str:
    unit = _unit(declared, node.left) if node.operator in _HAVE_UNITS else None
    left, right = _thing(node.left), _thing(node.right, unit)
    if node.operator == "IN":
        return f"{left} {_membership(node.right, is_negated)}"
    kinds = [_type(declared, side) for side in (node.left, node.right)]
    phrases = _PHRASES
    if any(kind is not None and kind.kind == "timestamp" for kind in kinds):
        phrases = _PHRASES | _PHRASES_OF_TIME
    return f"{left} {phrases[node.operator][is_negated]} {right}"


def _membership(values: Node, is_negated: bool) -> str:
    if not isinstance(values, ListOf):
        return f"{'is not in' if is_negated else 'is in'} {_thing(values)}"
    things = [_thing(item) for item in values.items]
    if not things:
        return "is not in an empty list" if is_negated else "is in an empty list"
    if len(things) == 1:
        return f"{'is not' if is_negated else 'is'} {things[0]}"
    listed = f"{', '.join(things[:-1])} {'nor' if is_negated else 'or'} {things[-1]}"
    return f"is neither {listed}" if is_negated else f"is {listed}"


def _thing(node: Node, unit: str | None = None) -> str:
    """A value in words; `unit` is the one of what it is compared with."""
    match node:
        case Path():
            return node.name
        case Number():
            number = text_of(node)
            return f"{number} {unit}" if unit else number
        case Text(value):
            return (
                value if value[:1].isalpha() and value.isprintable() and " " not in value else text_of(node)
            )
        case Null():
            return "null"
        case Truth(value):
            return "true" if value else "false"
        case ListOf(items):
            return f"[{', '.join(_thing(item) for item in items)}]"
        case Negative(operand):
            return f"-{_operand(operand, is_sum=False)}"
        case Arithmetic(first, rest):
            is_sum = rest[0][0] in "+-"
            words = [_operand(first, is_sum)]
            for operator, operand in rest:
                words += [operator, _operand(operand, is_sum)]
            return " ".join(words)
        case _:
            return f"({phrase(node)})"


def _operand(node: Node, is_sum: bool) -> str:
    """An operand of a calculation; only a product inside a sum does without brackets."""
    needs_brackets = isinstance(node, Arithmetic) and not (is_sum and node.rest[0][0] not in "+-")
    return f"({_thing(node)})" if needs_brackets else _thing(node)


def _type(declared: Declarations, node: Node) -> PathType | None:
    return declared.type_of(node.steps) if isinstance(node, Path) else None


def _unit(declared: Declarations, node: Node) -> str | None:
    kind = _type(declared, node)
    return kind.unit if kind is not None else None
