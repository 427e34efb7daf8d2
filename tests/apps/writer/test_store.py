"""Drafts, feedback and rules of style, on both databases."""

from datetime import datetime, timedelta

import pytest

from officium.apps.writer.calibration import Outcome
from officium.apps.writer.draft import KEPT, Draft, Feedback, OutcomeName
from officium.apps.writer.store import DraftStore
from officium.apps.writer.style import MOST_RULES, Habit
from officium.core.tenancy import Caller
from officium.kit.database import Database
from tests.support.tenancy import Tenancy

HI = Habit("greeting", 'Greet with "Hi", not with "Dear".')


class Desk:
    def __init__(self, database: Database) -> None:
        self.tenancy = Tenancy(database)
        self.store = DraftStore(database)
        self.now = self.tenancy.clock.now()

    def draft(self, id: str, owner: str = "", at: datetime | None = None) -> Draft:
        return Draft(
            id=id,
            owner_id=owner,
            kind="email",
            language="en",
            texts={"body": "Hello"},
            raw_confidence=0.85,
            confidence=0.8,
            created_at=at or self.now,
            created_by="key:1",
        )

    def feedback(self, draft_id: str, outcome: OutcomeName, worth: float, raw: float = 0.85) -> Feedback:
        return Feedback(
            draft_id=draft_id,
            kind="email",
            outcome=outcome,
            worth=worth,
            raw_confidence=raw,
            confidence=0.8,
            created_at=self.now,
            created_by="key:1",
        )


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
async def admin(desk: Desk) -> Caller:
    return await desk.tenancy.an_admin()


async def test_draft_is_found_by_its_owner_and_in_its_tenant_alone(desk: Desk, admin: Caller) -> None:
    other = await desk.tenancy.an_admin()
    await desk.store.add(admin, desk.draft("drf_1", owner="mem_ada"))
    await desk.store.add(admin, desk.draft("drf_2"))

    assert await desk.store.find(admin, "drf_1", "mem_ada") == desk.draft("drf_1", owner="mem_ada")
    assert await desk.store.find(admin, "drf_1", "mem_grace") is None
    assert await desk.store.find(admin, "drf_1", None) is not None
    assert await desk.store.find(admin, "drf_2", "mem_grace") is not None
    assert await desk.store.find(other, "drf_2", None) is None


async def test_old_drafts_are_forgotten_and_their_feedback_is_not(desk: Desk, admin: Caller) -> None:
    await desk.store.add(admin, desk.draft("drf_old", at=desk.now - KEPT - timedelta(days=1)))
    await desk.store.put_feedback(admin, desk.feedback("drf_old", "accepted", 1.0))

    await desk.store.add(admin, desk.draft("drf_new"))

    assert await desk.store.find(admin, "drf_old", None) is None
    assert await desk.store.outcomes(admin, "email", is_raw=True) == [Outcome(0.85, 1.0)]


async def test_feedback_is_replaced_and_fallbacks_teach_nothing(desk: Desk, admin: Caller) -> None:
    assert await desk.store.put_feedback(admin, desk.feedback("drf_1", "accepted", 1.0))
    assert not await desk.store.put_feedback(admin, desk.feedback("drf_1", "rejected", 0.0))
    await desk.store.put_feedback(admin, desk.feedback("drf_2", "accepted", 1.0, raw=0.0))

    assert await desk.store.outcomes(admin, None, is_raw=False) == [Outcome(0.8, 0.0)]
    assert await desk.store.outcomes(admin, "notes", is_raw=True) == []


async def test_habit_counts_from_the_second_time_on_unless_somebody_switched_it(
    desk: Desk, admin: Caller
) -> None:
    await desk.store.see(admin, "", [HI], desk.now)
    (once,) = await desk.store.list_rules(admin, "")
    await desk.store.see(admin, "", [HI], desk.now)
    (twice,) = await desk.store.list_rules(admin, "")
    await desk.store.switch_rule(admin, "", twice.id, False, desk.now)
    await desk.store.see(admin, "", [HI], desk.now)
    (thrice,) = await desk.store.list_rules(admin, "")

    assert [(one.times, one.is_on) for one in (once, twice, thrice)] == [(1, False), (2, True), (3, False)]
    assert await desk.store.list_rules(admin, "mem_ada") == []


async def test_another_habit_of_the_same_kind_begins_anew(desk: Desk, admin: Caller) -> None:
    for _ in range(2):
        await desk.store.see(admin, "", [HI], desk.now)
    await desk.store.see(admin, "", [Habit("greeting", 'Greet with "Hey".')], desk.now)

    (rule,) = await desk.store.list_rules(admin, "")

    assert (rule.rule, rule.times, rule.is_on) == ('Greet with "Hey".', 1, False)


async def test_rules_have_an_end(desk: Desk, admin: Caller) -> None:
    habits = [Habit(f"word:{number}", f"Rule {number}.") for number in range(MOST_RULES + 5)]

    await desk.store.see(admin, "", habits, desk.now)

    rules = await desk.store.list_rules(admin, "")
    assert len(rules) == MOST_RULES
    assert not await desk.store.add_rule(admin, rules[0])
