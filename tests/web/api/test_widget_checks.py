"""Saved questions over HTTP: asked when the knowledge base changes, and when somebody wants to know."""

import pytest

from officium.apps.widget.checks.check import missing_facts
from tests.support.house import House
from tests.web.api.test_widget_visitors import Shop, open_shop


@pytest.fixture
async def anywhere(house: House) -> Shop:
    return await open_shop(house)


async def test_questions_are_asked_again_whenever_the_knowledge_changes(anywhere: Shop):
    path, checks = f"{anywhere.path}/saved-questions", anywhere.tenant.house.parts.widget_checks
    for question, fact in (("When do you open?", "9:00 to 18:00"), ("How can I pay?", "in cash")):
        saved = await anywhere.tenant.ask("POST", path, {"question": question, "facts": [fact]})
        assert (saved.status, saved.json["has_passed"]) == (201, None)

    await checks.run_stale()
    first = (await anywhere.tenant.ask("GET", path)).json
    entries = (await anywhere.tenant.ask("GET", f"{anywhere.path}/knowledge/entries")).json["entries"]
    await anywhere.tenant.ask(
        "PUT", f"{anywhere.path}/knowledge/entries/{entries[1]['id']}", {"answer": "By card or in cash."}
    )
    await checks.run_stale()
    second = (await anywhere.tenant.ask("GET", path)).json

    assert [each["has_passed"] for each in first["saved_questions"]] == [True, False]
    assert (first["saved_questions"][1]["missing"], first["failed"]) == (["in cash"], 1)
    assert [each["has_passed"] for each in second["saved_questions"]] == [True, True]
    assert [each["version"] for each in second["saved_questions"]] == [2, 2]


async def test_questions_are_asked_again_when_the_widget_answers_otherwise(anywhere: Shop):
    path, checks = f"{anywhere.path}/saved-questions", anywhere.tenant.house.parts.widget_checks
    saved = {"question": "When do you open?", "facts": ["9:00 to 18:00"]}
    await anywhere.tenant.ask("POST", path, saved)
    await checks.run_stale()
    first = (await anywhere.tenant.ask("GET", path)).json["saved_questions"][0]

    await checks.run_stale()
    unchanged = (await anywhere.tenant.ask("GET", path)).json["saved_questions"][0]
    await anywhere.change(confidence_threshold=1.0)
    await checks.run_stale()
    stricter = (await anywhere.tenant.ask("GET", path)).json["saved_questions"][0]

    assert (first["has_passed"], stricter["has_passed"]) == (True, False)
    assert unchanged["checked_at"] == first["checked_at"]
    assert stricter["checked_at"] > first["checked_at"]


async def test_questions_are_asked_on_demand_and_deleted(anywhere: Shop):
    path = f"{anywhere.path}/saved-questions"
    made = await anywhere.tenant.ask("POST", path, {"question": "xyzzy?", "facts": ["plugh"]})

    asked = (await anywhere.tenant.ask("POST", f"{path}/run")).json
    deleted = await anywhere.tenant.ask("DELETE", f"{path}/{made.json['id']}")
    again = await anywhere.tenant.ask("DELETE", f"{path}/{made.json['id']}")
    refused = await anywhere.tenant.ask("POST", path, {"question": " ", "facts": []})

    assert (asked["failed"], asked["saved_questions"][0]["missing"]) == (1, ["plugh"])
    assert (deleted.status, again.status, refused.status) == (204, 404, 400)


@pytest.mark.parametrize(
    ("answer", "fact", "is_stated"),
    [
        ("Open from 9:00 to 18:00.", "9:00 TO 18:00", True),
        ("Open from 19:00.", "9:00", False),
        ("We deliver within 5 km", "5 km", True),
        ("Undeliverable", "deliver", False),
    ],
)
def test_facts_are_looked_for_word_by_word(answer: str, fact: str, is_stated: bool):
    assert missing_facts(answer, [fact]) == (() if is_stated else (fact,))
