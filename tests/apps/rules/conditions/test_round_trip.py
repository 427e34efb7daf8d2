"""Text and tree carry the same condition both ways."""

import json
import random

import pytest
from hypothesis import given

from officium.apps.rules.conditions import (
    MAX_LENGTH,
    Condition,
    InvalidConditionTree,
    condition_from_json,
    condition_to_json,
    format_condition,
    parse_condition,
)
from officium.apps.rules.conditions.condition import Not, Path, Truth
from tests.support.conditions import conditions, nested


@given(conditions)
def test_reading_the_canonical_text_gives_the_same_tree(condition: Condition) -> None:
    assert parse_condition(format_condition(condition)) == condition


@given(conditions)
def test_the_canonical_text_is_its_own_canonical_text(condition: Condition) -> None:
    text = format_condition(condition)

    assert format_condition(parse_condition(text)) == text


@given(conditions)
def test_the_json_tree_gives_the_same_tree(condition: Condition) -> None:
    tree = json.loads(json.dumps(condition_to_json(condition)))

    assert condition_from_json(tree) == condition


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("$a=1", "$a == 1"),
        ("$a<>1&&!$b", "$a != 1 AND NOT $b"),
        ("((($a == 1)))", "$a == 1"),
        ("$a == 1 and ($b == 2 or $c == 3)", "$a == 1 AND ($b == 2 OR $c == 3)"),
        ("($a == 1 and $b == 2) or $c == 3", "$a == 1 AND $b == 2 OR $c == 3"),
        ("not $a in [x,'y z']", '$a NOT IN [x, "y z"]'),
        ("not $a == x", "NOT $a == x"),
        ("not not $a", "$a"),
        ("not ($a not contains b)", "NOT ($a NOT CONTAINS b)"),
        ("!($a is null)", "$a IS NOT NULL"),
        ("$a startswith b", "$a STARTS_WITH b"),
        ('$a == "and"', '$a == "and"'),
        ("$a == 'plain'", "$a == plain"),
        ("$a between 1 and 2", "$a BETWEEN 1 TO 2"),
        ("$a - -1 > -(2)", "$a - -1 > -(2)"),
        ("($a + 1) * 2 > 1e3", "($a + 1) * 2 > 1000"),
        ("1 + ($a + 2) == 3", "1 + ($a + 2) == 3"),
        ('$["a"]["b c"][0] == 1', '$a["b c"][0] == 1'),
        ('$a == "\u202e"', '$a == "\\u202e"'),
        ("$a matches abc", '$a MATCHES "abc"'),
        ("($a == 1) == true", "($a == 1) == true"),
    ],
)
def test_the_canonical_form_is_the_one_people_expect(text: str, canonical: str) -> None:
    assert format_condition(parse_condition(text)) == canonical


_PIECES = (
    "$a=1",
    "!$b",
    "$c-1=-2",
    "'a\"b'=$d",
    "$e IN[1,2]",
    "!$f IN[g]",
    "1e9<$h",
    "$i='\x7f\u2028'",
    "1e3%7=$j",
)


@pytest.mark.parametrize("seed", range(12))
def test_a_condition_as_long_as_may_be_still_has_a_text_of_its_own(seed: int) -> None:
    dice = random.Random(seed)
    text = dice.choice(_PIECES)
    while len(text) < MAX_LENGTH:
        before, text = text, text + dice.choice(("&&", "||")) + dice.choice(_PIECES)
    condition = parse_condition(before)

    written = format_condition(condition)

    assert len(written) <= MAX_LENGTH
    assert parse_condition(written) == condition


def test_as_many_brackets_as_may_be_survive_the_round_trip() -> None:
    condition = Condition(nested(64, Not, Not(Path(("a",)))))

    assert parse_condition(format_condition(condition)) == condition


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        (None, "tree"),
        ([], "tree"),
        ({}, "tree"),
        ({"value": 1, "op": "and"}, "tree"),
        ({"value": [1]}, "tree.value"),
        ({"value": float("nan")}, "tree.value"),
        ({"value": "\ud800"}, "tree.value"),
        ({"path": []}, "tree.path"),
        ({"path": [0, "a"]}, "tree.path"),
        ({"path": ["a", -1]}, "tree.path"),
        ({"path": ["a", True]}, "tree.path"),
        ({"op": "xor", "args": []}, "tree.op"),
        ({"op": "not", "args": []}, "tree.args"),
        ({"op": "and", "args": [{"value": True}]}, "tree.args"),
        ({"op": "or", "args": [{"value": True}, {"op": "not", "args": [7]}]}, "tree.args[1].args[0]"),
        ({"op": "calculate", "operators": ["+", "*"], "args": [{"value": 1}] * 3}, "tree"),
        ({"op": "calculate", "operators": ["^"], "args": [{"value": 1}] * 2}, "tree"),
        ({"op": "matches", "args": [{"path": ["a"]}, {"path": ["b"]}]}, "tree"),
        ({"op": "matches", "args": [{"path": ["a"]}, {"value": "("}]}, "tree"),
    ],
)
def test_a_malformed_json_tree_is_refused_with_its_place(tree: object, place: str) -> None:
    with pytest.raises(InvalidConditionTree) as raised:
        condition_from_json(tree)

    assert raised.value.fields["param"] == place


def test_a_json_tree_that_is_too_deep_is_refused() -> None:
    tree: object = condition_to_json(Condition(Truth(True)))
    for _ in range(5_000):
        tree = {"op": "not", "args": [tree]}

    with pytest.raises(InvalidConditionTree):
        condition_from_json(tree)
