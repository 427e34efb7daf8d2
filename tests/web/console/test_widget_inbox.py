"""The pages of what visitors say: inbox, conversations, gaps, saved questions and usage."""

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from tests.support.house import House, open_house
from tests.support.widget_desk import Guest, a_desk, a_widget, another_desk

PAGES = ("inbox", "inbox/1", "conversations", "gaps", "saved-questions", "usage")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _guest(house: House, tenant: str, path: str) -> Guest:
    widget = await house.parts.clients.get_widget(operator_of(tenant), int(path.rsplit("/", 1)[1]))
    return Guest(house, widget.widget_key)


async def test_conversation_is_taken_over_answered_and_closed(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant, allowed_origins=("*",))
    assert "Nobody waits" in await desk.get(f"{path}/inbox")
    guest = await _guest(house, tenant, path)
    await guest.say("I <b>need</b> help")
    talk = f"{path}/inbox/{guest.conversation}"
    await guest.do("POST", f"/conversations/{guest.conversation}/person")
    waiting = await desk.get(f"{path}/inbox/list")
    page = await desk.get(talk)
    last = re.findall(r"/new\?after=(\d+)", page)[0]

    assert "waits since" in waiting
    assert "<html" not in waiting
    assert "I &lt;b&gt;need&lt;/b&gt; help" in page
    assert "Take over" in page
    quiet = await desk.get(f"{talk}/new?after={last}")
    assert "said-text" not in quiet

    empty = await desk.post(f"{talk}/reply", text="  ")
    replied = await desk.post(f"{talk}/reply", text="Hello, this is Ada.")
    await guest.say("Thank you!")
    news = await desk.get(f"{talk}/new?after={last}")
    mine = await desk.get(talk)
    closed = await desk.post(f"{talk}/change", to="closed")
    nonsense = await desk.post(f"{talk}/change", to="elsewhere")

    assert (empty.status, replied.status, closed.status, nonsense.status) == (400, 303, 303, 400)
    assert news.index("Hello, this is Ada.") < news.index("Thank you!")
    assert "I &lt;b&gt;" not in news
    assert "<dd>You</dd>" in mine
    assert "Nobody waits" in await desk.get(f"{path}/inbox")
    assert "Closed" in await desk.get(f"{path}/conversations")
    assert "No conversations" in await desk.get(f"{path}/conversations?status=waiting")
    assert (await desk.visitor.get(f"{path}/inbox/99")).status == 404


async def test_canned_answers_are_kept_and_deleted(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant)
    refused = await desk.post(f"{path}/inbox/canned", title="", text="Hello")
    await desk.post(f"{path}/inbox/canned", title="Greeting", text="Hello, how can I help?")
    page = await desk.get(f"{path}/inbox")

    assert refused.status == 400
    assert "Greeting" in page
    gone = await desk.post(re.findall(r'action="([^"]+/canned/\d+/delete)"', page)[0])
    assert gone.status == 303
    assert "Greeting" not in await desk.get(f"{path}/inbox")


async def test_visitor_is_erased(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant, allowed_origins=("*",))
    guest = await _guest(house, tenant, path)
    answer = await guest.say("My secret")
    await guest.do("POST", f"/messages/{answer}/feedback", {"rating": "down", "text": "Wrong"})
    page = await desk.get(f"{path}/inbox/{guest.conversation}")
    visitor = re.findall(r'name="visitor" value="([^"]+)"', page)[0]

    assert "Disliked" in page
    assert "The visitor said of it: Wrong" in page
    erased = await desk.post(f"{path}/visitors/forget", visitor=visitor)
    assert erased.status == 303
    assert "No conversations" in await desk.get(f"{path}/conversations")
    assert (await desk.visitor.get(f"{path}/inbox/{guest.conversation}")).status == 404


