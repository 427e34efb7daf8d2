"""Prompt and answer on a request's page: who sees what, asking again, and the settings behind it."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.core.usage.contents import LogTerms
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.web import Client, Reply

WORD = "quince"
PAGE = "/console/requests/req_1"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, tenant: Resident, role: Role = "admin") -> Visitor:
    email = f"{role}.{tenant.tenant.id}@example.com"
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), email, role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def _asked(house: House, name: str = "Alpha", keep: str = "all", **body: Any) -> Resident:
    tenant = await house.resident(name)
    terms = LogTerms(contents=keep)  # type: ignore[arg-type]
    await house.parts.contents.set_terms(operator_of(tenant.tenant.id), terms)
    message = {"role": "user", "content": f"A <b>{WORD}</b>?"}
    said = {"model": "mock", "messages": [message], **body}
    await tenant.ask("POST", "/v1/chat/completions", said, headers={"x-request-id": "req_1"})
    await house.parts.usage_log.flush()
    assert house.parts.content_keeper is not None
    await house.parts.content_keeper.flush()
    return tenant


async def _post(visitor: Visitor, path: str, page: str = PAGE, **fields: str) -> Reply:
    csrf = csrf_in(await visitor.get(page))
    return await visitor.post(path, {"csrf": csrf, **fields}, hx_request="true")


async def test_administrator_opens_what_is_kept_and_the_page_itself_has_no_word_of_it(house: House) -> None:
    visitor = await _visitor(house, await _asked(house))

    page = (await visitor.get(PAGE)).body.decode()
    opened = await _post(visitor, f"{PAGE}/content")
    audit = (await visitor.get("/console/audit")).body.decode()

    assert "Show prompt and answer" in page
    assert WORD not in page
    assert opened.status == 200
    assert f"A &lt;b&gt;{WORD}&lt;/b&gt;?" in opened.body.decode(), "what people write is never markup"
    assert "[scripted]" in opened.body.decode()
    assert "Ask another model" in opened.body.decode()
    assert "request_content.opened" in audit


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_others_see_that_it_is_kept_and_no_word(house: House, role: Role) -> None:
    visitor = await _visitor(house, await _asked(house), role)

    page = (await visitor.get(PAGE)).body.decode()
    opened = await _post(visitor, f"{PAGE}/content", page="/console/settings")
    replayed = await _post(visitor, f"{PAGE}/replay", page="/console/settings", model="mock")

    assert "Owners and administrators may open them." in page
    assert "Show prompt and answer" not in page
    assert opened.headers["officium-error"] == replayed.headers["officium-error"] == "permission_denied"
    assert WORD.encode() not in opened.body + replayed.body


async def test_another_tenants_administrator_finds_nothing(house: House) -> None:
    await _asked(house)
    stranger = await _visitor(house, await house.resident("Beta"))

    opened = await _post(stranger, f"{PAGE}/content", page="/console/settings")
    replayed = await _post(stranger, f"{PAGE}/replay", page="/console/settings", model="mock")

    assert (await stranger.get(PAGE)).status == 404
    assert opened.headers["officium-error"] == "content_not_kept"
    assert replayed.headers["officium-error"] == "not_found"
    assert WORD.encode() not in opened.body + replayed.body


@pytest.mark.parametrize("stream", [{}, {"stream": "on"}], ids=["whole", "streamed"])
async def test_replay_asks_as_the_person_and_puts_both_answers_side_by_side(
    house: House, stream: dict[str, str]
) -> None:
    tenant = await _asked(house, temperature=0.3, max_tokens=200)
    visitor = await _visitor(house, tenant)

    reply = await _post(
        visitor, f"{PAGE}/replay", model="mock/reasoning", temperature="0,9", max_tokens="50", **stream
    )
    text = reply.body.decode()
    calls = (await tenant.ask("GET", "/api/usage/calls")).json["records"]

    assert "officium-error" not in reply.headers, text
    assert text.index("Then") < text.index("Now")
    assert text.count("[scripted]") == 2
    assert "because I am a script" in text, "the answer of now is that of the other model"
    assert (calls[0]["model"], calls[0]["app"], calls[0]["is_stream"]) == (
        "reasoning",
        "console",
        bool(stream),
    )
    assert calls[0]["actor"].startswith("member:")
    assert f"/console/requests/{calls[0]['request_id']}" in text


async def _streamed(visitor: Visitor, **fields: str) -> list[tuple[str, dict[str, Any]]]:
    reply = await _post(visitor, f"{PAGE}/replay/stream", **fields)
    found = re.findall(r"event: (\w+)\ndata: (.*)\n", reply.body.decode())
    return [(name, msgspec.json.decode(data)) for name, data in found]


async def test_replay_is_drawn_as_it_is_written_and_ends_with_both_answers(house: House) -> None:
    tenant = await _asked(house)
    visitor = await _visitor(house, tenant)

    events = await _streamed(visitor, model="mock/reasoning")
    call = (await tenant.ask("GET", "/api/usage/calls")).json["records"][0]

    assert {name for name, _ in events[:-1]} == {"draw"}
    assert "[scripted]" in "".join(events[-2][1]["blocks"])
    name, end = events[-1]
    assert (name, end["state"]) == ("end", "complete")
    assert end["html"].index("Then") < end["html"].index("Now")
    assert "because I am a script" in end["html"]
    assert (call["model"], call["app"], call["is_stream"], call["status"]) == (
        "reasoning",
        "console",
        True,
        "success",
    )
    assert f"/console/requests/{call['request_id']}" in end["html"]


async def test_streamed_replay_that_fails_says_why_in_the_place_of_the_answer(house: House) -> None:
    visitor = await _visitor(house, await _asked(house))

    unknown, broken = [
        (await _streamed(visitor, model=model))[-1] for model in ("nobody/knows", "mock/error-500")
    ]

    assert (unknown[0], unknown[1]["state"]) == (broken[0], broken[1]["state"]) == ("end", "failed")
    assert "There is no model" in html.unescape(unknown[1]["html"])
    assert 'role="alert"' in broken[1]["html"]


async def test_streamed_replay_is_for_the_tenants_administrators_alone(house: House) -> None:
    tenant = await _asked(house)
    member = await _visitor(house, tenant, "member")
    stranger = await _visitor(house, await house.resident("Beta"))

    told = [
        await _post(who, f"{PAGE}/replay/stream", page="/console/settings", model="mock")
        for who in (member, stranger)
    ]

    assert [reply.headers["officium-error"] for reply in told] == ["permission_denied", "not_found"]
    assert all(WORD.encode() not in reply.body for reply in told)


async def test_replay_whose_reader_hangs_up_is_stopped_and_counted(house: House) -> None:
    tenant = await _asked(house)
    visitor = await _visitor(house, tenant)
    headers = {
        "cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items()),
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
        "x-csrf-token": csrf_in(await visitor.get(PAGE)),
        "hx-request": "true",
    }
    client = Client(house.app)
    asking = asyncio.create_task(
        client.ask("POST", f"{PAGE}/replay/stream", b"model=mock/slow", headers=headers, key=None)
    )
    await asyncio.wait_for(client.got_piece.wait(), 30)

    client.hang_up.set()
    await asyncio.gather(asking, return_exceptions=True)
    await house.parts.usage_log.flush()
    call = (await tenant.ask("GET", "/api/usage/calls")).json["records"][0]

    assert b"event: end" not in b"".join(client.pieces)
    assert (call["model"], call["status"], call["app"]) == ("slow", "cancelled", "console")
    assert call["output_tokens"] > 0


async def test_replay_keeps_the_conversation_and_changes_what_is_wished(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Kyiv"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12 degrees"},
    ]
    tenant = await _asked(house, messages=messages, tools=[tool], temperature=0.3, stop=["END"])
    visitor = await _visitor(house, tenant)
    asked: list[Any] = []
    complete = house.parts.gateway.complete

    async def listen(caller: Any, request: Any, context: Any) -> Any:
        asked.append(request)
        return await complete(caller, request, context)

    monkeypatch.setattr(house.parts.gateway, "complete", listen)
    await _post(visitor, f"{PAGE}/replay", model="mock", max_tokens="70")

    [request] = asked
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]
    assert request.messages[2].parts[0].arguments == '{"city":"Kyiv"}'
    assert request.messages[3].parts[0].call_id == "c1"
    assert request.messages[3].parts[0].parts[0].text == "12 degrees"
    assert request.tools[0].parameters == {"type": "object"}
    assert (request.temperature, request.max_tokens, request.stop) == (0.3, 70, ("END",))


@pytest.mark.parametrize(
    "fields",
    [
        {"model": " "},
        {"model": "mock", "temperature": "hot"},
        {"model": "mock", "temperature": "3"},
        {"model": "mock", "temperature": "nan"},
        {"model": "mock", "max_tokens": "0"},
        {"model": "mock", "max_tokens": "-1"},
        {"model": "mock", "call": "7"},
        {"model": "nobody/knows"},
        {"model": "mock/error-500"},
    ],
    ids=str,
)
async def test_replay_that_cannot_be_says_why(house: House, fields: dict[str, str]) -> None:
    visitor = await _visitor(house, await _asked(house))

    reply = await _post(visitor, f"{PAGE}/replay", **fields)

    assert reply.headers.get("officium-error")
    assert 'role="alert"' in reply.body.decode()
    assert "[scripted]" not in reply.body.decode()


async def test_pictures_are_a_note_and_cannot_be_asked_again(house: House) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    visitor = await _visitor(house, await _asked(house, messages=[{"role": "user", "content": content}]))

    opened = (await _post(visitor, f"{PAGE}/content")).body.decode()
    replayed = await _post(visitor, f"{PAGE}/replay", model="mock")

    assert "image/png" in opened
    assert "iVBORw0KGgo" not in opened
    assert "cannot be asked again" in opened
    assert replayed.headers["officium-error"] == "not_replayable"


async def test_failed_request_says_what_the_provider_said(house: House) -> None:
    visitor = await _visitor(house, await _asked(house, keep="failed", model="mock/error-500"))

    opened = (await _post(visitor, f"{PAGE}/content")).body.decode()

    assert "answers with status 500" in opened
    assert "There was no answer." in opened


async def test_page_says_how_to_keep_more(house: House) -> None:
    tenant = await _asked(house, keep="off")
    admin, viewer = await _visitor(house, tenant), await _visitor(house, tenant, "viewer")

    told = (await admin.get(PAGE)).body.decode()
    shown = (await viewer.get(PAGE)).body.decode()

    assert "Nothing of what was asked and answered is kept" in told
    assert 'href="/console/settings#log"' in told
    assert "An administrator can let the log keep" in shown
    assert 'href="/console/settings#log"' not in shown


async def test_settings_say_what_the_log_keeps(house: House) -> None:
    tenant = await _asked(house)
    visitor = await _visitor(house, tenant)
    operator = operator_of(tenant.tenant.id)
    said = {"contents": "failed", "content_days": "30", "log_days": "90"}

    saved = await _post(visitor, "/console/settings/log", "/console/settings", **said)
    refused = await _post(
        visitor, "/console/settings/log", "/console/settings", **(said | {"content_days": "999"})
    )
    odd = await _post(visitor, "/console/settings/log", "/console/settings", **(said | {"contents": "odd"}))
    terms = await house.parts.contents.get_terms(operator)
    gone = await _post(visitor, "/console/settings/log/forget", "/console/settings")

    assert (saved.status, saved.headers["location"]) == (303, "/console/settings#log")
    assert (refused.status, odd.status) == (400, 400)
    assert "1 to 365 days" in refused.body.decode()
    assert terms == LogTerms(contents="failed", content_days=30, is_masked=False, log_days=90)
    assert gone.status == 303
    assert await house.parts.contents.list_kept(operator, "req_1") == []


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_settings_of_the_log_are_for_administrators(house: House, role: Role) -> None:
    tenant = await _asked(house)
    visitor = await _visitor(house, tenant, role)

    page = (await visitor.get("/console/settings")).body.decode()
    for path in ("/console/settings/log", "/console/settings/log/forget"):
        reply = await _post(visitor, path, "/console/settings", contents="off", content_days="1")
        assert reply.headers["officium-error"] == "permission_denied"

    assert "Delete them after" not in page
    assert await house.parts.contents.list_kept(operator_of(tenant.tenant.id), "req_1")


async def test_page_says_what_the_operator_forbids(tmp_path: Path) -> None:
    async with open_house(tmp_path, contents_allowed=False, usage_log_days=45) as house:
        tenant = await house.resident("Alpha")
        visitor = await _visitor(house, tenant)

        page = (await visitor.get("/console/settings")).body.decode()
        saved = await _post(
            visitor, "/console/settings/log", "/console/settings", contents="off", log_days="9"
        )

        assert "does not allow prompts and answers to be kept" in page
        assert "At most 45 days here" in page
        assert saved.status == 303
