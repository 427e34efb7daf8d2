"""The pages of prompts: what they show, what they publish and refuse, and for whom."""

import html
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from officium.core.prompts import PromptDraft, Variable
from officium.core.prompts.experiments.service import VariantReport
from officium.core.prompts.render import render
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.library import load_golden_sets, load_prompt_registry
from officium.web.console.pages.prompt_view import compared, rows_of, sample_of
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply

ROOT = "/console/prompts"
NAME = "email.followup.v1"
ONE = f"{ROOT}/named/{NAME}"
TEXTS = {
    "name": NAME,
    "description": "Ours.",
    "system": "You write mails in {{ language }}, {{ tone }}.",
    "user": "{{ intent }} to {{ recipients }}: {{ record }} {{ previous_mail }} {{ sender }}",
    "tier": "fast",
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
        operator_of(tenant.tenant.id), email, name="Ada Lovelace", role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return tenant, visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof})


def _said(reply: Reply) -> str:
    """The words of a page, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", reply.body.decode())).split())


async def test_list_says_which_version_is_used_and_who_changed_it(house: House) -> None:
    _, visitor = await _visitor(house)
    before = _said(await visitor.get(f"{ROOT}?q=follow"))

    published = await _post(visitor, f"{ROOT}/publish", **TEXTS, use="1")
    after = _said(await visitor.get(f"{ROOT}?q=OURS"))

    assert (published.status, published.headers["location"]) == (303, f"{ONE}?version=own/1")
    assert "In use: shipped/1 As shipped" in before
    assert "In use: own/1 Changed by you," in after
    assert "persona.ceo" not in after


async def test_search_without_a_match_says_what_to_do(house: House) -> None:
    _, visitor = await _visitor(house)

    page = _said(await visitor.get(f"{ROOT}?q=<b>nothing</b>"))

    assert "No prompt has the words “<b>nothing</b>”" in page
    assert "Show all prompts" in page


async def test_colleague_is_called_by_name_and_a_key_by_its_id(house: House) -> None:
    tenant, visitor = await _visitor(house)
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), "bob@example.com", name="Bob", role="admin", password=PASSWORD
    )
    other = Visitor(house.app)
    await other.sign_in("bob@example.com", PASSWORD)
    await _post(visitor, f"{ROOT}/publish", **TEXTS)
    await tenant.ask("PUT", f"/api/prompts/{NAME}/labels/candidate", {"version": "own/1"})

    page = _said(await other.get(ONE + "?version=own/1"))

    assert "Published by Ada Lovelace," in page
    assert re.search(r"candidate was pointed at own/1 key ak_\w+", page)


async def test_preview_counts_tokens_and_holds_the_draft_against_the_golden_set(house: House) -> None:
    _, visitor = await _visitor(house)
    sample = '{"intent": "Ask for news", "recipients": "john@example.com", "record": "Deal: <Alpha>"}'

    reply = await _post(visitor, f"{ROOT}/preview", **TEXTS, base="shipped/1", sample=sample)
    shorter = {**TEXTS, "user": "{{ intent }}"}
    failing = await _post(visitor, f"{ROOT}/preview", **shorter, base="shipped/1", sample=sample)

    assert "Ask for news to john@example.com" in _said(reply)
    assert re.search(r"About \d+ tokens \d+ fewer than shipped/1", _said(reply))
    assert "Passes the golden set" in _said(reply)
    assert b"<Alpha>" not in reply.body
    assert "overdue-deal : the prompt lacks 'Project Alpha'" in _said(failing)


@pytest.mark.parametrize(
    ("changes", "told", "place"),
    [
        ({"user": "Hello\n{{ intent }} {{ recipent }}"}, "Did you mean recipients?", ("user", 2, 17)),
        ({"system": "a\nb\n{% if x"}, "In the system text: Line 3", ("system", 3, 1)),
        ({"sample": '{"intent": "x"}'}, "needs recipients", ("sample", 1, 1)),
        ({"sample": '{\n  "intent": x}'}, "line 2, column 13", ("sample", 2, 13)),
        ({"temperature": "warm"}, "between 0 and 2", ("temperature", 1, 1)),
        ({"output_schema": "[1]"}, "JSON object", ("output_schema", 1, 1)),
    ],
    ids=["unknown variable", "broken template", "missing value", "no json", "no number", "no schema"],
)
async def test_preview_says_what_is_wrong_and_where(
    house: House, changes: dict[str, str], told: str, place: tuple[str, int, int]
) -> None:
    _, visitor = await _visitor(house)

    reply = await _post(visitor, f"{ROOT}/preview", **{**TEXTS, "sample": "{}", **changes})

    assert told in _said(reply)
    assert f'data-goto="{place[0]}" data-line="{place[1]}" data-column="{place[2]}"' in reply.body.decode()


async def test_what_cannot_be_published_stays_in_the_editor(house: House) -> None:
    _, visitor = await _visitor(house)

    reply = await _post(visitor, f"{ROOT}/publish", **{**TEXTS, "user": "Kept words {{ intnt }}"})
    versions = _said(await visitor.get(ONE))

    assert reply.status == 400
    assert "line 1, column 15" in _said(reply).lower()
    assert b"Kept words {{ intnt }}" in reply.body
    assert "own/1" not in versions


async def test_version_that_fails_the_golden_set_is_not_used_and_says_why(house: House) -> None:
    _, visitor = await _visitor(house)
    shorter = {**TEXTS, "user": "{{ intent }}"}

    at_once = await _post(visitor, f"{ROOT}/publish", **shorter, use="1")
    await _post(visitor, f"{ROOT}/publish", **shorter)
    moved = await _post(visitor, f"{ONE}/labels", label="production", version="own/1")
    page = _said(await visitor.get(f"{ONE}/golden-set?version=own/1"))

    for reply in (at_once, moved):
        assert reply.status == 409
        assert "overdue-deal: the prompt lacks 'Project Alpha'" in _said(reply)
    assert "In use: shipped/1" in _said(moved)
    assert "own/1 fails 3 of 3 examples" in page


async def test_own_version_gives_way_to_the_shipped_one(house: House) -> None:
    _, visitor = await _visitor(house)
    await _post(visitor, f"{ROOT}/publish", **TEXTS, use="1")
    used = _said(await visitor.get(ONE))

    back = await _post(visitor, f"{ONE}/labels/remove", label="production")
    page = _said(await visitor.get(ONE))

    assert "Back to the shipped version" in used
    assert back.headers["location"] == ONE
    assert "The shipped version is in use again" in page
    assert "In use: shipped/1" in page
    assert "production was taken away" in page


async def test_difference_stands_side_by_side_with_what_changed_in_a_line(house: House) -> None:
    _, visitor = await _visitor(house)
    await _post(visitor, f"{ROOT}/publish", **TEXTS)
    await _post(visitor, f"{ROOT}/publish", **{**TEXTS, "user": TEXTS["user"] + "\nBe <brief>."})

    reply = await visitor.get(f"{ONE}/compare?old=own/1&new=own/2")
    same = _said(await visitor.get(f"{ONE}/compare?old=own/1&new=own/1"))

    assert "Added: Be <brief>." in _said(reply)
    assert b"Be &lt;brief&gt;." in reply.body
    assert "Both say the same" in same


def test_rows_of_a_difference_keep_their_numbers() -> None:
    diff = (
        "--- a\n+++ b\n@@ -3,3 +3,4 @@\n same\n-old word\n+new word\n+more\n same\n@@ -20,1 +21,0 @@\n-gone"
    )

    rows = rows_of(diff)

    assert [(row.kind, row.old_line, row.new_line) for row in rows] == [
        ("same", 3, 3),
        ("changed", 4, 4),
        ("added", None, 5),
        ("same", 5, 6),
        ("gap", None, None),
        ("removed", 20, None),
    ]
    assert [(piece.text, piece.is_marked) for piece in rows[1].new] == [("new", True), (" word", False)]


async def test_example_is_written_changed_and_deleted(house: House) -> None:
    _, visitor = await _visitor(house)
    case = {"id": "ours", "variables": '{"intent": "x", "recipients": "y"}', "prompt_has": "x\nnot there"}

    saved = await _post(visitor, f"{ONE}/golden-set/case", **case)
    failing = _said(await visitor.get(f"{ONE}/golden-set?version=shipped/1"))
    await _post(visitor, f"{ONE}/golden-set/case", **{**case, "prompt_has": "x"}, replaces="ours")
    passing = _said(await visitor.get(f"{ONE}/golden-set?version=shipped/1"))
    await _post(visitor, f"{ONE}/golden-set/case/delete", id="ours")
    without = _said(await visitor.get(f"{ONE}/golden-set"))

    assert saved.status == 303
    assert "the prompt lacks 'not there'" in failing
    assert "shipped/1 passes all 4 examples." in passing
    assert "Add what must never go wrong" in without


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id": "Not A Name"}, "an id of its own"),
        ({"variables": "{"}, "`variables` is no JSON"),
        ({"max_prompt_tokens": "many"}, "whole number"),
        ({"answer": "{x"}, "`answer` is no JSON"),
    ],
    ids=["id", "variables", "tokens", "answer"],
)
async def test_example_with_a_fault_stays_in_its_form(
    house: House, changes: dict[str, str], told: str
) -> None:
    _, visitor = await _visitor(house)

    reply = await _post(
        visitor, f"{ONE}/golden-set/case", **{"id": "a", "variables": "", "answer": "", **changes}
    )

    assert reply.status == 400
    assert told in _said(reply)


async def test_experiment_is_started_reported_and_stopped(house: House) -> None:
    _, visitor = await _visitor(house)
    await _post(visitor, f"{ROOT}/publish", **TEXTS)
    split = {"version_1": "shipped/1", "weight_1": "1", "version_2": "own/1", "weight_2": "3"}

    wrong = await _post(visitor, f"{ONE}/experiments", version_1="own/1", version_2="own/1")
    started = await _post(visitor, f"{ONE}/experiments", **split)
    running = await visitor.get(started.headers["location"])
    again = await _post(visitor, f"{ONE}/experiments", **split)
    id = started.headers["location"].partition("id=")[2]
    await _post(visitor, f"{ONE}/experiments/{id}/stop")
    stopped = _said(await visitor.get(f"{ONE}/experiments"))

    assert (wrong.status, again.status) == (400, 409)
    assert "another version" in _said(wrong)
    assert "25%" in _said(running)
    assert "75%" in _said(running)
    assert "before each version has been called twice" in _said(running)
    assert "Stop the experiment" in _said(running)
    assert "Ended" in stopped
    assert "Start an experiment" in stopped


def test_results_are_told_as_real_as_chance_or_as_unknown() -> None:
    def report(cost: float | None, p: float | None) -> VariantReport:
        return VariantReport(
            version="own/1",
            weight=1,
            calls=9,
            failed=0,
            mean_cost_usd=cost,
            mean_duration_ms=100.0,
            outcomes=0,
            mean_worth=None,
            p_cost=p,
            p_duration=0.4,
        )

    cost, duration, worth = compared(report(0.01, None), report(0.005, 0.0004))

    assert (cost.direction, cost.percent, cost.verdict, cost.luck) == ("less", 50, "sure", "less than 0.1")
    assert (duration.direction, duration.verdict, duration.luck) == ("alike", "unsure", "40.0")
    assert worth.verdict == "unknown"


async def test_files_go_out_and_come_back(house: House) -> None:
    _, visitor = await _visitor(house)
    nothing = await visitor.get(f"{ROOT}/files/export")
    await _post(visitor, f"{ROOT}/publish", **TEXTS)

    packed = await visitor.get(f"{ROOT}/files/export")
    with ZipFile(BytesIO(packed.body)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    changed = files[f"{NAME}.md"].replace("You write mails", "You write letters")
    chosen = msgspec.json.encode([{"name": "a.md", "content": changed}]).decode()
    brought = await _post(visitor, f"{ROOT}/files/import", files=chosen)
    broken = await _post(visitor, f"{ROOT}/files/import", content="no front matter")
    empty = await _post(visitor, f"{ROOT}/files/import")

    assert nothing.status == 303
    assert brought.headers["location"] == f"{ONE}?version=own/2"
    assert b"You write letters" in (await visitor.get(f"{ONE}?version=own/2")).body
    assert (broken.status, empty.status) == (400, 400)
    assert b"no front matter" in broken.body


async def test_new_prompt_declares_its_variables(house: House) -> None:
    _, visitor = await _visitor(house)
    new = {"name": "invoice.remind.v1", "user": "Pay {{ amount }}", "tier": "fast", "system": ""}

    made = await _post(visitor, f"{ROOT}/publish", **new, variables="amount: {type: number}\n")
    taken = await _post(visitor, f"{ROOT}/publish", **new, variables="amount: {typ: number}\n")
    page = _said(await visitor.get(f"{ROOT}/named/invoice.remind.v1"))

    assert made.headers["location"].endswith("invoice.remind.v1?version=own/1")
    assert "Line 1: Object contains unknown field" in _said(taken)
    assert "Point production at a version" in page
    assert "number" in page


async def test_viewer_reads_and_changes_nothing(house: House) -> None:
    _, visitor = await _visitor(house, role="viewer")

    page = _said(await visitor.get(ONE))
    replies = [
        await _post(visitor, f"{ROOT}/publish", **TEXTS),
        await _post(visitor, f"{ONE}/labels", label="production", version="shipped/1"),
        await _post(visitor, f"{ONE}/golden-set/case", id="a"),
        await _post(visitor, f"{ONE}/experiments", version_1="shipped/1", version_2="own/1"),
        await _post(visitor, f"{ROOT}/files/import", content="---\nname: a\n---\n# system\nx\n# user\ny\n"),
    ]

    assert "Move the label" not in page
    assert [reply.status for reply in replies] == [403] * 5


async def test_person_of_another_tenant_reaches_nothing_of_the_first(house: House) -> None:
    _, alpha = await _visitor(house)
    _, eve = await _visitor(house, "Beta", email="eve@example.com")
    await _post(alpha, f"{ROOT}/publish", **{**TEXTS, "system": "Secret words"})
    await _post(alpha, f"{ROOT}/publish", name="alpha.own", user="Secret", tier="fast", variables="")
    started = await _post(alpha, f"{ONE}/experiments", version_1="shipped/1", version_2="own/1")
    id = started.headers["location"].partition("id=")[2]
    await _post(alpha, f"{ONE}/golden-set/case", id="secret-case")

    pages = [
        await eve.get(path)
        for path in (
            ROOT,
            ONE,
            f"{ONE}?version=own/1",
            f"{ROOT}/named/alpha.own",
            f"{ROOT}/named/alpha.own/edit",
            f"{ONE}/compare?old=shipped/1&new=own/1",
            f"{ONE}/golden-set",
            f"{ONE}/golden-set/case?id=secret-case",
            f"{ONE}/experiments",
            f"{ONE}/experiments?id={id}",
            f"{ROOT}/files/export",
        )
    ]
    stopped = await _post(eve, f"{ONE}/experiments/{id}/stop")
    deleted = await _post(eve, f"{ONE}/golden-set/case/delete", id="secret-case")
    labelled = await _post(eve, f"{ONE}/labels", label="production", version="own/1")

    assert [page.status for page in pages] == [200, 200, 404, 404, 404, 404, 200, 404, 200, 404, 303]
    assert all(b"Secret" not in page.body and b"secret-case" not in page.body for page in pages)
    assert (stopped.status, deleted.status, labelled.status) == (404, 404, 404)


async def test_prompt_with_hostile_words_is_shown_as_text(house: House) -> None:
    tenant, visitor = await _visitor(house)
    caller = await house.parts.authenticator.authenticate(await tenant.key())
    draft = PromptDraft(
        name="own.hostile",
        description="<script>alert(1)</script>",
        system="<img src=x onerror=alert(1)>",
        variables={"a": Variable(description='"><script>alert(2)</script>')},
    )
    await house.parts.prompts.create_version(caller, draft)

    for path in (ROOT, f"{ROOT}/named/own.hostile", f"{ROOT}/named/own.hostile/edit"):
        page = (await visitor.get(path)).body
        assert b"<script>alert" not in page
        assert b"<img src=x" not in page


@pytest.mark.parametrize("with_cases", [True, False], ids=["with-examples", "made-up"])
@pytest.mark.parametrize("name", load_prompt_registry().names())
def test_every_shipped_prompt_can_be_tried_at_once(name: str, with_cases: bool) -> None:
    version = load_prompt_registry().get(name)
    cases = load_golden_sets().get(name, ()) if with_cases else ()

    sample = sample_of(version.prompt.variables, cases, f"{version.prompt.system}\n{version.prompt.user}")
    rendered = render(version, msgspec.json.decode(sample))

    assert rendered.system or rendered.user


def test_made_up_values_have_the_parts_that_are_asked_for() -> None:
    variables = {name: Variable(type="list") for name in ("stages", "tags")}
    variables["deal"] = Variable(type="object")
    texts = "{{ deal.title }} {{ deal.deal_id }}{% for it in stages %}{{ it.name }}{{ it.days }}{% endfor %}"

    sample = msgspec.json.decode(sample_of(variables, (), texts))

    assert sample == {
        "deal": {"title": "title", "deal_id": 12},
        "stages": [{"name": "name", "days": 12}],
        "tags": ["…"],
    }


async def test_prediction_of_dates_is_previewed_with_what_stands_there(house: House) -> None:
    _, visitor = await _visitor(house)
    editor = f"{ROOT}/named/cashflow.predict_dates.v1/edit"

    page = html.unescape((await visitor.get(editor)).body.decode())

    assert "Website relaunch" in page
    assert '"days": 22' in page
