"""The pages of the rules: what they show and keep, who may, and that another tenant's rules stay closed."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

ROOT = "/console/rules"
INTENT = "Alert team when database memory exceeds 85%"
HISTORY = "\n".join(
    json.dumps({"at": f"2026-11-20T10:{minute:02}:00Z", "metrics": {"db_memory_percent": 60 + minute}})
    for minute in range(0, 60, 5)
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


class Desk:
    """Somebody at the pages of the rules."""

    def __init__(self, visitor: Visitor, proof: str) -> None:
        self.visitor = visitor
        self._proof = proof

    async def get(self, path: str) -> str:
        reply = await self.visitor.get(path)
        assert reply.status == 200, reply.status
        return text_of(reply)

    async def post(self, path: str, **fields: str) -> Reply:
        return await self.visitor.post(ROOT + path, fields, x_csrf_token=self._proof, hx_request="true")

    async def made(self, intent: str = INTENT) -> dict[str, str]:
        """The sheet with a rule that was just made."""
        reply = await self.post("/generate", intent=intent)
        assert "officium-error" not in reply.headers, reply.body
        return sheet_in(text_of(reply))

    async def saved(self, intent: str = INTENT) -> str:
        """The id of a rule that was just made and saved."""
        reply = await self.post("/save", **await self.made(intent))
        assert reply.status == 204, reply.body
        return reply.headers["hx-redirect"].rpartition("/")[2]


def text_of(reply: Reply) -> str:
    return unescape(reply.body.decode())


def sheet_in(page: str) -> dict[str, str]:
    """The fields of the sheet; what stands in them was unescaped before."""
    sheet = page[page.index('<form id="sheet"') :]
    sheet = sheet[: sheet.index("</form>")]
    return dict(re.findall(r'name="(\w+)" value="(.*?)">', sheet, re.DOTALL))


async def a_desk(
    house: House, role: Role = "admin", name: str = "Alpha", email: str = "ada@example.com"
) -> Desk:
    resident = await house.resident(name)
    await house.parts.members.create_member(
        operator_of(resident.tenant.id), email, role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return Desk(visitor, csrf_in(await visitor.get("/console/password")))


async def test_rule_is_made_read_saved_approved_and_listed(house: House):
    desk = await a_desk(house)

    empty = await desk.get(ROOT)
    sheet = await desk.made()
    rule = await desk.saved()
    kept = await desk.get(f"{ROOT}/kept/{rule}")
    approved = await desk.post(f"/kept/{rule}/approve", version="1", note="Looks right")
    after = await desk.get(f"{ROOT}/kept/{rule}")
    listed = await desk.get(f"{ROOT}?q=DATABASE&status=approved")
    other = await desk.get(f"{ROOT}?q=nothing")

    assert "No rules yet" in empty
    assert INTENT in empty
    assert json.loads(sheet["workflow"])["workflow_name"] == "database-memory-alert"
    assert sheet["method"] == "template"
    assert "metrics.db_memory_percent is above 85 %" in kept
    assert "Written by the grammar, without a model" in kept
    assert "No version is approved yet." in kept
    assert approved.status == 204
    assert "Version 1 is approved." in after
    assert "Looks right" in after
    assert "database-memory-alert" in listed
    assert "Not replayed yet" in listed
    assert "No rule fits" in other


async def test_sentence_that_is_not_understood_says_what_and_keeps_the_page(house: House):
    desk = await a_desk(house)

    reply = await desk.post("/generate", intent="Make everything lovely")

    assert reply.headers["officium-error"] == "rule_not_understood"
    assert "only plain sentences are understood" in text_of(reply)


async def test_catalogue_of_ones_own_may_come_with_the_sentence(house: House):
    desk = await a_desk(house)
    context = {
        "condition_types": [{"path": "metrics.widgets", "type": "number"}],
        "action_types": ["NOTIFY"],
        "triggers": [{"name": "ON_METRIC", "kind": "metric"}],
    }

    made = await desk.post("/generate", intent="notify when widgets is above 5", context=json.dumps(context))
    broken = await desk.post("/generate", intent=INTENT, context="{not json")

    assert "the catalogue you gave" in text_of(made)
    assert json.loads(sheet_in(text_of(made))["context"]) == context
    assert "This is no JSON" in text_of(broken)


async def test_mistakes_in_the_json_are_told_with_their_place_and_what_was_meant(house: House):
    desk = await a_desk(house)
    sheet = await desk.made()
    workflow = json.loads(sheet["workflow"])
    workflow["rules"][0]["condition"] = "$metrics.db_memory_percnt > 85"
    workflow["rules"][0]["then"][0]["action"] = "SEND_WITH_ESCALATON"

    wrong = text_of(await desk.post("/show", **sheet, after=json.dumps(workflow)))
    torn = await desk.post("/show", **sheet, after='{"rules": [')

    assert "This cannot be used yet" in wrong
    assert "/rules/0/condition" in wrong
    assert "at character 0" in wrong
    assert "<mark>$metrics.db_memory_percnt</mark> > 85" in wrong
    assert "db_memory_percent" in wrong
    assert "Did you mean SEND_WITH_ESCALATION" in wrong
    assert "Dry run" not in wrong
    assert torn.headers["officium-error"] == "invalid_request"
    assert "This is no JSON" in text_of(torn)


async def test_change_is_undone(house: House):
    desk = await a_desk(house)
    sheet = await desk.made()
    other = sheet["workflow"].replace("85", "90")

    changed = sheet_in(text_of(await desk.post("/show", **sheet, after=other)))
    undone = sheet_in(text_of(await desk.post("/show", **changed, step="undo")))

    assert changed["method"] == "written"
    assert "90" in json.loads(changed["workflow"])["rules"][0]["condition"]
    assert json.loads(undone["workflow"]) == json.loads(sheet["workflow"])
    assert undone["method"] == "template"
    assert undone["past"] == "[]"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"fact:metrics.db_memory_percent": "91.5"}, "It fires."),
        ({"fact:metrics.db_memory_percent": "60"}, "It does not fire."),
        ({"fact:metrics.db_memory_percent": ""}, "Missing: metrics.db_memory_percent"),
        ({"facts": '{"metrics": {"db_memory_percent": 86}}'}, "It fires."),
        ({"facts": "[1]"}, "must be a JSON object"),
        ({"fact:metrics.db_memory_percent": "much"}, "is a number"),
    ],
    ids=["fires", "below", "missing", "json", "no object", "no number"],
)
async def test_dry_run_says_what_would_be_done_and_what_decided(
    house: House, facts: dict[str, str], verdict: str
):
    desk = await a_desk(house)
    sheet = await desk.made()

    told = text_of(await desk.post("/dry-run", **sheet, **facts))

    assert verdict in told
    assert ("decided" in told) == ("fire" in verdict or "Missing" in verdict)


async def test_examples_become_tests_that_travel_with_the_rule(house: House):
    desk = await a_desk(house)
    sheet = await desk.made()

    found = text_of(await desk.post("/examples", **sheet))
    tests = re.findall(r'name="kept_test" value="(\{.*?\})">', found)
    kept = sheet_in(text_of(await desk.post("/show", **sheet, kept_test=tests[0])))
    ran = text_of(await desk.post("/tests", **kept))
    wrong = text_of(
        await desk.post("/tests", **kept, new_tests='[{"given": {}, "then": ["SEND_WITH_ESCALATION"]}]')
    )
    rule = (await desk.post("/save", **{**kept, "tests": wrong_tests()})).headers["hx-redirect"]
    refused = await desk.post(f"{rule.removeprefix(ROOT)}/approve", version="1")

    assert "Every boundary was tried" in found
    assert len(tests) == 3
    assert "1 of 1 passed" in ran
    assert "0 of 1 passed" in wrong
    assert refused.headers["officium-error"] == "rule_tests_failed"
    assert "It did nothing" in text_of(refused)


def wrong_tests() -> str:
    return '[{"name": "hopeful", "given": {}, "then": ["SEND_WITH_ESCALATION"]}]'


async def test_replay_is_drawn_and_the_list_says_when_it_would_have_fired_last(house: House):
    desk = await a_desk(house)
    rule = await desk.saved()
    sheet = sheet_in(await desk.get(f"{ROOT}/kept/{rule}"))

    replayed = await _replay(desk, {**sheet, "history": HISTORY, "format": "jsonl"})
    table = "at,metrics.db_memory_percent\n2026-11-20T10:00:00Z,95\n2026-11-20T10:01:00Z,x\n"
    as_table = await _replay(desk, {**sheet, "history": table, "format": "csv"})
    listed = await desk.get(ROOT)
    empty = await _replay(desk, {**sheet, "history": " "})
    odd = await _replay(desk, ["no object"])

    chart = json.loads(re.findall(r"data-chart='(.*?)'", replayed)[0])
    assert "12 events." in replayed
    assert sum(chart["series"][0]["fires"]) == 6
    assert len(chart["times"]) == len(chart["series"][0]["fires"])
    assert '<th scope="row">2026-11-20 10:30</th>' in replayed
    assert "Row 3:" in as_table
    assert "2026-11-20 10:00" in listed
    assert "1 times in 1 events" in listed
    assert "Choose a file" in empty
    assert "too old" in odd


async def _replay(desk: Desk, said: Any) -> str:
    proof = csrf_in(await desk.visitor.get("/console/password"))
    headers = {"sec-fetch-site": "same-origin", "x-csrf-token": proof, "hx-request": "true"}
    return text_of(await desk.visitor.send("POST", f"{ROOT}/replay", said, headers))


async def test_refining_shows_the_difference_and_is_taken_or_left(house: House):
    desk = await a_desk(house)
    sheet = await desk.made()
    after = json.loads(sheet["workflow"].replace("85", "90"))
    house.parts.transport._by_scheme["mock"]._script.then(json.dumps(after))  # type: ignore[attr-defined]

    without = await desk.post("/refine", **sheet, feedback="Only above 90 %")
    suggested = text_of(await desk.post("/refine", **{**sheet, "ask": "mock"}, feedback="Only above 90 %"))
    taken = text_of(
        await desk.post(
            "/show", **sheet, after=json.dumps(after), after_method="scripted", feedback="Only above 90 %"
        )
    )

    assert without.headers["officium-error"] == "rule_not_understood"
    assert "This would behave differently." in suggested
    assert "<ins>+ " in suggested
    assert "<del>- " in suggested
    assert "now nothing" in suggested
    assert "metrics.db_memory_percent is above 90 %" in taken
    assert "Only above 90 %" in taken
    assert "Undo the last change" in taken


async def test_several_sentences_become_rules_or_say_why_not(house: House):
    desk = await a_desk(house)

    made = text_of(await desk.post("/batch", intents=f"{INTENT}\n\nMake everything lovely\n"))
    nothing = await desk.post("/batch", intents=" \n ")

    assert "1 of 2 became rules" in made
    assert "rule_not_understood" in made
    assert "database-memory-alert" in made
    assert nothing.headers["officium-error"] == "invalid_request"


async def test_rules_together_are_called_by_their_names(house: House):
    desk = await a_desk(house)

    none = await desk.get(f"{ROOT}/together")
    first = await desk.saved()
    alone = await desk.get(f"{ROOT}/together")
    await desk.saved()
    found = await desk.get(f"{ROOT}/together")

    assert "Save some rules" in none
    assert "Nothing odd was found" in alone
    assert "Duplicate" in found
    assert "database-memory-alert/check-database-memory" in found
    assert first not in re.sub(r'href="[^"]*"', "", found)


async def test_condition_is_read_explained_and_written_in_other_languages(house: House):
    desk = await a_desk(house)

    read = text_of(
        await desk.post(
            "/conditions",
            condition="$metrics.cpu > 80 and $status == running",
            facts='{"metrics": {"cpu": 91}, "status": "stopped"}',
            checks="catalogue",
        )
    )
    wrong = await desk.post("/conditions", condition="$cpu => 80")
    pattern = text_of(await desk.post("/conditions", condition='$host MATCHES "^db"'))

    assert "It does not hold" in read
    assert "($metrics.cpu > 80 AND $status == running)" in read or "$metrics.cpu > 80 AND" in read
    assert '"var": "metrics.cpu"' in read
    assert "decided" in read
    assert wrong.headers["officium-error"] == "condition_syntax"
    assert "Write >= for 'at least'." in text_of(wrong)
    assert "$cpu <mark>=</mark>> 80" in text_of(wrong)
    assert "Line 1, character 6" in text_of(wrong)
    assert "JSONLogic has no regular expressions." in pattern


async def test_catalogue_is_seen_replaced_and_reset(house: House):
    desk = await a_desk(house)
    mine = {"triggers": ["GO"], "condition_types": [{"path": "x", "type": "number"}], "action_types": ["ACT"]}

    shown = await desk.get(f"{ROOT}/catalogue")
    saved = await desk.post("/catalogue", content=json.dumps(mine))
    own = await desk.get(f"{ROOT}/catalogue")
    wrong = await desk.post("/catalogue", content='{"action_types": [{"name": "no good"}]}')
    reset = await desk.post("/catalogue/reset")

    assert "SEND_WITH_ESCALATION" in shown
    assert (saved.status, reset.status) == (204, 204)
    assert "Your catalogue: 1 triggers, 1 facts, 1 actions." in own
    assert wrong.headers["officium-error"] == "invalid_catalogue"
    assert "/action_types/0/name" in text_of(wrong)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_roles_may_read_and_try_but_only_administrators_save(house: House, role: Role):
    admin = await a_desk(house)
    sheet = await admin.made()
    desk = await a_desk(house, role, "Beta", "bob@example.com")

    studio = await desk.get(f"{ROOT}/studio")
    generated = await desk.post("/generate", intent=INTENT)
    tried = text_of(await desk.post("/dry-run", **sheet, facts="{}"))
    saved = await desk.post("/save", **sheet)
    catalogue = await desk.post("/catalogue", content="{}")

    assert ("Your role may read rules, but not make them." in studio) == (role == "viewer")
    assert generated.headers.get("officium-error") == ("permission_denied" if role == "viewer" else None)
    assert "It does not fire." in tried
    assert saved.headers["officium-error"] == "permission_denied"
    assert catalogue.headers["officium-error"] == "permission_denied"


async def test_rule_of_another_tenant_is_not_there(house: House):
    alpha = await a_desk(house)
    rule = await alpha.saved()
    beta = await a_desk(house, name="Beta", email="bob@example.com")
    sheet = {**await beta.made(), "rule": rule, "seen": "1"}

    page = await beta.visitor.get(f"{ROOT}/kept/{rule}")
    listed = await beta.get(ROOT)
    answers = [
        await beta.post(f"/kept/{rule}/{deed}", version="1")
        for deed in ("approve", "reject", "undo", "delete")
    ]
    answers += [await beta.post("/save", **sheet), await beta.post("/show", **sheet)]

    assert page.status == 404
    assert "database-memory-alert" not in listed
    assert [reply.headers.get("officium-error") for reply in answers] == ["rule_not_found"] * 6
    assert "database-memory-alert" in await alpha.get(f"{ROOT}/kept/{rule}")


async def test_versions_are_kept_rejected_undone_and_deleted(house: House):
    desk = await a_desk(house)
    rule = await desk.saved()
    sheet = sheet_in(await desk.get(f"{ROOT}/kept/{rule}"))
    changed = {**sheet, "workflow": sheet["workflow"].replace("85", "90")}

    saved = await desk.post("/save", **changed)
    stale = await desk.post("/save", **changed)
    second = await desk.get(f"{ROOT}/kept/{rule}")
    first = await desk.get(f"{ROOT}/kept/{rule}?version=1")
    undone = await desk.post(f"/kept/{rule}/undo")
    third = await desk.get(f"{ROOT}/kept/{rule}")
    rejected = await desk.post(f"/kept/{rule}/reject", note="Too loud")
    after = await desk.get(f"{ROOT}/kept/{rule}")
    deleted = await desk.post(f"/kept/{rule}/delete")

    assert (saved.status, undone.status, rejected.status, deleted.status) == (204, 204, 204, 204)
    assert stale.headers["officium-error"] == "conflict"
    assert "above 90 %" in second
    assert "above 85 %" in first
    assert "above 85 %" in third
    assert "Version 3" in third
    assert "Too loud" in after
    assert deleted.headers["hx-redirect"] == ROOT
    assert (await desk.visitor.get(f"{ROOT}/kept/{rule}")).status == 404


WORKFLOWS = [
    "",
    "null",
    "[]",
    "{",
    '{"rules": 1}',
    '{"workflow_name": {"a": []}, "rules": [{"condition": 5}]}',
    '"\\ud800"',
]


@pytest.mark.parametrize(
    "path", ["/show", "/dry-run", "/examples", "/tests", "/refine", "/save", "/generate", "/batch", "/studio"]
)
async def test_odd_sheets_are_told_in_words(house: House, path: str):
    desk = await a_desk(house)
    odd = {"rule": "\0", "seen": "x", "way": "?", "method": "?", "intent": "\0"}

    replies = [await desk.post(path, workflow=workflow, after=workflow, **odd) for workflow in WORKFLOWS]

    assert [reply for reply in replies if reply.headers.get("officium-error") == "internal_error"] == []
    assert {reply.status for reply in replies} <= {200, 400}


async def test_facts_below_a_fact_and_odd_addresses_are_told_in_words(house: House):
    desk = await a_desk(house)
    sheet = await desk.made()

    below = await desk.post("/dry-run", **sheet, **{"fact:a": "1", "fact:a.b": "2"})
    lost = await desk.visitor.get(f"{ROOT}/kept/%00?version=x")
    listed = await desk.visitor.get(f"{ROOT}?q=%00%25&before=%00&status=?")
    broken = await desk.post("/show", **{**sheet, "tests": "[1]"})
    test = await desk.post("/show", **sheet, kept_test="[]")

    assert "lies below a fact" in text_of(below)
    assert lost.status == 404
    assert listed.status == 200
    assert broken.headers["officium-error"] == test.headers["officium-error"] == "invalid_request"
