"""The meaning of the language, as the shared table fixes it."""

import json
from typing import Any

import pytest

from officium.apps.rules.conditions import ConditionSyntaxError, compile_condition, parse_condition
from tests.support.shared import SHARED

_TABLE = SHARED / "rules" / "conditions.json"
_DATA: dict[str, Any] = (
    json.loads(_TABLE.read_text("utf-8")) if _TABLE.is_file() else {"cases": [], "contexts": {}}
)


def _answer(text: str, facts: dict[str, object]) -> object:
    try:
        verdict = compile_condition(parse_condition(text)).evaluate(facts)
    except ConditionSyntaxError as error:
        return {"error": error.reason, "pos": error.position}
    if verdict.fault is not None:
        return {"error": verdict.fault.code, "pos": verdict.fault.position}
    return "unknown" if verdict.result is None else verdict.result


@pytest.mark.skipif(not _TABLE.is_file(), reason="the shared table of conditions is not here")
def test_the_table_is_whole() -> None:
    assert len(_DATA["cases"]) == 107


@pytest.mark.parametrize("case", _DATA["cases"], ids=lambda case: f"{case['id']}-{case['group']}")
def test_condition_means_what_the_table_says(case: dict[str, Any]) -> None:
    answer = _answer(case["expr"], _DATA["contexts"][case["context"]])

    expected = case["expect"]
    if isinstance(expected, dict):
        assert isinstance(answer, dict)
        assert answer.items() >= expected.items()
    else:
        assert answer == expected
        assert isinstance(answer, type(expected))
