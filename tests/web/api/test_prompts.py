"""Prompts over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.house import House, Resident, open_house

CEO = "/api/prompts/persona.ceo"
MINE = "/api/prompts/deal.note"
NOTE = {
    "system": "You sum up notes.",
    "user": "{{ title }}: {{ note }}",
    "variables": {"title": {}, "note": {"untrusted": True, "description": "What somebody wrote."}},
    "tier": "fast",
    "temperature": 0,
    "max_tokens": 100,
    "output_schema": {"type": "object"},
}


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def test_shipped_prompts_are_listed(tenant: Resident) -> None:
    first = await tenant.ask("GET", "/api/prompts?after=persona.c&limit=2")
    rest = await tenant.ask("GET", f"/api/prompts?after={first.json['next_after']}")

    assert [prompt["name"] for prompt in first.json["prompts"]] == ["persona.ceo", "persona.cfo"]
    assert first.json["prompts"][0]["shipped"] == 1
    assert first.json["prompts"][0]["own"] is None
    assert [prompt["name"] for prompt in rest.json["prompts"]][:2] == ["persona.cmo", "persona.cto"]


async def test_a_prompt_is_shown_with_the_version_that_is_used(tenant: Resident) -> None:
    reply = await tenant.ask("GET", CEO)

    used = reply.json["in_use"]
    assert (reply.status, used["version"], used["tier"]) == (200, "shipped/1", "balanced")
    assert used["variables"]["insights"]["untrusted"] is True
    assert "{{ profile }}" in used["system"]


async def test_a_version_is_published_tried_used_and_taken_back(tenant: Resident) -> None:
    made = await tenant.ask("POST", f"{CEO}/versions", {"system": "Be brief. {{ profile }}"})
    tried = await tenant.ask(
        "POST", f"{CEO}/preview", {"version": "own/1", "variables": {"profile": "Industry: SaaS"}}
    )
    pointed = await tenant.ask("PUT", f"{CEO}/labels/production", {"version": "own/1"})
    used = await tenant.ask("GET", CEO)
    removed = await tenant.ask("DELETE", f"{CEO}/labels/production")
    after = await tenant.ask("GET", CEO)

    assert (made.status, made.json["version"], made.json["max_tokens"]) == (201, "own/1", 1200)
    assert tried.json["system"].startswith("Be brief. <data-")
    assert "Industry: SaaS" in tried.json["system"]
    assert tried.json["system_tokens"] > 10
    assert (pointed.status, pointed.json["label"], pointed.json["version"]) == (200, "production", "own/1")
    assert used.json["in_use"]["version"] == "own/1"
    assert [label["version"] for label in used.json["labels"]] == ["own/1"]
    assert removed.status == 204
    assert after.json["in_use"]["version"] == "shipped/1"


async def test_a_prompt_of_ones_own_comes_back_as_it_was_sent(tenant: Resident) -> None:
    made = await tenant.ask("POST", f"{MINE}/versions", {**NOTE, "label": "production"})

    assert made.status == 201, made.body
    shown = made.json | {"created_at": "", "created_by": "", "digest": ""}
    variable = {"type": "string", "required": True, "default": None, "untrusted": False, "description": ""}
    assert shown == {
        **{key: value for key, value in NOTE.items() if key != "variables"},
        "version": "own/1",
        "name": "deal.note",
        "description": "",
        "variables": {
            "title": variable,
            "note": {**variable, "untrusted": True, "description": "What somebody wrote."},
        },
        "language": None,
        "created_at": "",
        "created_by": "",
        "digest": "",
    }
    assert (await tenant.ask("GET", MINE)).json["in_use"] == made.json


async def test_versions_and_moves_are_paged(tenant: Resident) -> None:
    for number in range(3):
        await tenant.ask("POST", f"{CEO}/versions", {"system": f"Wording {number}.", "label": "candidate"})

    first = await tenant.ask("GET", f"{CEO}/versions?limit=2")
    rest = await tenant.ask("GET", f"{CEO}/versions?before={first.json['next_before']}")
    moves = await tenant.ask("GET", f"{CEO}/label-moves?limit=1")
    older = await tenant.ask("GET", f"{CEO}/label-moves?before={moves.json['next_before']}")

    assert [version["version"] for version in first.json["versions"]] == ["own/3", "own/2"]
    assert [version["version"] for version in rest.json["versions"]] == ["own/1", "shipped/1"]
    assert rest.json["next_before"] is None
    assert [move["version"] for move in moves.json["moves"]] == ["own/3"]
    assert [move["version"] for move in older.json["moves"]] == ["own/2", "own/1"]


async def test_diff_is_shown(tenant: Resident) -> None:
    await tenant.ask("POST", f"{MINE}/versions", NOTE)
    await tenant.ask("POST", f"{MINE}/versions", {**NOTE, "system": "You sum up notes, briefly."})

    reply = await tenant.ask("GET", f"{MINE}/diff?old=own/1&new=own/2")

    assert "-You sum up notes.\n+You sum up notes, briefly." in reply.json["diff"]


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "hostile template": ("POST", f"{MINE}/versions", {"system": "{{ 9 ** 9 }}"}, 400, "invalid_prompt"),
    "bad name": ("POST", "/api/prompts/Not%20A%20Name/versions", {"system": "x"}, 400, "invalid_prompt"),
    "bad label": ("POST", f"{MINE}/versions", {"system": "x", "label": "A"}, 400, "invalid_prompt"),
    "unknown tier": ("POST", f"{MINE}/versions", {"system": "x", "tier": "huge"}, 400, "invalid_request"),
    "unknown field": ("POST", f"{MINE}/versions", {"system": "x", "version": 3}, 400, "invalid_request"),
    "bad version": ("PUT", f"{CEO}/labels/production", {"version": "3"}, 400, "invalid_prompt"),
    "no such version": ("PUT", f"{CEO}/labels/production", {"version": "own/9"}, 404, "prompt_not_found"),
    "no such prompt": ("GET", MINE, None, 404, "prompt_not_found"),
    "no such label": ("DELETE", f"{CEO}/labels/candidate", None, 404, "prompt_not_found"),
    "too large a page": ("GET", "/api/prompts?limit=1000", None, 400, "invalid_request"),
    "bad place": ("GET", f"{CEO}/versions?before=x", None, 400, "invalid_prompt"),
    "wrong type": ("POST", f"{CEO}/preview", {"variables": {"profile": 1}}, 400, "prompt_variables_invalid"),
}


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_done_is_said(
    tenant: Resident, method: str, path: str, body: Any, status: int, code: str
) -> None:
    reply = await tenant.ask(method, path, body)

    assert (reply.status, reply.json["error"]["code"]) == (status, code)


async def test_missing_variables_are_named(tenant: Resident) -> None:
    await tenant.ask("POST", f"{MINE}/versions", {**NOTE, "label": "production"})

    reply = await tenant.ask("POST", f"{MINE}/preview", {})

    assert (reply.status, reply.json["error"]["code"]) == (400, "prompt_variables_missing")
    assert "title and note" in reply.json["error"]["message"]


async def test_publishing_counts_as_strict(tmp_path: Path) -> None:
    async with open_house(tmp_path, rate_limit_strict="2/1h") as house:
        tenant = await house.resident("Acme")

        replies = [
            await tenant.ask("POST", f"{MINE}/versions", {"system": f"Wording {number}."})
            for number in range(3)
        ]
        reading = await tenant.ask("GET", MINE)

    assert [reply.status for reply in replies] == [201, 201, 429]
    assert reading.status == 200
