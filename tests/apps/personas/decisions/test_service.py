"""The decision log, on both databases."""

from datetime import timedelta

import pytest

from officium.apps.personas.business import BusinessContextService, ContextCache, Snapshot
from officium.apps.personas.decisions import DecisionDraft, DecisionService, DecisionStore
from officium.apps.personas.decisions import store as store_module
from officium.apps.personas.decisions.errors import DecisionNotFound, InvalidDecision
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from tests.support.business import DAY, FIGURES, Business

DUE = (DAY + timedelta(days=30)).date()
DRAFT = DecisionDraft(
    text="Raise the price", metric="revenue", direction="up", due_on=DUE, expected_value=15000
)


@pytest.fixture
def business(database: Database) -> Business:
    return Business(database)


@pytest.fixture
def decisions(business: Business) -> DecisionService:
    return DecisionService(DecisionStore(business.database), business.store, business.clock)


@pytest.fixture
def figures(business: Business, decisions: DecisionService) -> BusinessContextService:
    cache = ContextCache(business.store, business.clock, business.notices)
    return BusinessContextService(business.store, cache, business.clock, decisions.score_due)


@pytest.fixture
async def admin(business: Business) -> Caller:
    return await business.an_admin()


async def test_decision_is_scored_when_the_figures_of_its_day_come(
    business: Business, decisions: DecisionService, figures: BusinessContextService, admin: Caller
):
    made = await decisions.add_decision(admin, DRAFT)
    business.clock.advance(timedelta(days=40).total_seconds())

    await figures.add_snapshots(admin, [Snapshot(as_of=DAY + timedelta(days=29), revenue=99999)])
    (still_open,) = await decisions.list_decisions(admin, status="open")
    await figures.add_snapshots(admin, [Snapshot(as_of=DAY + timedelta(days=31), revenue=15100)])

    (met,) = await decisions.list_decisions(admin, status="met")
    assert (still_open.id, made.outcome) == (made.id, None)
    assert (met.id, met.outcome, met.actual_value) == (made.id, "met", 15100)
    assert await decisions.list_decisions(admin, status="open") == []


async def test_outcome_is_not_changed_by_later_figures(
    business: Business, decisions: DecisionService, figures: BusinessContextService, admin: Caller
):
    await decisions.add_decision(admin, DRAFT)
    business.clock.advance(timedelta(days=40).total_seconds())
    for days, revenue in ((31, 1), (32, 99999)):
        await figures.add_snapshots(admin, [Snapshot(as_of=DAY + timedelta(days=days), revenue=revenue)])

    (decision,) = await decisions.list_decisions(admin)
    assert (decision.outcome, decision.actual_value) == ("missed", 1)


async def test_figure_at_the_decision_is_noted(
    decisions: DecisionService, figures: BusinessContextService, admin: Caller
):
    await figures.add_snapshots(admin, [FIGURES])

    made = await decisions.add_decision(
        admin, DecisionDraft(text="Hire", metric="users", direction="up", due_on=DUE)
    )

    assert (made.baseline, made.target) == (450, 450)


async def test_persona_is_told_its_own_record_and_nobodys(
    business: Business, decisions: DecisionService, figures: BusinessContextService, admin: Caller
):
    await figures.add_snapshots(admin, [FIGURES])
    for text, persona, value in (("A", "cfo", 12000), ("B", None, 99999), ("C", "cto", 1)):
        draft = DecisionDraft(
            text=text,
            metric="revenue",
            direction="up",
            due_on=DAY.date(),
            expected_value=value,
            persona=persona,  # type: ignore[arg-type]
        )
        await decisions.add_decision(admin, draft)

    lines = await decisions.told_to(admin, "cfo")

    assert [line.split(": ")[1].split(" (")[0] for line in lines[:-1]] == ["A", "B"]
    assert lines[-1] == "Record: 1 of 2 decisions that are due came out as expected"


async def test_decisions_come_in_pages_newest_first(decisions: DecisionService, admin: Caller):
    made = [(await decisions.add_decision(admin, DRAFT)).id for _ in range(3)]

    first = await decisions.list_decisions(admin, limit=2)
    second = await decisions.list_decisions(admin, limit=2, before=first[-1].id)

    assert sorted(each.id for each in (*first, *second)) == sorted(made)
    assert [each.id for each in (*first, *second)] == sorted(made, reverse=True)


async def test_too_many_decisions_are_refused(
    decisions: DecisionService, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_DECISIONS", 1)
    await decisions.add_decision(admin, DRAFT)

    with pytest.raises(InvalidDecision, match="at most"):
        await decisions.add_decision(admin, DRAFT)


async def test_each_tenant_has_decisions_of_its_own(
    business: Business, decisions: DecisionService, admin: Caller
):
    made = await decisions.add_decision(admin, DRAFT)
    other = await business.an_admin()

    assert await decisions.list_decisions(other) == []
    assert await decisions.told_to(other, "cfo") == []
    with pytest.raises(DecisionNotFound):
        await decisions.delete_decision(other, made.id)
    await decisions.delete_decision(admin, made.id)
    assert await decisions.list_decisions(admin) == []


async def test_who_may_only_ask_deletes_nothing(decisions: DecisionService, admin: Caller):
    made = await decisions.add_decision(admin, DRAFT)
    member = Caller(admin.tenant_id, "member:ada", frozenset({"inference"}), member_id="ada")

    assert [each.id for each in await decisions.list_decisions(member)] == [made.id]
    with pytest.raises(PermissionDenied):
        await decisions.delete_decision(member, made.id)
