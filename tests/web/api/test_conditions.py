"""`/api/conditions/evaluate`, over HTTP."""

from pathlib import Path

import pytest

from tests.support.house import open_house

EXAMPLE = {
    "condition": "$metrics.cpu > 80 AND $status == running",
    "context": {"metrics": {"cpu": 85.5}, "status": "running"},
}
PLAIN_WORDS = "the team is awake and the usage is high"


async def test_a_condition_is_answered_in_the_documented_shape(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        answer = await alpha.ask("POST", "/api/conditions/evaluate", EXAMPLE)

    assert answer.status == 200
    assert answer.json == {
        "result": True,
        "method": "deterministic",
        "explanation": "Holds: metrics.cpu is above 80 (it is 85.5) and status is running.",
        "missing": [],
    }


async def test_a_missing_path_is_named_and_the_condition_does_not_hold(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        answer = await alpha.ask(
            "POST", "/api/conditions/evaluate", {**EXAMPLE, "context": {"status": "running"}}
        )

    assert (answer.json["result"], answer.json["missing"]) == (False, ["metrics.cpu"])


@pytest.mark.parametrize(
    ("condition", "code", "place"),
    [
        ("$metrics.cpu > AND 3", "condition_syntax", (15, 1, 16)),
        ("$metrics.cpu > 3\nAND AND", "condition_syntax", (21, 2, 5)),
        ("", "condition_syntax", (0, 1, 1)),
        ("$a == 1 OR " * 400 + "$a", "condition_syntax", (4096, 1, 4097)),
        ("$status > 80", "condition_fault", (8, None, None)),
        ("$metrics.cpu / 0 > 1", "condition_fault", (0, None, None)),
    ],
)
async def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, condition: str, code: str, place: tuple[int, int | None, int | None]
):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        refused = await alpha.ask("POST", "/api/conditions/evaluate", {**EXAMPLE, "condition": condition})

    error = refused.json["error"]
    assert (refused.status, error["code"]) == (400, code)
    assert (error["position"], error.get("line"), error.get("column")) == place


async def test_a_suggestion_stands_beside_the_mistake(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        refused = await alpha.ask("POST", "/api/conditions/evaluate", {**EXAMPLE, "condition": "$a => 3"})

    assert refused.json["error"]["suggestion"] == "Write >= for 'at least'."


async def test_plain_words_go_to_the_model_and_are_metered(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        answer = await alpha.ask("POST", "/api/conditions/evaluate", {**EXAMPLE, "condition": PLAIN_WORDS})
        await house.parts.usage_log.flush()
        calls = await alpha.ask("GET", "/api/usage/calls")

    assert (answer.status, answer.json["method"]) == (200, "llm")
    assert set(answer.json) == {"result", "method", "explanation", "missing"}
    assert [call["app"] for call in calls.json["records"]] == ["rules"]


async def test_plain_words_are_refused_where_no_model_may_be_asked(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        refused = await alpha.ask(
            "POST", "/api/conditions/evaluate", {**EXAMPLE, "condition": PLAIN_WORDS, "use_llm": False}
        )

    assert (refused.status, refused.json["error"]["code"]) == (400, "condition_syntax")
