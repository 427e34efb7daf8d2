"""The audit log: written with the change, read by administrators, never altered."""

import pytest
from sqlalchemy import text

from officium.core.tenancy import AuditEntry, AuditService, AuditStore, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.tenancy import Tenancy


class Archive:
    """A tenant's audit log, and keys whose making stands in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tenancy = Tenancy(database)
        self.audit = AuditService(AuditStore(database))


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)


@pytest.fixture
async def admin(archive: Archive) -> Caller:
    return await archive.tenancy.an_admin()


async def test_key_that_is_made_and_revoked_stands_in_the_log(archive: Archive, admin: Caller):
    made = await archive.tenancy.keys.create_key(admin, "web shop", scopes=["inference"], request_id="req_1")
    await archive.tenancy.keys.revoke_key(admin, made.key.id, request_id="req_2")

    revoked, created = await archive.audit.list_entries(admin)

    assert (created.action, created.thing, created.thing_id) == ("key.created", "key", made.key.id)
    assert (created.actor, created.request_id, created.before) == (admin.actor, "req_1", None)
    assert created.after == {
        "name": "web shop",
        "prefix": made.key.prefix,
        "scopes": ["inference"],
        "expires_at": None,
    }
    assert (revoked.action, revoked.request_id) == ("key.revoked", "req_2")
    assert made.secret not in repr((revoked, created))


async def test_what_changes_nothing_is_not_written_down(archive: Archive, admin: Caller):
    made = await archive.tenancy.keys.create_key(admin, "web shop")

    await archive.tenancy.keys.revoke_key(admin, made.key.id)
    await archive.tenancy.keys.revoke_key(admin, made.key.id)

    assert len(await archive.audit.list_entries(admin, action="key.revoked")) == 1


async def test_entry_is_gone_with_a_change_that_fails(archive: Archive, admin: Caller):
    entry = AuditEntry(at=archive.tenancy.clock.now(), action="key.created", thing="key", thing_id="ak_1")

    async def fail() -> None:
        async with archive.database.writing(admin.tenant_id) as connection:
            await record(admin, connection, entry)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await archive.audit.list_entries(admin) == []


async def test_log_is_read_in_pages_and_by_what_is_looked_for(archive: Archive, admin: Caller):
    other = Caller(admin.tenant_id, "member:other", frozenset({"admin"}))
    keys = [(await archive.tenancy.keys.create_key(admin, f"key {number}")).key for number in range(3)]
    await archive.tenancy.keys.revoke_key(other, keys[0].id)
    listed = archive.audit.list_entries

    everything = await listed(admin)
    first = await listed(admin, limit=2)

    (revoked,) = [entry for entry in everything if entry.action == "key.revoked"]
    assert {entry.thing_id for entry in everything if entry != revoked} == {key.id for key in keys}
    assert [*first, *await listed(admin, before=first[-1].id)] == everything
    assert await listed(admin, action="key.revoked") == [revoked]
    assert await listed(admin, actor="member:other") == [revoked]
    assert len(await listed(admin, thing="key", thing_id=keys[0].id)) == 2
    assert await listed(admin, thing="budget") == []


async def test_log_of_another_tenant_is_empty(archive: Archive, admin: Caller):
    made = await archive.tenancy.keys.create_key(admin, "web shop")

    assert await archive.audit.list_entries(await archive.tenancy.an_admin(), thing_id=made.key.id) == []


async def test_log_is_for_administrators(archive: Archive, admin: Caller):
    editor = Caller(admin.tenant_id, "key:1", frozenset({"config:read", "config:write", "usage:read"}))

    with pytest.raises(PermissionDenied, match="admin"):
        await archive.audit.list_entries(editor)


@pytest.mark.parametrize("limit", [0, 201])
async def test_page_has_a_size(archive: Archive, admin: Caller, limit: int):
    with pytest.raises(InvalidRequest):
        await archive.audit.list_entries(admin, limit=limit)


@pytest.mark.parametrize("change", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"])
async def test_database_refuses_to_change_what_stands_in_the_log(
    archive: Archive, admin: Caller, change: str
):
    await archive.tenancy.keys.create_key(admin, "web shop")

    async def alter() -> None:
        async with archive.database.writing(ALL_TENANTS) as connection:
            await connection.execute(text(change))

    with pytest.raises(Exception, match="only ever added to"):
        await alter()
    assert len(await archive.audit.list_entries(admin)) == 1
