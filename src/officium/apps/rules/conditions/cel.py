"""A condition in Google's Common Expression Language.

A missing path and a value of the wrong type are errors in CEL, which `&&` and `||` absorb as this language
does, so an exported condition is true and false on the same facts. What differs: every first name of a path
must be handed in as a variable; arithmetic is binary, not decimal; booleans can be ordered; IN looks at the
keys of an object; dates with different offsets are ordered as text; and a list that holds a missing value is
an error as a whole.
"""

import re
from collections.abc import Callable
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
    walk,
)
from officium.apps.rules.conditions.errors import ConditionNotExpressible

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in"),
        *("let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
_TYPES: Final = frozenset(
    (
        "bool",
        "bytes",
        "double",
        "dyn",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "timestamp",
        "duration",
        "type",
        "uint",
    )
)
"""Names of CEL's own types and of what makes them: fine behind a dot, taken as variables."""
_MAX_INT: Final = 2**63 - 1
_METHODS: Final = {"STARTS_WITH": "startsWith", "ENDS_WITH": "endsWith", "MATCHES": "matches"}
_AN_ERROR: Final = "double(1 / 0)"


def to_cel(condition: Condition) -> str:
    """Write a condition in CEL.

    Raises ConditionNotExpressible where the first name of a path is no identifier there.
    """
    roots = {node.steps[0] for node in walk(condition.root) if isinstance(node, Path)}
    bound = "it"
    while bound in roots:
        bound += "_"
    return _Exporter(bound).truth(condition.root)


class _Exporter:
    """Writes nodes; `bound` is a variable name that the condition does not use."""

    def __init__(self, bound: str) -> None:
        self._bound = bound

    def truth(self, node: Node) -> str:
        """A node where CEL wants a boolean."""
        if isinstance(node, Number | Text | Null | ListOf | Negative | Arithmetic):
            return f"dyn({self._value(node)})"
        return self._value(node)

    def _value(self, node: Node) -> str:
        match node:
            case Path():
                return _path(node)
            case Number(value):
                return _number(value)
            case Text(value):
                return _string(value)
            case Truth(value):
                return "true" if value else "false"
            case Null():
                return "null"
            case ListOf(items):
                return f"[{', '.join(self._value(item) for item in items)}]"
            case Negative() | Arithmetic():
                return self._number(node)
            case Comparison():
                return self._comparison(node)
            case Between(value, low, high):
                return self._between(value, low, high)
            case IsNull(operand):
                return self._is_null(operand)
            case Not(operand):
                inner = self.truth(operand)
                return f"!{inner}" if isinstance(operand, Path | And | Or) else f"!({inner})"
            case And(operands):
                return f"({' && '.join(self.truth(operand) for operand in operands)})"
            case Or(operands):
                return f"({' || '.join(self.truth(operand) for operand in operands)})"

    def _loose(self, node: Node) -> str:
        """A value that CEL's type checker leaves to the evaluation, as this language does."""
        value = self._value(node)
        return value if isinstance(node, Path) else f"dyn({value})"

    def _number(self, node: Node) -> str:
        """A node as a double. The two signs keep `double` from reading numbers out of strings."""
        match node:
            case Number(value):
                return repr(float(value))
            case Negative(operand):
                return f"(-{self._number(operand)})"
            case Arithmetic(first, rest):
                written = self._number(first)
                for operator, operand in rest:
                    written = self._calculated(operator, written, operand)
                return written
            case _:
                return f"-double(-{self._loose(node)})"

    def _calculated(self, operator: str, left: str, operand: Node) -> str:
        right = self._number(operand)
        if operator in "+-*":
            return f"({left} {operator} {right})"
        is_safe = isinstance(operand, Number) and operand.value != 0
        if operator == "/" and is_safe:
            return f"({left} / {right})"
        it = self._bound
        checked = f"{it}[1] == 0.0 ? {_AN_ERROR} : "
        if operator == "/":
            return f"[[{left}, {right}]].map({it}, {checked}{it}[0] / {it}[1])[0]"
        remainder = f"{it}[0] - {it}[1] * double(int({it}[0] / {it}[1]))"
        return f"[[{left}, {right}]].map({it}, {checked}{remainder})[0]"

    def _comparison(self, node: Comparison) -> str:
        match node.operator:
            case "IN":
                return self._inside(node.left, node.right)
            case "CONTAINS":
                return self._contains(node.left, node.right)
            case "STARTS_WITH" | "ENDS_WITH" | "MATCHES":
                part = self._value(node.right) if isinstance(node.right, Text) else self._loose(node.right)
                return f"{self._loose(node.left)}.{_METHODS[node.operator]}({part})"
            case _:
                return f"({self._loose(node.left)} {node.operator} {self._beside(node.left, node.right)})"

    def _beside(self, left: Node, right: Node) -> str:
        """A value whose type CEL cannot hold against that of the other side."""
        is_fine = isinstance(left, Path) and isinstance(right, Number | Text | Truth | Null | ListOf)
        return self._value(right) if is_fine else self._loose(right)

    def _inside(self, value: Node, values: Node) -> str:
        if not isinstance(values, ListOf) or not any(isinstance(below, Path) for below in walk(values)):
            return f"({self._loose(value)} in {self._beside(value, values)})"
        return self._bind(
            value, lambda it: f"({' || '.join(f'{it} == {self._loose(item)}' for item in values.items)})"
        )

    def _contains(self, whole: Node, part: Node) -> str:
        if isinstance(whole, ListOf):
            return self._inside(part, whole)
        if isinstance(part, Text | Number | Truth | Null):
            written = self._value(part) if isinstance(part, Text) else self._loose(part)
            return self._bind(
                whole, lambda it: f"(type({it}) == list ? {written} in {it} : {it}.contains({written}))"
            )
        it = self._bound
        pair = f"[[dyn({self._value(whole)}), dyn({self._value(part)})]]"
        choice = f"type({it}[0]) == list ? {it}[1] in {it}[0] : {it}[0].contains({it}[1])"
        return f"{pair}.map({it}, {choice})[0]"

    def _between(self, value: Node, low: Node, high: Node) -> str:
        lowest, highest = self._beside(value, low), self._beside(value, high)
        return self._bind(value, lambda it: f"({it} >= {lowest} && {it} <= {highest})")

    def _bind(self, node: Node, body: Callable[[str], str]) -> str:
        """Use a value several times and write it once, or conditions would double in size level by level."""
        if isinstance(node, Path | Number | Text | Truth | Null):
            return body(self._loose(node))
        return f"[{self._loose(node)}].map({self._bound}, {body(self._bound)})[0]"

    def _is_null(self, operand: Node) -> str:
        if not isinstance(operand, Path):
            return f"({self._loose(operand)} == null)"
        questions: list[str] = []
        for length in range(1, len(operand.steps)):
            above, step = _path(Path(operand.steps[:length], operand.position)), operand.steps[length]
            if isinstance(step, int):
                questions.append(f"type({above}) != list || size({above}) <= {step}")
            else:
                questions.append(f"type({above}) != map || !({_string(step)} in {above})")
        return f"({' || '.join([*questions, f'{_path(operand)} == null'])})"


def _path(path: Path) -> str:
    first = str(path.steps[0])
    if not _IDENTIFIER.fullmatch(first) or first in _RESERVED | _TYPES:
        raise ConditionNotExpressible(f"CEL has no variables named {first!r}.", path.position)
    written = first
    for step in path.steps[1:]:
        if isinstance(step, int):
            written += f"[{step}]"
        elif _IDENTIFIER.fullmatch(step) and step not in _RESERVED:
            written += f".{step}"
        else:
            written += f"[{_string(step)}]"
    return written


def _number(value: int | float) -> str:
    if isinstance(value, int) and abs(value) > _MAX_INT:
        try:
            return repr(float(value))
        except OverflowError:
            return "1e400" if value > 0 else "-1e400"
    return repr(value)


def _string(value: str) -> str:
    written = []
    for character in value:
        if character in ('"', "\\"):
            written.append(f"\\{character}")
        elif character.isprintable():
            written.append(character)
        else:
            written.append(f"\\U{ord(character):08x}")
    return f'"{"".join(written)}"'
