"""A widget's visitors over HTTP: never without an answer, and nothing of one is another's."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from officium.apps.widget.answers import Begun, Piece, Question
from officium.core.tenancy import operator_of
from officium.kit.clock import SystemClock
from officium.kit.database import Database, DatabaseUnavailable
from tests.support.console import PASSWORD
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply, ask
from tests.web.api.test_chat_widget import CLIENTS, made

ORIGIN = "https://shop.example"
HOURS = "We are open from 9:00 to 18:00, Monday to Saturday."
CSV = (
    f'question,answer\nWhat are your hours?|When do you open?,"{HOURS}"\n'
    "How can I pay?|payment methods,By card.\n"
)


@dataclass
class Shop:
    """A widget of a client, and the page that shows it."""

    tenant: Resident
    client_id: int
    id: int
    key: str

    @property
    def path(self) -> str:
        return f"/api/chat-widget/widgets/{self.id}"

    async def visit(
        self,
        method: str,
        end: str,
        body: object = None,
        *,
        token: str | None = None,
        origin: str | None = ORIGIN,
        **headers: str,
    ) -> Reply:
        sent = {**headers, **({"origin": origin} if origin else {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        path = f"/api/chat-widget/public/widget/{self.key}{end}"
        return await ask(self.tenant.house.app, method, path, body, headers=sent, key=None)

    async def say(self, text: str, token: str | None = None, **more: Any) -> Any:
        reply = await self.visit("POST", "/message", {"message_text": text, **more}, token=token)
        assert reply.status == 200, reply.json
        return reply.json

    async def change(self, **settings: Any) -> None:
        changed = await self.tenant.ask("PUT", self.path, settings)
        assert changed.status == 200, changed.json
        self.tenant.house.parts.visitors._known.clear()

    async def token(self) -> str:
        token: str = (await self.visit("POST", "/session")).json["token"]
        return token


async def open_shop(house: House, name: str = "Agency", **settings: Any) -> Shop:
    tenant = await house.resident(name)
    client = await made(tenant, CLIENTS, {"client_name": "Bakery"})
    said = {"name": "Shop", "llm_provider": "mock", "allowed_origins": [ORIGIN], **settings}
    widget = await made(tenant, f"{CLIENTS}/{client['id']}/widgets", said)
    shop = Shop(tenant, client["id"], widget["id"], widget["widget_key"])
    done = await tenant.ask(
        "POST", f"{shop.path}/knowledge/import", CSV.encode(), headers={"content-type": "text/csv"}
    )
    assert done.status == 200
    return shop


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """On SQLite: what depends on the database asks for `anywhere`."""
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house)


@pytest.fixture
async def anywhere(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite and on PostgreSQL."""
    url = database._url.render_as_string(hide_password=False)
    async with open_house(tmp_path, url) as opened:
        yield await open_shop(opened)


def scripted(question: str, text: str) -> str:
    return f'{question} [[mock text="{text}"]]'


def events_of(reply: Reply) -> list[tuple[str, Any]]:
    found = []
    for block in reply.body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_message_is_answered_in_the_documented_shape(anywhere: Shop):
    answer = await anywhere.say(scripted("When do you open?", HOURS), conversation_id=123)

    assert {"message_id", "response", "confidence", "suggestions", "timestamp"} <= set(answer)
    assert (answer["response"], answer["confidence"], answer["suggestions"]) == (HOURS, 0.95, [])
    assert (answer["answer_source"], answer["confidence_source"]) == ("llm", "grounded")
    assert answer["citations"][0]["question"] == "What are your hours?"
    assert answer["notice"] is None
    assert answer["session"]["token"].startswith("wvs_")


async def test_what_nothing_supports_is_not_sold_as_sure(shop: Shop):
    answer = await shop.say(scripted("When do you open?", "We are open from 5:00 to 23:30 on all days."))

    assert answer["confidence"] < 0.85
    assert (answer["confidence_source"], answer["citations"]) == ("ungrounded", [])


