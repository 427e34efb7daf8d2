"""The writer's pages: drafts with their claims, what becomes of them, and for whom."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from officium.apps.cashflow.deals import DealFields, NewNote
from officium.apps.writer import DraftClaim, DraftEmailResult, EmailDraftContext
from officium.apps.writer.calibration import Outcome, reliability
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.testing.scripted import Act
from officium.web.console.pages.writer_view import points_of, shown_draft
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply
from tests.support.writing import DEAL, EMAIL, MAIL_ANSWER, SUMMARY_ANSWER

ROOT = "/console/writer"
FORM = {
    "task": "email",
    "mode": "form",
    "recipients": "john@example.com",
    "subject_intent": "Follow-up on overdue deals",
    "deal_title": "Project Alpha",
    "pipeline": "Aramco Projects",
    "stage": "Order Received",
    "issue": "Overdue 14 days, missing survey checklist",
    "tone": "professional",
    "language": "en",
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(
    house: House, name: str = "Alpha", role: Role = "admin", email: str = "ada@example.com"
) -> tuple[Resident, Visitor]:
    tenant = await house.resident(name)
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), email, role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return tenant, visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof}, hx_request="true")


def _said(reply: Reply) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", reply.body.decode())).split())


def _script(house: House, *answers: Any) -> None:
    acts = [one if isinstance(one, Act) else json.dumps(one, ensure_ascii=False) for one in answers]
    house.parts.transport._by_scheme["mock"]._script.then(*acts)  # type: ignore[attr-defined]


def _draft_id(reply: Reply) -> str:
    found = re.search(r"/console/writer/drafts/(\w+)/feedback", reply.body.decode())
    assert found is not None, _said(reply)
    return found[1]


async def test_draft_marks_what_the_record_has_and_what_it_has_not(house: House) -> None:
    _, visitor = await _visitor(house)
    _script(house, {**MAIL_ANSWER, "body": MAIL_ANSWER["body"] + "\n\nIt is worth $99,000."})

    reply = await _post(visitor, f"{ROOT}/draft", **FORM)

    assert re.search(r'class="claim claim-good" href="#claim-\d+">Project Alpha<', reply.body.decode())
    assert re.search(r'class="claim claim-bad" href="#claim-\d+">\$?99,000', reply.body.decode())
    assert "title: Project Alpha" in _said(reply).replace("deal contexts ", "")
    assert "are not in the record" in _said(reply)
    assert "Scripted, no model was asked" in _said(reply)
    assert "One answer was asked for, so 85% is the most" in _said(reply)


async def test_same_context_as_json_gives_the_same_draft(house: House) -> None:
    _, visitor = await _visitor(house)
    _script(house, MAIL_ANSWER, MAIL_ANSWER)

    by_form = await _post(visitor, f"{ROOT}/draft", **FORM)
    by_json = await _post(
        visitor, f"{ROOT}/draft", task="email", mode="json", record=json.dumps(EMAIL), tone="friendly"
    )

    drafts = [re.sub(r"drf_\w+", "", _said(reply)) for reply in (by_form, by_json)]
    assert "Dear John," in drafts[0]
    assert drafts[0].partition("Why this")[0] == drafts[1].partition("Why this")[0]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"subject_intent": ""}, "What the mail is about: Field required"),
        ({"amount": "much"}, "Amount:"),
        ({"language": "klingon!"}, "language:"),
        ({"mode": "json", "record": "{"}, "`record` is no JSON"),
        ({"mode": "json", "record": "[]"}, "`record` is a JSON object"),
        ({"task": "poem"}, "The tasks are email"),
    ],
    ids=["missing", "amount", "language", "no json", "no object", "no task"],
)
async def test_what_cannot_be_written_is_told_by_its_field(
    house: House, fields: dict[str, str], told: str
) -> None:
    _, visitor = await _visitor(house)

    reply = await _post(visitor, f"{ROOT}/draft", **{**FORM, **fields})

    assert "officium-error" in reply.headers
    assert told in _said(reply)


async def test_failing_model_leaves_a_plain_text_that_says_so(house: House) -> None:
    _, visitor = await _visitor(house)
    _script(house, *(Act(status=400) for _ in range(4)))

    reply = await _post(visitor, f"{ROOT}/draft", **FORM)

    assert "Filled in without a model" in _said(reply)
    assert "its confidence is 0" in _said(reply)
    assert "Project Alpha" in _said(reply)


async def test_deal_of_the_store_fills_the_form_with_its_notes(house: House) -> None:
    tenant, visitor = await _visitor(house)
    caller = await house.parts.authenticator.authenticate(await tenant.key())
    fields = DealFields(title="Project <Beta>", stage="Quoted", owner_name="Regula", customer="Acme")
    deal = await house.parts.deals.create_deal(caller, fields)
    await house.parts.deals.add_note(caller, deal.id, NewNote(text="Waits for\nthe specs"))
    _, eve = await _visitor(house, "Beta", email="eve@example.com")

    page = await visitor.get(f"{ROOT}?task=deal_summary&deal={deal.id}")
    foreign = await eve.get(f"{ROOT}?task=deal_summary&deal={deal.id}")
    no_number = await visitor.get(f"{ROOT}?deal=abc")

    assert b'name="deal_title" value="Project &lt;Beta&gt;"' in page.body
    assert b'name="customer_name" value="Acme"' in page.body
    assert b"Waits for the specs" in page.body
    assert (foreign.status, no_number.status) == (404, 404)
    assert b"Acme" not in foreign.body


async def test_sms_tells_its_length_and_arabic_reads_from_right_to_left(house: House) -> None:
    _, visitor = await _visitor(house)
    answer = {"short_version": "الفاتورة مستحقة.", "long_version": "الفاتورة مستحقة اليوم.", "tags": []}
    _script(house, answer)

    reply = await _post(
        visitor, f"{ROOT}/draft", task="reminder", channel="sms", about="Invoice", language="ar"
    )

    assert b'dir="rtl" lang="ar"' in reply.body
    assert "1 SMS, UCS-2" in _said(reply)
    assert "of 70 characters" in _said(reply)


@pytest.mark.parametrize(
    ("outcome", "text", "told"),
    [
        ("accepted", "", "used as it was"),
        ("rejected", "", "Noted: not used"),
        ("edited", "Hi John,\n\nplease send it.\n\nCheers", "% of it stayed"),
    ],
    ids=str,
)
async def test_what_becomes_of_a_draft_is_kept_and_shown_as_reliability(
    house: House, outcome: str, text: str, told: str
) -> None:
    _, visitor = await _visitor(house)
    _script(house, MAIL_ANSWER)
    draft = _draft_id(await _post(visitor, f"{ROOT}/draft", **FORM))

    reply = await _post(visitor, f"{ROOT}/drafts/{draft}/feedback", outcome=outcome, text=text)
    chart = await visitor.get(f"{ROOT}/reliability?kind=email")

    assert told in _said(reply)
    assert "Drafts with feedback: 1" in _said(chart)
    assert b'class="chart-point"' in chart.body


async def test_empty_edit_and_unknown_outcome_are_refused(house: House) -> None:
    _, visitor = await _visitor(house)
    _script(house, MAIL_ANSWER)
    draft = _draft_id(await _post(visitor, f"{ROOT}/draft", **FORM))

    empty = await _post(visitor, f"{ROOT}/drafts/{draft}/feedback", outcome="edited", text=" ")
    unknown = await _post(visitor, f"{ROOT}/drafts/{draft}/feedback", outcome="framed")

    assert "Send the text" in _said(empty)
    assert "A draft was accepted" in _said(unknown)


async def test_rules_of_style_are_added_switched_and_deleted(house: House) -> None:
    _, visitor = await _visitor(house)

    none = _said(await visitor.get(f"{ROOT}/style"))
    await _post(visitor, f"{ROOT}/style", rule="Never say <synergy>.")
    short = await _post(visitor, f"{ROOT}/style", rule="x")
    page = await visitor.get(f"{ROOT}/style")
    found = re.search(r"style/(sty_\w+)/switch", page.body.decode())
    assert found is not None
    await _post(visitor, f"{ROOT}/style/{found[1]}/switch", on="0")
    off = _said(await visitor.get(f"{ROOT}/style"))
    await _post(visitor, f"{ROOT}/style/{found[1]}/delete")
    gone = _said(await visitor.get(f"{ROOT}/style"))

    assert "Nothing is known of your style yet" in none
    assert short.status == 400
    assert b"Never say &lt;synergy&gt;." in page.body
    assert "Off Switch on" in off
    assert "synergy>" not in gone


async def test_many_deals_come_one_by_one_with_how_far_it_is(house: House) -> None:
    _, visitor = await _visitor(house)
    _script(house, SUMMARY_ANSWER, SUMMARY_ANSWER)

    reply = await _post(visitor, f"{ROOT}/batch/run", record=json.dumps([DEAL, DEAL]))
    events = [
        json.loads(line.removeprefix("data: "))
        for line in reply.body.decode().split("\n")
        if line.startswith("data: ")
    ]

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert sorted(event["place"] for event in events[:-1]) == [0, 1]
    assert [event["say"] for event in events] == ["1 of 2 are done.", "2 of 2 are done.", "All 2 are done."]
    assert all("Identify end user" in event["html"] for event in events[:-1])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Say which deals"),
        ({"record": "{}"}, "JSON list"),
        ({"record": '[{"stage": "x"}]'}, "deal_title"),
        ({"ids": "99999"}, "99999"),
    ],
    ids=["nothing", "no list", "no title", "no such deal"],
)
async def test_batch_that_makes_no_sense_is_refused_before_the_first(
    house: House, fields: dict[str, str], told: str
) -> None:
    _, visitor = await _visitor(house)

    reply = await _post(visitor, f"{ROOT}/batch/run", **fields)

    assert "officium-error" in reply.headers
    assert told in _said(reply)


async def test_person_of_another_tenant_reaches_no_draft_and_no_rule(house: House) -> None:
    _, alpha = await _visitor(house)
    _, eve = await _visitor(house, "Beta", email="eve@example.com")
    _script(house, MAIL_ANSWER)
    draft = _draft_id(await _post(alpha, f"{ROOT}/draft", **FORM))
    await _post(alpha, f"{ROOT}/style", rule="Our secret rule.")
    rule = re.search(r"style/(sty_\w+)/switch", (await alpha.get(f"{ROOT}/style")).body.decode())
    assert rule is not None

    replies = [
        await _post(eve, f"{ROOT}/drafts/{draft}/feedback", outcome="accepted"),
        await _post(eve, f"{ROOT}/style/{rule[1]}/switch", on="0"),
        await _post(eve, f"{ROOT}/style/{rule[1]}/delete"),
    ]

    assert [reply.headers["officium-error"] for reply in replies] == [
        "draft_not_found",
        "style_rule_not_found",
        "style_rule_not_found",
    ]
    assert "secret" not in _said(await eve.get(f"{ROOT}/style"))
    assert "Our secret rule." in _said(await alpha.get(f"{ROOT}/style"))


async def test_viewer_sees_the_page_nowhere_and_writes_nothing(house: House) -> None:
    _, viewer = await _visitor(house, role="viewer")

    home = await viewer.get("/console")
    reply = await _post(viewer, f"{ROOT}/draft", **FORM)

    assert ROOT.encode() not in home.body
    assert "scope inference" in _said(reply)


def test_html_of_a_mail_is_sanitised_once_more() -> None:
    context = EmailDraftContext(recipients=["a@example.com"], subject_intent="x")
    result = DraftEmailResult(
        confidence=0.5,
        subject="x",
        body="Hello",
        html='<div lang="en"><p onclick="x()">Hello</p><script>x</script>',
    )

    shown = shown_draft(context, result)

    assert shown.html == '<div lang="en"><p>Hello</p></div>'


def test_claims_that_overlap_are_marked_once_and_no_word_is_lost() -> None:
    context = EmailDraftContext(
        recipients=["a@example.com"], subject_intent="x", deal_contexts=[{"title": "AB"}]
    )
    claims = [
        DraftClaim(field="body", start=3, end=8, text="AB 14", kind="name", is_supported=False),
        DraftClaim(field="body", start=6, end=8, text="14", kind="amount", is_supported=True),
    ]
    result = DraftEmailResult(confidence=0.5, subject="", body="On AB 14.", html="", claims=claims)

    (text,) = shown_draft(context, result).texts

    assert "".join(part.text for part in text.parts) == "On AB 14."
    assert [part.claim for part in text.parts] == [None, 1, None]


def test_points_of_the_chart_stand_where_promise_and_outcome_meet() -> None:
    points = points_of(reliability([Outcome(0.8, 1.0), Outcome(0.8, 0.0)]))

    assert [(point.x, point.y) for point in points] == [(208.0, 130.0)]
    assert points[0].top < points[0].y < points[0].bottom
    assert points_of(reliability([])) == []
