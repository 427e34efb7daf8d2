"""Budgets made, seen, changed and deleted, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from officium.core.tenancy import SCOPES, AuditEntry, AuditService, AuditStore, Caller
from officium.core.usage.budgets import BudgetChanges, BudgetExists, Forecast, Terms
from officium.core.usage.budgets import store as store_module
from officium.core.usage.ledger.budget import THE_TENANT, Period, Subject, Unit
from officium.core.usage.ledger.errors import BudgetNotFound, InvalidBudget
from officium.kit.database import Database
from officium.kit.errors import Conflict, InvalidRequest, PermissionDenied
from tests.support.budgets import Purse

CLIENT = Subject("client", "7")
Limits = dict[tuple[Unit, Period], int | None]
DAY_S = 86_400.0


@pytest.fixture
def purse(database: Database) -> Purse:
    return Purse(database)


@pytest.fixture
async def admin(purse: Purse) -> Caller:
    return await purse.tenancy.an_admin()


async def test_budget_is_made_and_read_again(purse: Purse, admin: Caller):
    made = await purse.service.create_budget(
        admin, CLIENT, "nano_usd", "day", Terms(limit=5, is_hard=False, alert_at=(50,))
    )

    read = await purse.service.get_budget(admin, made.budget.id)

    assert read == made
    budget = read.budget
    assert (budget.subject, budget.unit, budget.period, budget.limit) == (CLIENT, "nano_usd", "day", 5)
    assert (budget.is_hard, budget.alert_at, budget.updated_by) == (False, (50,), "member:admin")
    assert (read.used, read.held, read.remaining, read.is_exhausted) == (0, 0, 5, False)


async def test_days_are_those_of_the_tenant_unless_said_otherwise(purse: Purse):
    tenant = await purse.tenancy.tenants.create_tenant(
        Caller("", "operator:cli", frozenset({"admin"})), "Acme", time_zone="Asia/Riyadh"
    )
    admin = Caller(tenant.id, "member:admin", frozenset({"admin"}))

    own = await purse.service.create_budget(admin, THE_TENANT, "tokens", "day", Terms(limit=1))
    other = await purse.service.create_budget(admin, CLIENT, "tokens", "day", Terms(limit=1, time_zone="UTC"))

    assert own.budget.time_zone == "Asia/Riyadh"
    assert own.starts_at == datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert own.ends_at == datetime(2026, 11, 21, 21, tzinfo=UTC)
    assert other.starts_at == datetime(2026, 11, 21, tzinfo=UTC)


async def test_subject_has_one_budget_of_a_unit_and_period(purse: Purse, admin: Caller):
    await purse.a_budget(admin)
    other = await purse.tenancy.an_admin()

    with pytest.raises(BudgetExists):
        await purse.a_budget(admin, 5)

    await purse.a_budget(admin, period="day")
    await purse.a_budget(admin, subject=CLIENT)
    await purse.a_budget(other)
    assert len(await purse.service.list_budgets(admin)) == 3


async def test_tenant_has_no_more_budgets_than_it_may(
    purse: Purse, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_BUDGETS", 2)
    await purse.a_budget(await purse.tenancy.an_admin())
    await purse.a_budget(admin, period="day")
    await purse.a_budget(admin, period="month")

    with pytest.raises(InvalidBudget, match="at most 2"):
        await purse.a_budget(admin, period="total")


async def test_balance_is_that_of_the_running_period(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.count(budget, 990, at=datetime(2026, 10, 31, tzinfo=UTC))
    await purse.count(budget, 600, held=150)

    balance = await purse.service.get_budget(admin, budget.id)

    assert (balance.used, balance.held, balance.remaining) == (600, 150, 250)
    assert balance.starts_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert balance.ends_at == datetime(2026, 12, 1, tzinfo=UTC)


async def test_period_that_ends_needs_no_timer(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, period="day")
    await purse.count(budget, 1000)

    before = await purse.service.get_budget(admin, budget.id)
    purse.clock.advance(16 * 3600 - 1)
    last = await purse.service.get_budget(admin, budget.id)
    purse.clock.advance(1)
    after = await purse.service.get_budget(admin, budget.id)

    assert [balance.used for balance in (before, last, after)] == [1000, 1000, 0]
    assert [balance.is_exhausted for balance in (before, last, after)] == [True, True, False]


async def test_total_never_begins_anew(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, period="total")
    await purse.count(budget, 400)
    purse.clock.advance(900 * DAY_S)

    balance = await purse.service.get_budget(admin, budget.id)

    assert (balance.used, balance.starts_at, balance.ends_at) == (400, None, None)


async def test_budget_without_limit_only_counts(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, None)
    await purse.count(budget, 10**12)

    balance = await purse.service.get_budget(admin, budget.id)

    assert (balance.used, balance.remaining, balance.is_exhausted) == (10**12, None, False)


async def test_refused_call_exhausts_a_budget_that_is_not_quite_used_up(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.count(budget, 990, exhausted_at=purse.clock.now())

    balance = await purse.service.get_budget(admin, budget.id)

    assert (balance.remaining, balance.is_exhausted) == (10, True)


async def test_forecast_is_read_from_the_days_of_the_same_subject(purse: Purse, admin: Caller):
    month = await purse.a_budget(admin, 10_000)
    day = await purse.a_budget(admin, None, period="day")
    purse.clock.advance(8 * DAY_S)
    for ago in range(8):
        await purse.count(day, 1000, at=purse.clock.now() - timedelta(days=ago))
    await purse.count(month, 9500)

    balance = await purse.service.get_budget(admin, month.id)

    daily = balance.forecast.daily_use
    assert daily == pytest.approx(1000, rel=0.1)
    assert balance.forecast.runs_out_at == purse.clock.now() + timedelta(days=500 / (daily or 1))


async def test_forecast_is_read_from_the_month_where_days_are_not_counted(purse: Purse, admin: Caller):
    month = await purse.a_budget(admin, 10_000)
    purse.clock.advance(5 * DAY_S)
    await purse.count(month, 8000)

    balance = await purse.service.get_budget(admin, month.id)

    assert balance.forecast == Forecast(1600, purse.clock.now() + timedelta(days=1.25))


async def test_young_budget_has_no_forecast(purse: Purse, admin: Caller):
    month = await purse.a_budget(admin, 10_000)
    await purse.count(month, 5000)

    assert (await purse.service.get_budget(admin, month.id)).forecast == Forecast()


async def test_first_budget_to_bind_is_named(purse: Purse, admin: Caller):
    month = await purse.a_budget(admin, 100_000, subject=CLIENT)
    day = await purse.a_budget(admin, 5_000, subject=CLIENT, period="day")
    await purse.a_budget(admin, 1, subject=Subject("client", "8"))
    purse.clock.advance(8 * DAY_S)
    for ago in range(8):
        await purse.count(day, 4000 if ago else 1500, at=purse.clock.now() - timedelta(days=ago))

    await purse.count(month, 99_000)
    assert await purse.service.find_binding(admin, CLIENT) == month.id
    await purse.count(month, 1_000)
    assert await purse.service.find_binding(admin, CLIENT) == day.id
    assert await purse.service.find_binding(admin, Subject("client", "9")) is None


async def test_changed_limit_holds_for_the_running_period(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.count(budget, 990, alerted=80, exhausted_at=purse.clock.now())

    raised = await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=2000))

    assert (raised.used, raised.remaining, raised.is_exhausted) == (990, 1010, False)
    _, (counter,) = await purse.store.read_siblings(admin, [budget], purse.clock.now())
    assert counter.exhausted_at is None


async def test_what_is_not_named_stays(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, 5, is_hard=False, alert_at=(10, 20))

    changed = (await purse.service.update_budget(admin, budget.id, BudgetChanges(alert_at=(30,)))).budget

    assert (changed.limit, changed.is_hard, changed.alert_at) == (5, False, (30,))
    assert changed.created_at == budget.created_at
    assert changed.updated_at > budget.updated_at
    without = (await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=None))).budget
    assert without.limit is None


async def test_running_day_follows_a_change_of_the_time_zone(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, period="day")
    await purse.count(budget, 300)

    moved = await purse.service.update_budget(admin, budget.id, BudgetChanges(time_zone="Asia/Riyadh"))

    assert (moved.used, moved.starts_at) == (300, datetime(2026, 11, 20, 21, tzinfo=UTC))
    purse.clock.advance(13 * 3600)
    assert (await purse.service.get_budget(admin, budget.id)).used == 0


async def test_change_that_is_not_possible_is_refused(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)

    with pytest.raises(InvalidBudget):
        await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=-1))

    assert (await purse.service.get_budget(admin, budget.id)).budget == budget


async def test_who_changes_a_budget_someone_else_changed_is_told(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=1), expected=budget.updated_at)

    with pytest.raises(Conflict):
        await purse.service.update_budget(
            admin, budget.id, BudgetChanges(limit=2), expected=budget.updated_at
        )

    assert (await purse.service.get_budget(admin, budget.id)).budget.limit == 1


async def test_of_two_changes_at_once_one_is_refused(purse: Purse, admin: Caller):
    before = await purse.a_budget(admin)
    changes = [purse.service.changed(admin, before, BudgetChanges(limit=number)) for number in (1, 2)]

    done = [
        await purse.store.save_budgets(admin, [], [(before, after)], purse.clock.now(), [])
        for after in changes
    ]

    assert done == [True, False]


async def test_deleted_budget_is_gone_and_may_be_made_again(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.count(budget, 700)

    await purse.service.delete_budget(admin, budget.id)

    with pytest.raises(BudgetNotFound):
        await purse.service.delete_budget(admin, budget.id)
    again = await purse.a_budget(admin)
    assert (await purse.service.get_budget(admin, again.id)).used == 0


async def test_reset_is_the_ledgers_doing(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)

    await purse.service.reset_budget(admin, budget.id)

    assert purse.ledger.resets == [(admin.tenant_id, [budget.id])]


async def test_every_change_is_made_known_to_all_processes(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=1))
    await purse.service.reset_budget(admin, budget.id)
    await purse.service.delete_budget(admin, budget.id)

    assert purse.changed == [admin.tenant_id] * 4


async def test_every_change_stands_in_the_audit_log(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin, 5)
    await purse.service.update_budget(admin, budget.id, BudgetChanges(limit=1), request_id="req_1")
    await purse.service.reset_budget(admin, budget.id)
    await purse.service.delete_budget(admin, budget.id)

    entries = await AuditService(AuditStore(purse.database)).list_entries(admin, thing_id=budget.id)

    assert {entry.action for entry in entries} == {
        "budget.created",
        "budget.changed",
        "budget.reset",
        "budget.deleted",
    }
    (changed,) = (entry for entry in entries if entry.action == "budget.changed")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["limit"], changed.after["limit"]) == (5, 1)
    assert (changed.actor, changed.request_id) == ("member:admin", "req_1")


async def test_limits_are_set_together(purse: Purse, admin: Caller):
    day = await purse.a_budget(admin, 10, subject=CLIENT, period="day", is_hard=False)
    limits: Limits = {("tokens", "day"): 20, ("tokens", "month"): 300, ("requests", "day"): None}

    found = await purse.service.set_limits(admin, CLIENT, limits, "Asia/Riyadh")

    told = {(budget.unit, budget.period): budget for budget in found}
    assert {measured: budget.limit for measured, budget in told.items()} == limits
    assert told["tokens", "day"].id == day.id
    assert not told["tokens", "day"].is_hard
    assert told["tokens", "month"].is_hard
    assert told["tokens", "month"].time_zone == "Asia/Riyadh"


async def test_of_limits_one_of_which_is_not_possible_none_is_set(purse: Purse, admin: Caller):
    await purse.a_budget(admin, 10, subject=CLIENT, period="day")

    with pytest.raises(InvalidBudget):
        await purse.service.set_limits(admin, CLIENT, {("tokens", "day"): 20, ("tokens", "month"): -1}, "UTC")

    (left,) = await purse.service.list_budgets(admin)
    assert left.budget.limit == 10


async def test_of_changes_one_of_which_comes_too_late_none_is_made(purse: Purse, admin: Caller):
    before = [await purse.a_budget(admin, 10, period=period) for period in ("day", "month")]
    await purse.service.update_budget(admin, before[1].id, BudgetChanges(limit=11))
    changes = [(budget, purse.service.changed(admin, budget, BudgetChanges(limit=99))) for budget in before]

    assert not await purse.store.save_budgets(admin, [], changes, purse.clock.now(), [])

    left = await purse.service.list_budgets(admin)
    assert {balance.budget.period: balance.budget.limit for balance in left} == {"day": 10, "month": 11}


async def test_day_is_reset_and_the_month_goes_on_without_its_refusal(purse: Purse, admin: Caller):
    day = await purse.a_budget(admin, 10, subject=CLIENT, period="day")
    month = await purse.a_budget(admin, 10, subject=CLIENT, period="month")
    other = await purse.a_budget(admin, 10, period="day")
    for budget in (day, month, other):
        await purse.count(budget, 7, exhausted_at=purse.clock.now())

    await purse.service.reset_day(admin, [CLIENT])

    assert purse.ledger.resets == [(admin.tenant_id, [day.id])]
    exhausted = {
        balance.budget.id: balance.is_exhausted for balance in await purse.service.list_budgets(admin)
    }
    assert exhausted == {day.id: False, month.id: False, other.id: True}
    assert (await purse.service.get_budget(admin, month.id)).used == 7


async def test_pages_follow_each_other(purse: Purse, admin: Caller):
    for number in range(1, 6):
        await purse.a_budget(admin, subject=Subject("client", str(number)))
    seen: list[str] = []
    ids: list[str] = []

    while page := await purse.service.list_budgets(admin, after=ids[-1] if ids else "", limit=2):
        ids += [balance.budget.id for balance in page]
        seen += [balance.budget.subject.id for balance in page]

    assert sorted(seen) == ["1", "2", "3", "4", "5"]
    assert ids == sorted(ids)


@pytest.mark.parametrize("limit", [0, 201])
async def test_page_of_impossible_size_is_refused(purse: Purse, admin: Caller, limit: int):
    with pytest.raises(InvalidRequest):
        await purse.service.list_budgets(admin, limit=limit)


async def test_budgets_of_others_are_out_of_reach(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    await purse.count(budget, 500)
    other = await purse.tenancy.an_admin()

    assert await purse.service.list_budgets(other) == []
    for attempt in (
        purse.service.get_budget(other, budget.id),
        purse.service.update_budget(other, budget.id, BudgetChanges(limit=1)),
        purse.service.reset_budget(other, budget.id),
        purse.service.delete_budget(other, budget.id),
    ):
        with pytest.raises(BudgetNotFound):
            await attempt
    assert purse.ledger.resets == []
    stolen = (budget, purse.service.changed(other, budget, BudgetChanges(limit=1)))
    assert not await purse.store.save_budgets(other, [], [stolen], purse.clock.now(), [])
    assert not await purse.store.delete_budget(
        other,
        budget.id,
        AuditEntry(at=purse.clock.now(), action="budget.deleted", thing="budget", thing_id=budget.id),
    )
    assert await purse.store.read_siblings(other, [budget], purse.clock.now()) == ([], [])
    assert (await purse.service.get_budget(admin, budget.id)).budget == budget


async def test_who_may_see_usage_may_see_budgets_and_change_none(purse: Purse, admin: Caller):
    budget = await purse.a_budget(admin)
    reader = Caller(admin.tenant_id, "key:ak_1", frozenset(SCOPES - {"admin"}))

    assert (await purse.service.get_budget(reader, budget.id)).budget == budget
    assert len(await purse.service.list_budgets(reader)) == 1
    for attempt in (
        purse.a_budget(reader, period="day"),
        purse.service.update_budget(reader, budget.id, BudgetChanges(limit=1)),
        purse.service.reset_budget(reader, budget.id),
        purse.service.delete_budget(reader, budget.id),
    ):
        with pytest.raises(PermissionDenied, match="admin"):
            await attempt
    stranger = Caller(admin.tenant_id, "key:ak_2", frozenset({"inference", "config:write"}))
    for attempt in (
        purse.service.get_budget(stranger, budget.id),
        purse.service.list_budgets(stranger),
        purse.service.find_binding(stranger, THE_TENANT),
    ):
        with pytest.raises(PermissionDenied, match="usage:read"):
            await attempt