@pytest.mark.parametrize(
    "fault",
    ["status=500", "status=429", "status=401", "offline", "cut_after=3", "garbage", "empty", "error_after=4"],
)
async def test_every_fault_of_the_provider_is_answered_by_the_knowledge_base(shop: Shop, fault: str):
    answer = await shop.say(f"When do you open? [[mock {fault}]]")

    assert (answer["response"], answer["answer_source"]) == (HOURS, "knowledge_base")
    assert answer["confidence"] >= 0.85
    assert (answer["confidence_source"], answer["notice"]) == ("calibrated", None)


async def test_a_silent_provider_is_not_waited_for(shop: Shop):
    await shop.change(llm_timeout_s=1)

    answer = await shop.say("When do you open? [[mock hang=headers]]")

    assert answer["answer_source"] == "knowledge_base"
    (request,) = (await shop.tenant.ask("GET", f"{shop.path}/requests")).json["requests"]
    assert (request["status"], request["error_code"]) == ("failed", "provider_timeout")


async def test_a_missing_key_is_named_in_the_log_and_passed_over(
    shop: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    await shop.change(llm_provider="gemini")

    answer = await shop.say("When do you open?")

    assert answer["answer_source"] == "knowledge_base"
    assert "GEMINI_API_KEY not configured" in capsys.readouterr().out + caplog.text


async def test_exhausted_credits_are_answered_with_the_notice(shop: Shop):
    await shop.change(visitor_notice="Ask us by phone, too.")
    await shop.tenant.ask("PUT", f"{CLIENTS}/{shop.client_id}/limits", {"daily_token_limit": 3})

    answer = await shop.say("When do you open?")

    assert (answer["response"], answer["answer_source"]) == (HOURS, "knowledge_base")
    assert answer["notice"] == "You've reached your free AI limit. Upgrade for unlimited!"
    assert answer["visitor_notice"] == "Ask us by phone, too."
    (usage,) = (await shop.tenant.ask("GET", f"{CLIENTS}/{shop.client_id}/llm-usage")).json
    assert (usage["notice"], usage["tokens_used_today"]) == (answer["notice"], 0)
    (request,) = (await shop.tenant.ask("GET", f"{shop.path}/requests")).json["requests"]
    assert (request["status"], request["answer_source"]) == ("credits_exhausted", "knowledge_base")


async def test_two_widgets_of_a_client_share_its_free_credits(shop: Shop):
    other = await made(
        shop.tenant,
        f"{CLIENTS}/{shop.client_id}/widgets",
        {"name": "Other", "llm_provider": "mock", "allowed_origins": [ORIGIN]},
    )
    second = Shop(shop.tenant, shop.client_id, other["id"], other["widget_key"])
    await shop.tenant.ask("PUT", f"{CLIENTS}/{shop.client_id}/limits", {"daily_request_limit": 2})

    sources = [
        (await each.say(scripted("When do you open?", HOURS)))["answer_source"]
        for each in (shop, second, shop)
    ]

    assert sources == ["llm", "llm", "knowledge_base"]


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({"llm_enabled": False}, "knowledge_base"),
        ({"llm_enabled": False, "fallback_to_knowledge_base": False}, "default"),
    ],
)
async def test_switches_decide_who_answers(shop: Shop, settings: dict[str, Any], source: str):
    await shop.change(default_response="We will get back to you.", **settings)

    answer = await shop.say("When do you open?")

    assert answer["answer_source"] == source
    assert (answer["response"] == "We will get back to you.") == (source == "default")


