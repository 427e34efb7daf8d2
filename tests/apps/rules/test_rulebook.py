"""The rules a tenant keeps, on both databases."""

from typing import Any

import pytest

from officium.apps.rules import RuleBook
from officium.apps.rules.errors import InvalidRule, NothingToUndo, RuleNotFound, RuleTestsFailed
from officium.apps.rules.rulebook import Draft
from officium.core.tenancy import AuditService, AuditStore, Caller
from officium.kit.database import Database
from officium.kit.errors import Conflict, PermissionDenied
from tests.support.rules import Rulebook


def a_workflow(limit: int = 80, name: str = "cpu-alert") -> dict[str, Any]:
    return {
        "workflow_name": name,
        "trigger": "ON_METRIC_UPDATE",
        "rules": [
            {
                "name": "check-cpu",
                "condition": f"$metrics.cpu > {limit}",
                "then": [{"action": "NOTIFY", "params": {"to": "ops", "message": "Zoë: 🔥"}}],
            }
        ],
    }


TESTS = [{"name": "hot", "given": {"metrics": {"cpu": 85}}, "then": ["NOTIFY"]}]


@pytest.fixture
def rulebook(database: Database) -> Rulebook:
    return Rulebook(database)


@pytest.fixture
def book(rulebook: Rulebook) -> RuleBook:
    return RuleBook(rulebook.store, rulebook.capabilities, rulebook.clock)


@pytest.fixture
async def admin(rulebook: Rulebook) -> Caller:
    return await rulebook.an_admin()


async def test_saved_rule_is_a_draft_with_its_words_and_tests(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow(), intent="Alert ops", tests=TESTS))
    got = await book.get(admin, saved.rule.id)

    assert (got.rule.status, got.rule.version, got.rule.approved_version) == ("draft", 1, None)
    assert got.version.workflow == a_workflow()
    assert list(got.version.workflow) == ["workflow_name", "trigger", "rules"]
    assert (got.version.intent, [test["name"] for test in got.version.tests]) == ("Alert ops", ["hot"])


async def test_nothing_is_saved_that_the_catalogue_does_not_have(book: RuleBook, admin: Caller):
    with pytest.raises(InvalidRule) as raised:
        await book.save(admin, Draft(workflow={**a_workflow(), "trigger": "ON_X"}))

    assert raised.value.fields["problems"]
    assert await book.list_rules(admin) == []


