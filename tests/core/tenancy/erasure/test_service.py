"""The end of a tenant: everybody out at once, everything gone later, and nothing of others touched."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from officium.core.tenancy import AuditService, AuditStore, Caller, MemberStore, Tenant, operator_of
from officium.core.tenancy.erasure import (
    ErasedTenant,
    ErasureService,
    ErasureStore,
    LastTenant,
    TenantErased,
    TenantNotClosed,
)
from officium.core.tenancy.errors import TenantClosed
from officium.core.tenancy.tables import members, tenants
from officium.core.usage.tables import usage_log
from officium.core.usage.tallies.store import TallyStore
from officium.core.usage.tallies.tables import usage_tallies
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.rows import a_row, fill_all, rows_of, tenant_tables
from tests.support.tenancy import OPERATOR, Tenancy

DAY_S = timedelta(days=1).total_seconds()


@dataclass
class Morgue:
    """Tenants and their end, on one database."""

    database: Database
    tenancy: Tenancy = field(init=False)

    def __post_init__(self) -> None:
        self.tenancy = Tenancy(self.database)
        self.clock = self.tenancy.clock
        self.store = ErasureStore(self.database)
        self.service = ErasureService(
            self.store,
            MemberStore(self.database),
            TallyStore(self.database),
            self.clock,
            self.tenancy.notices,
        )
        self.audit = AuditService(AuditStore(self.database))

    async def a_full_tenant(self, name: str, number: int) -> Caller:
        """A tenant with a row in every table, which is open; its operator."""
        async with self.database.writing(ALL_TENANTS) as connection:
            await fill_all(connection, f"ten_{name}", name, number)
            is_open = {"closed_at": None, "closed_by": None, "erase_at": None, "suspended_at": None}
            await connection.execute(update(tenants).where(tenants.c.id == f"ten_{name}").values(is_open))
        return operator_of(f"ten_{name}")

    async def a_member(self, tenant: Tenant, role: str) -> Caller:
        id = f"mem_{role}"
        row = a_row(members, tenant.id, id) | {"id": id, "role": role, "person_id": None, "client_id": None}
        async with self.database.writing(tenant.id) as connection:
            await connection.execute(insert(members).values(row))
        return Caller(tenant.id, f"member:{id}", frozenset(("admin",)), member_id=id)

    async def rows_of(self, tenant_id: str) -> dict[str, list[Any]]:
        """The tenant's rows, of the tables that have any."""
        async with self.database.reading(ALL_TENANTS) as connection:
            return {name: rows for name, rows in (await rows_of(connection, tenant_id)).items() if rows}

    async def remains(self, tenant_id: str) -> ErasedTenant:
        [found] = [one for one in await self.service.list_erased(OPERATOR) if one.id == tenant_id]
        return found


@pytest.fixture
def morgue(database: Database) -> Morgue:
    return Morgue(database)


@pytest.fixture
def lone_morgue(sqlite_database: Database) -> Morgue:
    """For what does not depend on the database."""
    return Morgue(sqlite_database)


async def test_every_table_is_emptied_and_nothing_of_others_goes(morgue: Morgue) -> None:
    mine, other = await morgue.a_full_tenant("mine", 1), await morgue.a_full_tenant("other", 2)
    before, theirs = await morgue.rows_of(mine.tenant_id), await morgue.rows_of(other.tenant_id)

    await morgue.service.close_tenant(mine, grace_days=0)
    await morgue.service.erase_tenant(mine)

    assert set(before) == {table.name for table in tenant_tables()}, "each table has a row to lose"
    assert await morgue.rows_of(mine.tenant_id) == {}
    assert await morgue.rows_of(other.tenant_id) == theirs


async def test_tables_nobody_imported_are_emptied_too(morgue: Morgue) -> None:
    known = {table.name for table in await morgue.store.find_tables_for_all_tenants()}

    assert known == {table.name for table in tenant_tables()} - {"tenants"}


async def test_what_is_left_says_when_and_how_much_and_nothing_of_people(morgue: Morgue) -> None:
    mine = await morgue.a_full_tenant("mine", 7)
    await morgue.a_full_tenant("other", 2)
    async with morgue.database.writing(ALL_TENANTS) as connection:
        await connection.execute(
            update(usage_tallies)
            .where(usage_tallies.c.tenant_id == mine.tenant_id)
            .values(kind="all", span="day")
        )
    await morgue.service.close_tenant(mine)
    closed_at = morgue.clock.now()
    morgue.clock.advance(30 * DAY_S)

    await morgue.service.run()
    left = await morgue.remains(mine.tenant_id)

    assert (left.closed_at, left.closed_by) == (closed_at, "operator:cli")
    assert left.erased_at == morgue.clock.now()
    assert left.rows["usage_log"] == 1
    assert left.rows["audit_log"] == 2
    assert left.months == [
        {"month": "2126-11", "requests": 7, "input_tokens": 7, "output_tokens": 7, "cost_nano_usd": 7}
    ]
    assert "mine-" not in repr(left)


