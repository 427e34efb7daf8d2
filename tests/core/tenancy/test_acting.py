"""Who may speak for whom: only a trusted key for others, everybody for themselves."""

import pytest

from officium.core.tenancy import ActingUsers, Caller, Member
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.tenancy import Tenancy


class Office:
    """A tenant with a member Ada, and the part that decides."""

    def __init__(self, database: Database) -> None:
        self.tenancy = Tenancy(database)
        self.users = ActingUsers(self.tenancy.member_store, self.tenancy.clock)
        self.in_development = ActingUsers(self.tenancy.member_store, self.tenancy.clock, is_development=True)

    async def open(self) -> None:
        self.tenant = await self.tenancy.a_tenant()
        self.ada = await self.a_member("mem_ada", "clerk_ada")

    async def a_member(self, id: str, external_id: str) -> Caller:
        caller = Caller(self.tenant.id, f"member:{id}", frozenset({"inference"}), member_id=id)
        member = Member(
            id=id,
            tenant_id=self.tenant.id,
            external_id=external_id,
            created_at=self.tenancy.clock.now(),
        )
        assert await self.tenancy.member_store.add_member(caller, member)
        return caller

    def a_key(self, *scopes: str) -> Caller:
        return Caller(self.tenant.id, "key:ak_1", frozenset(scopes), key_id="ak_1")


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.open()
    return office


async def test_who_names_nobody_is_meant_for_themselves_or_as_a_key_for_the_tenant(office: Office):
    key = office.a_key("inference")

    person = await office.users.subject_of(office.ada, None)
    machine = await office.users.subject_of(key, None)

    assert (person.caller, person.owner_id) == (office.ada, "mem_ada")
    assert (machine.caller, machine.owner_id) == (key, None)


async def test_system_means_the_tenant_for_everybody(office: Office):
    assert (await office.users.subject_of(office.ada, "system")).owner_id is None
    assert (await office.users.subject_of(office.a_key("inference"), "system")).owner_id is None


@pytest.mark.parametrize("name", ["mem_ada", "clerk_ada"], ids=["id", "external-id"])
async def test_person_may_name_themselves(office: Office, name: str):
    subject = await office.users.subject_of(office.ada, name)

    assert (subject.caller, subject.owner_id) == (office.ada, "mem_ada")


async def test_key_may_name_itself(office: Office):
    assert (await office.users.subject_of(office.a_key("inference"), "ak_1")).owner_id == "ak_1"


@pytest.mark.parametrize("name", ["mem_bob", "clerk_bob", "ak_1", "nobody", "SYSTEM", "mem_ada "])
async def test_person_may_name_nobody_else(office: Office, name: str):
    await office.a_member("mem_bob", "clerk_bob")

    with pytest.raises(PermissionDenied) as refused:
        await office.users.subject_of(office.ada, name)

    assert refused.value.fields["scope"] == "act-as"


async def test_person_is_not_trusted_whatever_their_session_says(office: Office):
    admin = Caller(office.tenant.id, "member:mem_b", frozenset({"admin", "act-as"}), member_id="mem_b")

    with pytest.raises(PermissionDenied):
        await office.users.subject_of(admin, "clerk_ada")


@pytest.mark.parametrize("name", ["mem_ada", "clerk_ada", "nobody", "ak_2"])
async def test_key_without_the_scope_may_name_nobody_else(office: Office, name: str):
    key = office.a_key("inference", "usage:read", "config:read", "config:write")

    with pytest.raises(PermissionDenied):
        await office.users.subject_of(key, name)


@pytest.mark.parametrize("name", ["mem_ada", "clerk_ada"], ids=["id", "external-id"])
@pytest.mark.parametrize("scope", ["act-as", "admin"])
async def test_trusted_key_speaks_for_a_member(office: Office, scope: str, name: str):
    subject = await office.users.subject_of(office.a_key(scope), name)

    assert (subject.owner_id, subject.caller.member_id) == ("mem_ada", "mem_ada")
    assert (subject.caller.actor, subject.caller.key_id) == ("key:ak_1", "ak_1")
    assert subject.caller.scopes == {scope}


async def test_whom_a_trusted_key_names_first_becomes_a_member(office: Office):
    first = await office.users.subject_of(office.a_key("act-as"), "clerk_eve")
    again = await office.users.subject_of(office.a_key("act-as"), "clerk_eve")

    assert first.owner_id == again.owner_id
    member = await office.tenancy.member_store.find_member(office.ada, "clerk_eve")
    assert member is not None
    assert member.id == first.owner_id


async def test_member_of_another_tenant_is_a_stranger(office: Office):
    other = await office.tenancy.a_tenant("Other")
    key = Caller(other.id, "key:ak_2", frozenset({"act-as"}), key_id="ak_2")

    subject = await office.users.subject_of(key, "mem_ada")

    assert subject.owner_id != "mem_ada"
    assert subject.caller.tenant_id == other.id


async def test_in_development_everybody_is_trusted(office: Office):
    subject = await office.in_development.subject_of(office.a_key("inference"), "clerk_ada")

    assert subject.owner_id == "mem_ada"


@pytest.mark.parametrize("name", ["", "a" * 256, "line\nbreak", "nul\0"])
async def test_what_is_no_name_is_refused(office: Office, name: str):
    with pytest.raises(InvalidRequest):
        await office.users.subject_of(office.a_key("act-as"), name)
