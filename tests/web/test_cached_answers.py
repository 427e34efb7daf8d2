"""The cache of answers, through the whole server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import House, Resident, open_house
from tests.support.web import Reply

CHAT = "/v1/chat/completions"
QUESTION = {"model": "mock/mock", "messages": [{"role": "user", "content": "Hello"}]}
STREAMED = {**QUESTION, "stream": True}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, cache_ttl_s=60) as house:
        yield house


async def _records(tenant: Resident) -> list[dict[str, Any]]:
    await tenant.house.parts.usage_log.flush()
    return (await tenant.ask("GET", "/api/usage/calls")).json["records"]


def _text(reply: Reply) -> str:
    return reply.json["choices"][0]["message"]["content"]


async def test_same_question_is_answered_from_the_cache(house: House) -> None:
    tenant = await house.resident("Acme")
    priced = await tenant.ask("PUT", "/api/prices/mock/*", {"input": "1", "output": "2", "per_call": "0.5"})

    first = await tenant.ask("POST", CHAT, QUESTION)
    second = await tenant.ask("POST", CHAT, {**QUESTION, "user": "ada"})

    assert priced.status == 200
    assert (first.headers["officium-cache"], second.headers["officium-cache"]) == ("stored", "hit")
    assert _text(first) == _text(second)
    hit, asked = await _records(tenant)
    assert (asked["price_source"], asked["saved_usd"]) == ("tenant", None)
    assert (hit["price_source"], hit["status"], hit["attempt"]) == ("cache", "success", 0)
    assert (hit["cost_usd"], hit["saved_usd"]) == ("0.000000000", asked["cost_usd"])
    assert (hit["total_tokens"], hit["model"]) == (0, "mock")


@pytest.mark.parametrize(
    ("first", "second"), [(QUESTION, STREAMED), (STREAMED, QUESTION), (STREAMED, STREAMED)]
)
async def test_whole_and_streamed_answers_stand_for_each_other(
    house: House, first: dict[str, Any], second: dict[str, Any]
) -> None:
    tenant = await house.resident("Acme")
    await tenant.ask("POST", CHAT, first)

    reply = await tenant.ask("POST", CHAT, second)

    assert reply.headers["officium-cache"] == "hit"
    if "stream" in second:
        assert reply.body.rstrip().endswith(b"data: [DONE]")
        assert b"[scripted]" in reply.body
    else:
        assert "[scripted]" in _text(reply)


async def test_answer_is_the_tenants_own(house: House) -> None:
    one, other = await house.resident("One"), await house.resident("Other")
    await one.ask("POST", CHAT, QUESTION)

    assert (await other.ask("POST", CHAT, QUESTION)).headers["officium-cache"] == "stored"
    assert (await one.ask("POST", CHAT, QUESTION)).headers["officium-cache"] == "hit"


async def test_changed_alias_makes_earlier_answers_unreachable(house: House) -> None:
    tenant = await house.resident("Acme")
    asked = {**QUESTION, "model": "fast"}
    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock/one"]})
    await tenant.ask("POST", CHAT, asked)
    again = await tenant.ask("POST", CHAT, asked)

    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock/two"]})
    changed = await tenant.ask("POST", CHAT, asked)

    assert (again.headers["officium-cache"], changed.headers["officium-cache"]) == ("hit", "stored")
    assert changed.headers["officium-model"] == "two"


async def test_caller_decides_for_one_request(house: House) -> None:
    tenant = await house.resident("Acme")
    await tenant.ask("POST", CHAT, QUESTION)

    off = await tenant.ask("POST", CHAT, QUESTION, headers={"officium-cache": "off"})
    anew = await tenant.ask("POST", CHAT, QUESTION, headers={"officium-cache": "refresh"})

    assert "officium-cache" not in off.headers
    assert anew.headers["officium-cache"] == "stored"
    assert [record["price_source"] for record in await _records(tenant)] == ["scripted"] * 3


async def test_request_with_tools_is_asked_each_time(house: House) -> None:
    tenant = await house.resident("Acme")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]

    for _ in range(2):
        reply = await tenant.ask("POST", CHAT, {**QUESTION, "tools": tools})

        assert "officium-cache" not in reply.headers


async def test_cache_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        tenant = await house.resident("Acme")
        for _ in range(2):
            assert "officium-cache" not in (await tenant.ask("POST", CHAT, QUESTION)).headers
        assert len(await _records(tenant)) == 2
