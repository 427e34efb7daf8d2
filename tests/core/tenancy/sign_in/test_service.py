"""Signing in, being recognised, signing out; and who may manage the people of a tenant."""

from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher as Argon2

from officium.core.tenancy import Caller, operator_of
from officium.core.tenancy.errors import MemberDisabled, SessionInvalid, TenantSuspended
from officium.core.tenancy.sign_in import (
    InvalidMember,
    MemberExists,
    MemberNotFound,
    MemberService,
    NewSession,
    PasswordHasher,
    SignInFailed,
    SignInService,
    SignInStore,
)
from officium.core.usage.limits import LocalWindows, SignInThrottle
from officium.kit.database import Database
from officium.kit.errors import LimitExceeded, PermissionDenied
from tests.support.tenancy import OPERATOR, Tenancy

CHEAP = Argon2(time_cost=1, memory_cost=8, parallelism=1)
ADA = "ada@example.com"
PASSWORD = "a quiet morning in May"


class CountingHasher(PasswordHasher):
    """Remembers how often a password was checked."""

    def __init__(self, argon2: Argon2 = CHEAP) -> None:
        super().__init__(argon2)
        self.checks = 0

    async def _verify(self, kept: str, password: str) -> bool:
        self.checks += 1
        return await super()._verify(kept, password)


@dataclass
class Reception:
    """A tenancy in which people sign in."""

    tenancy: Tenancy
    hasher: CountingHasher = field(default_factory=CountingHasher)

    def __post_init__(self) -> None:
        database, clock = self.tenancy.database, self.tenancy.clock
        self.store = SignInStore(database)
        self.members = MemberService(self.tenancy.member_store, self.store, self.hasher, clock)
        throttle = SignInThrottle(LocalWindows(clock))
        self.service = SignInService(self.store, self.hasher, throttle, clock)

    async def an_admin(self) -> Caller:
        return operator_of((await self.tenancy.a_tenant()).id)

    async def sign_in(
        self, login: str = ADA, password: str = PASSWORD, address: str = "192.0.2.1"
    ) -> NewSession:
        return await self.service.sign_in(login, password, address=address, user_agent="Test")


@pytest.fixture
def reception(database: Database) -> Reception:
    return Reception(Tenancy(database))


async def test_who_signs_in_is_recognised_until_they_sign_out(reception: Reception) -> None:
    admin = await reception.an_admin()
    made = await reception.members.create_member(admin, "Ada@Example.com ", role="admin", password=PASSWORD)

    new = await reception.sign_in("  ADA@example.com")
    caller = await reception.service.caller_of(new.token)
    await reception.service.sign_out(new.token)

    assert caller == Caller(
        admin.tenant_id, f"member:{made.member.id}", frozenset({"admin"}), member_id=made.member.id
    )
    assert made.password is None
    with pytest.raises(SessionInvalid):
        await reception.service.caller_of(new.token)


@pytest.mark.parametrize(
    ("login", "password"),
    [(ADA, "another password"), ("nobody@example.com", PASSWORD), ("", ""), (ADA, "x" * 5000), ("\0", "a")],
    ids=["wrong-password", "nobody", "nothing", "far-too-long", "nul"],
)
async def test_nobody_learns_whether_the_name_or_the_password_was_wrong(
    reception: Reception, login: str, password: str
) -> None:
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)

    with pytest.raises(SignInFailed, match="e-mail address or the password"):
        await reception.sign_in(login, password)

    assert reception.hasher.checks == 1


async def test_password_that_was_made_must_be_changed_and_then_ends_other_sessions(
    reception: Reception,
) -> None:
    made = await reception.members.create_member(await reception.an_admin(), ADA)
    assert made.password is not None
    here, there = await reception.sign_in(ADA, made.password), await reception.sign_in(ADA, made.password)

    await reception.service.change_password(here.session.caller, here.token, made.password, PASSWORD)

    assert here.session.must_change_password
    assert not (await reception.service.resume(here.token)).must_change_password
    with pytest.raises(SessionInvalid):
        await reception.service.resume(there.token)
    with pytest.raises(SignInFailed):
        await reception.sign_in(ADA, made.password)
    assert not (await reception.sign_in()).session.must_change_password


async def test_password_is_not_changed_without_the_present_one(reception: Reception) -> None:
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)
    new = await reception.sign_in()

    with pytest.raises(SignInFailed):
        await reception.service.change_password(
            new.session.caller, new.token, "a guess, no more", "x y z " * 4
        )

    assert await reception.sign_in()


async def test_session_ends_when_nobody_is_there_and_in_any_case_after_a_week(reception: Reception) -> None:
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)
    idle, busy = await reception.sign_in(), await reception.sign_in()

    for _ in range(15):
        reception.tenancy.clock.advance(11 * 3600)
        await reception.service.resume(busy.token)
    reception.tenancy.clock.advance(4 * 3600)

    for token in (idle.token, busy.token):
        with pytest.raises(SessionInvalid):
            await reception.service.resume(token)


@pytest.mark.parametrize("token", ["", "ofs_", "ofs_" + "a" * 43, "ofs_\u00e9" + "a" * 43, "ofc_" + "a" * 43])
async def test_token_that_is_none_stands_for_nobody(reception: Reception, token: str) -> None:
    with pytest.raises(SessionInvalid):
        await reception.service.resume(token)
    await reception.service.sign_out(token)