async def test_sources_are_counted_apart_and_spend_no_credit(anywhere: Shop):
    await anywhere.say(scripted("When do you open?", HOURS))
    await anywhere.change(llm_enabled=False)
    await anywhere.say("When do you open?")
    await anywhere.say("xyzzy plugh quux")

    await anywhere.tenant.house.parts.ledger.flush()
    await anywhere.tenant.house.parts.usage_log.flush()
    found = (await anywhere.tenant.ask("GET", f"{anywhere.path}/answers")).json
    usage = (await anywhere.tenant.ask("GET", f"{anywhere.path}/llm-analytics")).json["usage"]

    assert found["answers"] == {"llm": 1, "knowledge_base": 1, "default": 1}
    assert [(each["llm_provider"], each["total_requests"]) for each in found["providers"]] == [("mock", 1)]
    assert usage["requests_made_today"] == 1


async def test_stream_says_what_the_whole_answer_says(shop: Shop):
    body = {"message_text": scripted("When do you open?", HOURS)}

    reply = await shop.visit("POST", "/message/stream", body)

    events = events_of(reply)
    assert events[0][0] == "message.started"
    assert events[0][1]["session"]["token"].startswith("wvs_")
    assert "".join(data["text"] for name, data in events if name == "message.delta") == HOURS
    assert events[-1][0] == "message.completed"
    assert (events[-1][1]["response"], events[-1][1]["confidence"]) == (HOURS, 0.95)


async def test_a_stream_that_breaks_off_is_withdrawn_and_answered_anew(shop: Shop):
    body = {"message_text": 'When do you open? [[mock text="One two three four five six" error_after=5]]'}

    events = events_of(await shop.visit("POST", "/message/stream", body))

    names = [name for name, _ in events]
    assert names.index("message.withdrawn") == names.index("message.completed") - 1
    assert "message.delta" in names
    assert (events[-1][1]["response"], events[-1][1]["answer_source"]) == (HOURS, "knowledge_base")


async def test_without_the_database_there_is_still_an_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    token = await shop.token()
    await shop.say("When do you open?", token)
    answers = shop.tenant.house.parts.widget_answers

    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("away")

    for store in (answers._conversations, answers._knowledge._store, answers._prompts._store):
        for name in dir(store):
            if not name.startswith("_"):
                monkeypatch.setattr(store, name, away)
    monkeypatch.setattr(shop.tenant.house.parts.visitors._widgets, "find_public_for_all_tenants", away)

    answer = await shop.say("When do you open?", token)

    assert (answer["answer_source"], answer["message_id"]) == ("knowledge_base", None)
    assert answer["response"] == HOURS


async def test_personal_data_reaches_neither_provider_nor_log(shop: Shop):
    said = "Mail ada@example.com, IBAN DE89370400440532013000, card 4111 1111 1111 1111"
    token = await shop.token()
    first = await shop.say(said, token)
    second = await shop.say("And now?", token, conversation_id=first["conversation_id"])

    told = json.dumps([first["response"], second["response"]])
    requests = (await shop.tenant.ask("GET", f"{shop.path}/requests")).json["requests"]
    for secret in ("ada@example.com", "DE8937", "4111"):
        assert secret not in told
        assert secret not in json.dumps(requests)
    assert requests[-1]["prompt_preview"] == "Mail [email], IBAN [iban], card [card]"


async def test_a_conversation_is_its_visitors_alone(shop: Shop):
    mine, other = await shop.token(), await shop.token()
    id = (await shop.say("When do you open?", mine))["conversation_id"]

    own = await shop.visit("GET", f"/conversations/{id}", token=mine)
    foreign = await shop.visit("GET", f"/conversations/{id}", token=other)
    answer = await shop.say("Tell me more", other, conversation_id=id)

    assert [message["speaker"] for message in own.json["messages"]] == ["visitor", "widget"]
    assert foreign.status == 404
    assert answer["conversation_id"] != id


async def test_feedback_is_given_on_ones_own_answers_alone(anywhere: Shop):
    mine, other = await anywhere.token(), await anywhere.token()
    id = (await anywhere.say("When do you open?", mine))["message_id"]

    refused = await anywhere.visit("POST", f"/messages/{id}/feedback", {"rating": "up"}, token=other)
    given = await anywhere.visit(
        "POST", f"/messages/{id}/feedback", {"rating": "down", "text": "No"}, token=mine
    )

    assert (refused.status, given.status) == (404, 204)
    assert (await anywhere.tenant.ask("GET", f"{anywhere.path}/answers")).json["rated_down"] == 1


