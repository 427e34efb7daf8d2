"""From credential to caller: fresh enough, cheap enough, and closed to strangers."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from officium.core.tenancy import Caller, KeyStore, Session
from officium.core.tenancy import authenticator as module
from officium.core.tenancy.authenticator import BATCH, LIFETIME_S, TOUCH_EVERY_S
from officium.core.tenancy.errors import (
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    SessionInvalid,
    TenantSuspended,
    TenantUnknown,
)
from officium.core.tenancy.key import make_secret
from officium.core.tenancy.store import KeyRecord
from officium.kit.database import Database, DatabaseUnavailable
from officium.kit.notices import LocalNotices
from tests.support.tenancy import OPERATOR, Tenancy


class CountingKeyStore(KeyStore):
    """Notes each question to the database, and can hold it or fail."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.has_read = asyncio.Event()
        self.error: Exception | None = None

    async def find_digests_for_all_tenants(self, digests: Sequence[bytes]) -> dict[bytes, KeyRecord]:
        self.batches.append(len(digests))
        found = await super().find_digests_for_all_tenants(digests)
        self.has_read.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return found


@pytest.fixture
async def tenancy(database: Database):
    built = Tenancy(database)
    yield built
    await built.authenticator.close()


@pytest.fixture
async def counted(sqlite_database: Database):
    built = Tenancy(sqlite_database)
    built.key_store = CountingKeyStore(sqlite_database)
    built.authenticator = built.an_authenticator(built.notices)
    yield built
    built.key_store.gate.set()
    await built.authenticator.close()


