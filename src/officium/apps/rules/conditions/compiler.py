"""From tree to closures.

Each node becomes a function of the facts. The common shapes (a path beside a number or a string, AND and OR)
get functions of their own that look at the exact type first and leave everything unusual to `values`, so that
the quick way and the thorough way cannot differ.
"""

import operator as operators
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

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
    walk,
)
from officium.apps.rules.conditions.logic import between, joined, opposite
from officium.apps.rules.conditions.pattern import LONGEST_SUBJECT, PatternInvalid, compiled, found_in
from officium.apps.rules.conditions.trace import compared, missing_in, traced
from officium.apps.rules.conditions.values import (
    MISSING,
    Fault,
    as_truth,
    calculated,
    decimal_of,
    negative,
    plain,
    read_step,
)
from officium.apps.rules.conditions.verdict import DOES_NOT_HOLD, HOLDS, Verdict

Facts = Mapping[str, object]
Closure = Callable[[Facts], object]
Gaps = Callable[[Facts], Iterable[str]]

_DECIDING: Final = (Not, And, Or, Comparison, Between, IsNull)

_SAFE_INTEGER: Final = 2**53
_NATIVE: Final[dict[str, Callable[[Any, Any], object]]] = {
    "==": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition ready to be evaluated many times; safe to share between threads."""

    condition: Condition
    _truth: Closure = field(repr=False, compare=False)
    _gaps: "Gaps" = field(repr=False, compare=False)

    def evaluate(self, facts: Facts) -> Verdict:
        """Whether the condition holds for these facts; never raises, whatever they are."""
        try:
            truth = self._truth(facts)
            if truth is True:
                return HOLDS
            if truth is False:
                return DOES_NOT_HOLD
            if isinstance(truth, Fault):
                return Verdict(None, (), truth)
            return Verdict(None, tuple(dict.fromkeys(self._gaps(facts))))
        except Exception as problem:
            # facts may be objects of any class, with comparisons and look-ups that fail in ways of their own
            return Verdict(
                None, (), Fault("facts", 0, f"The facts cannot be read ({type(problem).__name__}).")
            )


def compile_condition(condition: Condition) -> CompiledCondition:
    """Make a condition ready to be evaluated."""
    return CompiledCondition(condition, *_with_gaps(condition.root))


def _with_gaps(node: Node) -> tuple[Closure, Gaps]:
    """The closure of a node, and one that names the missing paths when that answers MISSING."""
    match node:
        case Not(operand):
            inner, gaps = _with_gaps(operand)
            return lambda facts: opposite(inner(facts)), gaps
        case And(operands) | Or(operands):
            parts = [_with_gaps(operand) for operand in operands]
            join = _all_of if isinstance(node, And) else _any_of
            return join([truth for truth, _ in parts]), _gaps_of_all(parts)
        case _:
            return _truth(node), _gaps_of_leaf(node)


def _gaps_of_all(parts: list[tuple[Closure, Gaps]]) -> Gaps:
    return lambda facts: [name for truth, gaps in parts if truth(facts) is MISSING for name in gaps(facts)]


def _gaps_of_leaf(leaf: Node) -> Gaps:
    below = tuple(walk(leaf))
    if any(isinstance(node, _DECIDING) for node in below[1:]):
        # a question inside a comparison may have an answer although a path in it is missing
        return lambda facts: missing_in(traced(leaf, facts))
    reads = [(node.name, _read(node.steps)) for node in below if isinstance(node, Path)]
    return lambda facts: [name for name, read in reads if plain(read(facts)) is MISSING]


def _truth(node: Node) -> Closure:
    """A closure that answers True, False, MISSING or a Fault."""
    match node:
        case Not() | And() | Or():
            return _with_gaps(node)[0]
        case Comparison():
            return _comparison(node)
        case Between(value, low, high):
            return _between(_closure(value), _closure(low), _closure(high), value.position)
        case IsNull(operand):
            return _is_null(_closure(operand))
        case _:
            closure, position = _closure(node), node.position
            return lambda facts: as_truth(closure(facts), position)


def _closure(node: Node) -> Closure:
    """A closure that answers with the value of a node, MISSING or a Fault."""
    match node:
        case Path(steps):
            return _read(steps)
        case Number(value) | Text(value) | Truth(value):
            return lambda facts: value
        case Null():
            return lambda facts: None
        case ListOf(items):
            return _list([_closure(item) for item in items])
        case Negative(operand):
            return _negative(_closure(operand), node.position)
        case Arithmetic(first, rest):
            operands: list[tuple[str, Closure]] = [(operator, _quantity(each)) for operator, each in rest]
            return _arithmetic(_quantity(first), operands, node.position)
        case _:
            return _truth(node)


def _quantity(node: Node) -> Closure:
    """The closure of an operand of a calculation; constants are ready to be calculated with."""
    if not isinstance(node, Number):
        return _closure(node)
    exact = decimal_of(node.value)
    return lambda facts: exact


def _read(steps: tuple[str | int, ...]) -> Closure:
    match steps:
        case (str() as only,):

            def read_one(facts: Facts) -> object:
                return facts.get(only, MISSING) if type(facts) is dict else read_step(facts, only)

            return read_one
        case (str() as outer, str() as inner):

            def read_two(facts: Facts) -> object:
                value = facts.get(outer, MISSING) if type(facts) is dict else read_step(facts, outer)
                return value.get(inner, MISSING) if type(value) is dict else read_step(value, inner)

            return read_two
        case _:

            def read(facts: Facts) -> object:
                value: object = facts
                for step in steps:
                    value = read_step(value, step)
                return value

            return read


def _all_of(operands: list[Closure]) -> Closure:
    def every(facts: Facts) -> object:
        for at, operand in enumerate(operands):
            truth = operand(facts)
            if truth is False:
                return False
            if truth is not True:
                return joined([truth, *(later(facts) for later in operands[at + 1 :])], decisive=False)
        return True

    return every


def _any_of(operands: list[Closure]) -> Closure:
    def some(facts: Facts) -> object:
        for at, operand in enumerate(operands):
            truth = operand(facts)
            if truth is True:
                return True
            if truth is not False:
                return joined([truth, *(later(facts) for later in operands[at + 1 :])], decisive=True)
        return False

    return some


def _comparison(node: Comparison) -> Closure:
    left = _closure(node.left)
    match node.operator, node.right:
        case ("==" | "!=" | "<" | "<=" | ">" | ">=") as operator, Number(number) if (
            abs(number) <= _SAFE_INTEGER
        ):
            return _beside_number(operator, left, number, node.operator_position)
        case ("==" | "!=") as operator, Text(text):
            return _beside_text(operator, left, text, node.operator_position)
        case "IN", ListOf(items) if items and all(isinstance(item, Text) for item in items):
            texts = [item.value for item in items if isinstance(item, Text)]
            return _among_texts(left, texts, node.operator_position)
        case "MATCHES", Text(expression):
            return _matches(left, expression, node.operator_position)
        case _:
            return _compared(node.operator, left, _closure(node.right), node.operator_position)


def _compared(operator: str, left: Closure, right: Closure, position: int) -> Closure:
    def compare(facts: Facts) -> object:
        first, second = left(facts), right(facts)
        if type(first) is Fault:
            return first
        if type(second) is Fault:
            return second
        return compared(operator, first, second, position)

    return compare


def _beside_number(operator: str, left: Closure, number: int | float, position: int) -> Closure:
    """Python compares integers and floats exactly, and so does the language below 2**53, where both agree."""
    native = _NATIVE[operator]
    exact = decimal_of(number)

    def compare(facts: Facts) -> object:
        value = left(facts)
        kind = type(value)
        if kind is int or (kind is float and value == value):
            return native(value, number)
        if kind is Decimal and value.is_finite():  # type: ignore[attr-defined]
            return native(value, exact)
        return value if kind is Fault else compared(operator, value, number, position)

    return compare


def _beside_text(operator: str, left: Closure, text: str, position: int) -> Closure:
    native = _NATIVE[operator]

    def compare(facts: Facts) -> object:
        value = left(facts)
        kind = type(value)
        if kind is str:
            return native(value, text)
        return value if kind is Fault else compared(operator, value, text, position)

    return compare


def _among_texts(left: Closure, texts: list[str], position: int) -> Closure:
    known = frozenset(texts)

    def among(facts: Facts) -> object:
        value = left(facts)
        kind = type(value)
        if kind is str:
            return value in known
        return value if kind is Fault else compared("IN", value, texts, position)

    return among


def _matches(left: Closure, expression: str, position: int) -> Closure:
    try:
        pattern = compiled(expression)
    except PatternInvalid as problem:
        fault = Fault("pattern", position, f"The regular expression does not work: {problem}.")
        return lambda facts: fault

    def match(facts: Facts) -> object:
        value = left(facts)
        kind = type(value)
        if kind is str and len(value) <= LONGEST_SUBJECT:  # type: ignore[arg-type]
            return found_in(pattern, value)  # type: ignore[arg-type]
        return value if kind is Fault else compared("MATCHES", value, expression, position)

    return match


def _between(value: Closure, low: Closure, high: Closure, position: int) -> Closure:
    return lambda facts: between(value(facts), low(facts), high(facts), position)


def _is_null(operand: Closure) -> Closure:
    def is_null(facts: Facts) -> object:
        value = operand(facts)
        if value is None or value is MISSING:
            return True
        return value if type(value) is Fault else plain(value) is MISSING

    return is_null


def _list(items: list[Closure]) -> Closure:
    def listed(facts: Facts) -> object:
        values = [item(facts) for item in items]
        for value in values:
            if type(value) is Fault:
                return value
        return values

    return listed


def _negative(operand: Closure, position: int) -> Closure:
    return lambda facts: negative(operand(facts), position)


def _arithmetic(first: Closure, rest: list[tuple[str, Closure]], position: int) -> Closure:
    def calculate(facts: Facts) -> object:
        value = first(facts)
        operands = [(operator, operand(facts)) for operator, operand in rest]
        if type(value) is Fault:
            return value
        for _, operand in operands:
            if type(operand) is Fault:
                return operand
        for operator, operand in operands:
            value = calculated(operator, value, operand, position)
            if type(value) is Fault:
                return value
        return value

    return calculate