async def test_token_is_not_kept(reception: Reception, database: Database) -> None:
    from sqlalchemy import text

    admin = await reception.an_admin()
    await reception.members.create_member(admin, ADA, password=PASSWORD)
    new = await reception.sign_in()

    async with database.reading(admin.tenant_id) as connection:
        rows = (await connection.execute(text("SELECT * FROM browser_sessions"))).all()
        kept = (await connection.execute(text("SELECT * FROM member_passwords"))).all()

    assert len(rows) == len(kept) == 1
    assert new.token not in repr(rows)
    assert PASSWORD not in repr(kept)
    assert new.token not in repr(new)


async def test_tries_are_slowed_down_for_a_name_at_a_place_and_for_a_place(reception: Reception) -> None:
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)
    for _ in range(8):
        with pytest.raises(SignInFailed):
            await reception.sign_in(password="not my password")

    with pytest.raises(LimitExceeded, match="15 minutes"):
        await reception.sign_in()
    elsewhere = await reception.sign_in(address="192.0.2.2")
    reception.tenancy.clock.advance(901)
    later = await reception.sign_in()

    assert elsewhere.session.member == later.session.member
    for number in range(39):
        with pytest.raises(SignInFailed):
            await reception.sign_in(f"{number}@example.com")
    with pytest.raises(LimitExceeded):
        await reception.sign_in("one-more@example.com")


async def test_disabled_member_and_suspended_tenant_are_refused_at_once(reception: Reception) -> None:
    admin = await reception.an_admin()
    await reception.members.create_member(admin, ADA, password=PASSWORD)
    new = await reception.sign_in()

    await reception.members.disable_member(admin, ADA)
    with pytest.raises(SessionInvalid):
        await reception.service.resume(new.token)
    with pytest.raises(MemberDisabled):
        await reception.sign_in()
    await reception.members.enable_member(admin, ADA)
    again = await reception.sign_in()
    await reception.tenancy.tenants.suspend_tenant(OPERATOR, admin.tenant_id)

    with pytest.raises(TenantSuspended):
        await reception.service.resume(again.token)


async def test_person_of_two_tenants_gets_where_the_password_fits(reception: Reception) -> None:
    first, second = await reception.an_admin(), await reception.an_admin()
    await reception.members.create_member(first, ADA, password=PASSWORD)
    await reception.members.create_member(second, ADA, password="another evening in June")

    here = await reception.sign_in()
    there = await reception.sign_in(password="another evening in June")

    assert (here.session.tenant.id, there.session.tenant.id) == (first.tenant_id, second.tenant_id)


async def test_members_of_another_tenant_cannot_be_touched(reception: Reception) -> None:
    first, second = await reception.an_admin(), await reception.an_admin()
    made = await reception.members.create_member(first, ADA, password=PASSWORD)

    for reference in (ADA, made.member.id):
        with pytest.raises(MemberNotFound):
            await reception.members.set_password(second, reference)
        with pytest.raises(MemberNotFound):
            await reception.members.disable_member(second, reference)

    assert await reception.members.list_members(second) == []
    assert await reception.sign_in()


async def test_administrators_of_a_tenant_have_no_say_over_its_owners(reception: Reception) -> None:
    operator = await reception.an_admin()
    await reception.members.create_member(operator, ADA, role="owner", password=PASSWORD)
    admin = Caller(operator.tenant_id, "member:1", frozenset({"admin"}))
    member = Caller(operator.tenant_id, "member:2", frozenset({"inference"}))

    for who in (admin, member):
        with pytest.raises(PermissionDenied):
            await reception.members.set_password(who, ADA)
        with pytest.raises(PermissionDenied):
            await reception.members.create_member(who, "eve@example.com", role="owner")
    with pytest.raises(PermissionDenied):
        await reception.members.create_member(member, "eve@example.com")


@pytest.mark.parametrize(
    ("email", "how"),
    [
        ("nonsense", {}),
        ("a b@example.com", {}),
        (ADA, {"role": "king"}),
        (ADA, {"name": " "}),
        (ADA, {"password": "too short"}),
        (ADA, {"password": "aaaaaaaaaaaaaaaa"}),
        (ADA, {"password": "ada@example.com1"}),
    ],
    ids=["no-address", "space", "role", "name", "short", "one-letter", "own-address"],
)
async def test_member_who_may_not_look_like_this_is_refused(
    reception: Reception, email: str, how: dict[str, str]
) -> None:
    with pytest.raises(InvalidMember):
        await reception.members.create_member(await reception.an_admin(), email, **how)  # type: ignore[arg-type]


async def test_same_person_is_not_made_twice(reception: Reception) -> None:
    admin = await reception.an_admin()
    await reception.members.create_member(admin, ADA, password=PASSWORD)

    with pytest.raises(MemberExists):
        await reception.members.create_member(admin, ADA.upper(), password=PASSWORD)


async def test_password_kept_in_an_older_form_is_renewed(reception: Reception) -> None:
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)
    stronger = CountingHasher(Argon2(time_cost=2, memory_cost=16, parallelism=1))
    service = SignInService(
        reception.store, stronger, SignInThrottle(LocalWindows()), reception.tenancy.clock
    )

    new = await service.sign_in(ADA, PASSWORD, address="", user_agent="")
    kept = await reception.store.find_password(new.session.caller, new.session.member.id)

    assert kept is not None
    assert not stronger.is_outdated(kept.password_hash)
    assert await service.sign_in(ADA, PASSWORD, address="", user_agent="")


async def test_somebody_is_there_as_soon_as_there_is_a_password(reception: Reception) -> None:
    before = await reception.service.is_anybody_there()
    await reception.members.create_member(await reception.an_admin(), ADA, password=PASSWORD)

    assert not before
    assert await reception.service.is_anybody_there()
