"""From text to tree.

The grammar, loosest first; words may be written in any case, and the forms after a stroke mean the same:

    condition:  conjunction (OR conjunction)*             OR || · AND && · NOT !
    conjunction: negation (AND negation)*
    negation:   NOT* comparison
    comparison: sum                                       == = · != <> · < <= > >=
              | sum [NOT] operator sum                    IN · CONTAINS · STARTS_WITH · ENDS_WITH
              | sum [NOT] MATCHES string
              | sum [NOT] BETWEEN sum TO sum
              | sum IS [NOT] NULL
    sum:        product (("+" | "-") product)*
    product:    value (("*" | "/" | "%") value)*
    value:      "-" value | path | number | string | word | true | false | null
              | "(" condition ")" | "[" [sum ("," sum)*] "]"

A word without quotes is a string, and stands beside a comparison or in a list only. Descent by hand, because
the messages need to know what has been read so far; docs/decisions/0019-condition-language.md has the
figures.
"""

from difflib import get_close_matches
from typing import Final, NoReturn, cast

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
from officium.apps.rules.conditions.errors import ConditionSyntaxError, Reason
from officium.apps.rules.conditions.pattern import PatternInvalid, compiled
from officium.apps.rules.conditions.tokens import KEYWORDS, Token, TokenKind, tokens_of

_SYMBOLS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_WORDS: Final = frozenset({"IN", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "MATCHES", "BETWEEN"})
_STARTS_COMPARISON: Final = _SYMBOLS | _WORDS | {"IS", "NOT"}


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises ConditionSyntaxError for anything that is none, for more than 4,096 characters and for more than 64
    brackets and signs inside each other.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionSyntaxError(
            f"The condition has {len(text):,} characters; it may have {MAX_LENGTH:,}.",
            MAX_LENGTH,
            "Split it into several rules.",
            reason="too_long",
        )
    return Condition(_Parser(text).condition(), text)


