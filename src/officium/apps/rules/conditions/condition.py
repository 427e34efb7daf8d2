"""A condition as a tree: what the parser makes, and everything else reads.

Every node knows the `position` of its first character in the text it came from. Positions take no part in
equality, so a condition equals the same condition written differently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

MAX_LENGTH = 4_096
"""The characters a condition may have."""
MAX_DEPTH = 64
"""How many brackets and signs may stand inside each other."""

ComparisonOperator = Literal[
    "==", "!=", "<", "<=", ">", ">=", "IN", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "MATCHES"
]
ArithmeticOperator = Literal["+", "-", "*", "/", "%"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _position() -> int:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Path:
    """A value read from the facts: `$metrics.cpu`, `$items[1].price`, `$["odd name"]`."""

    steps: tuple[str | int, ...]
    position: int = _position()

    def __post_init__(self) -> None:
        if not self.steps or not isinstance(self.steps[0], str):
            raise ValueError("a path starts with a name")

    @property
    def name(self) -> str:
        """How the path is called outside a condition: `metrics.cpu`."""
        return path_name(self.steps)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: int | float
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Text:
    """A string; `is_bare` where it was written without quotes."""

    value: str
    position: int = _position()
    is_bare: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Null:
    """`null`."""

    position: int = _position()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list as written: `[running, paused]`."""

    items: "tuple[Node, ...]"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Negative:
    """A value with its sign turned: `-$metrics.cpu`."""

    operand: "Node"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operators of one precedence from left to right: `$a + 1 - $b` is `first=$a, rest=((+, 1), (-, $b))`."""

    first: "Node"
    rest: "tuple[tuple[ArithmeticOperator, Node], ...]"
    position: int = _position()

    def __post_init__(self) -> None:
        if not self.rest or len({operator in "+-" for operator, _ in self.rest}) > 1:
            raise ValueError("the operators of a calculation are of one precedence: + and -, or * / and %")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values beside an operator; `operator_position` is where the operator stands."""

    operator: ComparisonOperator
    left: "Node"
    right: "Node"
    position: int = _position()
    operator_position: int = _position()


@dataclass(frozen=True, slots=True)
class Between:
    """`value BETWEEN low TO high`, both ends included."""

    value: "Node"
    low: "Node"
    high: "Node"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a value is null or is not there at all: the one question a missing path answers."""

    operand: "Node"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; `$x NOT IN $y` is `NOT ($x IN $y)`."""

    operand: "Node"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class And:
    """Two or more that must all hold."""

    operands: "tuple[Node, ...]"
    position: int = _position()

    def __post_init__(self) -> None:
        _require_two(self.operands)


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more of which one must hold."""

    operands: "tuple[Node, ...]"
    position: int = _position()

    def __post_init__(self) -> None:
        _require_two(self.operands)


def _require_two(operands: "tuple[Node, ...]") -> None:
    if len(operands) < 2:
        raise ValueError("AND and OR join two or more")


Node = (
    Path
    | Number
    | Text
    | Truth
    | Null
    | ListOf
    | Negative
    | Arithmetic
    | Comparison
    | Between
    | IsNull
    | Not
    | And
    | Or
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; `text` is what it was parsed from, or nothing when it was built otherwise."""

    root: Node
    text: str = field(default="", compare=False)


def children_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node, in the order of the text."""
    match node:
        case Path() | Number() | Text() | Truth() | Null():
            return ()
        case ListOf(items):
            return items
        case Negative(operand) | IsNull(operand) | Not(operand):
            return (operand,)
        case Arithmetic(first, rest):
            return (first, *(operand for _, operand in rest))
        case Comparison(_, left, right):
            return (left, right)
        case Between(value, low, high):
            return (value, low, high)
        case And(operands) | Or(operands):
            return operands


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order of the text."""
    yield node
    for child in children_of(node):
        yield from walk(child)


def paths_in(condition: Condition) -> tuple[str, ...]:
    """The names of the paths a condition reads, each once, in the order of the text."""
    return tuple(dict.fromkeys(node.name for node in walk(condition.root) if isinstance(node, Path)))


def path_name(steps: tuple[str | int, ...], *, is_shortest: bool = False) -> str:
    """Write the steps of a path as a name: `items[1].price`; names that are no words stand in `["…"]`."""
    parts: list[str] = []
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _NAME.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{quoted(step, is_shortest=is_shortest)}]")
    return "".join(parts)


_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def quoted(value: str, *, is_shortest: bool = False) -> str:
    """Write a string in quotes, with characters nobody can see escaped, or as short as can be."""
    quote = "'" if is_shortest and value.count('"') > value.count("'") else '"'
    written = []
    for character in value:
        if character == quote:
            written.append(f"\\{quote}")
        elif character in _ESCAPES:
            written.append(_ESCAPES[character])
        elif (
            character < " "
            or "\ud800" <= character <= "\udfff"
            or not (is_shortest or _is_visible(character))
        ):
            written.extend(f"\\u{unit:04x}" for unit in _utf16(character))
        else:
            written.append(character)
    return f"{quote}{''.join(written)}{quote}"


def _must_be_escaped(character: str) -> bool:
    return character < " " or "\ud800" <= character <= "\udfff"


def _is_visible(character: str) -> bool:
    return character == " " or character.isprintable()


def _utf16(character: str) -> list[int]:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2)]
