"""Whatever a condition says and whatever the facts are, there is an answer, and only one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.rules.conditions import (
    Condition,
    ConditionSyntaxError,
    PathType,
    check_condition,
    compile_condition,
    describe_condition,
    explain_condition,
    explanation_to_json,
    format_condition,
    parse_condition,
    paths_in,
)
from tests.support.conditions import PIECES, conditions, facts


@given(conditions, facts)
def test_evaluating_never_raises_and_agrees_with_the_explanation(
    condition: Condition, given_facts: dict[str, object]
) -> None:
    verdict = compile_condition(condition).evaluate(given_facts)

    explanation = explain_condition(condition, given_facts)
    assert explanation.verdict == verdict
    assert verdict.result in (True, False, None)
    assert (verdict.result is None) == (bool(verdict.missing) or verdict.fault is not None)
    assert set(verdict.missing) <= set(paths_in(condition))
    assert explanation.deciding
    assert explanation_to_json(explanation)["result"] == verdict.result


_SOUP = st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda space: space.join(pieces))
)


def _read(text: str) -> Condition | ConditionSyntaxError:
    try:
        return parse_condition(text)
    except ConditionSyntaxError as error:
        return error


@given(st.one_of(st.text(), _SOUP))
def test_any_text_is_a_condition_or_a_mistake_with_a_place(text: str) -> None:
    condition = _read(text)
    if isinstance(condition, ConditionSyntaxError):
        assert 0 <= condition.position <= len(text)
        assert condition.message
        return
    assert parse_condition(format_condition(condition)) == condition
    assert compile_condition(condition).evaluate({}).result in (True, False, None)


@given(conditions)
def test_describing_and_checking_never_raise(condition: Condition) -> None:
    types = {"a": PathType("list", PathType("number")), "metrics.cpu": PathType("number", unit="%")}

    assert describe_condition(condition, types)
    problems = check_condition(condition, types)
    assert [problem.position for problem in problems] == sorted(problem.position for problem in problems)


def _verdict(text: str, given_facts: Mapping[str, object]) -> object:
    verdict = compile_condition(parse_condition(text)).evaluate(given_facts)
    if verdict.fault is not None:
        return verdict.fault.code
    return verdict.missing if verdict.result is None else verdict.result


class _Level(IntEnum):
    HIGH = 3


class _State(StrEnum):
    ON = "on"


class _Lazy(Mapping[str, object]):
    """Facts that are looked up when they are asked for."""

    def __getitem__(self, key: str) -> object:
        if key != "cpu":
            raise KeyError(key)
        return 90

    def __iter__(self) -> Iterator[str]:
        return iter(["cpu"])

    def __len__(self) -> int:
        return 1


class _Broken(Mapping[str, object]):
    """Facts whose source is gone."""

    def __getitem__(self, key: str) -> object:
        raise ConnectionError("the source is gone")

    def __iter__(self) -> Iterator[str]:
        return iter([])

    def __len__(self) -> int:
        return 0


class _Sly(int):
    """A number that lies when it is compared."""

    def __gt__(self, other: object) -> bool:
        raise RuntimeError("no")

    __lt__ = __ge__ = __le__ = __gt__


_NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "given_facts", "expected"),
    [
        # numbers are what they write
        ("$a == 0.1", {"a": Decimal("0.1")}, True),
        ("$a + $b == 0.3", {"a": 0.1, "b": 0.2}, True),
        ("$a == 1", {"a": True}, False),
        ("$a == 1", {"a": 1.0}, True),
        ("$a == 9007199254740993", {"a": 9007199254740992.0}, False),
        ("$a > 9007199254740992", {"a": 9007199254740993}, True),
        ("$a == 1e23", {"a": 10**23}, True),
        ("$a < 1e300", {"a": 10**5000}, False),
        ("$a < $b", {"a": -(10**5000), "b": 0.5}, True),
        ("$a + 1 > 0", {"a": 10**5000}, "overflow"),
        ("$a * $a > 0", {"a": 1e308}, True),
        ("$a > 5", {"a": float("inf")}, True),
        ("$a - $a == 0", {"a": float("inf")}, "overflow"),
        ("$a > 5", {"a": float("nan")}, ("a",)),
        ("$a > 5", {"a": Decimal("sNaN")}, ("a",)),
        ("$a IS NULL", {"a": float("nan")}, True),
        ("$a / 0 > 1", {"a": 1}, "div_zero"),
        ("$a % 0 > 1", {"a": 1}, "div_zero"),
        ("$a / 0 > 1", {}, ("a",)),
        ("-7 % 3 == -1", {}, True),
        ("7 % -3 == 1", {}, True),
        ("1 / 3 * 3 == 1", {}, False),
        ("$a % 0.1 == 0", {"a": 0.3}, True),
        ("$a > 2", {"a": _Level.HIGH}, True),
        ("$a == 3", {"a": _Sly(3)}, True),
        ("$a > 2", {"a": _Sly(3)}, True),
        # strings, and times among them
        ("$a == on", {"a": _State.ON}, True),
        ('$a MATCHES "x"', {"a": "y" * 40_000}, "overflow"),
        ("$a < b", {"a": "B"}, True),
        ("$a == Zoe", {"a": "Zoë"}, False),
        ('$a MATCHES "^.$"', {"a": "\ud800"}, True),
        ('$a < "2026-11-21T10:00:00+02:00"', {"a": "2026-11-21T09:00:00Z"}, False),
        ('$a < "2026-11-21T12:00:00+02:00"', {"a": "2026-11-21T09:00:00Z"}, True),
        ('$a < "2026-11-21"', {"a": "2026-11-20T23:59:59Z"}, True),
        ('$a < "2026-13-99"', {"a": "2026-11-20"}, True),
        ('$a >= "2026-11-21T12:00:00Z"', {"a": _NOON}, True),
        ('$a == "2026-11-21T12:00:00Z"', {"a": _NOON.astimezone(timezone(timedelta(hours=5)))}, True),
        ('$a < "2026-11-22"', {"a": date(2026, 11, 21)}, True),
        ("$a < tomorrow", {"a": _NOON}, "type"),
        ("$a < 5", {"a": _NOON}, "type"),
        # missing, null and what does not fit
        ("$a == null", {}, ("a",)),
        ("$a.b.c > 1 AND $d == x", {"a": {"b": {}}}, ("a.b.c", "d")),
        ("$a > 1 OR $b > 1", {"b": 2}, True),
        ("$a > 1 AND $b > 1", {"b": "x"}, "type"),
        ("$a > 1 AND $b > 1", {"a": "x"}, "type"),
        ("$a > 1 AND $b > 1", {"a": "x", "b": 0}, False),
        ("$b / 0 > 1 OR $a", {"a": True, "b": 1}, True),
        ("$a IN [1, $b]", {"a": 1}, True),
        ("$a IN [1, $b]", {"a": 2}, ("b",)),
        ("[$a, 1] == [5, 2]", {}, False),
        ("$a BETWEEN $low TO 5", {"a": 9}, False),
        ("$a BETWEEN $low TO 5", {"a": 4}, ("low",)),
        ("$a == [1, [2]]", {"a": (1.0, [2])}, True),
        ("$a == $b", {"a": {"x": 1}, "b": {"x": 1.0}}, True),
        ("$a == $b", {"a": {"x": 1}, "b": {"x": True}}, False),
        ("$a == $a", {"a": {1, 2}}, False),
        ("$a > $a", {"a": b"x"}, "type"),
        ("$a AND true", {"a": None}, "type"),
        ("$a CONTAINS x", {"a": {"x": 1}}, "type"),
        ("$a IN $b", {"a": "x", "b": {"x": 1}}, "type"),
        ("$a[0] == x", {"a": "x"}, ("a[0]",)),
        ("$a.b == x", {"a": ["x"]}, ("a.b",)),
        # facts that are no plain dictionary
        ("$cpu > 80", _Lazy(), True),
        ("$mem > 80", _Lazy(), ("mem",)),
        ("$cpu > 80", _Broken(), "facts"),
    ],
)
def test_the_answer_is_defined(text: str, given_facts: Any, expected: object) -> None:
    assert _verdict(text, given_facts) == expected
    explained = explain_condition(parse_condition(text), given_facts).verdict
    assert explained == compile_condition(parse_condition(text)).evaluate(given_facts)


def test_a_list_that_holds_itself_is_no_trap() -> None:
    loop: list[object] = []
    loop.append(loop)

    assert _verdict("$a == $b", {"a": loop, "b": [loop]}) is False
    assert explain_condition(parse_condition("$a == $b"), {"a": loop, "b": loop}).verdict.result is False
