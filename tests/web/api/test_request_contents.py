"""Prompts and answers of every door: kept where the tenant says so, opened by its administrators alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from officium.core.gateway import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.message import user
from officium.core.usage.contents import ContentKeeper
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply
from tests.web.api.test_widget_visitors import open_shop

WORD = "quince"
CHAT = "/v1/chat/completions"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


def _keeper(house: House) -> ContentKeeper:
    assert house.parts.content_keeper is not None
    return house.parts.content_keeper


async def _resident(house: House, name: str = "Alpha", **terms: Any) -> Resident:
    resident = await house.resident(name)
    if terms:
        reply = await resident.ask("PUT", "/api/usage/log-terms", terms)
        assert reply.status == 200, reply.json
    return resident


async def _ask(resident: Resident, path: str, id: str = "req_1", **body: Any) -> Reply:
    if path == CHAT:
        body = {"messages": [{"role": "user", "content": f"A {WORD}?"}], **body}
    return await resident.ask("POST", path, {"model": "mock", **body}, headers={"x-request-id": id})


async def _content(resident: Resident, id: str = "req_1") -> Any:
    await _keeper(resident.house).flush()
    return (await resident.ask("GET", f"/api/usage/calls/{id}/content")).json


async def test_nothing_is_kept_unless_it_is_said(house: House) -> None:
    alpha = await _resident(house)
    await _ask(alpha, CHAT)

    terms = (await alpha.ask("GET", "/api/usage/log-terms")).json
    reply = await alpha.ask("GET", "/api/usage/calls/req_1/content")

    assert (terms["contents"], terms["content_days"], terms["is_masked"]) == ("off", 14, True)
    assert (reply.status, reply.json["error"]["code"]) == (404, "content_not_kept")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {}),
        ("/v1/responses", {"input": f"A {WORD}?"}),
        (
            "/v1/messages",
            {"max_tokens": 99, "messages": [{"role": "user", "content": f"A {WORD}?"}]},
        ),
    ],
    ids=["chat", "responses", "messages"],
)
async def test_each_door_keeps_what_was_asked_and_answered(
    house: House, path: str, body: dict[str, Any], stream: bool
) -> None:
    alpha = await _resident(house, contents="all")

    reply = await _ask(alpha, path, **body, stream=stream)
    [call] = (await _content(alpha))["calls"]

    assert reply.status == 200
    assert call["request"]["messages"][-1]["parts"][0]["text"] == f"A {WORD}?"
    answer = "".join(part["text"] for part in call["answer"]["parts"])
    assert WORD in answer
    assert answer.startswith("[scripted]")
    assert (call["answer"]["finish_reason"], call["answer"]["model"]) == ("stop", "mock/mock")


async def test_inputs_of_embeddings_are_kept(house: House) -> None:
    alpha = await _resident(house, contents="all")

    await _ask(alpha, "/v1/embeddings", input=[WORD, "plum"])

    [call] = (await _content(alpha))["calls"]
    assert call["request"]["inputs"] == [WORD, "plum"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_of_failed_requests_alone_it_is_known_why(house: House, stream: bool) -> None:
    alpha = await _resident(house, contents="failed")

    await _ask(alpha, CHAT, "req_good", stream=stream)
    await _ask(alpha, CHAT, "req_bad", model="mock/error-500", stream=stream)
    await _ask(alpha, CHAT, "req_broken", model="mock/error-in-stream", stream=stream)
    await _ask(alpha, CHAT, "req_refused", model="nobody/knows", stream=stream)

    assert (await _content(alpha, "req_good"))["error"]["code"] == "content_not_kept"
    [bad] = (await _content(alpha, "req_bad"))["calls"]
    assert "answers with status 500" in bad["answer"]["faults"][0]["message"]
    assert bad["answer"]["faults"][0]["model"] == "mock/error-500"
    [broken] = (await _content(alpha, "req_broken"))["calls"]
    assert "breaks off" in broken["answer"]["faults"][0]["message"]
    assert ("parts" in broken["answer"]) is stream, "what came before the end is kept"
    [refused] = (await _content(alpha, "req_refused"))["calls"]
    assert refused["answer"]["faults"][0]["attempt"] == 0
    assert refused["answer"]["faults"][0]["code"] == "model_not_found"


async def test_stream_that_was_left_is_kept_as_far_as_it_came(house: House) -> None:
    alpha = await _resident(house, contents="all")
    parts = house.parts
    caller = await parts.authenticator.authenticate(await alpha.key())
    request = CompletionRequest(model="mock/long", messages=(user(WORD),), stream=True)
    stream = await parts.gateway.open_stream(caller, request, CallContext(request_id="req_left"))
    heard = ""
    async for batch in stream:
        heard += "".join(delta.text for delta in batch)
        if len(heard) > 50:
            break
    await stream.aclose()

    [call] = (await _content(alpha, "req_left"))["calls"]
    assert call["answer"]["parts"][0]["text"] == heard


async def test_personal_data_is_masked_unless_it_is_wanted(house: House) -> None:
    masked = await _resident(house, contents="all")
    plain = await _resident(house, "Beta", contents="all", is_masked=False)
    message = [{"role": "user", "content": "Write to ada@example.com"}]
    for resident in (masked, plain):
        await _ask(resident, CHAT, messages=message)

    [of_masked] = (await _content(masked))["calls"]
    [of_plain] = (await _content(plain))["calls"]

    assert "ada@example.com" not in str(of_masked)
    assert of_masked["request"]["messages"][0]["parts"][0]["text"] == "Write to [email]"
    assert of_masked["is_masked"]
    assert of_plain["request"]["messages"][0]["parts"][0]["text"] == "Write to ada@example.com"


async def test_opening_needs_admin_is_written_down_and_shows_nothing_of_others(house: House) -> None:
    alpha, beta = await _resident(house, contents="all"), await _resident(house, "Beta", contents="all")
    await _ask(alpha, CHAT)
    await _keeper(house).flush()

    path = "/api/usage/calls/req_1/content"
    reader = await alpha.ask("GET", path, scopes=("usage:read", "inference"))
    stranger = await beta.ask("GET", path)
    opened = await alpha.ask("GET", path, headers={"x-request-id": "req_opening"})
    entries = (await alpha.ask("GET", "/api/audit-log?action=request_content.opened")).json["entries"]
    of_beta = (await beta.ask("GET", "/api/audit-log?action=request_content.opened")).json["entries"]

    assert (reader.status, stranger.status, opened.status) == (403, 404, 200)
    assert WORD.encode() not in reader.body + stranger.body
    assert [(one["thing_id"], one["request_id"]) for one in entries] == [("req_1", "req_opening")]
    assert of_beta == []


async def test_all_that_is_kept_can_be_deleted(house: House) -> None:
    alpha, beta = await _resident(house, contents="all"), await _resident(house, "Beta", contents="all")
    for resident in (alpha, beta):
        await _ask(resident, CHAT)
    await _keeper(house).flush()

    deleted = (await alpha.ask("DELETE", "/api/usage/contents")).json

    assert deleted == {"deleted": 1}
    assert (await alpha.ask("GET", "/api/usage/calls/req_1/content")).status == 404
    assert (await beta.ask("GET", "/api/usage/calls/req_1/content")).status == 200


async def test_installation_can_forbid_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, contents_allowed=False, usage_log_days=30) as house:
        alpha = await house.resident("Alpha")

        refused = await alpha.ask("PUT", "/api/usage/log-terms", {"contents": "all"})
        too_long = await alpha.ask("PUT", "/api/usage/log-terms", {"contents": "off", "log_days": 31})
        terms = (await alpha.ask("GET", "/api/usage/log-terms")).json

        assert house.parts.content_keeper is None
        assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_log_terms")
        assert (too_long.status, too_long.json["error"]["param"]) == (400, "log_days")
        assert (terms["are_contents_allowed"], terms["most_log_days"]) == (False, 30)


async def test_answers_from_the_cache_are_kept_too(tmp_path: Path) -> None:
    async with open_house(tmp_path, cache_ttl_s=60) as house:
        alpha = await _resident(house, contents="all")
        await _ask(alpha, CHAT, "req_1")
        await _ask(alpha, CHAT, "req_2")
        await _ask(alpha, CHAT, "req_3", stream=True)

        first, second, third = [(await _content(alpha, f"req_{n}"))["calls"][0] for n in (1, 2, 3)]

        assert first["answer"]["parts"] == second["answer"]["parts"] == third["answer"]["parts"]


async def test_what_a_visitor_said_goes_with_the_visitor(house: House) -> None:
    shop = await open_shop(house)
    said = await shop.tenant.ask("PUT", "/api/usage/log-terms", {"contents": "all"})
    assert said.status == 200
    tokens = []
    for number in (1, 2):
        tokens.append(await shop.token())
        headers = {"x-request-id": f"req_visit_{number}"}
        await shop.visit("POST", "/message", {"message_text": f"A {WORD}?"}, token=tokens[-1], **headers)
    kept = [(await _content(shop.tenant, f"req_visit_{number}")).get("calls") for number in (1, 2)]

    gone = await shop.visit("DELETE", "/visitor", token=tokens[0])

    assert all(WORD in str(calls) for calls in kept)
    assert gone.status == 204
    assert (await _content(shop.tenant, "req_visit_1"))["error"]["code"] == "content_not_kept"
    assert WORD in str(await _content(shop.tenant, "req_visit_2"))