async def test_nothing_goes_before_the_days_are_over(morgue: Morgue) -> None:
    mine = await morgue.a_full_tenant("mine", 1)
    await morgue.a_full_tenant("other", 2)
    await morgue.service.close_tenant(mine)
    morgue.clock.advance(30 * DAY_S - 1)

    await morgue.service.run()
    with pytest.raises(TenantNotClosed):
        await morgue.service.erase_tenant(mine)

    assert len(await morgue.rows_of(mine.tenant_id)) == len(tenant_tables()) - 1, "all but the sessions"
    morgue.clock.advance(1)
    await morgue.service.run()
    assert await morgue.rows_of(mine.tenant_id) == {}


async def test_closing_refuses_keys_at_once_and_opening_takes_that_back(morgue: Morgue) -> None:
    tenancy = morgue.tenancy
    tenant, _ = await tenancy.a_tenant("Acme"), await tenancy.a_tenant("Beta")
    operator = operator_of(tenant.id)
    new = await tenancy.keys.create_key(operator, "shop")
    await tenancy.authenticator.authenticate(new.secret)

    await morgue.service.close_tenant(operator)
    with pytest.raises(TenantClosed, match="open it again"):
        await tenancy.authenticator.authenticate(new.secret)
    await morgue.service.reopen_tenant(operator)

    assert (await tenancy.authenticator.authenticate(new.secret)).tenant_id == tenant.id
    actions = [entry.action for entry in await morgue.audit.list_entries(operator, thing="tenant")]
    assert actions == ["tenant.reopened", "tenant.closed"]
    morgue.clock.advance(31 * DAY_S)
    await morgue.service.run()
    assert await morgue.rows_of(tenant.id)


async def test_an_open_tenant_is_neither_opened_nor_erased(lone_morgue: Morgue) -> None:
    operator = operator_of((await lone_morgue.tenancy.a_tenant()).id)

    with pytest.raises(TenantNotClosed):
        await lone_morgue.service.reopen_tenant(operator)
    with pytest.raises(TenantNotClosed):
        await lone_morgue.service.erase_tenant(operator)


