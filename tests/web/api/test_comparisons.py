"""Comparing models through the whole server, with the scripted provider."""

from typing import Any

import pytest

from tests.support.advice import Told, events_of
from tests.support.house import House, Resident

QUESTION = "What should I focus on this quarter?"
MODELS = ["mock/mock", "mock/reasoning"]


@pytest.fixture
async def acme(house: House) -> Resident:
    return await house.resident("Acme")


async def compare(resident: Resident, models: list[str] | None = None) -> list[Told]:
    body = {"message": QUESTION, "models": models or MODELS}
    reply = await resident.ask("POST", "/c-suite/cfo/compare", body)
    assert reply.status == 200, reply.body
    return events_of(reply.body)


async def vote(resident: Resident, events: list[Told], winner: str = "a") -> Any:
    path = f"/c-suite/comparisons/{events[0].data['comparisonId']}/vote"
    return await resident.ask("POST", path, {"winner": winner})


async def test_both_sides_answer_and_nothing_says_who_is_who(acme: Resident):
    events = await compare(acme)

    answers = [event.data for event in events if event.name == "answer"]
    told = str([event.data for event in events if event.name != "answer"])
    assert {answer["side"] for answer in answers if answer["done"]} == {"a", "b"}
    assert all(set(answer) == {"side", "content", "done"} for answer in answers)
    assert events[-1].data["done"] is True
    assert "mock" not in told


async def test_vote_tells_who_was_who_and_counts(acme: Resident):
    events = await compare(acme)

    found = (await vote(acme, events, "b")).json
    standings = (await acme.ask("GET", "/c-suite/comparisons/standings")).json["standings"]

    assert sorted([found["modelA"], found["modelB"]]) == MODELS
    assert found["sides"]["a"]["model"] == found["modelA"]
    assert found["sides"]["a"]["tokens"]["total"] > 0
    (standing,) = standings
    assert [standing["first"], standing["second"]] == MODELS
    won = standing["firstWins"] if found["modelB"] == MODELS[0] else standing["secondWins"]
    assert (won, standing["firstWins"] + standing["secondWins"]) == (1, 1)


async def test_vote_is_given_once(acme: Resident):
    events = await compare(acme)
    await vote(acme, events)

    again = await vote(acme, events, "b")

    assert (again.status, again.json["error"]["code"]) == (409, "already_voted")


async def test_side_that_fails_does_not_silence_the_other(acme: Resident):
    events = await compare(acme, ["mock/mock", "mock/error-400"])

    faults = [event.data["error"]["message"] for event in events if "error" in event.data]
    found = (await vote(acme, events)).json
    assert faults == ["This side could not answer."]
    assert sum("error" in side for side in found["sides"].values()) == 1


async def test_same_model_under_two_names_is_no_comparison(acme: Resident):
    body = {"message": QUESTION, "models": ["mock", "mock/mock"]}

    reply = await acme.ask("POST", "/c-suite/cfo/compare", body)

    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_comparison")


async def test_comparison_is_read_again_by_whoever_made_it_alone(acme: Resident):
    events = await compare(acme)
    path = f"/c-suite/comparisons/{events[0].data['comparisonId']}/events"

    again = await acme.ask("GET", path)
    other = await acme.ask("GET", path, scopes=["inference"])

    assert events_of(again.body) == events
    assert (other.status, other.json["error"]["code"]) == (404, "comparison_not_found")