async def test_forgetting_leaves_nothing_but_figures(anywhere: Shop):
    token = await anywhere.token()
    answer = await anywhere.say("My secret question", token)
    lead = {"name": "Ada", "email": "ada@example.com", "conversation_id": answer["conversation_id"]}
    assert (await anywhere.visit("POST", "/lead", lead, token=token)).status == 201
    assert (await anywhere.visit("POST", "/consent", token=token)).status == 204
    kept = (await anywhere.visit("GET", "/visitor", token=token)).json
    assert kept["consented_at"] is not None
    assert kept["conversations"][0]["messages"][0]["text"] == "My secret question"
    assert kept["leads"][0]["email"] == "ada@example.com"

    assert (await anywhere.visit("DELETE", "/visitor", token=token)).status == 204

    left = (await anywhere.visit("GET", "/visitor", token=token)).json
    assert (left["conversations"], left["leads"]) == ([], [])
    (request,) = (await anywhere.tenant.ask("GET", f"{anywhere.path}/requests")).json["requests"]
    assert (request["prompt_preview"], request["visitor_id"], request["total_tokens"] > 0) == ("", None, True)
    assert (await anywhere.tenant.ask("GET", f"{anywhere.path}/leads")).json["leads"] == []


async def test_what_is_older_than_the_widget_keeps_is_forgotten(
    anywhere: Shop, monkeypatch: pytest.MonkeyPatch
):
    await anywhere.change(retention_days=1)
    token = await anywhere.token()
    id = (await anywhere.say("When do you open?", token))["conversation_id"]
    visitors = anywhere.tenant.house.parts.visitors

    await visitors.sweep()
    before = await anywhere.visit("GET", f"/conversations/{id}", token=token)
    later = SystemClock().now() + timedelta(days=2)
    with monkeypatch.context() as patch:
        patch.setattr(visitors._clock, "now", lambda: later)
        await visitors.sweep()
    after = await anywhere.visit("GET", f"/conversations/{id}", token=token)

    assert (before.status, after.status) == (200, 404)


async def test_pages_that_are_not_listed_get_nothing(shop: Shop):
    token = await shop.token()

    for origin in (
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "null",
        None,
    ):
        for method, end, body in (
            ("GET", "/config", None),
            ("POST", "/session", None),
            ("POST", "/message", {"message_text": "Hi"}),
            ("POST", "/message/stream", {"message_text": "Hi"}),
            ("GET", "/visitor", None),
        ):
            reply = await shop.visit(method, end, body, token=token, origin=origin)
            may_read_why = end == "/config" and origin is not None
            assert (reply.status, reply.json["error"]["code"]) == (403, "origin_not_allowed")
            assert ("access-control-allow-origin" in reply.headers) == may_read_why


async def test_listed_pages_are_told_to_browsers_and_no_others(shop: Shop):
    asked = {"access-control-request-method": "POST"}

    allowed = await shop.visit("OPTIONS", "/message", **asked)
    refused = await shop.visit("OPTIONS", "/message", origin="https://evil.example", **asked)
    fault = await shop.visit("POST", "/message", {"nonsense": 1})

    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "access-control-allow-credentials" not in allowed.headers
    assert (refused.status, "access-control-allow-origin" in refused.headers) == (403, False)
    assert (fault.status, fault.headers["access-control-allow-origin"]) == (400, ORIGIN)


async def test_any_page_may_where_the_owner_says_so(house: House):
    shop = await open_shop(house, allowed_origins=["*"])

    assert (await shop.visit("GET", "/config", origin=None)).status == 200
    assert (await shop.visit("GET", "/config", origin="https://anything.example")).status == 200


