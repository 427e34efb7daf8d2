"""The advisors' page: who may see what, and that the doors behind it hold."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

PAGE = "/console/advisors"
QUESTION = "What should I focus on?"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(
    house: House, email: str = "ada@example.com", tenant: str = "Alpha", role: Role = "admin"
) -> Visitor:
    resident = await house.resident(tenant)
    return await _member(house, resident.tenant.id, email, role)


async def _member(house: House, tenant_id: str, email: str, role: Role = "admin") -> Visitor:
    await house.parts.members.create_member(operator_of(tenant_id), email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, fields, x_csrf_token=proof, hx_request="true")


async def _asked(visitor: Visitor, text: str = QUESTION, **fields: str) -> tuple[str, str]:
    """Ask, and wait for the end; the ids of the conversation and of the answer."""
    reply = await _post(visitor, f"{PAGE}/ask", persona="cfo", message=text, **fields)
    assert "officium-error" not in reply.headers, reply.body
    answer = _answer_in(reply)
    await visitor.get(f"{PAGE}/answers/{answer}/events")
    return reply.headers["officium-conversation-id"], answer


def _answer_in(reply: Reply) -> str:
    """The id of the last turn in a piece of the page."""
    return re.findall(r'data-turn="(\d+)"', reply.body.decode())[-1]


def _events(reply: Reply) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for frame in reply.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"])))
    return found


def _drawn(events: list[tuple[int, str, dict[str, Any]]], blocks: list[str] | None = None) -> str:
    blocks = list(blocks or ())
    for _, name, data in events:
        if name == "draw":
            blocks = [*blocks[: data["keep"]], *data["blocks"]]
    return "".join(blocks)


async def test_answer_is_drawn_and_ends_with_the_whole_turn(house: House):
    visitor = await _visitor(house)

    _, answer = await _asked(visitor, 'Hello [[mock text="Some **bold** words.\\n\\nMore of them."]]')
    events = _events(await visitor.get(f"{PAGE}/answers/{answer}/events"))

    assert events[-1][1] == "end"
    assert "<strong>bold</strong>" in _drawn(events)
    assert "What this answer knew" in events[-1][2]["html"]
    assert "Scripted answer" in events[-1][2]["html"]
    assert events[-1][2]["say"].startswith("Some **bold** words.")


async def test_reading_goes_on_behind_the_last_event_that_was_seen(house: House):
    visitor = await _visitor(house)
    words = " ".join(f"word{number}\\n\\n" for number in range(20))
    reply = await _post(
        visitor, f"{PAGE}/ask", persona="ceo", message=f'Go [[mock chunk_delay=0.02 text="{words}"]]'
    )
    answer = _answer_in(reply)
    events = _events(await visitor.get(f"{PAGE}/answers/{answer}/events"))
    draws = [event for event in events if event[1] == "draw"]
    assert len(draws) > 2

    seen = draws[: len(draws) // 2]
    blocks: list[str] = []
    for _, _, data in seen:
        blocks = [*blocks[: data["keep"]], *data["blocks"]]
    rest = _events(await visitor.get(f"{PAGE}/answers/{answer}/events", last_event_id=str(seen[-1][0])))

    assert _drawn(rest, blocks) == _drawn(events)
    assert rest[0][2]["keep"] > 0
    assert all(id > seen[-1][0] for id, _, _ in rest)


async def test_fault_of_the_provider_is_told_at_the_end(house: House):
    visitor = await _visitor(house)

    _, answer = await _asked(visitor, 'Hello [[mock status=400 error="No words left."]]')
    end = _events(await visitor.get(f"{PAGE}/answers/{answer}/events"))[-1]

    assert "No words left." in end[2]["html"]
    assert "Try again" in end[2]["html"]


async def test_stopped_answer_is_shown_as_far_as_it_is(house: House):
    visitor = await _visitor(house)
    reply = await _post(
        visitor,
        f"{PAGE}/ask",
        persona="ceo",
        message='Go [[mock chunk_delay=0.1 text="one two three four five"]]',
    )
    answer = _answer_in(reply)
    await asyncio.sleep(0.25)

    stopped = await _post(visitor, f"{PAGE}/answers/{answer}/stop")
    end = _events(await visitor.get(f"{PAGE}/answers/{answer}/events"))[-1]

    assert stopped.status == 204
    assert "Stopped." in end[2]["html"]
    assert "five" not in end[2]["html"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"persona": "cfo", "message": " "}, "invalid_question"),
        ({"persona": "cfo", "message": "x" * 16_385}, "invalid_question"),
        ({"persona": "boss", "message": "Hi"}, "unknown_persona"),
        ({"persona": "cfo", "message": "Hi", "conversation": "999999"}, "conversation_not_found"),
        ({"persona": "cfo", "message": "Hi", "conversation": "one"}, "not_found"),
        ({"persona": "cfo", "message": "x" * 70_000}, "request_too_large"),
    ],
    ids=["empty", "too-long", "nobody", "no-conversation", "no-id", "too-large"],
)
async def test_what_is_no_question_is_refused_in_words(house: House, fields: dict[str, str], code: str):
    visitor = await _visitor(house)

    reply = await _post(visitor, f"{PAGE}/ask", **fields)

    assert reply.headers["officium-error"] == code
    assert b'role="alert"' in reply.body


async def test_versions_are_switched_and_the_shown_one_is_kept(house: House):
    visitor = await _visitor(house)
    conversation, answer = await _asked(visitor, 'Go [[mock text="The answer"]]')

    again = await _post(visitor, f"{PAGE}/messages/{answer}/regenerate")
    await visitor.get(f"{PAGE}/answers/{_answer_in(again)}/events")
    page = await visitor.get(f"{PAGE}/conversations/{conversation}")
    before = await _post(visitor, f"{PAGE}/messages/{answer}/select")

    assert b"2 of 2" in page.body
    assert b"1 of 2" in before.body


async def test_conversation_is_listed_searched_exported_renamed_and_deleted(house: House):
    visitor = await _visitor(house)
    conversation, answer = await _asked(visitor, "About <b>pelicans</b>")
    one = f"{PAGE}/conversations/{conversation}"

    found = await visitor.get(f"{PAGE}/list?q=PELICANS")
    missed = await visitor.get(f"{PAGE}/list?q=walrus")
    text = await visitor.get(f"{one}/export")
    data = await visitor.get(f"{one}/export?format=json")
    wrong = await visitor.get(f"{one}/export?format=pdf")
    opinion = await _post(
        visitor, f"{PAGE}/messages/{answer}/feedback", rating="down", text="Too <i>short</i>"
    )
    renamed = await _post(visitor, f"{one}/rename", title="Large <birds>")
    page = await visitor.get(one)
    deleted = await _post(visitor, f"{one}/delete")
    gone = await visitor.get(one)

    assert b"About &lt;b&gt;pelicans" in found.body
    assert b"Nothing was found" in missed.body
    assert text.body.startswith(b"# About <b>pelicans")
    assert text.headers["content-disposition"].startswith("attachment")
    assert len(data.json["messages"]) == 2
    assert (wrong.status, opinion.status, renamed.status, deleted.status, gone.status) == (
        400,
        204,
        303,
        303,
        404,
    )
    assert b"Large &lt;birds&gt;" in page.body
    assert b"Too &lt;i&gt;short" in page.body


@pytest.mark.parametrize("who", ["another tenant", "another member"])
async def test_nobody_else_reaches_a_conversation(house: House, who: str):
    alpha = await house.resident("Alpha")
    visitor = await _member(house, alpha.tenant.id, "ada@example.com")
    conversation, answer = await _asked(visitor, "A secret of Ada")
    question = str(int(answer) - 1)
    if who == "another tenant":
        other = await _visitor(house, "eve@example.com", "Beta")
    else:
        other = await _member(house, alpha.tenant.id, "eve@example.com", "owner")
    one = f"{PAGE}/conversations/{conversation}"

    read = [
        await other.get(path, hx_request="true")
        for path in (one, f"{one}?before={answer}", f"{one}/export", f"{PAGE}/answers/{answer}/events")
    ]
    changed = [
        await _post(
            other, path, message="Hi", title="Mine", rating="up", persona="cfo", conversation=conversation
        )
        for path in (
            f"{one}/rename",
            f"{one}/delete",
            f"{PAGE}/ask",
            f"{PAGE}/answers/{answer}/stop",
            f"{PAGE}/messages/{answer}/regenerate",
            f"{PAGE}/messages/{answer}/select",
            f"{PAGE}/messages/{answer}/feedback",
            f"{PAGE}/messages/{question}/edit",
        )
    ]
    listed = await other.get(f"{PAGE}/list")
    searched = await other.get(f"{PAGE}/list?q=secret")
    kept = await visitor.get(one)

    assert all(reply.headers.get("officium-error", "").endswith("not_found") for reply in read + changed)
    assert all(b"secret" not in reply.body for reply in [*read, *changed, listed])
    assert b"A secret of Ada" not in searched.body
    assert b"A secret of Ada" in kept.body


async def test_viewer_has_no_advisers_and_is_told_so(house: House):
    visitor = await _visitor(house, role="viewer")

    home = await visitor.get("/console")
    page = await visitor.get(PAGE)
    asked = await _post(visitor, f"{PAGE}/ask", persona="ceo", message="Hi")

    assert b'href="/console/advisors"' not in home.body
    assert page.status == 403
    assert asked.headers["officium-error"] == "permission_denied"


async def test_business_is_saved_whole_or_not_at_all(house: House):
    visitor = await _visitor(house)
    form = {"industry": "SaaS", "goals": "Grow\r\n\r\nHire", "as_of": "2026-01-31", "figure_users": "1,450"}

    refused = await _post(visitor, f"{PAGE}/business", **{**form, "figure_revenue": "plenty"})
    before = await visitor.get(PAGE)
    saved = await _post(visitor, f"{PAGE}/business", **form)
    after = await visitor.get(f"{PAGE}/business")

    assert refused.status == 400
    assert b"Revenue is a number" in refused.body
    assert b"know nothing about your business" in before.body
    assert saved.status == 303
    assert b'value="1450"' in after.body
    assert b"Grow\nHire" in after.body


async def test_member_looks_at_the_business_and_cannot_change_it(house: House):
    visitor = await _visitor(house, role="member")

    page = await visitor.get(f"{PAGE}/business")
    refused = await _post(visitor, f"{PAGE}/business", industry="Mine")

    assert page.status == 200
    assert b"readonly" in page.body
    assert refused.headers["officium-error"] == "permission_denied"
