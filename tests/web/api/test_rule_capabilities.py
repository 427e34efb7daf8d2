"""`/aggregated` and `/cache/*`, over HTTP."""

from pathlib import Path

from tests.support.house import open_house
from tests.support.rules import SMALL


async def test_catalogue_is_told_shown_and_taken_back(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        told = await alpha.ask("PUT", "/aggregated", SMALL)
        shown = await alpha.ask("GET", "/aggregated")
        gone = await alpha.ask("DELETE", "/aggregated")
        example = await alpha.ask("GET", "/aggregated")

    assert (told.status, shown.json["source"], shown.json["digest"]) == (200, "own", told.json["digest"])
    assert [action["name"] for action in shown.json["action_types"]] == ["NOTIFY", "RESTART"]
    assert (gone.status, example.json["source"]) == (204, "example")
    assert len(example.json["action_types"]) >= 40


async def test_status_and_health_say_how_old_the_context_is(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        before = await alpha.ask("GET", "/cache/status")
        await alpha.ask("GET", "/aggregated")
        status = await alpha.ask("GET", "/cache/status")
        health = await alpha.ask("GET", "/health")
        dropped = await alpha.ask("POST", "/cache/invalidate")
        after = await alpha.ask("GET", "/cache/status")

    assert (before.json["valid"], before.json["age_minutes"]) == (False, None)
    assert (status.json["valid"], status.json["lifetime_minutes"]) == (True, 60.0)
    assert health.json["context_cache_age_minutes"] == 0
    assert (dropped.json, after.json["valid"]) == ({"invalidated": True}, False)


async def test_mistake_is_told_with_its_place(tmp_path: Path):
    async with open_house(tmp_path) as house:
        alpha = await house.resident("Alpha")

        refused = await alpha.ask("PUT", "/aggregated", {"action_types": [{"name": "no name"}]})

    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_catalogue")
    assert refused.json["error"]["param"] == "/action_types/0/name"
