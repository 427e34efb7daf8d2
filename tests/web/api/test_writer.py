"""The writer's door, with every real part behind it and a model that says what it is told to."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from officium.testing import ScriptedTransport
from officium.testing.scripted import Act
from tests.support.house import House, Resident, open_house
from tests.support.writing import DEAL, EMAIL, MAIL_ANSWER, SUMMARY_ANSWER

REAL_SEND = ScriptedTransport.send
REMINDER = {
    "short_version": "Please send it.",
    "long_version": "Please send the checklist.",
    "tags": ["survey"],
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Alpha")


def let_say(monkeypatch: pytest.MonkeyPatch, *said: Any) -> list[dict[str, Any]]:
    """Let the scripted provider answer with these in turn; gives what it is asked."""
    acts = [one if isinstance(one, Act | str) else json.dumps(one) for one in said]
    script = ScriptedTransport(acts)
    asked: list[dict[str, Any]] = []

    async def send(self: ScriptedTransport, request: Any, timeouts: Any) -> Any:
        asked.append(json.loads(request.body))
        return await REAL_SEND(script, request, timeouts)

    monkeypatch.setattr(ScriptedTransport, "send", send)
    return asked


async def test_mail_is_written_and_logged_with_its_prompt(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = let_say(monkeypatch, MAIL_ANSWER)

    reply = await tenant.ask("POST", "/writer/draft-email", EMAIL)

    assert reply.status == 200
    assert reply.json["subject"] == "Follow-up on overdue deals"
    assert reply.json["confidence"] == 0.85
    assert reply.json["prompt"] == "email.followup.v1 shipped/1"
    assert asked[0]["temperature"] == 0.4
    assert asked[0]["max_tokens"] == 900
    assert "Project Alpha" in asked[0]["messages"][-1]["content"]
    await tenant.house.parts.usage_log.close()
    (call,) = (await tenant.ask("GET", "/api/usage/calls")).json["records"]
    assert (call["app"], call["prompt"]) == ("writer", "email.followup.v1")
    assert call["prompt_version"] == "shipped/1"


async def test_camel_case_is_understood_and_answered_in_snake_case(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_say(monkeypatch, SUMMARY_ANSWER)

    context = {"dealTitle": "Project Alpha", "daysInStage": 14}

    reply = await tenant.ask("POST", "/writer/summarize-deal", context)

    assert reply.json["next_action"] == SUMMARY_ANSWER["next_action"]


async def test_tier_is_the_tenants_alias_of_that_name(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock/little"]})
    asked = let_say(monkeypatch, SUMMARY_ANSWER, MAIL_ANSWER)

    await tenant.ask("POST", "/writer/summarize-deal", DEAL)
    await tenant.ask("POST", "/writer/draft-email", EMAIL)

    assert [one["model"] for one in asked] == ["little", "mock"]


async def test_answer_that_does_not_fit_goes_back_to_the_model(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = let_say(monkeypatch, {"summary": 5}, SUMMARY_ANSWER)

    reply = await tenant.ask("POST", "/writer/summarize-deal", DEAL)

    assert len(asked) == 2
    assert "That answer cannot be used" in asked[1]["messages"][-1]["content"]
    assert reply.json["evidence"]["schema_validity"] == 0.9


async def test_provider_that_is_down_leaves_a_plain_text(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_say(monkeypatch, Act(status=500, error="down"))

    reply = await tenant.ask("POST", "/writer/draft-email", EMAIL)

    assert reply.status == 200
    assert (reply.json["confidence"], reply.json["is_fallback"]) == (0.0, True)
    assert "Project Alpha" in reply.json["body"]


async def test_tenant_without_credits_gets_a_plain_text(tenant: Resident) -> None:
    budget = {"subject_kind": "tenant", "unit": "tokens", "period": "total", "limit": 1}
    assert (await tenant.ask("POST", "/api/budgets", budget)).status == 201

    reply = await tenant.ask("POST", "/writer/draft-email", EMAIL)

    assert (reply.status, reply.json["is_fallback"]) == (200, True)


async def test_reminder_for_whatsapp(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = let_say(monkeypatch, REMINDER)

    reply = await tenant.ask("POST", "/writer/draft-reminder", {"about": "Survey", "channel": "whatsapp"})

    assert reply.json["short_version"] == "Please send it."
    assert reply.json["short_length"] == {
        "characters": 15, "limit": 300, "encoding": None, "segments": None
    }  # fmt: skip
    assert "WhatsApp" in asked[0]["messages"][0]["content"]


async def test_right_to_left_mail(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    let_say(monkeypatch, {"subject": "عرض سعر", "body": "تحية طيبة،\n\nشكرا.", "suggestions": []})  # noqa: RUF001

    reply = await tenant.ask("POST", "/writer/draft-email", EMAIL | {"language": "ar", "deal_contexts": []})

    assert reply.json["direction"] == "rtl"
    assert reply.json["html"].startswith('<div lang="ar" dir="rtl">')


async def test_batch_is_streamed_with_progress(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    let_say(monkeypatch, *[SUMMARY_ANSWER] * 3)
    deals = [DEAL | {"deal_title": f"Deal {number}"} for number in range(3)]

    reply = await tenant.ask("POST", "/writer/batch-summarize-deals", {"deals": deals, "max_concurrent": 2})

    blocks = [block.splitlines() for block in reply.body.decode().strip().split("\n\n")]
    events = [(block[1].split(": ", 1)[1], json.loads(block[2].split(": ", 1)[1])) for block in blocks]
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events] == ["summary", "progress"] * 3 + ["done"]
    assert sorted(data["index"] for name, data in events if name == "summary") == [0, 1, 2]
    assert [data["done"] for name, data in events if name == "progress"] == [1, 2, 3]
    assert events[-1][1] == {"total": 3, "fallbacks": 0}


async def test_batch_as_a_whole_is_in_order(tenant: Resident) -> None:
    deals = [{"deal_title": f"Deal {number}"} for number in range(3)]
    budget = {"subject_kind": "tenant", "unit": "tokens", "period": "total", "limit": 1}
    await tenant.ask("POST", "/api/budgets", budget)

    reply = await tenant.ask("POST", "/writer/batch-summarize-deals", {"deals": deals, "stream": False})

    assert [one["summary"] for one in reply.json["results"]] == ["Deal 0.", "Deal 1.", "Deal 2."]


async def test_claims_are_checked_with_their_places(tenant: Resident) -> None:
    text = "Project Alpha has been in Order Received for 41 days."
    context = {"deal": {"title": "Project Alpha", "stage": "Order Received", "days_in_stage": 14}}

    reply = await tenant.ask("POST", "/writer/check-claims", {"context": context, "text": text})

    (wrong,) = [claim for claim in reply.json["claims"] if not claim["is_supported"]]
    assert text[wrong["start"] : wrong["end"]] == wrong["text"] == "41 days"
    assert (wrong["kind"], reply.json["unsupported"]) == ("amount", 1)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("draft-email", {"recipients": []}, "recipients"),
        ("draft-email", EMAIL | {"tone": "angry"}, "tone"),
        ("batch-summarize-deals", {"deals": []}, "deals"),
        ("check-claims", {"context": {}, "text": "x" * 50_001}, "text"),
    ],
)
async def test_what_makes_no_sense_is_refused(tenant: Resident, path: str, body: Any, param: str) -> None:
    reply = await tenant.ask("POST", f"/writer/{path}", body)

    assert reply.status == 400
    assert reply.json["error"]["param"] == param


async def a_draft(tenant: Resident, monkeypatch: pytest.MonkeyPatch, body: str = "", **how: Any) -> Any:
    """A mail that was written."""
    let_say(monkeypatch, MAIL_ANSWER | ({"body": body} if body else {}))
    return (await tenant.ask("POST", "/writer/draft-email", EMAIL, **how)).json


async def feed_back(tenant: Resident, draft_id: str, **said: Any) -> Any:
    reply = await tenant.ask("POST", f"/writer/drafts/{draft_id}/feedback", said)
    assert reply.status == 200
    return reply.json


async def test_draft_is_kept_for_its_owner(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, grace = {"x-user-id": "ada"}, {"x-user-id": "grace"}
    how: dict[str, Any] = {"scopes": ("inference", "act-as")}
    draft = await a_draft(tenant, monkeypatch, headers=ada, **how)

    mine = await tenant.ask("GET", f"/writer/drafts/{draft['draft_id']}", headers=ada, **how)
    hers = await tenant.ask("GET", f"/writer/drafts/{draft['draft_id']}", headers=grace, **how)
    admins = await tenant.ask("GET", f"/writer/drafts/{draft['draft_id']}")

    assert mine.json["texts"]["body"] == draft["body"]
    assert (mine.status, hers.status, admins.status) == (200, 404, 200)


async def test_feedback_recalibrates_the_confidence_and_fills_the_chart(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        draft = await a_draft(tenant, monkeypatch)
        await feed_back(tenant, draft["draft_id"], outcome="rejected")

    after = await a_draft(tenant, monkeypatch)
    chart = (await tenant.ask("GET", "/writer/reliability?kind=email")).json

    assert after["evidence"]["raw_confidence"] == 0.85
    assert after["confidence"] < 0.5
    assert chart["raw"]["count"] == 12
    assert chart["raw"]["bins"][8]["kept"] == 0.0
    assert chart["shown"]["error"] < chart["raw"]["error"] == 0.85


async def test_the_last_word_counts(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = await a_draft(tenant, monkeypatch)
    await feed_back(tenant, draft["draft_id"], outcome="rejected")
    await feed_back(tenant, draft["draft_id"], outcome="accepted")

    chart = (await tenant.ask("GET", "/writer/reliability")).json

    assert (chart["raw"]["count"], chart["raw"]["bins"][8]["kept"]) == (1, 1.0)


async def test_what_edits_show_becomes_a_rule_that_can_be_switched(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = str(MAIL_ANSWER["body"]).replace("Dear John", "Hi John")
    first = await feed_back(
        tenant, (await a_draft(tenant, monkeypatch))["draft_id"], outcome="edited", text=edited
    )
    second = await feed_back(
        tenant, (await a_draft(tenant, monkeypatch))["draft_id"], outcome="edited", text=edited
    )
    (rule,) = second["rules"]
    asked = let_say(monkeypatch, MAIL_ANSWER, MAIL_ANSWER)
    await tenant.ask("POST", "/writer/draft-email", EMAIL)
    await tenant.ask("PUT", f"/writer/style-rules/{rule['id']}", {"is_on": False})
    await tenant.ask("POST", "/writer/draft-email", EMAIL)

    assert 0.9 < first["worth"] < 1
    assert [one["is_on"] for one in first["rules"]] == [False]
    assert (rule["rule"], rule["times"], rule["is_on"]) == ('Greet with "Hi", not with "Dear".', 2, True)
    assert 'Greet with "Hi"' in asked[0]["messages"][0]["content"]
    assert 'Greet with "Hi"' not in asked[1]["messages"][0]["content"]


async def test_rule_in_ones_own_words(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await tenant.ask("POST", "/writer/style-rules", {"rule": "Never say  synergy."})
    asked = let_say(monkeypatch, MAIL_ANSWER)
    await tenant.ask("POST", "/writer/draft-email", EMAIL)
    gone = await tenant.ask("DELETE", f"/writer/style-rules/{made.json['id']}")

    assert (made.status, made.json["rule"]) == (201, "Never say synergy.")
    assert "- Never say synergy." in asked[0]["messages"][0]["content"]
    assert gone.status == 204
    assert (await tenant.ask("GET", "/writer/style-rules")).json == {"rules": []}


async def test_edit_without_its_text_is_refused(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = await a_draft(tenant, monkeypatch)

    reply = await tenant.ask("POST", f"/writer/drafts/{draft['draft_id']}/feedback", {"outcome": "edited"})

    assert (reply.status, reply.json["error"]["param"]) == (400, "text")


async def test_digest_is_a_mail_to_each_owner(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    let_say(monkeypatch, *[SUMMARY_ANSWER] * 3)
    deals = [DEAL, DEAL | {"deal_title": "Project Beta"}, DEAL | {"owner_name": "Sara Khan"}]

    reply = await tenant.ask("POST", "/writer/digest", {"deals": deals, "max_cost_usd": "1"})

    assert [(one["owner"], one["deals"]) for one in reply.json["mails"]] == [
        ("John Doe", 2),
        ("Sara Khan", 1),
    ]
    assert "Identify end user and obtain specs" in reply.json["mails"][0]["body"]
    assert reply.json["mails"][0]["fallbacks"] == 0


async def test_digest_costs_no_more_than_it_may(tenant: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    price = await tenant.ask("PUT", "/api/prices/mock/mock", {"input": "100", "output": "100"})
    assert price.status == 200
    asked = let_say(monkeypatch, *[SUMMARY_ANSWER] * 8)
    deals = [DEAL | {"deal_title": f"Deal {number}"} for number in range(8)]
    body = {"deals": deals, "max_cost_usd": "0.3", "max_concurrent": 1}

    reply = await tenant.ask("POST", "/writer/digest", body)

    (mail,) = reply.json["mails"]
    assert 0 < len(asked) < 8
    assert mail["fallbacks"] == 8 - len(asked)
    assert "Deal 7" in mail["body"]
    await tenant.house.parts.usage_log.close()
    calls = (await tenant.ask("GET", "/api/usage/calls")).json["records"]
    assert sum(float(call["cost_usd"] or 0) for call in calls) <= 0.3


async def test_experiment_splits_users_and_hears_of_their_feedback(
    tenant: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "email.followup.v1"
    shipped = (await tenant.ask("GET", f"/api/prompts/{name}")).json["in_use"]
    own = {"system": shipped["system"] + "\nBe very short."}
    assert (await tenant.ask("POST", f"/api/prompts/{name}/versions", own)).status == 201
    variants = [{"version": "shipped/1"}, {"version": "own/1"}]
    started = await tenant.ask("POST", f"/api/prompts/{name}/experiments", {"variants": variants})
    assert started.status == 201

    told = set()
    for user in ("ada", "grace", "linus", "barbara", "edsger", "donald"):
        draft = await a_draft(
            tenant, monkeypatch, headers={"x-user-id": user}, scopes=("inference", "act-as")
        )
        told.add(draft["variant"])
        await feed_back(tenant, draft["draft_id"], outcome="accepted")
    await tenant.house.parts.usage_log.close()
    report = (await tenant.ask("GET", f"/api/prompt-experiments/{started.json['id']}")).json

    assert told == {"shipped/1", "own/1"}
    assert sum(one["calls"] for one in report["results"]) == 6
    assert sum(one["outcomes"] for one in report["results"]) == 6
    assert all(one["mean_worth"] == 1.0 for one in report["results"])
    stopped = await tenant.ask("POST", f"/api/prompt-experiments/{started.json['id']}/stop")
    assert stopped.json["ended_at"] is not None


async def test_golden_set_keeps_a_bad_version_out_of_production(tenant: Resident) -> None:
    path = "/api/prompts/deal.summarize.v1"
    bad = {"user": "Sum something up."}
    await tenant.ask("POST", f"{path}/versions", bad)

    tried = await tenant.ask("POST", f"{path}/golden-set/test", {"version": "own/1"})
    moved = await tenant.ask("PUT", f"{path}/labels/production", {"version": "own/1"})

    assert (tried.json["passed"], tried.json["cases"]) == (False, 2)
    assert (moved.status, moved.json["error"]["code"]) == (409, "golden_set_failed")


async def test_prompts_are_exported_and_imported_as_files(house: House, tenant: Resident) -> None:
    other = await house.resident("Beta")
    await tenant.ask("POST", "/api/prompts/my.note.v1/versions", {"system": "Be brief.", "user": "Hi"})

    files = (await tenant.ask("GET", "/api/prompt-files")).json
    taken = await other.ask("POST", "/api/prompt-files", files)

    assert taken.json == {"published": [{"name": "my.note.v1", "version": "own/1"}]}
    assert (await other.ask("GET", "/api/prompt-files")).json == files


DEEP = '{"recipients":["a"],"subject_intent":"x","more":' + "[" * 3000 + "]" * 3000 + "}"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/writer/draft-email", DEEP, id="deep"),
        pytest.param(
            "POST", "/writer/draft-email", r'{"recipients":["a"],"subject_intent":"\ud800"}', id="half"
        ),
        pytest.param(
            "POST",
            "/writer/draft-email",
            r'{"recipients":["a"],"subject_intent":"x","y":"\ud800"}',
            id="extra",
        ),
        pytest.param("POST", "/writer/style-rules", r'{"rule":"never \u0000 say"}', id="nul"),
        pytest.param("POST", "/writer/style-rules", r'{"rule":"never \ud800 say"}', id="half in a rule"),
        pytest.param(
            "PUT",
            "/api/prompts/deal.summarize.v1/golden-set",
            r'{"cases":[{"id":"a","variables":{"record":"\ud800"}}]}',
            id="half in a golden set",
        ),
        pytest.param(
            "PUT",
            "/api/prompts/deal.summarize.v1/golden-set",
            '{"cases":[{"id":"a","variables":{"record":' + "9" * 400 + "}}]}",
            id="huge number",
        ),
        pytest.param(
            "POST",
            "/writer/check-claims",
            r'{"context":{"a":"\ud800"},"text":"x \ud800"}',
            id="half in claims",
        ),
    ],
)
async def test_hostile_bodies_are_the_senders_mistake(
    tenant: Resident, method: str, path: str, body: str
) -> None:
    reply = await tenant.ask(method, path, body.encode())

    assert reply.status in (200, 400)