class _Parser:
    """One reading of one text; `token` is the next one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0
        self.token = self._tokens[0]

    def condition(self) -> Node:
        if self.token.kind == "end":
            self._fail("The condition is empty.", hint="Like $metrics.cpu > 80.")
        root = self._disjunction()
        if not self._is_at("end", None):
            self._unexpected_after(root)
        return self._claim(root)

    def _disjunction(self) -> Node:
        first = self._conjunction()
        if not self._is_at("keyword", "OR"):
            return first
        operands = [self._claim(first)]
        while self._is_at("keyword", "OR"):
            self._next()
            operands.append(self._claim(self._conjunction()))
        return Or(tuple(operands), first.position)

    def _conjunction(self) -> Node:
        first = self._negation()
        if not self._is_at("keyword", "AND"):
            return first
        operands = [self._claim(first)]
        while self._is_at("keyword", "AND"):
            self._next()
            operands.append(self._claim(self._negation()))
        return And(tuple(operands), first.position)

    def _negation(self) -> Node:
        """NOT binds looser than a comparison; two in a row cancel each other."""
        position = self.token.position
        negated = False
        while self._is_at("keyword", "NOT"):
            negated = not negated
            self._next()
        if self.token.position == position:
            return self._comparison(position, negated)
        return self._claim(self._comparison(position, negated))

    def _comparison(self, position: int, negated: bool) -> Node:
        """A comparison, its opposite, or a value without one; `position` is where it starts."""
        left = self._sum()
        if self.token.kind not in ("operator", "keyword") or self.token.value not in _STARTS_COMPARISON:
            return Not(self._claim(left), position) if negated else left
        token = self.token
        self._next()
        if token.value == "IS":
            negated ^= self._reads_not()
            node: Node = self._is_null(left)
        else:
            if token.value == "NOT":
                negated = not negated
                token = self._word_operator()
            node = self._compared(left, token)
        if self.token.kind in ("operator", "keyword") and self.token.value in _STARTS_COMPARISON:
            self._fail(
                f"A second comparison, {self.token.source}, stands behind the first.",
                hint="Join two comparisons with AND: 1 < $x AND $x < 3, or write $x BETWEEN 1 TO 3.",
            )
        return Not(node, position) if negated else node

    def _word_operator(self) -> Token:
        """The operator after the NOT of `$x NOT IN $y`."""
        token = self.token
        if token.kind != "keyword" or token.value not in _WORDS:
            self._fail(
                "After NOT beside a value comes IN, CONTAINS, STARTS_WITH, ENDS_WITH, MATCHES or"
                f" BETWEEN, not {_shown(token)}.",
                hint="Write NOT before the whole comparison: NOT $status == running.",
            )
        self._next()
        return token

    def _reads_not(self) -> bool:
        if not self._is_at("keyword", "NOT"):
            return False
        self._next()
        return True

    def _is_null(self, left: Node) -> Node:
        if not self._is_at("keyword", "NULL"):
            self._fail(
                f"After IS comes NULL or NOT NULL, not {_shown(self.token)}.",
                hint="Write == or != to compare with a value.",
            )
        self._next()
        return IsNull(left, left.position)

    def _compared(self, left: Node, token: Token) -> Node:
        """What follows a comparison operator that has been read."""
        if token.value == "BETWEEN":
            low = self._sum()
            if not self._is_at("keyword", "TO", "AND"):
                self._fail(f"BETWEEN needs TO before {_shown(self.token)}.", hint="Like $x BETWEEN 1 TO 3.")
            self._next()
            return Between(left, low, self._sum(), left.position)
        operator = cast(ComparisonOperator, token.value)
        if operator == "MATCHES":
            return Comparison(operator, left, self._pattern(), left.position, token.position)
        return Comparison(operator, left, self._sum(), left.position, token.position)

    def _pattern(self) -> Text:
        token = self.token
        if token.kind not in ("text", "word"):
            self._fail(
                f"After MATCHES comes a regular expression in quotes, not {_shown(token)}.",
                hint='Like $name MATCHES "^db-[0-9]+$".',
            )
        self._next()
        pattern = Text(str(token.value), token.position, token.kind == "word")
        try:
            compiled(pattern.value)
        except PatternInvalid as problem:
            self._fail(f"The regular expression does not work: {problem}.", token)
        return pattern

    def _sum(self) -> Node:
        first = self._product()
        if not self._is_at("operator", "+", "-"):
            return first
        rest: list[tuple[ArithmeticOperator, Node]] = []
        self._quantity(first)
        while self._is_at("operator", "+", "-"):
            operator = cast(ArithmeticOperator, self.token.value)
            self._next()
            rest.append((operator, self._quantity(self._product(), first)))
        return Arithmetic(first, tuple(rest), first.position)

    def _product(self) -> Node:
        first = self._value()
        if not self._is_at("operator", "*", "/", "%"):
            return first
        rest: list[tuple[ArithmeticOperator, Node]] = []
        self._quantity(first)
        while self._is_at("operator", "*", "/", "%"):
            operator = cast(ArithmeticOperator, self.token.value)
            self._next()
            rest.append((operator, self._quantity(self._value())))
        return Arithmetic(first, tuple(rest), first.position)

    def _value(self) -> Node:
        token = self.token
        match token.kind:
            case "path":
                self._next()
                return Path(cast(tuple[str | int, ...], token.value), token.position)
            case "number":
                self._next()
                return Number(cast(int | float, token.value), token.position)
            case "text" | "word":
                self._next()
                return Text(str(token.value), token.position, token.kind == "word")
            case "keyword" if token.value in ("TRUE", "FALSE"):
                self._next()
                return Truth(token.value == "TRUE", token.position)
            case "keyword" if token.value == "NULL":
                self._next()
                return Null(token.position)
            case "operator" if token.value == "(":
                return self._in_brackets()
            case "operator" if token.value == "[":
                return self._list()
            case "operator" if token.value == "-":
                return self._negative()
            case _:
                return self._no_value()

    def _in_brackets(self) -> Node:
        opened = self.token
        self._enter()
        inner = self._disjunction()
        if not self._is_at("operator", ")"):
            if self.token.kind == "end":
                self._fail("This bracket is never closed.", opened, hint="Add ) where it ends.")
            self._unexpected_after(inner)
        self._next()
        self._depth -= 1
        return inner

    def _list(self) -> Node:
        opened = self.token
        self._enter()
        items: list[Node] = []
        while not self._is_at("operator", "]"):
            if self.token.kind == "end":
                self._fail("This list is never closed.", opened, hint="Add ] where it ends.")
            if items:
                if not self._is_at("operator", ","):
                    self._fail(f"Between two values of a list comes a comma, not {_shown(self.token)}.")
                self._next()
            items.append(self._sum())
        self._next()
        self._depth -= 1
        return ListOf(tuple(items), opened.position)

    def _negative(self) -> Node:
        sign = self.token
        self._enter()
        token = self.token
        if token.kind == "number":
            self._next()
            self._depth -= 1
            return Number(-cast(int | float, token.value), sign.position)
        operand = self._quantity(self._value())
        self._depth -= 1
        return Negative(operand, sign.position)

    def _enter(self) -> None:
        """Read a token that opens a level."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(
                f"More than {MAX_DEPTH} brackets or signs stand inside each other.",
                hint="Split the condition into several rules.",
                reason="too_deep",
            )
        self._next()

    def _is_at(self, kind: TokenKind, *values: object) -> bool:
        """Whether the next token is of a kind, with one of these values."""
        return self.token.kind == kind and self.token.value in values

    def _next(self) -> None:
        self._at += 1
        self.token = self._tokens[self._at]

    def _claim(self, node: Node) -> Node:
        """Refuse a word without quotes where something true or false is needed."""
        if isinstance(node, Text) and node.is_bare:
            word = node.value[:40]
            hint = f"Write ${word} for a value of the facts, or compare: $status == {word}."
            self._fail_at(node.position, f"The word {word} stands alone.", hint)
        return node

    def _quantity(self, node: Node, before: Node | None = None) -> Node:
        """Refuse a word without quotes in arithmetic."""
        if isinstance(node, Text) and node.is_bare:
            hint = "A string needs quotes."
            if isinstance(before, Path):
                hint = f'A name with a hyphen stands in brackets: ["{before.steps[-1]}-{node.value}"].'
            self._fail_at(node.position, f"The word {node.value[:40]} is nothing to calculate with.", hint)
        return node

    def _no_value(self) -> NoReturn:
        token = self.token
        before = self._tokens[self._at - 1].source if self._at else ""
        where = f"after {before}" if before else "at the start"
        hint = None
        if token.kind == "end" and before == "%":
            hint = "Leave out the percent sign: $metrics.cpu > 80."
        elif before == "%":
            hint = "% is the remainder of a division; for a percentage leave the sign out."
        elif token.kind == "keyword":
            hint = f'{token.source} is a reserved word; as a string it needs quotes: "{token.source}".'
        found = "the condition ends" if token.kind == "end" else f"{_shown(token)} stands there"
        self._fail(f"A value is missing {where}: {found}.", hint=hint)

    def _unexpected_after(self, before: Node) -> NoReturn:
        token = self.token
        if token.kind == "operator" and token.value == ")":
            self._fail("This bracket was never opened.", hint="Take it away, or add ( where it starts.")
        if token.kind == "operator" and token.value == "[" and isinstance(before, Path):
            self._fail(
                "The index of a path is a number or a name in quotes.", hint='Like $items[0] or $a["b c"].'
            )
        hint = "Join two conditions with AND or OR."
        if token.kind == "word":
            hint = _meant(token.source) or (f"{hint} A string of several words needs quotes.")
        self._fail(f"AND, OR or the end was expected, not {_shown(token)}.", hint=hint)

    def _fail(
        self, message: str, token: Token | None = None, hint: str | None = None, reason: Reason = "syntax"
    ) -> NoReturn:
        if token is None:
            token = self.token
            if token.kind == "bad" and reason == "syntax":
                message, hint = str(token.value), token.hint
        self._fail_at(token.position, message, hint, reason)

    def _fail_at(
        self, position: int, message: str, hint: str | None = None, reason: Reason = "syntax"
    ) -> NoReturn:
        raise ConditionSyntaxError(message, position, hint, reason=reason, text=self._text)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else token.source[:40]


_MEANINGS: Final = {
    "==": ("equal", "equals", "eq", "same", "be"),
    "!=": ("unequal", "differs", "ne", "isnt"),
    ">": ("above", "over", "greater", "exceeds", "exceed", "more", "gt", "after"),
    "<": ("below", "under", "less", "fewer", "lt", "before"),
    ">=": ("least", "gte", "ge"),
    "<=": ("most", "lte", "le"),
    "CONTAINS or MATCHES": ("like", "has", "includes", "include"),
    "MATCHES": ("regex", "matching"),
    "STARTS_WITH": ("starts", "begins", "begins_with", "startsWith"),
    "ENDS_WITH": ("ends", "endsWith"),
    "($a OR $b) AND NOT ($a AND $b)": ("xor",),
}
_MEANT: Final = {word.lower(): meaning for meaning, words in _MEANINGS.items() for word in words}


def _meant(word: str) -> str | None:
    """Guess the operator that somebody meant by a word."""
    meaning = _MEANT.get(word.lower())
    if meaning is not None:
        return f"Did you mean {meaning}?"
    close = get_close_matches(word.upper(), KEYWORDS, n=1, cutoff=0.75)
    return f"Did you mean {KEYWORDS[close[0]]}?" if close else None
