"""A condition in JSONLogic.

JSONLogic reads a missing path as null and coerces types when it orders or calculates, so an exported
condition says the same on facts that are complete and of the declared types, and may say something else on
others.
"""

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
from officium.apps.rules.conditions.errors import ConditionNotExpressible

_OPERATORS: Final = {"==": "===", "!=": "!==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def to_jsonlogic(condition: Condition) -> object:
    """Write a condition as a JSONLogic rule, made of JSON values.

    Raises ConditionNotExpressible for MATCHES, for names with a dot, and for STARTS_WITH and ENDS_WITH beside
    anything but a constant: JSONLogic has no words for them.
    """
    return _rule(condition.root)


def _rule(node: Node) -> object:
    match node:
        case Path():
            return {"var": _name(node)}
        case Number(value) | Text(value) | Truth(value):
            return value
        case Null():
            return None
        case ListOf(items):
            return [_rule(item) for item in items]
        case Negative(operand):
            return {"-": [_rule(operand)]}
        case Arithmetic(first, rest):
            rule = _rule(first)
            for operator, operand in rest:
                rule = {operator: [rule, _rule(operand)]}
            return rule
        case Comparison():
            return _comparison(node)
        case Between(value, low, high):
            return {"<=": [_rule(low), _rule(value), _rule(high)]}
        case IsNull(operand):
            return {"===": [_rule(operand), None]}
        case Not(operand):
            return {"!": [_rule(operand)]}
        case And(operands):
            return {"and": [_rule(operand) for operand in operands]}
        case Or(operands):
            return {"or": [_rule(operand) for operand in operands]}


def _name(path: Path) -> str:
    for step in path.steps:
        if isinstance(step, str) and ("." in step or not step):
            raise ConditionNotExpressible(f"JSONLogic cannot read the name {step!r}.", path.position)
    return ".".join(str(step) for step in path.steps)


def _comparison(node: Comparison) -> object:
    left, right = _rule(node.left), _rule(node.right)
    match node.operator:
        case "IN":
            return {"in": [left, right]}
        case "CONTAINS":
            return {"in": [right, left]}
        case "STARTS_WITH" | "ENDS_WITH":
            if not isinstance(node.right, Text):
                raise ConditionNotExpressible(
                    f"JSONLogic knows {node.operator} only beside a constant.", node.operator_position
                )
            return _edge(left, node.right.value, is_start=node.operator == "STARTS_WITH")
        case "MATCHES":
            raise ConditionNotExpressible("JSONLogic has no regular expressions.", node.operator_position)
        case operator:
            return {_OPERATORS[operator]: [left, right]}


def _edge(whole: object, part: str, *, is_start: bool) -> object:
    if not part:
        return True
    substring = {"substr": [whole, 0, len(part)] if is_start else [whole, -len(part)]}
    return {"===": [substring, part]}
