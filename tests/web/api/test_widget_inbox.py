"""The inbox over HTTP: who waits, who answers, who is told; and the gaps visitors leave."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from officium.core.usage.alerts import DeliveryFailed, Destination
from officium.core.usage.alerts.letter import Letter
from officium.kit.clock import SystemClock
from tests.support.house import House, open_house
from tests.support.mail import Mailbox, mail_server
from tests.web.api.test_widget_visitors import Shop, open_shop


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    async with mail_server(box) as port:
        yield box, port


@pytest.fixture
async def house(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> AsyncIterator[House]:
    async with open_house(tmp_path, smtp_url=f"smtp://127.0.0.1:{mailbox[1]}") as opened:
        yield opened


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house)


async def test_a_person_takes_over_and_gives_back(shop: Shop):
    token = await shop.token()
    id = (await shop.say("When do you open?", token))["conversation_id"]
    inbox = f"{shop.path}/inbox"

    asked = await shop.visit("POST", f"/conversations/{id}/person", token=token)
    waiting = (await shop.tenant.ask("GET", f"{inbox}?status=waiting")).json["conversations"]
    assigned = await shop.tenant.ask("PUT", f"{inbox}/{id}", {"assigned_to": "ada"})
    replied = await shop.tenant.ask("POST", f"{inbox}/{id}/replies", {"text": "Hello, this is Ada."})
    silent = await shop.say("Thank you!", token, conversation_id=id)
    read = (await shop.tenant.ask("GET", f"{inbox}/{id}")).json
    given_back = await shop.tenant.ask("PUT", f"{inbox}/{id}", {"status": "bot"})
    answered = await shop.say("When do you open?", token, conversation_id=id)

    assert asked.json == {"status": "waiting"}
    assert [each["id"] for each in waiting] == [id]
    assert (assigned.json["assigned_to"], replied.status) == ("ada", 201)
    assert (silent["answer_source"], silent["response"], silent["conversation_id"]) == ("agent", "", id)
    assert [each["speaker"] for each in read["messages"]] == ["visitor", "widget", "agent", "visitor"]
    assert (read["status"], given_back.json["status"]) == ("human", "bot")
    assert answered["answer_source"] == "llm"


async def test_a_reply_reaches_the_visitor_who_reads_on(shop: Shop):
    token = await shop.token()
    id = (await shop.say("When do you open?", token))["conversation_id"]
    parts = shop.tenant.house.parts
    visit = await parts.visitors.enter(shop.key, "https://shop.example", "192.0.2.1", token)
    events = parts.handovers.events(visit, id, after=2)

    first = await anext(events)
    coming = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await shop.tenant.ask("POST", f"{shop.path}/inbox/{id}/replies", {"text": "Hello"})
    message = await asyncio.wait_for(coming, 2)
    status = await asyncio.wait_for(anext(events), 2)
    await events.aclose()

    assert (first.status, status.status) == ("bot", "human")
    assert message.message is not None
    assert (message.message.speaker, message.message.text) == ("agent", "Hello")


async def test_the_agency_is_told_once_of_who_waits(shop: Shop, mailbox: tuple[Mailbox, int]):
    made = await shop.tenant.ask(
        "POST", "/api/alert-destinations", {"kind": "email", "target": "ada@example.com"}
    )
    assert made.status == 201
    token = await shop.token()
    id = (await shop.say("Hi", token))["conversation_id"]
    handovers = shop.tenant.house.parts.handovers

    await handovers.tell_waiting()
    before = len(mailbox[0].mails)
    await shop.visit("POST", f"/conversations/{id}/person", token=token)
    await handovers.tell_waiting()
    await handovers.tell_waiting()

    assert (before, len(mailbox[0].mails)) == (0, 1)
    assert "Shop: a visitor waits for a person" in str(mailbox[0].mails[0])


async def test_what_does_not_arrive_is_tried_again_and_nobody_is_told_twice(
    shop: Shop, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
):
    for target in ("ada@example.com", "bo@example.com"):
        made = {"kind": "email", "target": target}
        assert (await shop.tenant.ask("POST", "/api/alert-destinations", made)).status == 201
    token = await shop.token()
    id = (await shop.say("Hi", token))["conversation_id"]
    handovers = shop.tenant.house.parts.handovers
    bring = handovers._courier.bring
    tried: list[str] = []

    async def bring_to_bo_alone(letter: Letter, destination: Destination) -> None:
        tried.append(destination.target)
        if destination.target == "ada@example.com":
            raise DeliveryFailed("The server of ada@example.com is away.")
        await bring(letter, destination)

    monkeypatch.setattr(handovers._courier, "bring", bring_to_bo_alone)
    await shop.visit("POST", f"/conversations/{id}/person", token=token)
    started = SystemClock().now()

    async def tell_after(pause: timedelta) -> int:
        before = len(tried)
        monkeypatch.setattr(handovers._clock, "now", lambda: started + pause)
        await handovers.tell_waiting()
        return len(tried) - before

    first = await tell_after(timedelta(seconds=1))
    at_once = await tell_after(timedelta(seconds=10))
    later = await tell_after(timedelta(minutes=2))
    handovers._next_tries.clear()  # as after a new start
    monkeypatch.setattr(handovers._courier, "bring", bring)
    restarted = await tell_after(timedelta(minutes=3))
    done = await tell_after(timedelta(hours=2))

    assert (first, at_once, later, restarted, done) == (2, 0, 1, 0, 0)
    assert sorted(str(mail["to"]) for mail in mailbox[0].mails) == ["ada@example.com", "bo@example.com"]


async def test_agency_that_cannot_be_told_for_a_day_is_told_no_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    made = {"kind": "email", "target": "ada@example.com"}
    assert (await shop.tenant.ask("POST", "/api/alert-destinations", made)).status == 201
    token = await shop.token()
    id = (await shop.say("Hi", token))["conversation_id"]
    handovers = shop.tenant.house.parts.handovers
    tried: list[str] = []

    async def fail(letter: Letter, destination: Destination) -> None:
        tried.append(destination.target)
        raise DeliveryFailed("Away.")

    monkeypatch.setattr(handovers._courier, "bring", fail)
    await shop.visit("POST", f"/conversations/{id}/person", token=token)
    started = SystemClock().now()

    for hours in (0, 23, 25, 27):
        monkeypatch.setattr(handovers._clock, "now", lambda: started + timedelta(hours=hours))  # noqa: B023
        await handovers.tell_waiting()

    assert len(tried) == 3


async def test_another_visitors_conversation_is_not_handed_over(shop: Shop):
    id = (await shop.say("When do you open?", await shop.token()))["conversation_id"]
    other = await shop.token()

    asked = await shop.visit("POST", f"/conversations/{id}/person", token=other)
    read = await shop.visit("GET", f"/conversations/{id}/events", token=other)

    assert (asked.status, read.status) == (404, 404)


async def test_answers_are_kept_ready(shop: Shop):
    path = f"{shop.path}/canned-answers"
    made = (await shop.tenant.ask("POST", path, {"title": "Hello", "text": "How can I help?"})).json

    listed = (await shop.tenant.ask("GET", path)).json
    deleted = await shop.tenant.ask("DELETE", f"{path}/{made['id']}")
    again = await shop.tenant.ask("DELETE", f"{path}/{made['id']}")

    assert listed == {"canned_answers": [made]}
    assert (deleted.status, again.status) == (204, 404)


async def test_a_gap_becomes_an_entry_and_is_counted_as_closed(shop: Shop):
    await shop.change(llm_enabled=False)
    for text in ("Is there parking nearby?", "is there parking nearby", "xyzzy"):
        await shop.say(text)
    liked = await shop.token()
    disliked = await shop.say("When do you open?", liked)
    rating = await shop.visit(
        "POST", f"/messages/{disliked['message_id']}/feedback", {"rating": "down"}, token=liked
    )
    assert rating.status == 204

    gaps = (await shop.tenant.ask("GET", f"{shop.path}/gaps")).json["gaps"]
    chosen = {name: gaps[0][name] for name in ("phrasings", "request_ids")}
    made = await shop.tenant.ask(
        "POST", f"{shop.path}/gaps/drafts", {**chosen, "answer": "Parking is behind the house."}
    )
    after = (await shop.tenant.ask("GET", f"{shop.path}/gaps")).json
    answer = await shop.say("Is there parking nearby?")

    assert [(gap["count"], gap["disliked"]) for gap in gaps] == [(2, 0), (1, 1), (1, 0)]
    assert (made.status, made.json["questions"], made.json["entry"]["state"]) == (201, 2, "live")
    assert len(after["gaps"]) == 2
    assert after["closed"] == [{"entry_id": made.json["entry"]["id"], "questions": 2}]
    assert answer["response"] == "Parking is behind the house."


async def test_a_draft_without_an_answer_answers_nobody(shop: Shop):
    await shop.change(llm_enabled=False)
    await shop.say("Is there parking nearby?")
    (gap,) = (await shop.tenant.ask("GET", f"{shop.path}/gaps")).json["gaps"]
    chosen = {name: gap[name] for name in ("phrasings", "request_ids")}

    made = await shop.tenant.ask("POST", f"{shop.path}/gaps/drafts", chosen)

    assert made.json["entry"]["state"] == "draft"
    assert (await shop.say("Is there parking nearby?"))["answer_source"] == "default"
    assert (await shop.tenant.ask("GET", f"{shop.path}/gaps")).json["closed"] == []