def batches(tenancy: Tenancy) -> list[int]:
    assert isinstance(tenancy.key_store, CountingKeyStore)
    return tenancy.key_store.batches


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_key_stands_for_its_tenant_and_scopes(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci", scopes=["inference", "usage:read"])

    caller = await tenancy.authenticator.authenticate(made.secret)

    scopes = frozenset(("inference", "usage:read"))
    assert caller == Caller(admin.tenant_id, f"key:{made.key.id}", scopes, key_id=made.key.id)


@pytest.mark.parametrize(
    "credential",
    ["", "nonsense", "ofc_", "ofc_abc", "sk-1234", "a.b", "ofc_" + "x" * 10_000, "ofc_\udcff", "a.b.c"],
    ids=[
        "empty",
        "word",
        "bare-start",
        "short",
        "other-service",
        "two-parts",
        "huge",
        "surrogate",
        "session",
    ],
)
async def test_nonsense_is_refused_without_asking_the_database(counted: Tenancy, credential):
    with pytest.raises(KeyUnknown):
        await counted.authenticator.authenticate(credential)

    assert batches(counted) == []


async def test_a_key_nobody_made_is_unknown(tenancy: Tenancy):
    for _ in range(2):
        with pytest.raises(KeyUnknown):
            await tenancy.authenticator.authenticate(make_secret())


async def test_a_key_expires_to_the_moment_even_while_it_is_remembered(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci", expires_at=tenancy.clock.now() + timedelta(seconds=2))

    await tenancy.authenticator.authenticate(made.secret)
    tenancy.clock.advance(1.9)
    await tenancy.authenticator.authenticate(made.secret)
    tenancy.clock.advance(0.1)

    with pytest.raises(KeyExpired):
        await tenancy.authenticator.authenticate(made.secret)


async def test_revocation_is_immediate_where_the_notice_arrives(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci")
    await tenancy.authenticator.authenticate(made.secret)

    await tenancy.keys.revoke_key(admin, made.key.id)

    with pytest.raises(KeyRevoked):
        await tenancy.authenticator.authenticate(made.secret)


async def test_revocation_reaches_a_process_without_notices_by_time(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci")
    elsewhere = tenancy.an_authenticator(LocalNotices())
    await elsewhere.authenticate(made.secret)
    await tenancy.keys.revoke_key(admin, made.key.id)

    tenancy.clock.advance(LIFETIME_S)

    assert LIFETIME_S <= 3
    with pytest.raises(KeyRevoked):
        await elsewhere.authenticate(made.secret)
    await elsewhere.close()


async def test_what_was_read_before_a_revocation_is_not_remembered(counted: Tenancy):
    admin = await counted.an_admin()
    made = await counted.keys.create_key(admin, "ci")
    store = counted.key_store
    assert isinstance(store, CountingKeyStore)
    store.gate.clear()
    early = asyncio.create_task(counted.authenticator.authenticate(made.secret))
    await store.has_read.wait()

    await counted.keys.revoke_key(admin, made.key.id)
    store.gate.set()
    await asyncio.gather(early, return_exceptions=True)

    with pytest.raises(KeyRevoked):
        await counted.authenticator.authenticate(made.secret)


async def test_a_suspended_tenant_is_refused_until_it_is_resumed(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci")
    await tenancy.authenticator.authenticate(made.secret)

    await tenancy.tenants.suspend_tenant(OPERATOR, admin.tenant_id)
    for _ in range(2):
        with pytest.raises(TenantSuspended):
            await tenancy.authenticator.authenticate(made.secret)
    await tenancy.tenants.resume_tenant(OPERATOR, admin.tenant_id)

    assert (await tenancy.authenticator.authenticate(made.secret)).tenant_id == admin.tenant_id


async def test_a_key_is_read_once_in_its_lifetime_however_often_it_comes(counted: Tenancy):
    made = await counted.keys.create_key(await counted.an_admin(), "ci")

    await asyncio.gather(*(counted.authenticator.authenticate(made.secret) for _ in range(100)))
    counted.clock.advance(LIFETIME_S - 0.1)
    await asyncio.gather(*(counted.authenticator.authenticate(made.secret) for _ in range(100)))
    assert batches(counted) == [1]

    counted.clock.advance(0.1)
    await asyncio.gather(*(counted.authenticator.authenticate(made.secret) for _ in range(100)))
    assert batches(counted) == [1, 1]


async def test_a_wrong_key_is_read_once_in_its_lifetime(counted: Tenancy):
    wrong = make_secret()

    for _ in range(50):
        with pytest.raises(KeyUnknown):
            await counted.authenticator.authenticate(wrong)

    assert batches(counted) == [1]


async def test_a_flood_of_wrong_keys_is_asked_in_batches_and_forgotten(counted: Tenancy, monkeypatch):
    monkeypatch.setattr(module, "MAX_REFUSALS", 100)
    flooded = counted.an_authenticator(counted.notices)

    answers = await asyncio.gather(
        *(flooded.authenticate(make_secret()) for _ in range(1000)), return_exceptions=True
    )

    assert {type(answer) for answer in answers} == {KeyUnknown}
    assert len(batches(counted)) <= 1 + 1000 / BATCH
    assert len(flooded._refused) == 100
    assert not flooded._asked
    await flooded.close()


async def test_a_flood_of_wrong_keys_does_not_push_out_the_right_ones(counted: Tenancy, monkeypatch):
    made = await counted.keys.create_key(await counted.an_admin(), "ci")
    monkeypatch.setattr(module, "MAX_REFUSALS", 10)
    flooded = counted.an_authenticator(counted.notices)
    await flooded.authenticate(made.secret)
    await asyncio.gather(*(flooded.authenticate(make_secret()) for _ in range(50)), return_exceptions=True)
    asked = len(batches(counted))

    await flooded.authenticate(made.secret)

    assert len(batches(counted)) == asked
    await flooded.close()


async def test_known_callers_are_bounded_too(counted: Tenancy, monkeypatch):
    monkeypatch.setattr(module, "MAX_CALLERS", 3)
    bounded = counted.an_authenticator(counted.notices)
    admin = await counted.an_admin()

    for number in range(5):
        await bounded.authenticate((await counted.keys.create_key(admin, f"k{number}")).secret)

    assert len(bounded._known) == 3
    await bounded.close()


async def test_one_who_hangs_up_does_not_take_the_answer_from_the_others(counted: Tenancy):
    made = await counted.keys.create_key(await counted.an_admin(), "ci")
    store = counted.key_store
    assert isinstance(store, CountingKeyStore)
    store.gate.clear()
    first, second = (asyncio.create_task(counted.authenticator.authenticate(made.secret)) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    store.gate.set()

    assert (await second).key_id == made.key.id
    assert first.cancelled()
    assert batches(counted) == [1]


async def test_a_missing_database_is_said_so_and_not_remembered(counted: Tenancy):
    made = await counted.keys.create_key(await counted.an_admin(), "ci")
    store = counted.key_store
    assert isinstance(store, CountingKeyStore)
    store.error = DatabaseUnavailable("The database cannot be reached.")

    with pytest.raises(DatabaseUnavailable):
        await counted.authenticator.authenticate(made.secret)
    store.error = None

    assert (await counted.authenticator.authenticate(made.secret)).key_id == made.key.id


async def test_last_use_is_saved_later_and_at_most_once_a_minute(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    made = await tenancy.keys.create_key(admin, "ci")
    first_use = tenancy.clock.now()

    async def last_use_after(seconds: float):
        tenancy.clock.advance(seconds)
        await tenancy.authenticator.authenticate(made.secret)
        await tenancy.authenticator.flush()
        return (await tenancy.keys.list_keys(admin))[0].last_used_at

    await tenancy.authenticator.authenticate(made.secret)
    assert (await tenancy.keys.list_keys(admin))[0].last_used_at is None

    assert await last_use_after(0) == first_use
    assert await last_use_after(TOUCH_EVERY_S - 1) == first_use
    assert await last_use_after(1) == first_use + timedelta(seconds=TOUCH_EVERY_S)


async def test_an_earlier_use_never_replaces_a_later_one(tenancy: Tenancy):
    admin = await tenancy.an_admin()
    key = (await tenancy.keys.create_key(admin, "ci")).key
    late, early = tenancy.clock.now(), tenancy.clock.now() - timedelta(minutes=5)

    await tenancy.key_store.touch_for_all_tenants({key.id: late})
    await tenancy.key_store.touch_for_all_tenants({key.id: early})

    assert (await tenancy.keys.list_keys(admin))[0].last_used_at == late


class ScriptedSessions:
    """Knows the sessions it was told about."""

    def __init__(self, *sessions: Session) -> None:
        self._sessions = {f"a.{session.subject}.c": session for session in sessions}
        self.verified = 0

    async def verify(self, token: str) -> Session:
        self.verified += 1
        await asyncio.sleep(0)
        if token not in self._sessions:
            raise SessionInvalid("The session cannot be accepted.")
        return self._sessions[token]


def a_session(subject: str = "ann", tenant: str = "org_1", **changes) -> Session:
    values = {"email": f"{subject}@example.com", "scopes": frozenset(("inference",)), "expires_at": 4e9}
    return Session(issuer="https://id.example.com", tenant=tenant, subject=subject, **values | changes)


async def test_a_session_stands_for_a_member_made_at_first_sight(database: Database):
    tenancy = Tenancy(database, sessions=ScriptedSessions(a_session()))
    tenant = await tenancy.a_tenant(external_id="org_1")

    callers = await asyncio.gather(*(tenancy.authenticator.authenticate("a.ann.c") for _ in range(5)))
    tenancy.clock.advance(LIFETIME_S)
    callers.append(await tenancy.authenticator.authenticate("a.ann.c"))

    member = await tenancy.member_store.find_member(callers[0], "ann")
    assert member is not None
    assert member.email == "ann@example.com"
    assert set(callers) == {
        Caller(tenant.id, f"member:{member.id}", frozenset(("inference",)), member_id=member.id)
    }


async def test_two_processes_meet_the_same_member_once(database: Database):
    tenancy = Tenancy(database, sessions=ScriptedSessions(a_session()))
    await tenancy.a_tenant(external_id="org_1")
    processes = [tenancy.an_authenticator(LocalNotices()) for _ in range(4)]

    callers = await asyncio.gather(*(process.authenticate("a.ann.c") for process in processes))

    assert len({caller.member_id for caller in callers}) == 1


async def test_a_changed_address_is_noted(database: Database):
    tenancy = Tenancy(database, sessions=ScriptedSessions(a_session()))
    await tenancy.a_tenant(external_id="org_1")
    caller = await tenancy.authenticator.authenticate("a.ann.c")
    tenancy.sessions = ScriptedSessions(a_session(email="new@example.com"))

    await tenancy.an_authenticator(LocalNotices()).authenticate("a.ann.c")

    member = await tenancy.member_store.find_member(caller, "ann")
    assert member is not None
    assert member.email == "new@example.com"


async def test_one_subject_in_two_tenants_is_two_members(database: Database):
    tenancy = Tenancy(
        database, sessions=ScriptedSessions(a_session("ann", "org_1"), a_session("bob", "org_2"))
    )
    for name in ("org_1", "org_2"):
        await tenancy.a_tenant(name, external_id=name)

    ann, bob = [await tenancy.authenticator.authenticate(token) for token in ("a.ann.c", "a.bob.c")]

    assert ann.tenant_id != bob.tenant_id
    assert await tenancy.member_store.find_member(bob, "ann") is None


async def test_a_session_of_an_unknown_tenant_says_what_to_do(database: Database):
    tenancy = Tenancy(database, sessions=ScriptedSessions(a_session()))

    with pytest.raises(TenantUnknown, match="officium tenant create --external-id org_1"):
        await tenancy.authenticator.authenticate("a.ann.c")


async def test_a_session_of_a_suspended_tenant_is_refused_at_once(database: Database):
    tenancy = Tenancy(database, sessions=ScriptedSessions(a_session()))
    tenant = await tenancy.a_tenant(external_id="org_1")
    await tenancy.authenticator.authenticate("a.ann.c")

    await tenancy.tenants.suspend_tenant(OPERATOR, tenant.id)

    with pytest.raises(TenantSuspended):
        await tenancy.authenticator.authenticate("a.ann.c")


async def test_a_session_is_verified_once_in_its_lifetime(sqlite_database: Database):
    sessions = ScriptedSessions(a_session())
    tenancy = Tenancy(sqlite_database, sessions=sessions)
    await tenancy.a_tenant(external_id="org_1")

    await asyncio.gather(*(tenancy.authenticator.authenticate("a.ann.c") for _ in range(20)))
    assert sessions.verified == 1

    tenancy.clock.advance(LIFETIME_S)
    await tenancy.authenticator.authenticate("a.ann.c")
    assert sessions.verified == 2


async def test_a_session_ends_to_the_moment_even_while_it_is_remembered(sqlite_database: Database):
    tenancy = Tenancy(sqlite_database)
    ends = tenancy.clock.now().timestamp() + 2
    tenancy.sessions = ScriptedSessions(a_session(expires_at=ends))
    authenticator = tenancy.an_authenticator(LocalNotices())
    await tenancy.a_tenant(external_id="org_1")
    await authenticator.authenticate("a.ann.c")

    tenancy.clock.advance(2)

    with pytest.raises(SessionInvalid, match="expired"):
        await authenticator.authenticate("a.ann.c")


async def test_an_invalid_session_is_refused(sqlite_database: Database):
    tenancy = Tenancy(sqlite_database, sessions=ScriptedSessions())

    with pytest.raises(SessionInvalid):
        await tenancy.authenticator.authenticate("x.y.z")
