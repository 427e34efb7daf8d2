"""A condition carried out step by step, with the value of every node kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from officium.apps.rules.conditions.condition import (
    And,
    Arithmetic,
    Between,
    Comparison,
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
    children_of,
)
from officium.apps.rules.conditions.logic import between, joined, opposite
from officium.apps.rules.conditions.values import (
    MISSING,
    Fault,
    as_truth,
    calculated,
    contains,
    edges,
    equal,
    inside,
    matches,
    negative,
    ordered,
    plain,
    read_step,
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A node, the value it had (which may be MISSING or a Fault), and the nodes below it."""

    node: Node
    value: object
    children: "tuple[Trace, ...]"


def traced(node: Node, facts: Mapping[str, object]) -> Trace:
    """Carry out a node and everything below it; what one operand decides is not hidden by another."""
    children = tuple(traced(child, facts) for child in children_of(node))
    if isinstance(node, Path):
        return Trace(node, _read(node, facts), ())
    return Trace(node, _value(node, [child.value for child in children]), children)


def missing_in(trace: Trace) -> tuple[str, ...]:
    """The names of the missing paths that keep a value open, in the order of the text."""
    return tuple(dict.fromkeys(_missing(trace)))


def _missing(trace: Trace) -> list[str]:
    if trace.value is not MISSING and not isinstance(trace.node, ListOf):
        return []
    if isinstance(trace.node, Path):
        return [trace.node.name]
    return [name for child in trace.children for name in _missing(child)]


def _read(path: Path, facts: Mapping[str, object]) -> object:
    value: object = facts
    for step in path.steps:
        value = read_step(value, step)
    return plain(value)


def _value(node: Node, values: list[object]) -> object:
    match node:
        case Number(value) | Text(value) | Truth(value):
            return value
        case Null():
            return None
        case Not(operand):
            return opposite(as_truth(values[0], operand.position))
        case And(operands) | Or(operands):
            decisive = isinstance(node, Or)
            truths = [as_truth(value, each.position) for value, each in zip(values, operands, strict=True)]
            return joined(truths, decisive)
        case Between(value):
            return between(values[0], values[1], values[2], value.position)
        case _:
            fault = next((value for value in values if isinstance(value, Fault)), None)
            return fault if fault is not None else _value_of_sound(node, values)


def _value_of_sound(node: Node, values: list[object]) -> object:
    match node:
        case ListOf():
            return values
        case Negative():
            return negative(values[0], node.position)
        case Arithmetic(_, rest):
            return _sum_up(
                values[0],
                [(operator, value) for (operator, _), value in zip(rest, values[1:], strict=True)],
                node,
            )
        case IsNull():
            return values[0] is None or values[0] is MISSING
        case Comparison(operator):
            return compared(operator, values[0], values[1], node.operator_position)
        case _:
            raise AssertionError(f"{type(node).__name__} has no value of its own")


def _sum_up(value: object, rest: list[tuple[str, object]], node: Node) -> object:
    for operator, operand in rest:
        value = calculated(operator, value, operand, node.position)
        if isinstance(value, Fault):
            return value
    return value


def compared(operator: str, left: object, right: object, position: int) -> object:
    """A comparison of two values: True, False, MISSING or a Fault."""
    match operator:
        case "==":
            return equal(left, right)
        case "!=":
            return opposite(equal(left, right))
        case "IN":
            return inside(left, right, position)
        case "CONTAINS":
            return contains(left, right, position)
        case "STARTS_WITH" | "ENDS_WITH":
            return edges(operator, left, right, position)
        case "MATCHES":
            return matches(left, right, position)
        case _:
            return ordered(operator, left, right, position)
