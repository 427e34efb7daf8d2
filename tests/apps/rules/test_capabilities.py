"""Each tenant's catalogue and its cache, on both databases."""

import pytest

from officium.apps.rules.errors import InvalidCatalogue
from officium.core.tenancy import AuditService, AuditStore, Caller
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from tests.support.rules import SMALL, Rulebook


@pytest.fixture
def rulebook(database: Database) -> Rulebook:
    return Rulebook(database)


@pytest.fixture
async def admin(rulebook: Rulebook) -> Caller:
    return await rulebook.an_admin()


def with_scopes(caller: Caller, *scopes: str) -> Caller:
    return Caller(caller.tenant_id, "key:other", frozenset(scopes))  # type: ignore[arg-type]


async def test_who_has_told_nothing_has_the_example(rulebook: Rulebook, admin: Caller):
    found = await rulebook.capabilities.get(admin)

    assert found.source == "example"
    assert "SEND_WITH_ESCALATION" in found.catalogue.action_by_name


async def test_own_catalogue_stands_until_it_is_taken_back(rulebook: Rulebook, admin: Caller):
    await rulebook.capabilities.set(admin, SMALL)
    own = await rulebook.capabilities.get(admin)
    await rulebook.capabilities.reset(admin)

    assert (own.source, list(own.catalogue.action_by_name)) == ("own", ["NOTIFY", "RESTART"])
    assert (await rulebook.capabilities.get(admin)).source == "example"


async def test_catalogue_of_another_tenant_is_not_seen(rulebook: Rulebook, admin: Caller):
    await rulebook.capabilities.set(admin, SMALL)
    other = await rulebook.an_admin()

    assert (await rulebook.capabilities.get(other)).source == "example"
    assert not rulebook.capabilities.status(admin).is_valid


async def test_cache_is_valid_for_an_hour(rulebook: Rulebook, admin: Caller):
    before = rulebook.capabilities.status(admin)
    await rulebook.capabilities.get(admin)
    rulebook.clock.advance(59 * 60)
    within = rulebook.capabilities.status(admin)
    rulebook.clock.advance(61)
    after = rulebook.capabilities.status(admin)

    assert (before.is_valid, before.age_minutes) == (False, None)
    assert (within.is_valid, within.age_minutes, within.lifetime_minutes) == (True, 59.0, 60.0)
    assert not after.is_valid
    assert rulebook.capabilities.age_minutes(admin.tenant_id) == 60


async def test_change_of_another_process_is_seen_at_once_with_a_notice_and_within_the_hour_without(
    rulebook: Rulebook, admin: Caller
):
    deaf = rulebook.a_capability_service(LocalNotices())
    hearing = rulebook.a_capability_service(rulebook.notices)
    assert {(await service.get(admin)).source for service in (deaf, hearing)} == {"example"}

    await rulebook.capabilities.set(admin, SMALL)

    assert ((await hearing.get(admin)).source, (await deaf.get(admin)).source) == ("own", "example")
    rulebook.clock.advance(3601)
    assert (await deaf.get(admin)).source == "own"


async def test_invalidating_drops_what_is_kept(rulebook: Rulebook, admin: Caller):
    await rulebook.capabilities.get(admin)
    await rulebook.capabilities.of_request(admin, SMALL)

    assert rulebook.capabilities.invalidate(admin)
    assert not rulebook.capabilities.status(admin).is_valid
    assert not rulebook.capabilities.invalidate(admin)


async def test_catalogue_of_a_request_is_read_once(rulebook: Rulebook, admin: Caller):
    first = await rulebook.capabilities.of_request(admin, SMALL)
    again = await rulebook.capabilities.of_request(admin, dict(reversed(SMALL.items())))
    nothing = await rulebook.capabilities.of_request(admin, {})

    assert again is first
    assert (first.source, nothing.source) == ("request", "example")


async def test_what_cannot_be_used_changes_nothing(rulebook: Rulebook, admin: Caller):
    await rulebook.capabilities.set(admin, SMALL)

    with pytest.raises(InvalidCatalogue):
        await rulebook.capabilities.set(admin, {"action_types": [1]})

    assert (await rulebook.capabilities.get(admin)).source == "own"


async def test_changes_are_in_the_audit_log(rulebook: Rulebook, admin: Caller):
    await rulebook.capabilities.set(admin, SMALL, request_id="req_1")
    await rulebook.capabilities.reset(admin)
    await rulebook.capabilities.reset(admin)

    entries = await AuditService(AuditStore(rulebook.database)).list_entries(admin)
    assert [entry.action for entry in entries] == ["rule_catalogue.deleted", "rule_catalogue.set"]
    assert entries[-1].request_id == "req_1"


async def test_reading_and_writing_take_their_scopes(rulebook: Rulebook, admin: Caller):
    reader, writer = with_scopes(admin, "inference"), with_scopes(admin, "config:write")
    stranger = with_scopes(admin, "usage:read")

    await rulebook.capabilities.set(writer, SMALL)
    await rulebook.capabilities.get(reader)

    for refused in (rulebook.capabilities.set(reader, SMALL), rulebook.capabilities.get(stranger)):
        with pytest.raises(PermissionDenied):
            await refused
    with pytest.raises(PermissionDenied):
        rulebook.capabilities.invalidate(reader)
