"""Delivery: once in the good case, again where it failed, nothing lost where a process died."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from officium.core.tenancy import Caller
from officium.core.usage.alerts.post import CLAIM_S, FIRST_PAUSE_S, GIVE_UP_AFTER_S, pause_after
from officium.core.usage.ledger import Subject
from officium.kit.database import Database
from tests.support.alerts import AlertOffice

A, B = "https://a.example.com/", "https://b.example.com/"


async def a_tenant(office: AlertOffice, *urls: str) -> Caller:
    """A tenant with these webhooks."""
    admin = await office.an_admin()
    for url in urls:
        await office.service.create_destination(admin, "webhook", url)
    return admin


async def test_every_destination_gets_the_alert_once(database: Database) -> None:
    office = AlertOffice(database)
    admin = await a_tenant(office, A, B)
    await office.service.create_destination(admin, "email", "ada@example.com")
    alert = await office.an_alert(admin)

    for _ in range(3):
        await office.post.deliver_due()
        office.clock.advance(3600)

    assert sorted(office.webhooks.urls) == [A, B]
    assert office.mailer is not None
    ((address, letter, message_id),) = office.mailer.mails
    assert (address, letter.id) == ("ada@example.com", alert)
    assert message_id.startswith(f"{alert}.dest_")
    assert await office.open_alerts() == []


async def test_webhook_tells_what_happened_and_is_signed(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()
    made = await office.service.create_destination(admin, "webhook", A)
    alert = await office.an_alert(admin, subject=Subject("member", "ada"), period="day")

    await office.post.deliver_due()

    ((_, headers, raw),) = office.webhooks.sent
    (body,) = office.webhooks.bodies(A)
    assert (body["id"], body["type"]) == (alert, "budget.threshold_reached")
    assert body["budget"]["subject"] == {"kind": "member", "id": "ada"}
    assert (body["budget"]["used"], body["budget"]["limit"]) == (800, 1000)
    assert body["budget"]["begins_anew_at"] == "2026-11-22T00:00:00Z"
    assert "800 tokens (80 %)" in body["text"]
    assert made.secret is not None
    now = int(office.clock.now().timestamp())
    mark = hmac.new(made.secret.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
    assert headers == {"content-type": "application/json", "officium-signature": f"t={now},v1={mark}"}


async def test_many_processes_deliver_each_alert_once(database: Database) -> None:
    office = AlertOffice(database)
    admin = await a_tenant(office, A)
    alerts = [await office.an_alert(admin, subject=Subject("key", f"ak_{number}")) for number in range(12)]

    await asyncio.gather(*(office.post.deliver_due() for _ in range(4)))

    assert sorted(body["id"] for body in office.webhooks.bodies(A)) == sorted(alerts)


async def test_only_what_failed_is_tried_again(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A, B)
    alert = await office.an_alert(admin)
    office.webhooks.statuses[B] = 500

    await office.post.deliver_due()
    office.clock.advance(FIRST_PAUSE_S - 1)
    await office.post.deliver_due()
    too_early = list(office.webhooks.urls)
    office.webhooks.statuses[B] = 200
    office.clock.advance(1)
    await office.post.deliver_due()

    assert sorted(too_early) == [A, B]
    assert sorted(office.webhooks.urls) == [A, B, B]
    assert [body["id"] for body in office.webhooks.bodies(B)] == [alert, alert]
    assert await office.open_alerts() == []


async def test_after_a_day_it_is_given_up_and_said(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A)
    alert = await office.an_alert(admin)
    office.webhooks.statuses[A] = None

    with capture_logs() as logs:
        passed_s = 0.0
        while await office.open_alerts():
            await office.post.deliver_due()
            office.clock.advance(30)
            passed_s += 30
            assert passed_s <= GIVE_UP_AFTER_S + 30

    said = [line for line in logs if line["event"] == "alert.given_up"]
    assert [(line["alert"], line["attempts"]) for line in said] == [(alert, len(office.webhooks.sent))]
    assert passed_s > GIVE_UP_AFTER_S - 3700
    (noted,) = await office.service.list_destinations(admin)
    assert noted.last_failure == "The webhook could not be reached."


def test_pauses_grow_up_to_an_hour() -> None:
    assert [pause_after(attempts) for attempts in (1, 2, 3, 7, 8, 1000)] == [30, 60, 120, 1920, 3600, 3600]


async def test_process_that_dies_before_the_letter_is_sent_loses_nothing(database: Database) -> None:
    office = AlertOffice(database)
    admin = await a_tenant(office, A)
    alert = await office.an_alert(admin)
    claimed = await office.alerts.claim_for_all_tenants(office.clock.now(), CLAIM_S)

    await office.post.deliver_due()
    while_claimed = list(office.webhooks.urls)
    office.clock.advance(CLAIM_S)
    await office.post.deliver_due()

    assert claimed is not None
    assert claimed.id == alert
    assert (while_claimed, office.webhooks.urls) == ([], [A])


async def test_process_that_dies_between_two_letters_sends_only_the_second_again(
    sqlite_database: Database,
) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A, B)
    await office.an_alert(admin)
    hangs = asyncio.Event()
    send = office.webhooks.send_webhook

    async def hang_at_b(url: str, headers: Mapping[str, str], body: bytes) -> int:
        if url == B:
            hangs.set()
            await asyncio.Event().wait()
        return await send(url, headers, body)

    office.webhooks.send_webhook = hang_at_b  # type: ignore[method-assign]
    dying = asyncio.create_task(office.post.deliver_due())
    await hangs.wait()
    for _ in range(500):
        if (await office.service.list_destinations(admin))[0].last_delivered_at:
            break
        await asyncio.sleep(0.005)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    office.webhooks.send_webhook = send  # type: ignore[method-assign]
    office.clock.advance(CLAIM_S)
    await office.post.deliver_due()

    assert office.webhooks.urls == [A, B]


async def test_tenants_are_told_of_their_own_budgets_alone(database: Database) -> None:
    office = AlertOffice(database)
    await a_tenant(office, A)
    other = await a_tenant(office, B)
    await office.an_alert(other)

    await office.post.deliver_due()

    assert office.webhooks.urls == [B]


async def test_destination_made_later_is_not_told_of_the_past(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await office.an_admin()
    await office.an_alert(admin)
    office.clock.advance(1)
    await office.service.create_destination(admin, "webhook", A)

    await office.post.deliver_due()

    assert office.webhooks.sent == []
    assert await office.open_alerts() == []


async def test_destination_deleted_while_it_failed_ends_the_tries(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A)
    await office.an_alert(admin)
    office.webhooks.statuses[A] = 500
    await office.post.deliver_due()

    (destination,) = await office.service.list_destinations(admin)
    await office.service.delete_destination(admin, destination.id)
    office.clock.advance(FIRST_PAUSE_S)
    await office.post.deliver_due()

    assert len(office.webhooks.sent) == 1
    assert await office.open_alerts() == []


async def test_alert_of_a_deleted_budget_is_dropped(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A)
    await office.an_alert(admin)
    (budget,) = await office.purse.store.list_budgets(admin, [], "", 10)
    await office.purse.service.delete_budget(admin, budget.id)

    await office.post.deliver_due()

    assert office.webhooks.sent == []
    assert await office.open_alerts() == []


async def test_budget_without_periods_never_begins_anew(sqlite_database: Database) -> None:
    office = AlertOffice(sqlite_database)
    admin = await a_tenant(office, A)
    await office.an_alert(admin, period="total", threshold=100)

    await office.post.deliver_due()

    (body,) = office.webhooks.bodies(A)
    assert body["budget"]["begins_anew_at"] is None
    assert "does not begin anew by itself" in body["text"]


@pytest.mark.parametrize("slow", [A, B])
async def test_failing_destination_holds_up_no_other(sqlite_database: Database, slow: str) -> None:
    office = AlertOffice(sqlite_database)
    first, second = await a_tenant(office, A), await a_tenant(office, B)
    office.webhooks.statuses[slow] = None
    for admin in (first, second):
        await office.an_alert(admin)

    await office.post.deliver_due()

    assert sorted(office.webhooks.urls) == [A, B]
    assert len(await office.open_alerts()) == 1
