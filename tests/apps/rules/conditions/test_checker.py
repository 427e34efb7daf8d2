"""What the declared types rule out is found before anything is evaluated."""

import pytest

from officium.apps.rules.conditions import PathType, check_condition, parse_condition

TYPES = {
    "metrics.cpu": PathType("number", unit="%"),
    "metrics.db_memory_percent": PathType("number", unit="%"),
    "metrics.limit": PathType("number"),
    "status": PathType("string", values=("running", "stopped", "paused")),
    "user.name": PathType("string"),
    "tags": PathType("list", PathType("string")),
    "items[].price": PathType("number"),
    "flags.maintenance": PathType("boolean"),
    "due": PathType("timestamp"),
    "labels": PathType("object"),
}


def _problems(text: str) -> list[tuple[int, str, str | None]]:
    problems = check_condition(parse_condition(text), TYPES)
    return [(problem.position, problem.code, problem.suggestion) for problem in problems]


@pytest.mark.parametrize(
    "text",
    [
        "$metrics.cpu > 80 AND $status == running",
        "$metrics.cpu > $metrics.limit * 0.8",
        "$flags.maintenance",
        "NOT $flags.maintenance OR $flags.maintenance == false",
        "$tags CONTAINS db AND eu IN $tags",
        "$items[3].price BETWEEN 1 TO 5",
        "$tags[0] == db",
        "$labels.team == core AND $labels.any.thing > 3",
        '$due >= "2026-11-21" AND $due < "2027-01-01T00:00:00Z"',
        "$metrics IS NOT NULL",
        "$user.name IS NULL OR $user.name == null",
        '$status IN [running, "paused"]',
        "true AND NOT false",
    ],
)
def test_a_sound_condition_has_no_problems(text: str) -> None:
    assert _problems(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$metrics.cpuu > 1", (0, "unknown_path", "Did you mean $metrics.cpu?")),
        ("$Metrics.cpu > 1", (0, "unknown_path", "Did you mean $metrics.cpu?")),
        ("$cpu > 1", (0, "unknown_path", "Did you mean $metrics.cpu?")),
        ("$status.code == 3", (0, "unknown_path", "Did you mean $status?")),
        ("$tags.db == 1", (0, "unknown_path", "Did you mean $tags?")),
        ('$metrics.cpu > "80%"', (15, "type_mismatch", "Write 80 without quotes.")),
        ("$user.name == 5", (14, "type_mismatch", 'Write "5" with quotes.')),
        ("$flags.maintenance == 0", (22, "type_mismatch", "Write false.")),
        ("$flags.maintenance > 0", (19, "wrong_operator", "Write == or != to compare with it.")),
        ("$tags > 3", (6, "wrong_operator", "Write CONTAINS to look into a list.")),
        ("$status == runing", (11, "unknown_value", "Did you mean running?")),
        ("$status IN [running, idle]", (21, "unknown_value", "It is one of running, stopped, paused.")),
        ("$user.name IN [1]", (15, "type_mismatch", 'Write "1" with quotes.')),
        ("db IN $user.name", (3, "wrong_operator", 'Write $user.name CONTAINS "db".')),
        ("$tags CONTAINS 5", (15, "type_mismatch", 'Write "5" with quotes.')),
        ("$metrics.cpu CONTAINS 5", (13, "wrong_operator", "Write == to compare.")),
        ("$metrics.cpu STARTS_WITH 8", (13, "wrong_operator", None)),
        ("$metrics.cpu AND $flags.maintenance", (0, "not_a_truth", "Compare it: $metrics.cpu > 0.")),
        ("NOT $status", (4, "not_a_truth", 'Compare it: $status == "…".')),
        ("$metrics.cpu + 1", (0, "not_a_truth", "Compare it: the calculation > 0.")),
        ("$user.name * 2 > 4", (0, "type_mismatch", None)),
        ("$metrics.cpu / 0 > 1", (15, "div_zero", None)),
        ("status == running", (0, "constant", "Did you mean $status?")),
        ("cpu > 80", (0, "constant", "Did you mean $metrics.cpu?")),
        ("$due > tomorrow", (7, "type_mismatch", 'Write it like "2026-11-21" or "2026-11-21T10:00:00Z".')),
    ],
)
def test_a_mistake_is_found_with_its_place_and_what_was_meant(
    text: str, expected: tuple[int, str, str | None]
) -> None:
    assert _problems(text) == [expected]


def test_every_mistake_of_a_condition_is_told_in_the_order_of_the_text() -> None:
    problems = _problems("$cpu > 1 AND $status == runing OR $tags > 3")

    assert [code for _, code, _ in problems] == ["unknown_path", "unknown_value", "wrong_operator"]
    assert [position for position, _, _ in problems] == sorted(position for position, _, _ in problems)


def test_names_may_be_declared_with_a_dollar() -> None:
    assert check_condition(parse_condition("$a.b > 1"), {"$a.b": PathType("number")}) == []
