"""The pages of the board and of decisions."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

BOARD = "/console/advisors/board"
DECISIONS = "/console/advisors/decisions"
QUESTION = 'Raise prices? [[mock text="Yes, by **5%**."]]'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(
    house: House, email: str = "ada@example.com", tenant: str = "Alpha", role: Role = "admin"
) -> Visitor:
    resident = await house.resident(tenant)
    await house.parts.members.create_member(
        operator_of(resident.tenant.id), email, role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof})


async def _held(visitor: Visitor, message: str = QUESTION) -> tuple[str, str]:
    """Hold a meeting to its end; the address of its conversation, and the events its page has read."""
    begun = await _post(visitor, BOARD, message=message, step="meet")
    assert begun.status == 303, begun.body.decode()
    place = begun.headers["location"]
    shown = (await visitor.get(place)).body.decode()
    answer = re.findall(r'data-turn="(\d+)"', shown)[-1]
    return place, (await visitor.get(f"/console/advisors/answers/{answer}/events")).body.decode()


async def test_ceiling_is_shown_before_the_meeting(house: House):
    visitor = await _visitor(house)

    first = await visitor.get(BOARD)
    shown = await _post(visitor, BOARD, message="Raise prices?", step="estimate")

    assert "Hold the meeting" not in first.body.decode()
    assert re.search(r"takes at most [\d,]{4,} tokens", shown.body.decode())
    assert "Hold the meeting" in shown.body.decode()
    assert (await visitor.get("/console/advisors/list")).body.decode().count("<li>") == 0


async def test_members_are_drawn_while_they_speak_and_kept_side_by_side(house: House):
    visitor = await _visitor(house)

    place, events = await _held(visitor)
    kept = (await visitor.get(place)).body.decode()

    draws = [msgspec.json.decode(line[6:]) for line in events.splitlines() if line.startswith('data: {"keep')]
    assert draws
    assert any("Yes, by <strong>" in block for each in draws for block in each["blocks"])
    assert kept.count('<section class="member" aria-label=') == 4
    assert all(f'aria-label="{who}"' in kept for who in ("CEO", "CFO", "CMO", "CTO"))
    assert "<h3" in kept, "objections"
    assert 'name="message" rows="1"' in kept
    assert "data-composer hidden" in kept, "a board has no second question in the same conversation"
    assert "data-again" not in kept
    assert "Scripted answer" in kept


async def test_figure_without_a_source_is_marked_in_the_minutes(house: House):
    visitor = await _visitor(house)

    place, _ = await _held(visitor, 'And? [[mock text="Revenue was 98765 last month."]]')
    kept = (await visitor.get(place)).body.decode()

    assert 'class="figure figure-unmatched"' in kept or "figure-unmatched" in kept
    assert "without a source" in kept


async def test_meeting_that_is_joined_late_is_drawn_from_its_beginning(house: House):
    visitor = await _visitor(house)
    begun = await _post(
        visitor, BOARD, message='Go [[mock chunk_delay=0.02 text="one two three four"]]', step="meet"
    )
    shown = (await visitor.get(begun.headers["location"])).body.decode()
    answer = re.findall(r'data-turn="(\d+)"', shown)[-1]
    await asyncio.sleep(0.1)

    read = (await visitor.get(f"/console/advisors/answers/{answer}/events")).body.decode()

    last = msgspec.json.decode(read.strip().splitlines()[-1][6:])
    assert "one two three four" in last["html"]
    assert last["html"].count('<section class="member" aria-label=') == 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"message": ""}, "question"),
        ({"message": "Go", "step": "meet", "most": "many"}, "whole number"),
        ({"message": "Go", "step": "meet", "most": "7"}, "opinions alone"),
        ({"message": "x" * 17_000}, "16"),
    ],
    ids=["empty", "no-number", "too-low", "too-long"],
)
async def test_what_cannot_be_held_says_why_and_keeps_the_question(
    house: House, fields: dict[str, str], said: str
):
    visitor = await _visitor(house)

    reply = await _post(visitor, BOARD, **{"step": "estimate", **fields})

    assert 400 <= reply.status < 500
    assert 'role="alert"' in reply.body.decode()
    assert said in reply.body.decode()
    assert fields["message"] in reply.body.decode()


async def test_minutes_are_closed_to_others(house: House):
    ada, bob = await _visitor(house), await _visitor(house, "bob@example.com")
    eve = await _visitor(house, "eve@example.com", "Beta")
    viewer = await _visitor(house, "vic@example.com", role="viewer")

    place, _ = await _held(ada)

    assert [(await each.get(place)).status for each in (bob, eve)] == [404, 404]
    assert (await viewer.get(BOARD)).status == 403
    assert (await _post(viewer, BOARD, message="Go", step="meet")).status == 403


DECISION = {
    "text": "Raise the price",
    "metric": "revenue",
    "direction": "up",
    "due_on": "2026-12-31",
    "expected_value": "15,000",
    "persona": "cfo",
}


async def test_decision_is_kept_listed_and_deleted(house: House):
    visitor = await _visitor(house)

    assert (await _post(visitor, DECISIONS, **DECISION)).status == 303
    shown = (await visitor.get(DECISIONS)).body.decode()
    (path,) = re.findall(r'action="(/console/advisors/decisions/[^"]+/delete)"', shown)
    met = (await visitor.get(f"{DECISIONS}?status=met")).body.decode()
    deleted = await _post(visitor, path)

    assert "revenue at least 15,000 by 2026-12-31" in shown
    assert "Advised by the CFO" in shown
    assert "There is none of these." in met
    assert deleted.status == 303
    assert "Raise the price<" not in (await visitor.get(DECISIONS)).body.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expected_value": "lots"}, "is a number"),
        ({"due_on": "soon"}, "Choose the day"),
        ({"direction": "sideways"}, "Choose whether"),
        ({"text": " "}, "one line"),
        ({"metric": ""}, "figure of the snapshots"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_decision_with_a_fault_is_kept_in_its_form(house: House, wrong: dict[str, str], said: str):
    visitor = await _visitor(house)

    reply = await _post(visitor, DECISIONS, **{**DECISION, **wrong})

    assert reply.status == 400
    assert said in reply.body.decode()
    assert 'aria-invalid="true"' in reply.body.decode()
    assert "none of these" not in reply.body.decode()


async def test_decisions_of_others_are_neither_seen_nor_deleted(house: House):
    ada, eve = await _visitor(house), await _visitor(house, "eve@example.com", "Beta")
    await _post(ada, DECISIONS, **DECISION)
    (path,) = re.findall(
        r'action="(/console/advisors/decisions/[^"]+/delete)"', (await ada.get(DECISIONS)).body.decode()
    )

    assert "Raise the price<" not in (await eve.get(DECISIONS)).body.decode()
    assert (await _post(eve, path)).status == 404
    assert "Raise the price<" in (await ada.get(DECISIONS)).body.decode()