async def test_gap_becomes_a_draft_with_one_click_and_is_closed_once_live(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant, allowed_origins=("*",), llm_enabled=False)
    for question in ("Do you have gift cards?", "do you have gift cards", "Where can I park?"):
        await (await _guest(house, tenant, path)).say(question)
    listed = await desk.get("/console/widgets")
    gaps = await desk.get(f"{path}/gaps")
    await desk.post("/console/first-steps/hide", hidden="on")
    overview = await desk.get("/console")
    first = re.findall(r'name="request" value="(\d+)"', gaps)[0]
    drafted = await desk.post(f"{path}/gaps/draft", request=first)
    again = await desk.post(f"{path}/gaps/draft", request=first)
    draft = await desk.get(drafted.headers["location"])

    assert re.search(r'data-head="Gaps">3<', listed)
    assert f'href="{path}/gaps">The widget Shop had no good answer to 3 questions' in overview
    assert "Times asked: 2" in gaps
    assert (drafted.status, again.status) == (303, 404)
    assert "gift cards" in draft
    assert "closed so far" not in await desk.get(f"{path}/gaps")
    await desk.post_form(drafted.headers["location"], {"answer": "Yes.", "state": "live"})
    after = await desk.get(f"{path}/gaps")
    assert "Questions closed so far: 2. Live entries written for them: 1." in after
    assert "gift cards" not in after


async def test_saved_questions_are_asked_and_those_that_fail_stand_first(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant)
    await desk.post(f"{path}/knowledge/new", phrasings="When do you open?", answer="At 9:00.")
    await desk.post(f"{path}/saved-questions", question="When do you open?", facts="9:00")
    await desk.post(f"{path}/saved-questions", question="Do you sell bikes?", facts="bikes")
    refused = await desk.post(f"{path}/saved-questions", question="Why?", facts=" ")
    asked = await desk.post(f"{path}/saved-questions/run")
    page = await desk.get(f"{path}/saved-questions")

    assert (refused.status, asked.status) == (400, 303)
    assert "1 of 2 fail" in page
    assert page.index("Do you sell bikes?") < page.index("When do you open?")
    assert "Missing: bikes" in page
    gone = await desk.post(re.findall(r'action="([^"]+/saved-questions/\d+/delete)"', page)[0])
    assert gone.status == 303
    assert "0 of 1 fail" in await desk.get(f"{path}/saved-questions")


async def test_usage_tells_sources_credits_and_cost_by_day(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant, allowed_origins=("*",))
    empty = await desk.get(f"{path}/usage")
    other = await a_widget(house, tenant, allowed_origins=("*",))
    for each in (path, other, other):
        await (await _guest(house, tenant, each)).say("Hello")
    await house.parts.usage_log.flush()
    page = await desk.get(f"{path}/usage")
    reply = await desk.visitor.get(f"{path}/usage.csv")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))

    assert "No visitor has asked yet" in empty
    assert "Reached first" in page
    assert "mock" in page
    assert len(rows) == 30
    assert sum(int(row["llm"]) for row in rows) == 1
    assert sum(int(row["requests"]) for row in rows) == 1
    assert sum(int(row["tokens"]) for row in rows) > 0
    assert "attachment" in reply.headers["content-disposition"]


async def test_viewer_sees_and_changes_nothing_and_others_see_nothing(house: House):
    _, tenant = await a_desk(house)
    path = await a_widget(house, tenant, allowed_origins=("*",))
    await (await _guest(house, tenant, path)).say("Hello")
    viewer = await another_desk(house, tenant, "viewer", "eve@example.com")
    stranger, _ = await a_desk(house, tenant="Beta")
    posts = {
        "inbox/1/reply": {"text": "Hi"},
        "inbox/1/change": {"to": "closed"},
        "inbox/canned": {"title": "A", "text": "B"},
        "visitors/forget": {"visitor": "vis_1"},
        "gaps/draft": {"request": "1"},
        "saved-questions": {"question": "A?", "facts": "B"},
        "saved-questions/run": {},
    }
    forms = (await viewer.get("/console")).count('method="post"')
    for end in PAGES:
        page = await viewer.get(f"{path}/{end}")
        assert page.count('method="post"') == forms, end
    refused = [await viewer.post(f"{path}/{end}", **fields) for end, fields in posts.items()]
    unknown = [await stranger.post(f"{path}/{end}", **fields) for end, fields in posts.items()]
    unseen = [await stranger.visitor.get(f"{path}/{end}") for end in (*PAGES, "usage.csv", "inbox/1/new")]

    assert [reply.status for reply in refused] == [403] * len(posts)
    assert [reply.status for reply in (*unknown, *unseen)] == [404] * (len(posts) + len(unseen))