async def test_new_version_is_a_draft_while_the_approved_one_stays(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    approved = await book.approve(admin, saved.rule.id, 1, "Good")
    revised = await book.revise(admin, saved.rule.id, Draft(workflow=a_workflow(90)), expected=1)

    assert (approved.rule.status, approved.rule.note) == ("approved", "Good")
    assert (revised.rule.status, revised.rule.version, revised.rule.approved_version) == ("draft", 2, 1)


async def test_version_somebody_else_has_passed_is_refused(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    await book.revise(admin, saved.rule.id, Draft(workflow=a_workflow(90)), expected=1)

    with pytest.raises(Conflict):
        await book.revise(admin, saved.rule.id, Draft(workflow=a_workflow(95)), expected=1)


async def test_rule_whose_tests_fail_is_not_approved(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow(90), tests=TESTS))

    with pytest.raises(RuleTestsFailed) as raised:
        await book.approve(admin, saved.rule.id, 1)

    assert raised.value.fields["problems"] == [{"test": "hot", "message": "It did nothing, not NOTIFY."}]
    assert [outcome.passed for outcome in await book.test(admin, saved.rule.id)] == [False]
    assert (await book.get(admin, saved.rule.id)).rule.status == "draft"


async def test_rule_is_not_approved_when_the_catalogue_has_lost_what_it_uses(
    book: RuleBook, rulebook: Rulebook, admin: Caller
):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    await rulebook.capabilities.set(admin, {"action_types": ["OTHER"]})

    with pytest.raises(InvalidRule):
        await book.approve(admin, saved.rule.id, 1)


async def test_rejecting_takes_the_approval_back(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    await book.approve(admin, saved.rule.id, 1)

    rejected = await book.reject(admin, saved.rule.id, "Too loud")

    assert (rejected.rule.status, rejected.rule.approved_version, rejected.rule.note) == (
        "rejected",
        None,
        "Too loud",
    )


async def test_undo_goes_back_step_by_step_and_loses_nothing(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow(80)))
    for limit in (85, 90):
        await book.revise(admin, saved.rule.id, Draft(workflow=a_workflow(limit)))

    first = await book.undo(admin, saved.rule.id)
    second = await book.undo(admin, saved.rule.id)
    with pytest.raises(NothingToUndo):
        await book.undo(admin, saved.rule.id)

    assert (first.version.workflow, first.version.version) == (a_workflow(85), 4)
    assert (second.version.workflow, second.version.version) == (a_workflow(80), 5)
    versions = await book.list_versions(admin, saved.rule.id)
    assert [version.version for version in versions] == [5, 4, 3, 2, 1]
    assert (await book.get(admin, saved.rule.id, 3)).version.workflow == a_workflow(90)


async def test_lists_come_in_pages_and_by_status(book: RuleBook, admin: Caller):
    ids = [(await book.save(admin, Draft(workflow=a_workflow(name=f"w{n}")))).rule.id for n in range(3)]
    await book.approve(admin, ids[1], 1)

    first = await book.list_rules(admin, limit=2)
    rest = await book.list_rules(admin, after=first[-1].rule.id)
    approved = await book.list_rules(admin, status="approved")

    assert [kept.rule.id for kept in (*first, *rest)] == sorted(ids)
    assert [kept.rule.id for kept in approved] == [ids[1]]
    assert [version.version for version in await book.list_versions(admin, ids[0], before=2)] == [1]


async def test_rules_are_found_by_name_newest_first_and_judged_by_todays_catalogue(
    book: RuleBook, rulebook: Rulebook, admin: Caller
):
    names = ("cpu-alert", "CPU_alert", "disk")
    ids = [(await book.save(admin, Draft(workflow=a_workflow(name=name)))).rule.id for name in names]
    await book.reject(admin, ids[2])
    await rulebook.capabilities.set(
        admin,
        {"triggers": ["ON_METRIC_UPDATE"], "condition_types": ["metrics.cpu"], "action_types": ["OTHER"]},
    )

    found = await book.search(admin, "cpu")
    behind = await book.search(admin, before=ids[1])
    literal = await book.search(admin, "cpu_")
    rejected = await book.search(admin, status="rejected")
    other = await book.search(await rulebook.an_admin())

    assert [each.rule.workflow_name for each in found] == ["CPU_alert", "cpu-alert"]
    assert [each.rule.id for each in behind] == [ids[0]]
    assert [each.rule.workflow_name for each in literal] == ["CPU_alert"]
    assert [each.rule.id for each in rejected] == [ids[2]]
    assert [problem.code for problem in found[0].problems] == ["unknown_action"]
    assert other == []


async def test_last_replay_is_remembered_and_changes_nothing_else(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    outcome = {
        "events": 9,
        "rules": [
            {"fires": 2, "last_at": "2026-11-20T10:00:00Z"},
            {"fires": 1, "last_at": "2026-11-20T11:00:00Z"},
            {"fires": 0, "last_at": None},
        ],
    }
    reader = Caller(admin.tenant_id, "key:reader", frozenset({"inference"}))

    await book.note_replay(reader, saved.rule.id, 1, outcome)
    unread = await book.get(admin, saved.rule.id)
    await book.note_replay(admin, saved.rule.id, 1, outcome)
    noted = await book.get(admin, saved.rule.id)
    revised = await book.revise(admin, saved.rule.id, Draft(workflow=a_workflow(90)), expected=1)

    assert unread.rule.last_replay is None
    assert noted.rule.last_replay is not None
    assert (noted.rule.last_replay["fires"], noted.rule.last_replay["last_at"]) == (3, "2026-11-20T11:00:00Z")
    assert noted.rule.updated_at == saved.rule.updated_at
    assert (await book.get(admin, revised.rule.id)).rule.last_replay == noted.rule.last_replay


async def test_deleted_rule_is_gone_with_its_versions(book: RuleBook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    await book.delete(admin, saved.rule.id)

    for refused in (book.get(admin, saved.rule.id), book.delete(admin, saved.rule.id)):
        with pytest.raises(RuleNotFound):
            await refused


async def test_rule_of_another_tenant_is_not_there(book: RuleBook, rulebook: Rulebook, admin: Caller):
    saved = await book.save(admin, Draft(workflow=a_workflow()))
    other = await rulebook.an_admin()

    for refused in (
        book.get(other, saved.rule.id),
        book.revise(other, saved.rule.id, Draft(workflow=a_workflow())),
        book.approve(other, saved.rule.id, 1),
        book.reject(other, saved.rule.id),
        book.undo(other, saved.rule.id),
        book.delete(other, saved.rule.id),
        book.list_versions(other, saved.rule.id),
    ):
        with pytest.raises(RuleNotFound):
            await refused
    assert await book.list_rules(other) == []


async def test_changes_are_in_the_audit_log_and_take_their_scope(
    book: RuleBook, rulebook: Rulebook, admin: Caller
):
    reader = Caller(admin.tenant_id, "key:reader", frozenset(("inference",)))
    saved = await book.save(admin, Draft(workflow=a_workflow()), request_id="req_1")
    await book.approve(admin, saved.rule.id, 1)

    entries = await AuditService(AuditStore(rulebook.database)).list_entries(admin)
    assert [entry.action for entry in entries] == ["rule.approved", "rule.created"]
    assert (await book.get(reader, saved.rule.id)).rule.id == saved.rule.id
    with pytest.raises(PermissionDenied):
        await book.approve(reader, saved.rule.id, 1)
