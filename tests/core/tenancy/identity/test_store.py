"""Whose identity at a provider is whose, and which attempts were used: on every database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from officium.core.tenancy import AuditEntry, Caller, Member
from officium.core.tenancy.identity.provider import IdentityProvider
from officium.core.tenancy.identity.service import PasswordRule
from officium.core.tenancy.identity.store import IdentityStore
from officium.core.tenancy.sign_in import MemberService, PasswordHasher, Role, SignInStore
from officium.kit.database import Database
from tests.core.tenancy.sign_in.test_service import CHEAP
from tests.support.tenancy import Tenancy

ISSUER, NOW = "https://id.example.com", datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ADA, BOB = "ada@example.com", "bob@example.com"


class Desk:
    """Tenants with members, on one database."""

    def __init__(self, database: Database) -> None:
        self.tenancy = Tenancy(database)
        self.store = IdentityStore(database)
        self.members = MemberService(
            self.tenancy.member_store, SignInStore(database), PasswordHasher(CHEAP), self.tenancy.clock
        )

    async def member(self, caller: Caller, email: str = ADA, role: Role = "member") -> Member:
        operator = Caller(caller.tenant_id, "operator:cli", frozenset({"admin"}))
        return (await self.members.create_member(operator, email, role=role)).member

    async def connect(self, caller: Caller, member: Member, subject: str = "u-1") -> bool:
        entry = AuditEntry(at=NOW, action="member.connected", thing="member", thing_id=member.id)
        return await self.store.connect(caller, member.id, ISSUER, subject, entry)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_member_is_one_person_and_a_person_one_member_of_a_tenant(desk: Desk) -> None:
    alpha, beta = await desk.tenancy.an_admin(), await desk.tenancy.an_admin()
    ada, bob, other = [
        await desk.member(alpha),
        await desk.member(alpha, BOB),
        await desk.member(beta),
    ]

    outcomes = [
        await desk.connect(alpha, ada),
        await desk.connect(alpha, ada, "u-2"),
        await desk.connect(alpha, bob),
        await desk.connect(beta, other),
    ]
    found = await desk.store.find_members_for_all_tenants(ISSUER, "u-1")

    assert outcomes == [True, False, False, True]
    assert {member.id for member, _ in found} == {ada.id, other.id}
    assert await desk.store.find_members_for_all_tenants("https://else.example", "u-1") == []


async def test_who_is_somebody_already_is_not_invited_any_more(desk: Desk) -> None:
    alpha, beta = await desk.tenancy.an_admin(), await desk.tenancy.an_admin()
    ada, other = await desk.member(alpha), await desk.member(beta)
    await desk.connect(alpha, ada)

    found = await desk.store.find_invited_for_all_tenants(ISSUER, [ADA])

    assert [(member.id, tenant.id) for member, tenant in found] == [(other.id, beta.tenant_id)]


async def test_connection_is_seen_in_its_tenant_alone_until_it_is_forgotten(desk: Desk) -> None:
    alpha, beta = await desk.tenancy.an_admin(), await desk.tenancy.an_admin()
    ada = await desk.member(alpha)
    await desk.connect(alpha, ada)

    await desk.store.touch(beta, ada.id, ISSUER, NOW + timedelta(days=1))
    own, foreign = [await desk.store.find_connection(caller, ada.id, ISSUER) for caller in (alpha, beta)]
    await desk.members.disconnect_member(alpha, ada.id)

    assert own is not None
    assert (own.subject, own.used_at, foreign) == ("u-1", NOW, None)
    assert await desk.store.find_connection(alpha, ada.id, ISSUER) is None


async def test_attempt_is_used_once_also_by_many_at_once_and_forgotten_later(desk: Desk) -> None:
    later = NOW + timedelta(minutes=10)

    together = await asyncio.gather(
        *(desk.store.spend_for_all_tenants(b"a" * 32, later, NOW) for _ in range(8))
    )
    other = await desk.store.spend_for_all_tenants(b"b" * 32, later, NOW)
    after_its_end = await desk.store.spend_for_all_tenants(b"a" * 32, later + timedelta(hours=1), later)

    assert sorted(together) == [False] * 7 + [True]
    assert (other, after_its_end) == (True, True)


async def test_owner_keeps_the_password_until_another_owner_has_nothing_else(desk: Desk) -> None:
    alpha, beta = await desk.tenancy.an_admin(), await desk.tenancy.an_admin()
    rule = PasswordRule(
        IdentityProvider(issuer=ISSUER, client_id="officium", refuses_passwords=True), desk.store
    )
    ada, clerk = await desk.member(alpha, ADA, "owner"), await desk.member(alpha, "clerk@example.com")
    await desk.member(beta, BOB, "owner")
    await desk.connect(alpha, ada)
    await desk.connect(alpha, clerk, "u-2")

    alone = await rule.is_closed(ada)
    bob = await desk.member(alpha, BOB, "owner")
    with_bob = await rule.is_closed(ada)
    await desk.connect(alpha, bob, "u-3")
    both_connected = [await rule.is_closed(owner) for owner in (ada, bob)]

    assert (alone, with_bob, both_connected) == (False, True, [False, False])
    assert await rule.is_closed(clerk)
