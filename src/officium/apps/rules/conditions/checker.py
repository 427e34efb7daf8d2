"""A condition against the declared types of its paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

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
from officium.apps.rules.conditions.pattern import PatternInvalid, compiled
from officium.apps.rules.conditions.types import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    Declarations,
    PathType,
    declarations,
)
from officium.apps.rules.conditions.values import moment_of

ProblemCode = Literal[
    "unknown_path",
    "type_mismatch",
    "wrong_operator",
    "unknown_value",
    "not_a_truth",
    "constant",
    "div_zero",
    "pattern",
]


_MOST_MEANT: Final = 8


@dataclass(frozen=True, slots=True)
class ConditionProblem:
    """One thing that cannot be right about a condition; `position` counts characters from 0."""

    position: int
    code: ProblemCode
    message: str
    suggestion: str | None = None


def check_condition(condition: Condition, types: Mapping[str, PathType]) -> list[ConditionProblem]:
    """Everything in a condition that the declared types rule out, in the order of the text.

    A condition without problems can still meet facts that are not as declared; evaluating says so then.
    """
    checker = _Checker(declarations(types))
    checker.truth(condition.root)
    return sorted(checker.problems, key=lambda problem: problem.position)


class _Checker:
    """Goes through a tree once and notes what it finds."""

    def __init__(self, declared: Declarations) -> None:
        self._declared = declared
        self._types: dict[int, PathType] = {}
        self._meant: dict[str, str | None] = {}
        self.problems: list[ConditionProblem] = []

    def truth(self, node: Node) -> None:
        """Check a node that must be true or false."""
        kind = self._type(node)
        if kind.kind not in ("boolean", "any"):
            suggestion = f"Compare it: {_source(node)} > 0." if kind.kind == "number" else None
            if kind.kind in ("string", "timestamp"):
                suggestion = f'Compare it: {_source(node)} == "…".'
            message = f"{_source(node)} is {_a(kind)}, not true or false."
            self._note(node.position, "not_a_truth", message, suggestion)

    def _type(self, node: Node) -> PathType:
        """The type of a node, after checking everything below it."""
        kind = self._types[id(node)] = self._checked(node)
        return kind

    def _checked(self, node: Node) -> PathType:
        match node:
            case Path():
                return self._path(node)
            case Number():
                return NUMBER
            case Text():
                return STRING
            case Truth():
                return BOOLEAN
            case Null():
                return NULL
            case ListOf(items):
                return PathType("list", _common([self._type(item) for item in items]))
            case Negative(operand):
                self._number(operand, "-")
                return NUMBER
            case Arithmetic(first, rest):
                self._arithmetic(first, rest)
                return NUMBER
            case IsNull(operand):
                self._type(operand)
            case Not(operand):
                self.truth(operand)
            case And(operands) | Or(operands):
                for operand in operands:
                    self.truth(operand)
            case Between(value, low, high):
                kind = self._type(value)
                self._ordered("BETWEEN", (value, kind), (low, self._type(low)), node.position)
                self._ordered("BETWEEN", (value, kind), (high, self._type(high)), node.position)
            case Comparison():
                self._comparison(node)
        return BOOLEAN

    def _path(self, path: Path) -> PathType:
        found = self._declared.type_of(path.steps)
        if found is not None:
            return found
        for length in range(len(path.steps) - 1, 0, -1):
            above = self._declared.type_of(path.steps[:length])
            if above is not None and above.kind != "object":
                whole = Path(path.steps[:length]).name
                message = f"${whole} is {_a(above)}, so there is no ${path.name}."
                self._note(path.position, "unknown_path", message, self._close(path.name))
                return ANY
        self._note(path.position, "unknown_path", f"There is no ${path.name}.", self._close(path.name))
        return ANY

    def _close(self, name: str) -> str | None:
        """The declared path that was probably meant; looked for a few times only, as it takes its time."""
        if name in self._meant:
            return self._meant[name]
        if len(self._meant) >= _MOST_MEANT:
            return None
        meant = self._meant[name] = _closest_path(name, self._declared)
        return meant

    def _arithmetic(self, first: Node, rest: tuple[tuple[str, Node], ...]) -> None:
        self._number(first, rest[0][0])
        for operator, operand in rest:
            self._number(operand, operator)
            if operator in "/%" and isinstance(operand, Number) and operand.value == 0:
                self._note(operand.position, "div_zero", f"The right side of {operator} is always zero.")

    def _number(self, node: Node, operator: str) -> None:
        kind = self._type(node)
        if kind.kind not in ("number", "any"):
            message = f"{operator} calculates with numbers; {_source(node)} is {_a(kind)}."
            self._note(node.position, "type_mismatch", message)

    def _comparison(self, node: Comparison) -> None:
        left, right = (node.left, self._type(node.left)), (node.right, self._type(node.right))
        if not any(isinstance(each, Path) for each in walk(node)):
            self._note(node.position, "constant", "This compares two constants.", self._meant_path(node))
            return
        match node.operator:
            case "==" | "!=":
                self._same(node, left, right)
            case "IN":
                self._inside(node, left, right)
            case "CONTAINS":
                self._contains(node, left, right)
            case "STARTS_WITH" | "ENDS_WITH" | "MATCHES":
                self._textual(node, left, right)
            case _:
                self._ordered(node.operator, left, right, node.operator_position)

    def _meant_path(self, node: Comparison) -> str | None:
        for side in (node.left, node.right):
            if isinstance(side, Text) and side.is_bare:
                steps: tuple[str | int, ...] = (side.value,)
                if self._declared.type_of(steps) is not None:
                    return f"Did you mean ${side.value}?"
                ends = [name for name in self._declared.by_name if name.rsplit(".", 1)[-1] == side.value]
                if ends:
                    return f"Did you mean ${ends[0]}?"
        return None

    def _same(self, node: Comparison, left: tuple[Node, PathType], right: tuple[Node, PathType]) -> None:
        (first, one), (second, other) = left, right
        if "any" in (one.kind, other.kind) or "null" in (one.kind, other.kind):
            return
        if _text_or_number(one) != _text_or_number(other):
            self._mismatch(node.operator, left, right)
            return
        self._listed(first, one, second)
        self._listed(second, other, first)

    def _mismatch(self, operator: str, left: tuple[Node, PathType], right: tuple[Node, PathType]) -> None:
        (first, one), (second, other) = left, right
        message = f"{operator} compares {_a(one)} ({_source(first)}) with {_a(other)} ({_source(second)})."
        self._note(second.position, "type_mismatch", message, _conversion(one, second))

    def _listed(self, node: Node, kind: PathType, other: Node) -> None:
        """Note a constant that is none of the values a path can have."""
        if not kind.values or not isinstance(other, Text | Number) or other.value in kind.values:
            return
        known = [str(value) for value in kind.values]
        lower = {each.lower(): each for each in known}
        close = get_close_matches(str(other.value).lower(), lower, n=1, cutoff=0.6)
        suggestion = f"Did you mean {lower[close[0]]}?" if close else f"It is one of {', '.join(known[:10])}."
        message = f"{_source(node)} is never {other.value}."
        self._note(other.position, "unknown_value", message, suggestion)

    def _ordered(
        self, operator: str, left: tuple[Node, PathType], right: tuple[Node, PathType], position: int
    ) -> None:
        for node, kind in (left, right):
            if kind.kind in ("boolean", "list", "object", "null"):
                suggestion = "Write == or != to compare with it."
                if kind.kind == "list":
                    suggestion = "Write CONTAINS to look into a list."
                self._note(
                    position,
                    "wrong_operator",
                    f"{operator} cannot order {_a(kind)} ({_source(node)}).",
                    suggestion,
                )
                return
        (_, one), (_, other) = left, right
        if "any" in (one.kind, other.kind):
            return
        if _text_or_number(one) != _text_or_number(other):
            self._mismatch(operator, left, right)
        elif "timestamp" in (one.kind, other.kind):
            for node, _ in (left, right):
                if isinstance(node, Text) and moment_of(node.value) is None:
                    message = f"{node.value!r} is no time."
                    suggestion = 'Write it like "2026-11-21" or "2026-11-21T10:00:00Z".'
                    self._note(node.position, "type_mismatch", message, suggestion)

    def _inside(self, node: Comparison, left: tuple[Node, PathType], right: tuple[Node, PathType]) -> None:
        (first, _), (second, other) = left, right
        if other.kind not in ("list", "any"):
            contained = f"Write {_source(second)} CONTAINS {_source(first)}."
            suggestion = contained if other.kind == "string" else None
            message = f"IN looks into a list; {_source(second)} is {_a(other)}."
            self._note(node.operator_position, "wrong_operator", message, suggestion)
        elif isinstance(second, ListOf):
            for item in second.items:
                self._element(left, item)
        elif other.items is not None:
            self._fits(left, other.items, second)

    def _element(self, left: tuple[Node, PathType], item: Node) -> None:
        first, one = left
        other = self._types[id(item)]
        if one.kind in ("any", "null") or other.kind in ("any", "null"):
            return
        if _text_or_number(one) != _text_or_number(other):
            self._mismatch("IN", left, (item, other))
        else:
            self._listed(first, one, item)

    def _fits(self, element: tuple[Node, PathType], items: PathType, holder: Node) -> None:
        node, kind = element
        if "any" in (kind.kind, items.kind) or "null" in (kind.kind, items.kind):
            return
        if _text_or_number(kind) != _text_or_number(items):
            message = f"{_source(holder)} holds {_many(items)}; {_source(node)} is {_a(kind)}."
            self._note(node.position, "type_mismatch", message, _conversion(items, node))
        else:
            self._listed(holder, items, node)

    def _contains(self, node: Comparison, left: tuple[Node, PathType], right: tuple[Node, PathType]) -> None:
        (first, one), (second, other) = left, right
        if one.kind == "list":
            if one.items is not None:
                self._fits(right, one.items, first)
        elif one.kind in ("string", "timestamp"):
            if other.kind not in ("string", "timestamp", "any"):
                message = f"CONTAINS finds text in a string; {_source(second)} is {_a(other)}."
                self._note(second.position, "type_mismatch", message, _conversion(one, second))
        elif one.kind != "any":
            message = f"CONTAINS looks into a string or a list; {_source(first)} is {_a(one)}."
            self._note(node.operator_position, "wrong_operator", message, "Write == to compare.")

    def _textual(self, node: Comparison, left: tuple[Node, PathType], right: tuple[Node, PathType]) -> None:
        for side, kind in (left, right):
            if kind.kind not in ("string", "timestamp", "any"):
                message = f"{node.operator} is for strings; {_source(side)} is {_a(kind)}."
                self._note(node.operator_position, "wrong_operator", message)
                return
        if node.operator == "MATCHES" and isinstance(node.right, Text):
            try:
                compiled(node.right.value)
            except PatternInvalid as problem:
                message = f"The regular expression does not work: {problem}."
                self._note(node.right.position, "pattern", message)

    def _note(self, position: int, code: ProblemCode, message: str, suggestion: str | None = None) -> None:
        self.problems.append(ConditionProblem(position, code, message, suggestion))


def _closest_path(name: str, declared: Declarations) -> str | None:
    """The declared path that a name is a slip of, or that ends in the same word."""
    lower = {each.lower(): each for each in declared.by_name if abs(len(each) - len(name)) <= len(name) // 2}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"Did you mean ${lower[close[0]]}?"
    last = name.rsplit(".", 1)[-1].lower()
    ends = (each for each in declared.by_name if each.rsplit(".", 1)[-1].lower() == last)
    meant = next(ends, None)
    return f"Did you mean ${meant}?" if meant is not None else None


def _common(kinds: list[PathType]) -> PathType | None:
    """The type that all elements of a list share, where there is one."""
    if not kinds:
        return None
    first = kinds[0]
    return first if all(kind.kind == first.kind for kind in kinds) else ANY


def _text_or_number(kind: PathType) -> str:
    return "string" if kind.kind == "timestamp" else kind.kind


_ARTICLES = {
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "timestamp": "a time",
    "list": "a list",
    "object": "an object",
    "null": "null",
    "any": "anything",
}


def _a(kind: PathType) -> str:
    return _ARTICLES[kind.kind]


def _many(kind: PathType) -> str:
    return {"boolean": "true and false", "any": "anything", "null": "null"}.get(kind.kind, f"{kind.kind}s")


def _source(node: Node) -> str:
    """A node in the fewest words that a message needs."""
    match node:
        case Path():
            return f"${node.name}"
        case Number(value):
            return str(value)[:40]
        case Text(value):
            return f'"{value[:40]}"'
        case Truth(value):
            return "true" if value else "false"
        case Null():
            return "null"
        case ListOf():
            return "the list"
        case Arithmetic() | Negative():
            return "the calculation"
        case _:
            return "the condition"


def _named(node: Node) -> str:
    return _source(node)


def _conversion(wanted: PathType, node: Node) -> str | None:
    """How to write a constant so that it has the wanted type."""
    if wanted.kind == "number" and isinstance(node, Text):
        number = node.value.strip().removesuffix("%")
        if number.replace(".", "", 1).removeprefix("-").isdecimal():
            return f"Write {number} without quotes."
    if wanted.kind == "string" and isinstance(node, Number | Truth):
        return f'Write "{_source(node)}" with quotes.'
    if (
        wanted.kind == "boolean"
        and isinstance(node, Text)
        and node.value.lower() in ("true", "false", "yes", "no")
    ):
        return f"Write {'true' if node.value.lower() in ('true', 'yes') else 'false'} without quotes."
    if wanted.kind == "boolean" and isinstance(node, Number) and node.value in (0, 1):
        return f"Write {'true' if node.value else 'false'}."
    return None