async def test_last_tenant_stays_even_when_two_go_at_once(morgue: Morgue) -> None:
    first, second = [operator_of((await morgue.tenancy.a_tenant(name)).id) for name in ("Acme", "Beta")]

    outcomes = await asyncio.gather(
        *(morgue.service.close_tenant(caller) for caller in (first, second)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastTenant", "NoneType"]
    still_open = second if outcomes[0] is None else first
    with pytest.raises(LastTenant, match="tenant create"):
        await morgue.service.close_tenant(still_open)


async def test_what_is_gone_is_not_opened_or_closed_again(lone_morgue: Morgue) -> None:
    await lone_morgue.tenancy.a_tenant()
    mine = await lone_morgue.a_full_tenant("mine", 1)
    await lone_morgue.service.close_tenant(mine, grace_days=0)
    await lone_morgue.service.erase_tenant(mine)

    with pytest.raises(TenantErased):
        await lone_morgue.service.reopen_tenant(mine)
    with pytest.raises(TenantErased):
        await lone_morgue.service.close_tenant(mine)


@pytest.mark.parametrize("lost_after", [0, 1, 30, 55])
async def test_one_that_was_broken_off_goes_on(
    morgue: Morgue, monkeypatch: pytest.MonkeyPatch, lost_after: int
) -> None:
    await morgue.tenancy.a_tenant()
    mine = await morgue.a_full_tenant("mine", 1)
    await morgue.service.close_tenant(mine, grace_days=0)
    original, calls = ErasureStore.delete_some, 0

    async def dies(store: ErasureStore, *said: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > lost_after:
            raise DatabaseUnavailable("gone")
        return await original(store, *said)

    with monkeypatch.context() as patched:
        patched.setattr(ErasureStore, "delete_some", dies)
        with pytest.raises(DatabaseUnavailable):
            await morgue.service.run()
    halfway = await morgue.remains(mine.tenant_id)
    with pytest.raises(TenantErased):
        await morgue.service.reopen_tenant(mine)
    await morgue.service.run()

    assert halfway.erased_at is None
    assert (await morgue.remains(mine.tenant_id)).rows == halfway.rows, "counted when it began"
    assert await morgue.rows_of(mine.tenant_id) == {}


async def test_rows_go_in_small_steps(lone_morgue: Morgue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("officium.core.tenancy.erasure.service._ROWS_AT_ONCE", 10)
    await lone_morgue.tenancy.a_tenant()
    mine = await lone_morgue.a_full_tenant("mine", 1)
    rows = [a_row(usage_log, mine.tenant_id, "call", number) | {"id": number} for number in range(2, 96)]
    async with lone_morgue.database.writing(mine.tenant_id) as connection:
        await connection.execute(insert(usage_log), rows)
    original, counts = ErasureStore.delete_some, []

    async def counts_them(store: ErasureStore, caller: Caller, table: Any, limit: int) -> int:
        count = await original(store, caller, table, limit)
        if table.name == "usage_log":
            counts.append(count)
        return count

    monkeypatch.setattr(ErasureStore, "delete_some", counts_them)
    await lone_morgue.service.close_tenant(mine, grace_days=0)
    await lone_morgue.service.run()

    assert counts == [*[10] * 9, 5, 0]


async def test_what_a_late_call_leaves_goes_an_hour_later(morgue: Morgue) -> None:
    await morgue.tenancy.a_tenant()
    mine = await morgue.a_full_tenant("mine", 1)
    await morgue.service.close_tenant(mine, grace_days=0)
    await morgue.service.erase_tenant(mine)
    async with morgue.database.writing(mine.tenant_id) as connection:
        await connection.execute(insert(usage_log).values(a_row(usage_log, mine.tenant_id, "late", 1)))

    await morgue.service.run()
    at_once = await morgue.rows_of(mine.tenant_id)
    morgue.clock.advance(3601)
    await morgue.service.run()
    await morgue.service.run()

    assert set(at_once) == {"usage_log"}
    assert await morgue.rows_of(mine.tenant_id) == {}
    left = await morgue.remains(mine.tenant_id)
    assert left.settled_at == morgue.clock.now()


async def test_one_that_fails_keeps_no_other(lone_morgue: Morgue, monkeypatch: pytest.MonkeyPatch) -> None:
    await lone_morgue.tenancy.a_tenant()
    first, second = [await lone_morgue.a_full_tenant(name, number) for number, name in ((1, "a"), (2, "b"))]
    for caller in (first, second):
        await lone_morgue.service.close_tenant(caller, grace_days=0)
    original = ErasureStore.delete_some

    async def fails(store: ErasureStore, caller: Caller, *said: Any) -> int:
        if caller.tenant_id == first.tenant_id:
            raise ValueError("something nobody expected")
        return await original(store, caller, *said)

    monkeypatch.setattr(ErasureStore, "delete_some", fails)
    await lone_morgue.service.run()

    assert await lone_morgue.rows_of(first.tenant_id)
    assert await lone_morgue.rows_of(second.tenant_id) == {}


@pytest.mark.parametrize("role", ["admin", "member", "viewer", "client"])
async def test_only_owners_and_the_operator_close(lone_morgue: Morgue, role: str) -> None:
    tenant, _ = await lone_morgue.tenancy.a_tenant("Acme"), await lone_morgue.tenancy.a_tenant("Beta")
    owner = await lone_morgue.a_member(tenant, "owner")
    others = [
        await lone_morgue.a_member(tenant, role),
        Caller(tenant.id, "key:ak_1", frozenset(("admin",)), key_id="ak_1"),
        Caller(tenant.id, "member:mem_none", frozenset(("admin",)), member_id="mem_none"),
    ]

    for caller in others:
        with pytest.raises(PermissionDenied, match="Only an owner"):
            await lone_morgue.service.close_tenant(caller)
    for refused in (
        lone_morgue.service.close_tenant(owner, grace_days=0),
        lone_morgue.service.reopen_tenant(owner),
        lone_morgue.service.erase_tenant(owner),
        lone_morgue.service.list_erased(owner),
    ):
        with pytest.raises(PermissionDenied, match="Only the operator"):
            await refused
    await lone_morgue.service.close_tenant(owner)

    async with lone_morgue.database.reading(ALL_TENANTS) as connection:
        closed = (await connection.execute(select(tenants.c.closed_by))).scalars().all()
    assert sorted(closed, key=str) == [None, owner.actor]


@pytest.mark.parametrize("days", [-1, 366])
async def test_days_of_grace_have_bounds(lone_morgue: Morgue, days: int) -> None:
    operator = operator_of((await lone_morgue.tenancy.a_tenant()).id)

    with pytest.raises(InvalidRequest):
        await lone_morgue.service.close_tenant(operator, grace_days=days)


async def test_audit_log_lets_go_of_the_erased_alone(morgue: Morgue) -> None:
    mine, other = await morgue.a_full_tenant("mine", 1), await morgue.a_full_tenant("other", 2)
    await morgue.service.close_tenant(mine, grace_days=0)
    await morgue.service.erase_tenant(mine)

    async def try_to(change: str) -> None:
        async with morgue.database.writing(ALL_TENANTS) as connection:
            await connection.execute(text(change))

    for change in (
        "DELETE FROM audit_log",
        "UPDATE audit_log SET actor = 'nobody'",
        "INSERT INTO erased_tenants SELECT 'ten_other', created_at, closed_at, closed_by, begun_at, "
        "erased_at, settled_at, rows, months FROM erased_tenants",
    ):
        if change.startswith("INSERT"):
            await try_to(change)
            change = "DELETE FROM audit_log"
        with pytest.raises(Exception, match="only ever added to"):
            await try_to(change)
    assert len((await morgue.rows_of(other.tenant_id))["audit_log"]) == 1
