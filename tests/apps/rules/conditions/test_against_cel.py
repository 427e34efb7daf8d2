"""Another implementation, of a language that shares the meaning, gives the same answers."""

from typing import Any

import pytest

from officium.apps.rules.conditions import ConditionNotExpressible, parse_condition, to_cel, to_jsonlogic
from tests.support.cel_oracle import answer_of_cel, compare


def test_random_conditions_are_answered_as_cel_answers_them() -> None:
    outcome = compare(1_000, seed=20_261_121)

    assert outcome.unexplained == []
    assert min(outcome.answers[answer] for answer in ("True", "False", "None")) > 150
    assert sum(outcome.explained.values()) < 50


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("$metrics.cpu > 80 AND $status == running", '((metrics.cpu > 80) && (status == "running"))'),
        ('$a["b c"] IN [1, x] OR NOT $d', '((a["b c"] in [1, "x"]) || !d)'),
        ('$s MATCHES "^\\\\d"', 's.matches("^\\\\d")'),
        ("$a.in STARTS_WITH b", 'a["in"].startsWith("b")'),
    ],
)
def test_a_condition_is_written_in_cel(text: str, written: str) -> None:
    assert to_cel(parse_condition(text)) == written


@pytest.mark.parametrize("text", ["$in == 1", "$list == 1", '$["a b"] == 1'])
def test_a_name_that_cel_cannot_have_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConditionNotExpressible) as raised:
        to_cel(parse_condition(f"true AND {text}"))

    assert raised.value.position == 9


def test_conditions_within_conditions_do_not_grow_without_bound() -> None:
    text = "$text"
    for _ in range(60):
        text = f"({text} CONTAINS b)"
    division = "1" + " % $divisor" * 300

    assert len(to_cel(parse_condition(text))) < 10_000
    assert len(to_cel(parse_condition(f"{division} > 0"))) < 100_000


@pytest.mark.parametrize("divisor", [0, 3])
def test_a_division_means_the_same_in_cel(divisor: int) -> None:
    condition = parse_condition("$number / $divisor > 1")

    expected = None if divisor == 0 else True
    assert answer_of_cel(condition, {"number": 5, "divisor": divisor}) is expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            "$metrics.cpu > 80 AND NOT $status == running",
            {"and": [{">": [{"var": "metrics.cpu"}, 80]}, {"!": [{"===": [{"var": "status"}, "running"]}]}]},
        ),
        ("$items[1].price BETWEEN 1 TO 2", {"<=": [1, {"var": "items.1.price"}, 2]}),
        (
            "$tags CONTAINS db OR db IN $tags",
            {"or": [{"in": ["db", {"var": "tags"}]}, {"in": ["db", {"var": "tags"}]}]},
        ),
        ("$s ENDS_WITH ing", {"===": [{"substr": [{"var": "s"}, -3]}, "ing"]}),
        ('$s STARTS_WITH ""', True),
        ("-$a + 1 - 2 != 3 % 2", {"!==": [{"-": [{"+": [{"-": [{"var": "a"}]}, 1]}, 2]}, {"%": [3, 2]}]}),
        ("$a IS NOT NULL", {"!": [{"===": [{"var": "a"}, None]}]}),
    ],
)
def test_a_condition_is_written_in_jsonlogic(text: str, rule: Any) -> None:
    assert to_jsonlogic(parse_condition(text)) == rule


@pytest.mark.parametrize(
    ("text", "position"),
    [('$s MATCHES "a"', 3), ('$a["b.c"] == 1', 0), ("$s STARTS_WITH $t", 3)],
)
def test_what_jsonlogic_has_no_words_for_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(ConditionNotExpressible) as raised:
        to_jsonlogic(parse_condition(text))

    assert raised.value.position == position
