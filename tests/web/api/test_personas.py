"""The advisers through the whole server, with the scripted provider."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from officium.core.tenancy import Caller
from tests.support.advice import advise, events_of, text_of
from tests.support.house import House, Resident, open_house
from tests.support.web import Client

QUESTION = "What should I focus on this quarter?"
FIGURES = {"asOf": "2026-01-31", "sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.5}


@pytest.fixture
async def acme(house: House) -> Resident:
    acme = await house.resident("Acme")
    await acme.ask("PUT", "/api/business-context/profile", {"industry": "SaaS", "goals": ["Grow"]})
    await acme.ask("POST", "/api/business-context/snapshots", FIGURES)
    return acme


async def history(resident: Resident, conversation_id: int) -> list[dict[str, Any]]:
    found = (await resident.ask("GET", f"/c-suite/conversations/{conversation_id}")).json
    messages: list[dict[str, Any]] = found["messages"]
    return messages


async def test_answer_is_streamed_in_pieces_and_ends_with_its_metadata(acme: Resident):
    reply = await advise(acme, QUESTION)

    events = events_of(reply.body)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[0].name == "start"
    pieces = [event.data for event in events if event.name == "message"]
    assert len(pieces) > 2
    assert all(set(piece) == {"content", "done"} and not piece["done"] for piece in pieces[:-1])
    last = pieces[-1]
    assert (last["content"], last["done"], last["metadata"]["model"]) == ("", True, "mock")
    tokens = last["metadata"]["tokens"]
    assert tokens["total"] == tokens["input"] + tokens["output"] > tokens["output"] > 0
    assert reply.headers["officium-message-id"] == str(last["messageId"])


@pytest.mark.parametrize("persona", ["ceo", "cfo", "cmo", "cto"])
async def test_each_persona_answers_at_its_own_path_and_at_the_common_one(acme: Resident, persona: str):
    own = events_of((await advise(acme, QUESTION, persona)).body)
    common = events_of((await acme.ask("POST", "/chat", {"message": QUESTION, "persona": persona})).body)

    for events in (own, common):
        assert events[0].data["receipt"]["persona"] == persona
        assert events[-1].data["done"] is True


async def test_common_path_asks_the_ceo_where_nobody_is_named(acme: Resident):
    events = events_of((await acme.ask("POST", "/chat", {"message": QUESTION})).body)

    assert events[0].data["receipt"]["prompt"] == "persona.ceo"


async def test_answer_and_question_are_kept_with_their_tokens(acme: Resident):
    events = events_of((await advise(acme, QUESTION)).body)

    last = events[-1].data
    question, answer = await history(acme, last["conversationId"])
    assert (question["role"], question["content"]) == ("user", QUESTION)
    assert (answer["id"], answer["status"]) == (last["messageId"], "complete")
    assert answer["content"] == text_of(events)
    assert answer["metadata"]["tokens"] == last["metadata"]["tokens"]
    assert answer["metadata"]["model"] == "mock"
    assert answer["metadata"]["receipt"] == last["receipt"]
    tokens = (await acme.ask("GET", "/c-suite/tokens")).json
    assert tokens["total"] == last["metadata"]["tokens"]["total"]


async def test_receipt_says_what_the_answer_knew(acme: Resident):
    receipt = events_of((await advise(acme, QUESTION)).body)[-1].data["receipt"]

    assert {section["name"] for section in receipt["sections"]} == {
        "persona",
        "profile",
        "analytics",
        "message",
    }
    assert (receipt["asOf"], receipt["isStale"], receipt["promptVersion"]) == (
        "2026-01-31",
        True,
        "shipped/1",
    )


async def test_model_is_told_the_business_and_the_conversation(acme: Resident, house: House):
    first = events_of((await advise(acme, "My name is Ada.")).body)
    await advise(acme, "Who am I?", conversationId=str(first[-1].data["conversationId"]))

    messages = _asked(house)["messages"]
    assert "Industry: SaaS" in messages[0]["content"]
    assert "Users: 450" in messages[0]["content"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1]["content"] == "My name is Ada."
    assert messages[2]["content"] == text_of(first)


async def test_call_is_recorded_for_the_persona_with_its_prompt(acme: Resident, house: House):
    await advise(acme, QUESTION, "cfo")
    await house.parts.usage_log.flush()

    (call,) = (await acme.ask("GET", "/api/usage/calls")).json["records"]
    assert (call["app"], call["prompt"], call["prompt_version"]) == ("personas", "persona.cfo", "shipped/1")
    assert call["user"].startswith("key:")
    assert call["status"] == "success"


async def test_defaults_are_those_of_the_persona_chat(acme: Resident, house: House):
    await advise(acme, QUESTION)

    assert (_asked(house)["temperature"], _asked(house)["max_tokens"]) == (0.7, 2048)


async def test_persona_may_have_a_model_of_its_own(acme: Resident, house: House):
    await acme.ask(
        "PUT", "/c-suite/personas/cfo", {"model": "mock/careful", "temperature": 0.1, "maxTokens": 99}
    )

    events = events_of((await advise(acme, QUESTION, "cfo")).body)
    cfo = dict(_asked(house))
    other = events_of((await advise(acme, QUESTION, "ceo")).body)

    assert events[-1].data["metadata"]["model"] == "careful"
    assert (cfo["temperature"], cfo["max_tokens"]) == (0.1, 99)
    assert other[-1].data["metadata"]["model"] == "mock"
    shown = {each["persona"]: each for each in (await acme.ask("GET", "/c-suite/personas")).json["personas"]}
    assert (shown["cfo"]["model"], shown["ceo"]["model"]) == ("mock/careful", None)
    assert (await acme.ask("DELETE", "/c-suite/personas/cfo")).status == 204
    assert events_of((await advise(acme, QUESTION, "cfo")).body)[-1].data["metadata"]["model"] == "mock"


@pytest.mark.parametrize(
    "config", [{"temperature": 3}, {"maxTokens": 0}, {"model": ""}, {"model": "a\nb"}, {"size": 1}]
)
async def test_persona_that_cannot_answer_so_is_refused(acme: Resident, config: dict[str, Any]):
    assert (await acme.ask("PUT", "/c-suite/personas/cfo", config)).status == 400


async def test_figures_are_marked_in_the_stream(acme: Resident, house: House):
    said = "You have 450 users and 23 conversions. Your churn is 7.3 percent. Good luck."
    house.parts.transport._by_scheme["mock"]._script.then(said)  # type: ignore[attr-defined]

    events = events_of((await advise(acme, QUESTION)).body)

    marks = [mark for event in events if event.name == "figures" for mark in event.data["figures"]]
    text = text_of(events)
    assert [(text[mark["start"] : mark["end"]], mark["status"]) for mark in marks] == [
        ("450", "matched"),
        ("23", "matched"),
        ("7.3 percent", "unmatched"),
    ]
    assert events[-1].data["figures"] == {"matched": 2, "unmatched": 1, "proposed": 0}


async def test_text_is_checked_against_a_context(acme: Resident):
    asked = {"context": {"recentAnalytics": {"users": 450}}, "text": "450 users, 99 customers."}

    found = (await acme.ask("POST", "/c-suite/check", asked)).json

    assert (found["matched"], found["unmatched"]) == (1, 1)
    assert [(each["text"], each["matched"]) for each in found["figures"]] == [("450", True), ("99", False)]


@pytest.mark.parametrize(
    ("persona", "body", "code"),
    [
        pytest.param("coo", {"message": "Hi"}, "unknown_persona", id="nobody"),
        pytest.param("ceo", {"message": " "}, "invalid_question", id="nothing-said"),
        pytest.param("ceo", {"message": "x" * 16_385}, "invalid_question", id="too-long"),
        pytest.param("ceo", {"message": "a\0b"}, "invalid_question", id="nul"),
        pytest.param("ceo", {}, "invalid_request", id="no-message"),
        pytest.param("ceo", {"message": "Hi", "conversationId": "x"}, "invalid_request", id="no-id"),
        pytest.param("ceo", {"message": "Hi", "language": "de\nObey"}, "invalid_request", id="no-language"),
        pytest.param("ceo", {"message": "Hi", "size": 1}, "invalid_request", id="unknown-field"),
    ],
)
async def test_what_is_no_question_is_refused_before_any_work(
    acme: Resident, house: House, persona: str, body: dict[str, Any], code: str
):
    reply = await acme.ask("POST", f"/c-suite/{persona}/chat", body)

    assert (reply.status, reply.json["error"]["code"]) == (400, code)
    assert (await acme.ask("GET", "/c-suite/conversations")).json["conversations"] == []
    assert _requests(house) == 0


async def test_conversation_of_nobody_is_not_gone_on_with(acme: Resident):
    reply = await advise(acme, QUESTION, conversationId=4711)

    assert (reply.status, reply.json["error"]["code"]) == (404, "conversation_not_found")


async def test_unknown_model_is_an_error_before_the_stream(acme: Resident):
    await acme.ask("PUT", "/c-suite/personas/ceo", {"model": "groq/llama"})

    reply = await advise(acme, QUESTION)

    assert (reply.status, reply.json["error"]["code"]) == (400, "provider_not_configured")
    assert (await acme.ask("GET", "/c-suite/conversations")).json["conversations"] == []


@pytest.mark.parametrize("setting", ["error_after=3", "cut_after=3"])
async def test_fault_in_the_stream_is_told_and_what_there_is_is_kept(
    acme: Resident, house: House, setting: str
):
    events = events_of((await advise(acme, f"[[mock {setting}]] one two three four five")).body)

    last = events[-1]
    assert (last.name, last.data["done"]) == ("error", True)
    assert last.data["error"]["code"]
    assert last.data["metadata"]["tokens"]["output"] > 0
    _, answer = await history(acme, last.data["conversationId"])
    assert (answer["status"], answer["content"]) == ("failed", text_of(events))
    assert answer["content"]
    assert answer["metadata"]["tokens"] == last.data["metadata"]["tokens"]
    await house.parts.usage_log.flush()
    (call,) = (await acme.ask("GET", "/api/usage/calls")).json["records"]
    assert call["status"] != "success"
    assert call["output_tokens"] > 0


async def test_refusal_of_the_provider_is_told_with_its_name(acme: Resident):
    events = events_of((await advise(acme, "[[mock status=429]]")).body)

    assert [event.name for event in events] == ["start", "error"]
    assert "API error (429)" in events[-1].data["error"]["message"]


async def test_conversation_goes_on_after_a_fault(acme: Resident, house: House):
    failed = events_of((await advise(acme, "[[mock status=500]]")).body)[-1].data

    again = events_of((await advise(acme, QUESTION, conversationId=failed["conversationId"])).body)

    assert again[-1].data["done"] is True
    assert [message["role"] for message in _asked(house)["messages"]] == ["system", "user"]


async def test_log_lines_are_those_that_operators_look_for(acme: Resident):
    with capture_logs() as lines:
        await advise(acme, QUESTION)
        await advise(acme, "[[mock status=500]]")

    logged = {line["event"]: line for line in lines if "stream" in line["event"]}
    started, done, failed = (
        logged["Starting Scripted API stream"],
        logged["Scripted stream completed"],
        logged["Error in Scripted stream"],
    )
    assert (started["tenantId"], started["messageCount"], started["model"]) == (acme.tenant.id, 2, "mock")
    assert started["userId"].startswith("key:")
    assert set(done["tokens"]) == {"input", "output", "total"}
    assert "API error (500)" in failed["error"]
    assert not any(QUESTION in str(line) for line in lines)


async def test_answer_can_be_read_again_from_any_event(acme: Resident):
    events = events_of((await advise(acme, QUESTION)).body)
    path = f"/c-suite/answers/{events[-1].data['messageId']}/events"

    whole = await acme.ask("GET", path)
    rest = await acme.ask("GET", path, headers={"last-event-id": str(events[2].id)})

    assert events_of(whole.body) == events
    assert events_of(rest.body) == events[3:]


@pytest.mark.parametrize("said", ["x", "-1", "1.5", "9" * 11])
async def test_event_that_is_none_is_refused(acme: Resident, said: str):
    events = events_of((await advise(acme, QUESTION)).body)
    path = f"/c-suite/answers/{events[-1].data['messageId']}/events"

    assert (await acme.ask("GET", path, headers={"last-event-id": said})).status == 400


async def test_reader_who_hangs_up_reads_on_and_the_call_is_made_once(acme: Resident, house: House):
    client = Client(house.app)
    body = {"message": "[[mock chunk_delay=0.02]] one two three four five six"}
    asking = asyncio.create_task(client.ask("POST", "/c-suite/ceo/chat", body, key=await acme.key()))
    await client.got_piece.wait()
    client.hang_up.set()
    await asking
    seen = events_of(b"".join(client.pieces))
    message = seen[0].data["messageId"]

    rest = await acme.ask(
        "GET", f"/c-suite/answers/{message}/events", headers={"last-event-id": str(seen[-1].id)}
    )

    events = [*seen, *events_of(rest.body)]
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[-1].data["metadata"]["tokens"]["total"] > 0
    _, answer = await history(acme, events[-1].data["conversationId"])
    assert (answer["status"], answer["content"]) == ("complete", text_of(events))
    await house.parts.usage_log.flush()
    assert len((await acme.ask("GET", "/api/usage/calls")).json["records"]) == 1


async def test_stopped_answer_is_kept_as_far_as_it_is_and_paid_for(acme: Resident, house: House):
    client = Client(house.app)
    body = {"message": "[[mock chunk_delay=0.02 words=2000]]"}
    asking = asyncio.create_task(client.ask("POST", "/c-suite/ceo/chat", body, key=await acme.key()))
    while len(client.pieces) < 4:
        client.got_piece.clear()
        await client.got_piece.wait()
    start = events_of(client.pieces[0])[0].data

    stopped = await acme.ask("POST", f"/c-suite/answers/{start['messageId']}/stop")
    await asking

    assert stopped.json == {"stopped": True}
    events = events_of(b"".join(client.pieces))
    assert events[-1].name == "stopped"
    _, answer = await history(acme, start["conversationId"])
    assert answer["status"] == "stopped"
    assert answer["content"] == text_of(events)
    assert answer["metadata"]["tokens"]["output"] > 0
    assert answer["metadata"]["estimated"] is True
    await house.parts.usage_log.flush()
    (call,) = (await acme.ask("GET", "/api/usage/calls")).json["records"]
    assert call["output_tokens"] > 0
    assert (await acme.ask("POST", f"/c-suite/answers/{start['messageId']}/stop")).json == {"stopped": False}


async def test_answer_can_be_given_again_beside_the_first(acme: Resident, house: House):
    first = events_of((await advise(acme, QUESTION, "cfo")).body)[-1].data

    reply = await acme.ask("POST", f"/c-suite/messages/{first['messageId']}/regenerate")

    again = events_of(reply.body)[-1].data
    assert again["receipt"]["persona"] == "cfo"
    assert [message["role"] for message in _asked(house)["messages"]] == ["system", "user"]
    _, answer = await history(acme, first["conversationId"])
    assert answer["id"] == again["messageId"]
    assert answer["siblingIds"] == [first["messageId"], again["messageId"]]


async def test_question_can_be_asked_in_other_words(acme: Resident, house: House):
    first = events_of((await advise(acme, "One")).body)[-1].data
    second = events_of((await advise(acme, "Two", conversationId=first["conversationId"])).body)[-1].data

    reply = await acme.ask("POST", f"/c-suite/messages/{second['questionId']}/edit", {"message": "Three"})

    assert events_of(reply.body)[-1].data["done"] is True
    told = [message["content"] for message in _asked(house)["messages"] if message["role"] == "user"]
    assert told == ["One", "Three"]
    messages = await history(acme, first["conversationId"])
    assert [message["content"] for message in messages if message["role"] == "user"] == ["One", "Three"]
    back = await acme.ask("POST", f"/c-suite/messages/{second['messageId']}/select")
    assert back.json["leafId"] == second["messageId"]


@pytest.mark.parametrize(("what", "which"), [("regenerate", "questionId"), ("edit", "messageId")])
async def test_only_answers_are_regenerated_and_only_questions_edited(acme: Resident, what: str, which: str):
    last = events_of((await advise(acme, QUESTION)).body)[-1].data

    reply = await acme.ask("POST", f"/c-suite/messages/{last[which]}/{what}", {"message": "x"})
    if what == "regenerate":
        reply = await acme.ask("POST", f"/c-suite/messages/{last[which]}/{what}")

    assert (reply.status, reply.json["error"]["code"]) == (404, "message_not_found")


async def test_own_wording_of_a_tenant_is_used_with_its_settings(acme: Resident, house: House):
    draft = {"system": "You are a pirate.", "temperature": 0.2, "label": "production"}
    made = await acme.ask("POST", "/api/prompts/persona.ceo/versions", draft)
    assert made.status == 201, made.json

    events = events_of((await advise(acme, QUESTION)).body)

    assert events[-1].data["receipt"]["promptVersion"] == "own/1"
    assert _asked(house)["messages"][0]["content"] == "You are a pirate."
    assert _asked(house)["temperature"] == 0.2


async def test_decisions_are_told_with_what_came_of_them(acme: Resident, house: House):
    decision = {
        "text": "Raise the price",
        "metric": "revenue",
        "direction": "up",
        "expectedValue": 15000,
        "dueOn": "2026-02-28",
    }
    made = (await acme.ask("POST", "/c-suite/decisions", decision)).json
    await acme.ask("POST", "/api/business-context/snapshots", {"asOf": "2026-02-28", "revenue": 15200})

    await advise(acme, QUESTION)

    assert made["status"] == "open"
    system = _asked(house)["messages"][0]["content"]
    assert "Raise the price (expected: revenue at least 15000 by 2026-02-28; met with 15200)" in system
    assert "Record: 1 of 1 decisions" in system
    (scored,) = (await acme.ask("GET", "/c-suite/decisions?status=met")).json["decisions"]
    assert (scored["actualValue"], scored["actualAsOf"]) == (15200, "2026-02-28T00:00:00Z")


async def test_chat_counts_in_its_own_tier(tmp_path: Path):
    async with open_house(tmp_path, rate_limit_chat="1/1m", rate_limit_general="100/1m") as house:
        acme = await house.resident("Acme")

        replies = [await advise(acme, QUESTION) for _ in range(2)]

        assert [reply.status for reply in replies] == [200, 429]
        assert replies[1].headers["retry-after"]
        assert (await acme.ask("GET", "/c-suite/conversations")).status == 200


async def test_without_a_model_answers_are_canned_and_say_so(tmp_path: Path):
    async with open_house(tmp_path, personas_llm=False) as house:
        acme = await house.resident("Acme")

        events = events_of((await advise(acme, QUESTION, "cfo")).body)

        assert text_of(events).startswith("[Canned answer")
        last = events[-1].data
        assert last["metadata"] == {"model": "canned", "tokens": {"input": 0, "output": 0, "total": 0}}
        _, answer = await history(acme, last["conversationId"])
        assert (answer["status"], answer["content"]) == ("complete", text_of(events))
        assert _requests(house) == 0


async def test_silence_is_broken_by_comments(tmp_path: Path):
    async with open_house(tmp_path, heartbeat_s=0.01) as house:
        acme = await house.resident("Acme")

        reply = await advise(acme, "[[mock delay=0.05]]")

        assert b": \n\n" in reply.body
        assert events_of(reply.body)[-1].data["done"] is True


async def test_members_of_a_tenant_have_conversations_of_their_own(acme: Resident, house: House):
    last = events_of((await advise(acme, QUESTION)).body)[-1].data
    other = Caller(acme.tenant.id, "member:eve", frozenset({"inference"}), member_id="eve")
    parts = house.parts

    for refused in (
        parts.advisers.read(other, last["messageId"]),
        parts.advisers.stop(other, last["messageId"]),
        parts.conversations.get_conversation(other, last["conversationId"]),
    ):
        with pytest.raises(Exception, match="You have no such"):
            await refused


def _asked(house: House) -> dict[str, Any]:
    """The body of the last request that reached the provider."""
    scripted = house.parts.transport._by_scheme["mock"]  # type: ignore[attr-defined]
    body: dict[str, Any] = scripted.requests[-1].body
    return body


def _requests(house: House) -> int:
    total: int = house.parts.transport._by_scheme["mock"].total  # type: ignore[attr-defined]
    return total
