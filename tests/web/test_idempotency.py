"""A request with an `Idempotency-Key` is carried out once, at every door."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.house import House, Resident, open_house

CHAT = {"model": "mock", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def house(tmp_path: Path):
    async with open_house(tmp_path) as house:
        yield house


@pytest.fixture
async def ada(house: House) -> Resident:
    return await house.resident("Ada")


async def calls(resident: Resident) -> int:
    await resident.house.parts.usage_log.flush()
    return len((await resident.ask("GET", "/api/usage/calls")).json["records"])


async def settled(house: House) -> None:
    await house.app._once.close()


@pytest.mark.parametrize("body", [CHAT, CHAT | {"stream": True}], ids=["whole", "streamed"])
async def test_second_request_gets_the_first_answer_and_costs_nothing(house: House, ada: Resident, body):
    headers = {"idempotency-key": "once"}
    first = await ada.ask("POST", "/v1/chat/completions", body, headers=headers)
    await settled(house)

    second = await ada.ask("POST", "/v1/chat/completions", body, headers=headers)

    assert (second.status, second.body) == (200, first.body)
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert await calls(ada) == 1


async def test_request_without_a_key_is_carried_out_each_time(ada: Resident):
    for _ in range(2):
        await ada.ask("POST", "/v1/chat/completions", CHAT)

    assert await calls(ada) == 2


async def test_another_body_under_the_same_key_is_refused(house: House, ada: Resident):
    headers = {"idempotency-key": "once"}
    await ada.ask("POST", "/v1/chat/completions", CHAT, headers=headers)
    await settled(house)

    answer = await ada.ask("POST", "/v1/chat/completions", CHAT | {"max_tokens": 5}, headers=headers)

    assert (answer.status, answer.json["error"]["code"]) == (409, "idempotency_key_reused")


async def test_error_is_said_in_the_words_of_the_door(house: House, ada: Resident):
    body = CHAT | {"max_tokens": 9}
    headers = {"idempotency-key": "once"}
    await ada.ask("POST", "/v1/messages", body, headers=headers)
    await settled(house)

    answer = await ada.ask("POST", "/v1/messages", body | {"max_tokens": 5}, headers=headers)

    assert answer.json["type"] == "error"


async def test_failed_request_may_be_tried_again(house: House, ada: Resident):
    headers = {"idempotency-key": "once"}
    refused = await ada.ask("POST", "/v1/chat/completions", CHAT | {"model": "nobody/x"}, headers=headers)
    await settled(house)

    answer = await ada.ask("POST", "/v1/chat/completions", CHAT, headers=headers)

    assert (refused.status, answer.status) == (404, 200)


async def test_stream_that_broke_off_with_an_error_may_be_tried_again(house: House, ada: Resident):
    headers = {"idempotency-key": "once"}
    body = CHAT | {"model": "mock/error-in-stream", "stream": True}
    broken = await ada.ask("POST", "/v1/chat/completions", body, headers=headers)
    await settled(house)

    again = await ada.ask("POST", "/v1/chat/completions", body, headers=headers)

    assert (broken.status, again.status) == (200, 200)
    assert b'"error"' in broken.body
    assert "idempotent-replayed" not in again.headers


async def test_changes_are_made_once_too(house: House, ada: Resident):
    headers = {"idempotency-key": "alias"}
    path, body = "/api/model-aliases/fast", {"targets": ["mock"]}
    first = await ada.ask("PUT", path, body, headers=headers)
    await settled(house)
    await ada.ask("DELETE", path)

    second = await ada.ask("PUT", path, body, headers=headers)

    assert json.loads(second.body) == json.loads(first.body)
    assert (await ada.ask("GET", "/api/model-aliases")).json["aliases"] == []


async def test_strangers_learn_nothing_of_keys(house: House, ada: Resident):
    headers = {"idempotency-key": "once"}
    await ada.ask("POST", "/v1/chat/completions", CHAT, headers=headers)
    await settled(house)
    bob = await house.resident("Bob")

    answer = await bob.ask("POST", "/v1/chat/completions", CHAT | {"max_tokens": 5}, headers=headers)

    assert answer.status == 200
    assert "idempotent-replayed" not in answer.headers


async def test_two_at_once_are_carried_out_once(house: House, ada: Resident):
    headers = {"idempotency-key": "once"}

    answers = await asyncio.gather(
        *(ada.ask("POST", "/v1/chat/completions", CHAT, headers=headers) for _ in range(2))
    )

    assert await calls(ada) == 1
    assert sorted(answer.status for answer in answers) in ([200, 200], [200, 409])


async def test_unusable_key_is_refused(ada: Resident):
    answer = await ada.ask("POST", "/v1/chat/completions", CHAT, headers={"idempotency-key": "x" * 300})

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_idempotency_key")
