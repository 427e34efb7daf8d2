"""What administrators may do with destinations."""

import asyncio

import pytest

from officium.core.llm.errors import AddressRefused
from officium.core.tenancy import Caller
from officium.core.usage.alerts.destination import MOST_DESTINATIONS
from officium.core.usage.alerts.errors import (
    DeliveryFailed,
    DestinationNotFound,
    InvalidDestination,
    TooManyTests,
)
from officium.core.usage.alerts.service import TEST_PAUSE_S
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from tests.support.alerts import AlertOffice

URL = "https://hooks.example.com/a"


async def test_destination_is_made_listed_and_deleted(database: Database) -> None:
    office = AlertOffice(database)
    admin = await office.an_admin()

    hook = await office.service.create_destination(admin, "webhook", URL)
    mail = await office.service.create_destination(admin, "email", "ada@example.com")
    listed = await office.service.list_destinations(admin)
    await office.service.delete_destination(admin, hook.destination.id)

    assert listed == [hook.destination, mail.destination]
    assert (hook.destination.target, hook.destination.created_by) == (URL, admin.actor)
    assert await office.service.list_destinations(admin) == [mail.destination]


async def test_secret_is_given_for_webhooks_and_never_stored(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()

    hook = await office.service.create_destination(admin, "webhook", URL)
    mail = await office.service.create_destination(admin, "email", "ada@example.com")

    assert hook.secret is not None
    assert hook.secret.startswith("whsec_")
    assert mail.secret is None
    assert sqlite_database.path is not None
    await sqlite_database.close()
    assert hook.secret.encode() not in b"".join(
        file.read_bytes() for file in sqlite_database.path.parent.glob("officium.db*")
    )


async def test_tenant_has_so_many_destinations_and_no_more(database: Database) -> None:
    office = AlertOffice(database)
    admin, other = await office.an_admin(), await office.an_admin()
    await asyncio.gather(
        *(office.service.create_destination(admin, "webhook", URL) for _ in range(MOST_DESTINATIONS - 1))
    )

    made = await asyncio.gather(
        *(office.service.create_destination(admin, "webhook", URL) for _ in range(4)), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in made) == [*["InvalidDestination"] * 3, "NewDestination"]
    assert len(await office.service.list_destinations(admin)) == MOST_DESTINATIONS
    assert await office.service.create_destination(other, "webhook", URL)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a",
        "https://127.0.0.1/a",
        "https://ada:pw@example.com/",
        "https://x.internal",
    ],
)
async def test_url_that_leads_inside_is_refused(sqlite_database: Database, url: str) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()

    with pytest.raises(AddressRefused):
        await office.service.create_destination(admin, "webhook", url)


async def test_address_is_refused_without_a_mail_server(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database, mailer=None)
    admin = await office.an_admin()

    with pytest.raises(InvalidDestination, match="OFFICIUM_SMTP_URL"):
        await office.service.create_destination(admin, "email", "ada@example.com")


async def test_others_destinations_are_out_of_reach(database: Database) -> None:
    office = AlertOffice(database)
    admin, other = await office.an_admin(), await office.an_admin()
    hook = await office.service.create_destination(admin, "webhook", URL)

    assert await office.service.list_destinations(other) == []
    with pytest.raises(DestinationNotFound):
        await office.service.delete_destination(other, hook.destination.id)
    with pytest.raises(DestinationNotFound):
        await office.service.test_destination(other, hook.destination.id)
    assert await office.service.list_destinations(admin) == [hook.destination]
    assert office.webhooks.sent == []


async def test_only_administrators_may(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()
    key = Caller(admin.tenant_id, "key:1", frozenset(("inference", "usage:read", "config:write")))

    for asked in (
        office.service.list_destinations(key),
        office.service.create_destination(key, "webhook", URL),
        office.service.delete_destination(key, "dest_1"),
        office.service.test_destination(key, "dest_1"),
    ):
        with pytest.raises(PermissionDenied):
            await asked


async def test_test_letter_arrives_and_is_noted(database: Database) -> None:
    office = AlertOffice(database)
    admin = await office.an_admin()
    hook = await office.service.create_destination(admin, "webhook", URL)

    await office.service.test_destination(admin, hook.destination.id)

    (body,) = office.webhooks.bodies(URL)
    assert (body["type"], body["title"]) == ("test", "This is a test")
    (noted,) = await office.service.list_destinations(admin)
    assert (noted.last_delivered_at, noted.last_failure) == (office.clock.now(), None)


async def test_test_that_fails_says_why(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()
    hook = await office.service.create_destination(admin, "webhook", URL)
    office.webhooks.statuses[URL] = 302

    with pytest.raises(DeliveryFailed, match="answered with status 302"):
        await office.service.test_destination(admin, hook.destination.id)

    (noted,) = await office.service.list_destinations(admin)
    assert noted.last_failed_at == office.clock.now()
    assert noted.last_failure is not None
    assert "302" in noted.last_failure


async def test_tests_follow_each_other_with_a_pause(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin, other = await office.an_admin(), await office.an_admin()
    hook = (await office.service.create_destination(admin, "webhook", URL)).destination
    again = (await office.service.create_destination(admin, "webhook", URL)).destination
    others = (await office.service.create_destination(other, "webhook", URL)).destination
    await office.service.test_destination(admin, hook.id)

    with pytest.raises(TooManyTests) as raised:
        await office.service.test_destination(admin, again.id)
    await office.service.test_destination(other, others.id)
    office.clock.advance(TEST_PAUSE_S)
    await office.service.test_destination(admin, again.id)

    assert raised.value.fields["retry_after_s"] == pytest.approx(TEST_PAUSE_S)
    assert len(office.webhooks.sent) == 3
