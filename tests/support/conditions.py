"""Random conditions and random facts for the tests of the condition language."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

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

NAMES = ("a", "b", "metrics", "cpu", "items", "odd name", "größe", 'quote"d', "AND")
WORDS = (
    "running",
    "eu-west",
    "true",
    "NOT",
    "2026-11-21",
    "2026-11-21T10:00:00+02:00",
    "Zoë",
    "",
    "\\",
    "a\"b'c",
)

PIECES = (
    *("$a", "$a.b", '$["c d"]', "$a[1]", "$", "$.", "80", "-1", "1e3", "1e999", "007", "10ms", "2026-11-21"),
    *(
        "running",
        "eu-west",
        '"x y"',
        "'q'",
        '"\\u202e"',
        '"\\',
        '"',
        "'\ud800'",
        "Zoë",
        "true",
        "null",
        "XOR",
    ),
    *("AND", "or", "NOT", "&&", "||", "!", "==", "=", "!=", "<>", "<", "<=", ">", ">=", "=>", "==="),
    *("IN", "CONTAINS", "STARTS_WITH", "MATCHES", "BETWEEN", "TO", "IS", "IS NULL", "NOT IN", "[1, x]"),
    *("+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", ";", "{", "\n", "\0", "\u2028"),
)
"""What texts are made of, sound and unsound."""
_texts = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8"), max_size=6))
_numbers = st.one_of(
    st.integers(-3, 120),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.1, 85.5, 1e22, 1e-7, 5e-324, 2**53, 2**53 + 1, 1.5e300]),
)
_paths = st.builds(
    lambda first, rest: Path((first, *rest)),
    st.sampled_from(NAMES),
    st.lists(st.one_of(st.sampled_from(NAMES), st.integers(0, 3)), max_size=2).map(tuple),
)
_constants = st.one_of(_numbers.map(Number), _texts.map(Text), st.booleans().map(Truth), st.just(Null()))


def _lists(of: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.lists(of, max_size=3).map(lambda items: ListOf(tuple(items)))


def _compound(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    operators = ("==", "!=", "<", "<=", ">", ">=", "IN", "CONTAINS", "STARTS_WITH", "ENDS_WITH")
    sums = st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=1, max_size=3).map(tuple)
    products = st.lists(st.tuples(st.sampled_from("*/%"), inner), min_size=1, max_size=3).map(tuple)
    choices: list[st.SearchStrategy[Any]] = [
        several.map(And),
        several.map(Or),
        inner.map(Not),
        inner.map(IsNull),
        inner.map(Negative),
        st.builds(Between, inner, inner, inner),
        st.builds(Comparison, st.sampled_from(operators), inner, inner),
        st.builds(Comparison, st.just("MATCHES"), inner, st.sampled_from(["^a+$", "(a|b)*c", "."]).map(Text)),
        st.builds(Arithmetic, inner, sums),
        st.builds(Arithmetic, inner, products),
        _lists(inner),
    ]
    return st.one_of(choices)


nodes: st.SearchStrategy[Node] = st.recursive(st.one_of(_paths, _constants), _compound, max_leaves=12)
conditions: st.SearchStrategy[Condition] = nodes.map(Condition)
"""Well-formed trees, most of which make no sense."""

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.sampled_from([Decimal("sNaN"), Decimal("-Infinity"), Decimal("1e999999")]),
    st.sampled_from([1, -1]).map(lambda sign: sign * 10**5000),
    _texts,
    st.just("\ud800"),
    st.dates(),
    st.datetimes(),
    st.sampled_from([datetime.max, datetime.min.replace(tzinfo=UTC), date.max]),
    st.binary(max_size=3),
    st.sets(st.integers(), max_size=2),
)
values: st.SearchStrategy[object] = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    ),
    max_leaves=10,
)
facts: st.SearchStrategy[dict[str, object]] = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
"""Facts of every kind that Python has, and then some."""


def nested(depth: int, wrap: Callable[[Node], Node], core: Node) -> Node:
    """A node wrapped in itself `depth` times."""
    for _ in range(depth):
        core = wrap(core)
    return core