async def test_a_page_learns_whether_people_answer_now(shop: Shop):
    always = {day: ["00:00", "24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    unknown = (await shop.visit("GET", "/config")).json["is_open"]
    await shop.change(working_hours={"time_zone": "UTC", "days": always})
    is_open = (await shop.visit("GET", "/config")).json["is_open"]
    await shop.change(working_hours={"time_zone": "UTC", "days": {}})
    is_closed = (await shop.visit("GET", "/config")).json["is_open"]

    assert (unknown, is_open, is_closed) == (None, True, False)


async def test_a_token_is_good_for_one_widget_and_one_origin(shop: Shop):
    await shop.change(allowed_origins=[ORIGIN, "https://other.example"])
    second = await open_shop(shop.tenant.house, "Beta", allowed_origins=[ORIGIN])
    token = await shop.token()

    elsewhere = await shop.visit("GET", "/visitor", token=token, origin="https://other.example")
    at_another = await second.visit("GET", "/visitor", token=token)
    opened = await ask(shop.tenant.house.app, "GET", shop.path, key=token)

    assert {elsewhere.status, at_another.status, opened.status} == {401}


async def test_an_ended_session_is_renewed_for_the_same_visitor(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    token = await shop.token()
    id = (await shop.say("When do you open?", token))["conversation_id"]
    visitors = shop.tenant.house.parts.visitors
    now = visitors._clock.now()
    monkeypatch.setattr(visitors._clock, "now", lambda: now + timedelta(hours=2))

    ended = await shop.visit("GET", f"/conversations/{id}", token=token)
    renewed = (await shop.visit("POST", "/session", token=token)).json["token"]
    again = await shop.visit("GET", f"/conversations/{id}", token=renewed)
    monkeypatch.setattr(visitors._clock, "now", lambda: now + timedelta(days=40))
    too_late = await shop.visit("POST", "/session", token=token)

    assert (ended.status, again.status, too_late.status) == (401, 200, 401)


async def test_a_suspended_owner_has_no_widget(shop: Shop):
    await shop.tenant.house.suspend(shop.tenant)
    shop.tenant.house.parts.visitors._known.clear()

    assert (await shop.visit("GET", "/config")).status == 403


@pytest.mark.parametrize("key", ["wk_nobody", "a" * 65, "%00", "..%2f..", "wk'--"])
async def test_a_key_that_nobody_has_opens_nothing(shop: Shop, key: str):
    shop.key = key

    assert (await shop.visit("GET", "/config")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message_text": ""},
        {"message_text": " \u0000 "},
        {"message_text": "x" * 4001},
        {"message_text": "Hi", "conversation_id": "1"},
        {"message_text": "Hi", "language": "<b>"},
        b"{nonsense",
    ],
)
async def test_what_is_no_message_is_refused(shop: Shop, body: Any):
    assert (await shop.visit("POST", "/message", body)).status == 400


async def test_a_huge_body_is_not_read(shop: Shop):
    reply = await shop.visit("POST", "/message", b"x" * 40_000, **{"content-length": "40000"})

    assert reply.status == 413


async def test_a_conversation_does_not_spend_without_end(shop: Shop):
    await shop.change(conversation_token_limit=1)
    token = await shop.token()
    first = await shop.say(scripted("When do you open?", HOURS), token)

    second = await shop.say("When do you open?", token, conversation_id=first["conversation_id"])

    assert (first["answer_source"], second["answer_source"]) == ("llm", "knowledge_base")
    assert second["notice"] is None


async def test_a_conversation_does_not_cost_without_end(shop: Shop):
    await shop.change(conversation_cost_limit_usd="0.000001")
    widget = await shop.tenant.ask("GET", shop.path)
    price = {"input": "3.00", "output": "15.00"}
    await shop.tenant.ask("PUT", "/api/prices/mock/*", price)
    token = await shop.token()
    first = await shop.say(scripted("When do you open?", HOURS), token)

    second = await shop.say("When do you open?", token, conversation_id=first["conversation_id"])
    other = await shop.say(scripted("When do you open?", HOURS), await shop.token())

    assert widget.json["conversation_cost_limit_usd"] == "0.000001000"
    answered_by = [said["answer_source"] for said in (first, second, other)]
    assert answered_by == ["llm", "knowledge_base", "llm"]


async def test_an_answer_that_nobody_waits_for_counts_for_its_conversation(anywhere: Shop):
    token = await anywhere.token()
    parts = anywhere.tenant.house.parts
    visit = await parts.visitors.enter(anywhere.key, ORIGIN, "192.0.2.1", token)
    stream = parts.widget_answers.stream(visit, Question(text=scripted("When?", HOURS)), "req_1")
    begun = await anext(stream)
    first = await anext(stream)
    await stream.aclose()
    assert isinstance(begun, Begun)
    assert begun.conversation_id is not None

    found = await parts.visitors.get_conversation(visit, begun.conversation_id)

    assert isinstance(first, Piece)
    assert found.tokens > 0


@pytest.mark.parametrize("dollars", ["-1", "0,05", "1e-9", "0.0000000001", "1000000001", ""])
async def test_ceiling_that_is_no_amount_is_refused(shop: Shop, dollars: str):
    reply = await shop.tenant.ask("PUT", shop.path, {"conversation_cost_limit_usd": dollars})

    assert reply.status == 400
    assert reply.json["error"]["param"] == "conversation_cost_limit_usd"


async def test_a_message_sent_twice_is_answered_once(shop: Shop):
    token = await shop.token()
    body = {"message_text": scripted("When do you open?", HOURS)}

    first = await shop.visit("POST", "/message", body, token=token, **{"idempotency-key": "k1"})
    await shop.tenant.house.app._once.close()
    again = await shop.visit("POST", "/message", body, token=token, **{"idempotency-key": "k1"})
    other = await shop.visit("POST", "/message", body, token=await shop.token(), **{"idempotency-key": "k1"})

    assert again.json["message_id"] == first.json["message_id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json["message_id"] != first.json["message_id"]


async def test_each_visitor_may_ask_so_often(tmp_path: Any):
    async with open_house(tmp_path, rate_limit_widget_session="2/1m") as house:
        shop = await open_shop(house)
        token = await shop.token()
        body = {"message_text": "Hi"}
        statuses = [(await shop.visit("POST", "/message", body, token=token)).status for _ in range(3)]

        assert statuses == [200, 200, 429]
        assert (await shop.visit("POST", "/message", body, token=await shop.token())).status == 200


async def test_an_unsure_question_gets_suggestions(shop: Shop):
    await shop.change(llm_enabled=False)

    answer = await shop.say("capital of France")

    assert (answer["answer_source"], answer["confidence"]) == ("default", 0.0)
    assert "How can I pay?" in answer["suggestions"]


async def test_drafts_and_what_has_ended_answer_nobody(shop: Shop):
    await shop.change(llm_enabled=False)
    entries = (await shop.tenant.ask("GET", f"{shop.path}/knowledge/entries")).json["entries"]
    await shop.tenant.ask(
        "PUT", f"{shop.path}/knowledge/entries/{entries[0]['id']}", {"validTo": "2020-01-01T00:00:00Z"}
    )

    assert (await shop.say("When do you open?"))["response"] != HOURS


async def test_question_whose_answer_was_lost_is_kept_once(anywhere: Shop):
    token = await anywhere.token()
    parts = anywhere.tenant.house.parts
    visit = await parts.visitors.enter(anywhere.key, ORIGIN, "192.0.2.1", token)
    stream = parts.widget_answers.stream(visit, Question(text="When do you open?"), "req_1")
    begun = await anext(stream)
    await stream.aclose()
    assert isinstance(begun, Begun)

    again = await anywhere.say("When do you open?", token, conversation_id=begun.conversation_id)
    later = await anywhere.say("When do you open?", token, conversation_id=begun.conversation_id)
    found = await anywhere.visit("GET", f"/conversations/{begun.conversation_id}", token=token)

    assert again["conversation_id"] == later["conversation_id"] == begun.conversation_id
    assert [each["speaker"] for each in found.json["messages"]] == ["visitor", "widget", "visitor", "widget"]


async def test_page_that_may_not_show_the_widget_can_read_why(shop: Shop):
    refused = await shop.visit("GET", "/config", origin="https://evil.example")
    session = await shop.visit("POST", "/session", {}, origin="https://evil.example")

    assert (refused.status, refused.json["error"]["code"]) == (403, "origin_not_allowed")
    assert refused.headers["access-control-allow-origin"] == "https://evil.example"
    assert session.status == 403
    assert "access-control-allow-origin" not in session.headers


async def test_page_of_the_servers_own_origin_is_named_by_the_script(shop: Shop):
    own = "http://officium.example"
    await shop.change(allowed_origins=[own])
    said = {"x-widget-origin": own, "host": "officium.example"}

    listed = await shop.visit("GET", "/config", origin=None, **said)
    elsewhere = await shop.visit("GET", "/config", origin=None, **{**said, "host": "other.example"})
    nameless = await shop.visit("GET", "/config", origin=None, host="officium.example")
    contradicted = await shop.visit("GET", "/config", origin="https://evil.example", **said)

    assert listed.status == 200
    assert [each.status for each in (elsewhere, nameless, contradicted)] == [403, 403, 403]


async def test_owner_who_is_signed_in_may_look_at_it_on_our_own_pages(house: House):
    shop = await open_shop(house, allowed_origins=[])
    other = await house.resident("Other")
    own = {
        "host": "officium.example",
        "sec-fetch-site": "same-origin",
        "x-widget-origin": "http://officium.example",
    }
    mine, theirs = [await _signed_in(house, tenant) for tenant in (shop.tenant, other)]

    async def look(method: str = "GET", end: str = "/config", **headers: str) -> int:
        return (await shop.visit(method, end, origin=None, **{**own, **headers})).status

    assert await look(cookie=f"officium={mine}") == 200
    assert await look("POST", "/session", cookie=f"officium={mine}") == 201
    assert await look(cookie=f"officium={theirs}") == 403
    assert await look(cookie="officium=ofs_nonsense") == 403
    assert await look() == 403
    assert await look(cookie=f"officium={mine}", **{"sec-fetch-site": "cross-site"}) == 403


async def _signed_in(house: House, tenant: Resident) -> str:
    """The session of an owner of the tenant."""
    email = f"{tenant.tenant.name.lower()}@example.com"
    operator = operator_of(tenant.tenant.id)
    await house.parts.members.create_member(operator, email, name="Ada", role="owner", password=PASSWORD)
    signed_in = await house.parts.sign_in.sign_in(email, PASSWORD, address="192.0.2.1", user_agent="Test")
    return signed_in.token


async def test_changes_of_the_knowledge_base_stand_in_the_audit_log(shop: Shop):
    entry = {"phrasings": ["Where are you?"], "answer": "In Kassel."}
    made = await shop.tenant.ask("POST", f"{shop.path}/knowledge/entries", entry)
    await shop.tenant.ask("DELETE", f"{shop.path}/knowledge/entries/{made.json['id']}")

    log = await shop.tenant.ask("GET", "/api/audit-log?action=knowledge.changed")

    newest, added, imported = log.json["entries"]
    assert (newest["thing"], newest["thing_id"]) == ("widget", str(shop.id))
    assert (newest["before"], newest["after"]["deleted"]) == ({"version": 2}, 1)
    assert (added["after"]["cause"], added["after"]["added"]) == ("edited", 1)
    assert (imported["after"]["cause"], imported["after"]["added"]) == ("imported", 2)
    assert "Kassel" not in str(log.json)
