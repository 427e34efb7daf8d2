"""Random conditions over random facts, answered by this language and by Google's CEL.

The generator stays where the two are meant to agree: numbers and divisors are such that binary and decimal
arithmetic are both exact. What may differ all the same is named in `explanation_of`; everything else is a
mistake.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

from cel_expr_python import cel

from officium.apps.rules.conditions import (
    Condition,
    compile_condition,
    format_condition,
    parse_condition,
    to_cel,
)
from officium.apps.rules.conditions.condition import (
    And,
    Arithmetic,
    ArithmeticOperator,
    Between,
    Comparison,
    ComparisonOperator,
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
from officium.apps.rules.conditions.trace import Trace, traced
from officium.apps.rules.conditions.values import MISSING

WORDS = ("run", "running", "db", "", "Zoë", "a b", "eu-west", 'q"q', "back\\slash", "\u202e")
PATTERNS = ("^r", "n+", "(a|b)", "^$", "ing$", ".")
_NUMBERS = (-3, 0, 1, 2, 7, 20, 0.25, 2.5, -1.75, 100)
_POWERS = (1, 2, 4, -2, 0.5)
_ROOTS = ("number", "divisor", "text", "flag", "series", "words", "empty", "inner", "odd")
_ENVIRONMENT = cel.NewEnv(variables=dict.fromkeys(_ROOTS, cel.Type.DYN))


def random_facts(dice: random.Random) -> dict[str, Any]:
    """Facts of every kind, a few of which are missing or of another kind than their name says."""
    facts: dict[str, Any] = {
        "number": dice.choice(_NUMBERS),
        "divisor": dice.choice((*_POWERS, 0)),
        "text": dice.choice(WORDS),
        "flag": dice.random() < 0.5,
        "series": [dice.choice(_NUMBERS) for _ in range(dice.randrange(4))],
        "words": [dice.choice(WORDS) for _ in range(dice.randrange(4))],
        "empty": None,
        "inner": {"number": dice.choice(_NUMBERS), "text": dice.choice(WORDS), "deep": [{"flag": True}]},
        "odd": {"a b": dice.choice(_NUMBERS), "in": dice.choice(WORDS)},
    }
    for name in _ROOTS:
        if dice.random() < 0.06:
            del facts[name]
    if dice.random() < 0.1 and "text" in facts:
        facts["text"] = dice.choice((5, None, True))
    return facts


class Writer:
    """Makes up conditions; `confusion` is how often a value is of the wrong kind."""

    def __init__(self, dice: random.Random, confusion: float = 0.08) -> None:
        self._dice = dice
        self._confusion = confusion

    def condition(self, depth: int = 3) -> Condition:
        return Condition(self._truth(depth))

    def _truth(self, depth: int) -> Node:
        dice = self._dice
        if depth > 0 and dice.random() < 0.6:
            operands = tuple(self._truth(depth - 1) for _ in range(dice.randint(2, 3)))
            return dice.choice((And(operands), Or(operands), Not(operands[0])))
        kind = dice.randrange(11)
        number, text = self._number(2), self._text()
        match kind:
            case 0:
                return Truth(dice.random() < 0.5) if dice.random() < self._confusion else Path(("flag",))
            case 1 | 2 | 3:
                operator = dice.choice(("==", "!=", "<", "<=", ">", ">="))
                return Comparison(cast(ComparisonOperator, operator), number, self._number(2))
            case 4:
                operator = dice.choice(("==", "!=", "<", ">=", "STARTS_WITH", "ENDS_WITH", "CONTAINS"))
                return Comparison(cast(ComparisonOperator, operator), text, self._text())
            case 5:
                return Comparison("MATCHES", text, Text(dice.choice(PATTERNS)))
            case 6:
                return Between(number, self._number(1), self._number(1))
            case 7:
                items = tuple(self._number(0) for _ in range(dice.randint(1, 3)))
                return Comparison("IN", number, dice.choice((ListOf(items), Path(("series",)))))
            case 8:
                return Comparison(
                    "CONTAINS", Path(dice.choice((("series",), ("words",)))), dice.choice((number, text))
                )
            case 9:
                steps = dice.choice((("inner", "nope"), ("inner", "deep", 0, "flag"), ("odd", "a b")))
                return IsNull(Path(cast(tuple[str | int, ...], steps)))
            case _:
                other = dice.choice((Null(), Truth(True), Number(1), Text("running"), Path(("empty",))))
                return Comparison(dice.choice(("==", "!=")), self._anything(), other)

    def _anything(self) -> Node:
        return Path(
            self._dice.choice(
                (("empty",), ("text",), ("flag",), ("series",), ("inner", "number"), ("nope_", "x"))[:5]
            )
        )

    def _text(self) -> Node:
        dice = self._dice
        if dice.random() < self._confusion:
            return dice.choice((Number(3), Path(("flag",)), Path(("series",)), Path(("number",))))
        steps = dice.choice((("text",), ("inner", "text"), ("words", 0), ("odd", "in"), ("inner", "gone")))
        return dice.choice((Text(dice.choice(WORDS)), Path(cast(tuple[str | int, ...], steps))))

    def _number(self, depth: int) -> Node:
        dice = self._dice
        if dice.random() < self._confusion:
            return dice.choice((Text("7"), Path(("flag",)), Path(("text",)), Path(("inner",)), Null()))
        if depth == 0 or dice.random() < 0.55:
            steps = dice.choice(
                (("number",), ("inner", "number"), ("series", 1), ("odd", "a b"), ("inner", "gone"))
            )
            return dice.choice((Number(dice.choice(_NUMBERS)), Path(cast(tuple[str | int, ...], steps))))
        first = self._number(depth - 1)
        match dice.randrange(4):
            case 0:
                return Negative(first)
            case 1:
                divisor = dice.choice((Number(dice.choice(_POWERS)), Path(("divisor",))))
                return Arithmetic(first, ((cast(ArithmeticOperator, dice.choice("/%")), divisor),))
            case 2:
                return Arithmetic(first, (("*", self._number(depth - 1)),))
            case _:
                signs = [cast(ArithmeticOperator, dice.choice("+-")) for _ in range(dice.randint(1, 2))]
                return Arithmetic(first, tuple((sign, self._number(0)) for sign in signs))


@dataclass
class Outcome:
    """How many conditions were compared, how many of each answer there were, and what differed."""

    compared: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)


def compare(count: int, seed: int) -> Outcome:
    """Answer `count` random conditions with both, each over facts of its own."""
    dice = random.Random(seed)
    writer = Writer(dice)
    outcome = Outcome()
    while outcome.compared < count:
        condition = parse_condition(format_condition(writer.condition()))
        facts = random_facts(dice)
        ours = compile_condition(condition).evaluate(facts).result
        theirs = answer_of_cel(condition, facts)
        outcome.compared += 1
        outcome.answers[str(ours)] += 1
        if ours is theirs:
            continue
        reason = explanation_of(traced(condition.root, facts), facts)
        if reason is None:
            outcome.unexplained.append(f"{format_condition(condition)} over {facts}: {ours} and {theirs}")
        else:
            outcome.explained[reason] += 1
    return outcome


def answer_of_cel(condition: Condition, facts: dict[str, Any]) -> bool | None:
    """What CEL says of the exported condition: True, False, or None for an error."""
    value = _ENVIRONMENT.compile(to_cel(condition)).eval(data=facts)
    return value.value() if value.type() == cel.Type.BOOL else None


def explanation_of(trace: Trace, facts: dict[str, Any]) -> str | None:
    """Why the two may differ on a condition, by what happened in it, or None where they may not."""
    node, values = trace.node, [child.value for child in trace.children]
    if (
        isinstance(node, Comparison)
        and node.operator in ("<", "<=", ">", ">=")
        and all(isinstance(value, bool) for value in values)
    ):
        return "CEL orders booleans"
    if (
        isinstance(node, Between)
        and isinstance(values[0], bool)
        and any(isinstance(each, bool) for each in values[1:])
    ):
        return "CEL orders booleans"
    if isinstance(node, Comparison) and node.operator == "IN" and isinstance(values[1], dict):
        return "CEL looks for keys of an object"
    if isinstance(node, ListOf) and any(value is MISSING for value in values):
        return "a list with a missing value is an error in CEL"
    if isinstance(node, IsNull) and isinstance(node.operand, Path) and node.operand.steps[0] not in facts:
        return "CEL wants every first name"
    for child in trace.children:
        reason = explanation_of(child, facts)
        if reason is not None:
            return reason
    return None
