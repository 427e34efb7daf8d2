"""`/api/rules` over HTTP: made, tried, kept."""

from pathlib import Path
from typing import Any

from tests.support.house import House, open_house

INTENT = "Alert team when database memory exceeds 85%"


async def made(house: House) -> tuple[Any, dict[str, Any]]:
    alpha = await house.resident("Alpha")
    reply = await alpha.ask("POST", "/api/rules/generate", {"user_intent": INTENT})
    assert reply.status == 200
    return alpha, reply.json


async def test_sentence_becomes_a_rule_in_the_documented_shape(tmp_path: Path):
    async with open_house(tmp_path) as house:
        _, answer = await made(house)

    workflow = answer["workflow_rules"]
    assert list(workflow) == ["workflow_name", "trigger", "rules"]
    assert workflow["workflow_name"] == "database-memory-alert"
    assert workflow["rules"][0]["condition"] == "($metrics.db_memory_percent > 85)"
    assert [call["action"] for call in workflow["rules"][0]["then"]] == ["SEND_WITH_ESCALATION"]
    assert {"workflow_rules", "model_used", "tokens_used", "generation_time_ms"} <= answer.keys()
    assert (answer["method"], answer["warnings"]) == ("template", [])
    assert "db_memory_percent is above 85 %" in answer["description"]


async def test_batch_answers_for_each_and_is_carried_out_once(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")
        body = {"intents": [INTENT, "Make it nice"]}
        key = {"idempotency-key": "batch-1"}

        first = await alpha.ask("POST", "/api/rules/generate-batch", body, headers=key)
        assert house.app._once is not None
        await house.app._once.close()
        again = await alpha.ask("POST", "/api/rules/generate-batch", body, headers=key)

    assert (first.json["succeeded"], first.json["failed"]) == (1, 1)
    assert [item["index"] for item in first.json["results"]] == [0, 1]
    assert first.json["results"][1]["error"]["code"] == "rule_not_understood"
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json == first.json


async def test_mistakes_are_told_with_their_places(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha, answer = await made(house)
        wrong = {**answer["workflow_rules"], "trigger": "ON_METRIC_UPDAT"}

        checked = await alpha.ask("POST", "/api/rules/check", {"workflow_rules": wrong})
        refused = await alpha.ask("POST", "/api/rules", {"workflow_rules": wrong})

    assert checked.json["valid"] is False
    assert checked.json["problems"][0]["pointer"] == "/trigger"
    assert checked.json["problems"][0]["did_you_mean"][0] == "ON_METRIC_UPDATE"
    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_rule")
    assert refused.json["error"]["problems"][0]["code"] == "unknown_trigger"


async def test_rule_goes_its_whole_way(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha, answer = await made(house)
        full = {"metrics": {"db_memory_percent": 91}}
        tried = await alpha.ask("POST", "/api/rules/dry-run", {"workflow_rules": answer, "context": full})
        tests = [{"given": full, "then": ["SEND_WITH_ESCALATION"]}]
        saved = await alpha.ask(
            "POST",
            "/api/rules",
            {"workflow_rules": answer["workflow_rules"], "user_intent": INTENT, "tests": tests},
        )
        path = f"/api/rules/{saved.json['id']}"
        tested = await alpha.ask("POST", f"{path}/test")
        approved = await alpha.ask("POST", f"{path}/approve", {"version": 1})
        replayed = await alpha.ask(
            "POST",
            f"{path}/replay",
            b"at,metrics.db_memory_percent\n2026-11-20T10:00:00Z,91\n2026-11-20T11:00:00Z,12\n",
            headers={"content-type": "text/csv"},
        )
        together = await alpha.ask("POST", "/api/rules/check-set", {})
        listed = await alpha.ask("GET", "/api/rules?status=approved")
        gone = await alpha.ask("DELETE", path)

    assert (tried.json["fires"], tried.json["rules"][0]["result"]) == (True, True)
    assert (saved.status, saved.json["status"], saved.json["user_intent"]) == (201, "draft", INTENT)
    assert tested.json["passed"] is True
    assert (approved.json["status"], approved.json["approved_version"]) == ("approved", 1)
    assert (replayed.json["events"], replayed.json["rules"][0]["fires"]) == (2, 1)
    assert together.json == {"findings": []}
    assert [rule["id"] for rule in listed.json["rules"]] == [saved.json["id"]]
    assert gone.status == 204
