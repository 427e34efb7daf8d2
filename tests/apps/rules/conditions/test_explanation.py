"""An explanation names what decided, and says it in words."""

import pytest

from officium.apps.rules.conditions import PathType, describe_condition, explain_condition, parse_condition

FACTS: dict[str, object] = {
    "metrics": {"cpu": 85.5, "limit": 90, "latency_ms": 120},
    "status": "running",
    "code": "85.5",
    "tags": ["db", "eu-west"],
    "up": True,
}


@pytest.mark.parametrize(
    ("text", "deciding", "sentence"),
    [
        (
            "$metrics.cpu > 80 AND $status == running",
            ["$metrics.cpu > 80", "$status == running"],
            "Holds: metrics.cpu is above 80 (it is 85.5) and status is running.",
        ),
        (
            "$up AND $metrics.cpu > 90 AND $status == stopped",
            ["$metrics.cpu > 90"],
            "Does not hold: metrics.cpu is not above 90 (it is 85.5).",
        ),
        (
            "$metrics.cpu > 90 OR ($up AND NOT $status == stopped)",
            ["$up", "$status == stopped"],
            "Holds: up is true and status is not stopped (it is running).",
        ),
        (
            "$metrics.memory > 1 AND $disk < 3",
            ["$metrics.memory > 1", "$disk < 3"],
            "Unknown: the facts have no metrics.memory and no disk.",
        ),
        (
            "$metrics.memory > 1 AND $status > 3",
            ["$status > 3"],
            "No answer: > cannot order a string and a number.",
        ),
        (
            "$metrics.cpu + 10 > $metrics.limit",
            ["$metrics.cpu + 10 > $metrics.limit"],
            "Holds: metrics.cpu + 10 is above metrics.limit (metrics.cpu is 85.5, metrics.limit is 90).",
        ),
        (
            "$code == 85.5",
            ["$code == 85.5"],
            'Does not hold: code is not 85.5 (it is "85.5").',
        ),
        (
            "$tags CONTAINS db",
            ["$tags CONTAINS db"],
            'Holds: tags contains db (it is ["db", "eu-west"]).',
        ),
        ("80 < $metrics.cpu", ["80 < $metrics.cpu"], "Holds: 80 is below metrics.cpu (metrics.cpu is 85.5)."),
        ("$gone IS NULL", ["$gone IS NULL"], "Holds: gone has no value (it is missing)."),
    ],
)
def test_the_deciding_leaves_and_the_sentence(text: str, deciding: list[str], sentence: str) -> None:
    explanation = explain_condition(parse_condition(text), FACTS)

    assert [leaf.text for leaf in explanation.deciding] == deciding
    assert explanation.sentence == sentence


def test_the_tree_has_the_value_of_every_node() -> None:
    tree = explain_condition(parse_condition("$metrics.cpu > 90 OR NOT $nope"), FACTS).tree

    assert (tree.text, tree.outcome) == ("OR", "unknown")
    comparison, negation = tree.children
    assert (comparison.text, comparison.outcome, comparison.decides) == ("$metrics.cpu > 90", "false", False)
    assert [(child.text, child.value) for child in comparison.children] == [
        ("$metrics.cpu", 85.5),
        ("90", 90),
    ]
    assert (negation.text, negation.outcome) == ("NOT", "unknown")
    assert (negation.children[0].text, negation.children[0].decides) == ("$nope", True)


TYPES = {
    "metrics.cpu": PathType("number", unit="%"),
    "metrics.latency": PathType("number", unit="ms"),
    "due": PathType("timestamp"),
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$metrics.cpu > 80 AND $status == running", "metrics.cpu is above 80 % and status is running"),
        ("$a == 1 AND ($b == 2 OR NOT $c)", "a is 1 and (b is 2 or c is not true)"),
        ("NOT ($a == 1 AND $b == 2)", "it is not so that (a is 1 and b is 2)"),
        ("$metrics.latency BETWEEN 5 TO 10", "metrics.latency is between 5 and 10 ms"),
        ("$metrics.latency / 1000 <= 0.5 * 2", "metrics.latency / 1000 is at most 0.5 * 2"),
        ("($a + 1) * -$b > 3 - (2 - 1)", "(a + 1) * -b is above 3 - (2 - 1)"),
        ('$due < "2026-12-01"', 'due is before "2026-12-01"'),
        ("$s NOT IN [a, b, c]", "s is neither a, b nor c"),
        ("$s IN [a, b] OR db IN $tags", "s is a or b or db is in tags"),
        ('$name NOT MATCHES "^db"', 'name does not match the pattern "^db"'),
        ("$x IS NOT NULL AND $y != null", "x has a value and y is not null"),
        ('$s == "two words"', 's is "two words"'),
    ],
)
def test_a_condition_is_said_in_words(text: str, words: str) -> None:
    assert describe_condition(parse_condition(text), TYPES) == words
