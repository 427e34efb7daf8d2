"""Tenants and keys, on SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from officium.core.tenancy import Caller, operator_of
from officium.core.tenancy.errors import InvalidTenant, KeyNotFound, TenantExists, TenantNotFound
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import PermissionDenied
from tests.support.tenancy import OPERATOR, Tenancy


@pytest.fixture
def tenancy(database: Database) -> Tenancy:
    return Tenancy(database)


async def test_a_tenant_is_found_by_id_and_by_external_id(tenancy: Tenancy):
    tenant = await tenancy.tenants.create_tenant(
        OPERATOR, "Acme", external_id="org_1", time_zone="Asia/Kolkata"
    )

    assert await tenancy.tenants.get_tenant(OPERATOR, tenant.id) == tenant
    assert await tenancy.tenants.get_tenant(OPERATOR, "org_1") == tenant
    assert (tenant.time_zone, tenant.created_at) == ("Asia/Kolkata", tenancy.clock.now())


async def test_an_external_id_belongs_to_one_tenant(tenancy: Tenancy):
    await tenancy.a_tenant("One", external_id="org_1")

    with pytest.raises(TenantExists):
        await tenancy.a_tenant("Two", external_id="org_1")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "A", "external_id": ""}, "external_id"),
        ({"name": "A", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "A", "time_zone": "../../etc/passwd"}, "time_zone"),
    ],
    ids=["no-name", "blank-external-id", "unknown-zone", "path-as-zone"],
)
async def test_what_makes_no_good_tenant_is_refused(tenancy: Tenancy, values, param):
    with pytest.raises(InvalidTenant) as caught:
        await tenancy.tenants.create_tenant(OPERATOR, **values)

    assert caught.value.fields["param"] == param


async def test_tenants_are_listed_page_by_page(tenancy: Tenancy):
    made = [(await tenancy.a_tenant(f"T{number}")).id for number in range(5)]

    first = await tenancy.tenants.list_tenants(OPERATOR, limit=3)
    second = await tenancy.tenants.list_tenants(OPERATOR, after=first[-1].id, limit=3)

    assert sorted(made) == [tenant.id for tenant in first + second]


async def test_suspending_and_resuming_can_be_repeated(tenancy: Tenancy):
    tenant = await tenancy.a_tenant()

    first = await tenancy.tenants.suspend_tenant(OPERATOR, tenant.id)
    tenancy.clock.advance(10)
    second = await tenancy.tenants.suspend_tenant(OPERATOR, tenant.id)
    resumed = await tenancy.tenants.resume_tenant(OPERATOR, tenant.id)

    assert first.suspended_at == second.suspended_at is not None
    assert resumed.suspended_at is None


async def test_an_unknown_tenant_is_not_found(tenancy: Tenancy):
    for act in (tenancy.tenants.get_tenant, tenancy.tenants.suspend_tenant, tenancy.tenants.resume_tenant):
        with pytest.raises(TenantNotFound, match="officium tenant list"):
            await act(OPERATOR, "nobody")


async def test_only_the_operator_manages_tenants(tenancy: Tenancy):
    admin = await tenancy.an_admin()

    for act in (
        tenancy.tenants.create_tenant(admin, "Mine"),
        tenancy.tenants.list_tenants(admin),
        tenancy.tenants.get_tenant(admin, admin.tenant_id),
        tenancy.tenants.suspend_tenant(admin, admin.tenant_id),
        tenancy.tenants.resume_tenant(admin, admin.tenant_id),
    ):
        with pytest.raises(PermissionDenied):
            await act


async def test_the_secret_of_a_key_is_nowhere_in_the_database(tenancy: Tenancy):
    made = await tenancy.keys.create_key(await tenancy.an_admin(), "ci")

    async with tenancy.database.reading(ALL_TENANTS) as connection:
        row = (await connection.execute(text("SELECT * FROM api_keys"))).mappings().one()

    hidden = made.secret.split("_")[2]
    assert all(
        hidden not in str(value) and hidden.encode() not in bytes(str(value), "utf-8")
        for value in row.values()
    )
    assert bytes(row["digest"]) == tenancy.digester.digest(made.secret)
    assert hidden not in repr(made)


async def test_a_key_is_listed_with_what_was_asked_for(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    expires_at = tenancy.clock.now() + timedelta(days=30)

    made = await tenancy.keys.create_key(
        admin, "ci", scopes=["usage:read", "inference"], expires_at=expires_at
    )

    assert await tenancy.keys.list_keys(admin) == [made.key]
    assert made.key.scopes == {"usage:read", "inference"}
    assert made.key.expires_at == expires_at
    assert made.key.created_by == "member:admin"


async def test_keys_are_listed_page_by_page(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = [(await tenancy.keys.create_key(admin, f"k{number}")).key.id for number in range(5)]

    first = await tenancy.keys.list_keys(admin, limit=3)
    second = await tenancy.keys.list_keys(admin, after=first[-1].id, limit=3)

    assert sorted(made) == [key.id for key in first + second]


@pytest.mark.parametrize("by", ["id", "prefix"])
async def test_a_key_is_revoked_by_id_or_by_prefix_and_only_once(tenancy: Tenancy, by):
    admin = await tenancy.an_admin()
    key = (await tenancy.keys.create_key(admin, "ci")).key

    first = await tenancy.keys.revoke_key(admin, getattr(key, by))
    tenancy.clock.advance(10)
    second = await tenancy.keys.revoke_key(admin, getattr(key, by))

    assert first.revoked_at == second.revoked_at == key.created_at


async def test_another_tenants_key_does_not_exist(tenancy: Tenancy):
    mine, theirs = await tenancy.an_admin(), await tenancy.an_admin()
    key = (await tenancy.keys.create_key(theirs, "ci")).key

    assert await tenancy.keys.list_keys(mine) == []
    with pytest.raises(KeyNotFound):
        await tenancy.keys.revoke_key(mine, key.id)
    assert (await tenancy.keys.list_keys(theirs))[0].revoked_at is None


async def test_keys_are_managed_with_the_scope_admin_alone(tenancy: Tenancy):
    tenant = await tenancy.a_tenant()
    stranger = Caller(
        tenant.id, "key:1", frozenset(("inference", "usage:read", "config:read", "config:write"))
    )

    for act in (
        tenancy.keys.create_key(stranger, "ci"),
        tenancy.keys.list_keys(stranger),
        tenancy.keys.revoke_key(stranger, "key_1"),
    ):
        with pytest.raises(PermissionDenied, match="admin"):
            await act


async def test_the_operator_acts_for_any_tenant(tenancy: Tenancy):
    tenant = await tenancy.a_tenant()

    made = await tenancy.keys.create_key(operator_of(tenant.id), "first", scopes=["admin"])

    assert (made.key.tenant_id, made.key.created_by) == (tenant.id, "operator:cli")
