"""Board meetings through the whole server, with the scripted provider."""

from decimal import Decimal
from typing import Any

import pytest

from officium.core.tenancy import operator_of
from tests.support.advice import Told, events_of
from tests.support.house import House, Resident

QUESTION = "Should we raise prices this quarter?"
MEMBERS = ["ceo", "cfo", "cmo", "cto"]
PRICE = {"input": "2", "output": "10"}


@pytest.fixture
async def acme(house: House) -> Resident:
    acme = await house.resident("Acme")
    await acme.ask("PUT", "/api/business-context/profile", {"industry": "SaaS", "goals": ["Grow"]})
    figures = {"asOf": "2026-01-31", "sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.5}
    await acme.ask("POST", "/api/business-context/snapshots", figures)
    return acme


async def meet(resident: Resident, **body: Any) -> list[Told]:
    reply = await resident.ask("POST", "/c-suite/board/meeting", {"message": QUESTION, **body})
    assert reply.status == 200, reply.body
    return events_of(reply.body)


async def estimate(resident: Resident) -> dict[str, Any]:
    found: dict[str, Any] = (
        await resident.ask("POST", "/c-suite/board/estimate", {"message": QUESTION})
    ).json
    return found


def spoken(events: list[Told], name: str) -> dict[str, str]:
    said = dict.fromkeys(MEMBERS, "")
    for event in events:
        if event.name == name:
            said[event.data["member"]] += event.data["content"]
    return {who: text for who, text in said.items() if text}


async def used(resident: Resident) -> int:
    found = (await resident.ask("GET", "/c-suite/tokens")).json
    return int(found["total"])


async def runs_left(resident: Resident) -> list[str]:
    balances = await resident.house.parts.budgets.list_budgets(operator_of(resident.tenant.id), limit=200)
    return [each.budget.id for each in balances if each.budget.subject.kind == "run"]


async def test_all_four_answer_then_object_then_are_summed_up(acme: Resident):
    events = await meet(acme)

    names = list(dict.fromkeys(event.name for event in events if event.name != "figures"))
    assert names == ["start", "opinion", "objection", "synthesis", "message"]
    assert sorted(spoken(events, "opinion")) == MEMBERS
    assert sorted(spoken(events, "objection")) == MEMBERS
    ended = [event.data for event in events if event.name == "opinion" and event.data["done"]]
    assert {each["member"]: each["metadata"]["model"] for each in ended} == dict.fromkeys(MEMBERS, "mock")
    (synthesis,) = [event.data for event in events if event.name == "synthesis"]
    assert set(synthesis["synthesis"]) == {"recommendation", "agreement", "dissent", "changesOfMind"}
    assert synthesis["content"].startswith(synthesis["synthesis"]["recommendation"])
    last = events[-1].data
    assert last["done"] is True
    assert last["metadata"]["tokens"]["total"] <= last["ceiling"]["tokens"]


async def test_ceiling_is_shown_before_and_is_that_of_the_estimate(acme: Resident):
    told = await estimate(acme)

    events = await meet(acme)

    assert events[0].data["ceiling"] == told
    assert told["tokens"] > 0
    assert await used(acme) <= told["tokens"]


async def test_estimate_has_a_price_where_the_model_has_one(acme: Resident):
    await acme.ask("PUT", "/api/prices/mock/mock", PRICE)

    told = await estimate(acme)
    await meet(acme)
    await acme.house.parts.usage_log.flush()
    spent = (await acme.ask("GET", "/api/usage/calls?limit=50")).json

    assert Decimal(told["costUsd"]) > 0
    costs = [Decimal(row["cost_usd"]) for row in spent["records"] if row["app"] == "personas"]
    assert len(costs) == 9
    assert 0 < sum(costs) <= Decimal(told["costUsd"])


async def test_what_the_ceiling_does_not_allow_is_left_out_from_the_end(acme: Resident):
    reply = await acme.ask("POST", "/c-suite/board/meeting", {"message": QUESTION, "mostTokens": 100})
    least = reply.json["error"]["least"]

    events = await meet(acme, mostTokens=least["tokens"])

    assert (reply.status, reply.json["error"]["code"]) == (400, "ceiling_too_low")
    assert sorted(spoken(events, "opinion")) == MEMBERS
    faults = [
        event.data["error"]["code"] for event in events if event.name != "figures" and "error" in event.data
    ]
    assert set(faults) == {"out_of_credits"}
    assert events[-1].data["metadata"]["tokens"]["total"] <= least["tokens"]


async def test_minutes_are_kept_and_one_goes_on_in_them(acme: Resident):
    events = await meet(acme)
    last = events[-1].data

    kept = (await acme.ask("GET", f"/c-suite/conversations/{last['conversationId']}")).json
    question, minutes = kept["messages"]
    assert question["content"] == QUESTION
    assert minutes["content"].startswith("## Synthesis")
    assert all(f"## {who.upper()}" in minutes["content"] for who in MEMBERS)
    assert minutes["metadata"]["tokens"] == last["metadata"]["tokens"]

    body = {"message": "And next quarter?", "conversationId": last["conversationId"]}
    again = await acme.ask("POST", "/c-suite/cfo/chat", body)
    assert events_of(again.body)[-1].data["done"] is True


async def test_meeting_is_read_again_whole(acme: Resident):
    events = await meet(acme)

    again = await acme.ask("GET", f"/c-suite/answers/{events[0].data['messageId']}/events")

    assert events_of(again.body) == events


async def test_nothing_is_left_of_its_ceiling(acme: Resident):
    await meet(acme)

    assert await runs_left(acme) == []


async def test_one_member_that_cannot_answer_does_not_silence_the_others(acme: Resident):
    await acme.ask("PUT", "/c-suite/personas/cmo", {"model": "mock/error-400"})

    events = await meet(acme)

    (fault,) = [event.data for event in events if event.name == "opinion" and "error" in event.data]
    assert fault["member"] == "cmo"
    assert sorted(spoken(events, "objection")) == ["ceo", "cfo", "cto"]
    assert events[-1].data["done"] is True
