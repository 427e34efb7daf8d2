"""From tree to text, in one canonical form."""

import re
from decimal import Decimal
from typing import Final

from officium.apps.rules.conditions.condition import (
    MAX_LENGTH,
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
    path_name,
    quoted,
)
from officium.apps.rules.conditions.tokens import KEYWORDS

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _VALUE = range(7)
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")
_SYMBOLS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_SHORT: Final = {
    "==": "=",
    "AND": "&&",
    "OR": "||",
    "NOT": "!",
    "STARTS_WITH": "STARTSWITH",
    "ENDS_WITH": "ENDSWITH",
}
_SAFE_INTEGER: Final = 2**53


def format_condition(condition: Condition) -> str:
    """Write a condition in its canonical form; reading that gives the same condition again.

    Words in capitals, one space between parts, no bracket that is not needed. Only a condition that would
    pass the limit of 4,096 characters so is written in the shortest way there is.
    """
    return text_of(condition.root)


def text_of(node: Node) -> str:
    """The canonical form of one node."""
    text = _joined(_Writer(is_shortest=False).tokens(node, _OR))
    if len(text) > MAX_LENGTH:
        return _squeezed(_Writer(is_shortest=True).tokens(node, _OR))
    return text


class _Writer:
    """Writes nodes as lists of tokens."""

    def __init__(self, *, is_shortest: bool) -> None:
        self._is_shortest = is_shortest

    def tokens(self, node: Node, level: int, *, may_be_bare: bool = False) -> list[str]:
        """A node at a place that takes `level` or tighter without brackets."""
        own, tokens = self._node(node, may_be_bare)
        return tokens if own >= level else ["(", *tokens, ")"]

    def _node(self, node: Node, may_be_bare: bool) -> tuple[int, list[str]]:
        """How tightly a node binds, and its tokens."""
        match node:
            case Path(steps):
                return _VALUE, [f"${path_name(steps, is_shortest=self._is_shortest)}"]
            case Number(value):
                return _VALUE, self._number(value)
            case Text(value):
                is_bare = may_be_bare and _BARE.fullmatch(value) and value.upper() not in KEYWORDS
                return _VALUE, [value if is_bare else quoted(value, is_shortest=self._is_shortest)]
            case Truth(value):
                return _VALUE, ["true" if value else "false"]
            case Null():
                return _VALUE, ["null"]
            case ListOf(items):
                return _VALUE, ["[", *self._separated(items), "]"]
            case Negative(operand):
                inner = self.tokens(operand, _VALUE)
                is_number = isinstance(operand, Number) and not inner[0].startswith("-")
                return _VALUE, ["-", "(", *inner, ")"] if is_number else ["-", *inner]
            case Arithmetic(first, rest):
                own = _SUM if rest[0][0] in "+-" else _PRODUCT
                tokens = self.tokens(first, own + 1)
                for operator, operand in rest:
                    tokens += [operator, *self.tokens(operand, own + 1)]
                return own, tokens
            case Comparison() | Between() | IsNull():
                return _COMPARISON, self._comparison(node, ())
            case Not(Comparison(operator)) if operator in _SYMBOLS or self._is_shortest:
                return _NOT, [self._word("NOT"), *self.tokens(node.operand, _COMPARISON)]
            case Not(Comparison() | Between() | IsNull() as inner_node) if not self._is_shortest:
                return _COMPARISON, self._comparison(inner_node, ("NOT",))
            case Not(operand):
                level = _VALUE if isinstance(operand, Not) else _COMPARISON
                return _NOT, [self._word("NOT"), *self.tokens(operand, level)]
            case And(operands):
                return _AND, self._chain("AND", operands, _NOT)
            case Or(operands):
                return _OR, self._chain("OR", operands, _AND)

    def _comparison(self, node: Comparison | Between | IsNull, negation: tuple[str, ...]) -> list[str]:
        match node:
            case IsNull(operand):
                return [*self.tokens(operand, _SUM), "IS", *negation, "NULL"]
            case Between(value, low, high):
                parts = [self.tokens(part, _SUM, may_be_bare=True) for part in (value, low, high)]
                return [*parts[0], *negation, "BETWEEN", *parts[1], "TO", *parts[2]]
            case Comparison(operator, left, right):
                may_be_bare = operator != "MATCHES"
                return [
                    *self.tokens(left, _SUM, may_be_bare=True),
                    *negation,
                    self._word(operator),
                    *self.tokens(right, _SUM, may_be_bare=may_be_bare),
                ]

    def _chain(self, word: str, operands: tuple[Node, ...], level: int) -> list[str]:
        tokens = self.tokens(operands[0], level)
        for operand in operands[1:]:
            tokens += [self._word(word), *self.tokens(operand, level)]
        return tokens

    def _separated(self, items: tuple[Node, ...]) -> list[str]:
        tokens: list[str] = []
        for item in items:
            if tokens:
                tokens.append(",")
            tokens += self.tokens(item, _SUM, may_be_bare=True)
        return tokens

    def _word(self, word: str) -> str:
        return _SHORT.get(word, word) if self._is_shortest else word

    def _number(self, value: int | float) -> list[str]:
        text = _shortest_number(abs(value)) if self._is_shortest else _number(abs(value))
        return ["-", text] if value < 0 else [text]


def _number(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer() and value < _SAFE_INTEGER:
        return str(int(value))
    return str(value)


def _shortest_number(value: int | float) -> str:
    written = _number(value)
    if isinstance(value, int) and value >= _SAFE_INTEGER:
        return written
    exact = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, exact.digits))
    return min((written, f"{digits}e{exact.exponent}"), key=len)


def _joined(pieces: list[str]) -> str:
    """One space between pieces, none inside brackets and after a sign."""
    parts: list[str] = []
    before = "("
    is_sign = False
    for piece in pieces:
        if before not in ("(", "[") and piece not in (")", "]", ",") and not is_sign:
            parts.append(" ")
        is_sign = piece == "-" and not _ends_value(before)
        parts.append(piece)
        before = piece
    return "".join(parts)


_WORD_OPERATORS: Final = frozenset(KEYWORDS.values()) - {"TRUE", "FALSE", "NULL"}


def _ends_value(piece: str) -> bool:
    return piece in (")", "]") or (piece[-1] not in "([,+-*/%<>=!&|" and piece not in _WORD_OPERATORS)


def _squeezed(pieces: list[str]) -> str:
    """No space but where two pieces would be read as one."""
    parts: list[str] = []
    before = ""
    for piece in pieces:
        merges = before and _is_wordly(before[-1]) and _is_wordly(piece[0])
        if merges or (piece == "-" and before and (_BARE.fullmatch(before) or _is_year(before))):
            parts.append(" ")
        parts.append(piece)
        before = piece
    return "".join(parts)


def _is_wordly(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_year(piece: str) -> bool:
    """Whether a number and a minus behind it could be taken for the start of a date."""
    return len(piece) == 4 and piece.isdecimal()
