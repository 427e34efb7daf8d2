"""Alerts on a test's database: budgets that ran out, and destinations that take letters or do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import insert, select

from officium.core.llm.guard import AddressGuard
from officium.core.tenancy import Caller
from officium.core.usage.alerts import (
    AlertPost,
    AlertStore,
    Courier,
    DeliveryFailed,
    DestinationService,
    DestinationStore,
    WebhookSecrets,
)
from officium.core.usage.alerts.letter import Letter
from officium.core.usage.ledger.period import period_of
from officium.core.usage.ledger.tables import budget_alerts
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.ids import new_id
from tests.support.budgets import Purse
from tests.support.clock import HandClock
from tests.support.tenancy import SECRET


@dataclass
class HandWebhooks:
    """Answers each URL with its status in `statuses`, 204 else; `None` is no answer at all."""

    statuses: dict[str, int | None] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    guard: AddressGuard = field(default_factory=AddressGuard)

    def check_url(self, url: str) -> None:
        self.guard.check_url(url)

    async def send_webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.sent.append((url, headers, body))
        status = self.statuses.get(url, 204)
        if status is None:
            raise DeliveryFailed("The webhook could not be reached.")
        return status

    @property
    def urls(self) -> list[str]:
        """Where something was sent, in order."""
        return [url for url, _, _ in self.sent]

    def bodies(self, url: str) -> list[Any]:
        """What was sent there."""
        return [msgspec.json.decode(body) for sent_to, _, body in self.sent if sent_to == url]


@dataclass
class HandMailer:
    """Keeps what it is given; fails while `is_down`."""

    mails: list[tuple[str, Letter, str]] = field(default_factory=list)
    is_down: bool = False

    async def send_mail(self, address: str, letter: Letter, message_id: str) -> None:
        if self.is_down:
            raise DeliveryFailed("The mail server did not take the mail (code 451).")
        self.mails.append((address, letter, message_id))


@dataclass
class AlertOffice:
    """Everything about alerts, on one database."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    webhooks: HandWebhooks = field(default_factory=HandWebhooks)
    mailer: HandMailer | None = field(default_factory=HandMailer)

    def __post_init__(self) -> None:
        self.purse = Purse(self.database, self.clock)
        self.courier = Courier(self.webhooks, WebhookSecrets(SECRET), self.mailer, self.clock)
        self.store = DestinationStore(self.database)
        self.alerts = AlertStore(self.database)
        self.service = DestinationService(self.store, self.courier, self.clock)
        self.post = AlertPost(self.alerts, self.store, self.courier, self.clock)

    async def an_admin(self) -> Caller:
        """The administrator of a new tenant."""
        return await self.purse.tenancy.an_admin()

    async def an_alert(self, caller: Caller, threshold: int = 80, **budget: Any) -> str:
        """What the ledger writes when a new budget of 1,000 is used to `threshold` percent; its id."""
        made = await self.purse.a_budget(caller, **budget)
        now = self.clock.now()
        await self.purse.count(made, threshold * 10, alerted=threshold)
        row: dict[str, Any] = {
            "id": new_id("alr"),
            "tenant_id": caller.tenant_id,
            "budget_id": made.id,
            "period_start": period_of(made.period, made.time_zone, now).key,
            "threshold": threshold,
            "used": threshold * 10,
            "limit": 1000,
            "created_at": now,
            "attempts": 0,
            "next_attempt_at": now,
        }
        async with self.database.writing(caller.tenant_id) as connection:
            await connection.execute(insert(budget_alerts).values(row))
        return str(row["id"])

    async def open_alerts(self) -> list[str]:
        """The alerts that are not done with."""
        query = select(budget_alerts.c.id).where(budget_alerts.c.delivered_at.is_(None))
        async with self.database.reading(ALL_TENANTS) as connection:
            return list((await connection.execute(query)).scalars())
