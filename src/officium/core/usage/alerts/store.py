"""Loading and saving who is told, what there is to tell, and who was told."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from officium.core.tenancy import Caller
from officium.core.tenancy.tables import tenants
from officium.core.usage.alerts.destination import MOST_DESTINATIONS, Destination
from officium.core.usage.alerts.letter import Alert
from officium.core.usage.alerts.tables import alert_deliveries, alert_destinations
from officium.core.usage.ledger.budget import Subject
from officium.core.usage.ledger.tables import budget_alerts, budget_counters, budgets
from officium.kit.database import ALL_TENANTS, Database


class ClaimedAlert(Struct, frozen=True, kw_only=True):
    """An alert that is ours to deliver until its claim runs out. `attempts` counts this one, too."""

    id: str
    tenant_id: str
    attempts: int
    created_at: datetime


class DestinationStore:
    """The destinations of the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_destination(self, caller: Caller, destination: Destination) -> bool:
        """Insert a destination of the caller's tenant; `False` when it has as many as it may."""
        values = {name: getattr(destination, name) for name in destination.__struct_fields__}
        values["tenant_id"] = caller.tenant_id
        mine = alert_destinations.c.tenant_id == caller.tenant_id
        count = select(func.count()).select_from(alert_destinations).where(mine)
        # Two at once would both find a last free place, were the tenant's row not held meanwhile.
        hold = select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update(key_share=True)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(hold)
            if (await connection.execute(count)).scalar_one() >= MOST_DESTINATIONS:
                return False
            await connection.execute(insert(alert_destinations).values(values))
        return True

    async def list_destinations(self, caller: Caller) -> list[Destination]:
        """All destinations of the caller's tenant, in the order they were made."""
        query = (
            select(alert_destinations)
            .where(alert_destinations.c.tenant_id == caller.tenant_id)
            .order_by(alert_destinations.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Destination(**row) for row in (await connection.execute(query)).mappings()]

    async def find_destination(self, caller: Caller, destination_id: str) -> Destination | None:
        """The tenant's destination with this id."""
        query = select(alert_destinations).where(
            alert_destinations.c.tenant_id == caller.tenant_id, alert_destinations.c.id == destination_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Destination(**row) if row is not None else None

    async def delete_destination(self, caller: Caller, destination_id: str) -> bool:
        """Delete the destination; whether there was one."""
        query = delete(alert_destinations).where(
            alert_destinations.c.tenant_id == caller.tenant_id, alert_destinations.c.id == destination_id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def note_failure(self, caller: Caller, destination_id: str, now: datetime, reason: str) -> None:
        """Keep why a letter did not arrive."""
        await self._note(caller, destination_id, last_failed_at=now, last_failure=reason[:256])

    async def note_success(self, caller: Caller, destination_id: str, now: datetime) -> None:
        """Keep when a letter arrived."""
        await self._note(caller, destination_id, last_delivered_at=now)

    async def _note(self, caller: Caller, destination_id: str, **values: Any) -> None:
        query = (
            update(alert_destinations)
            .where(
                alert_destinations.c.tenant_id == caller.tenant_id, alert_destinations.c.id == destination_id
            )
            .values(values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)


class AlertStore:
    """The alerts that the ledger wrote down, and how far each has come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim_for_all_tenants(self, now: datetime, claim_s: float) -> ClaimedAlert | None:
        """Take an alert that is due, of whichever tenant; nobody else gets it for `claim_s`.

        Those never tried come first, so that a destination that does not answer holds up nobody else.
        """
        due = (
            select(budget_alerts.c.id)
            .where(budget_alerts.c.delivered_at.is_(None), budget_alerts.c.next_attempt_at <= now)
            .order_by(budget_alerts.c.attempts, budget_alerts.c.next_attempt_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        query = (
            update(budget_alerts)
            .where(budget_alerts.c.id == due.scalar_subquery())
            .values(attempts=budget_alerts.c.attempts + 1, next_attempt_at=now + timedelta(seconds=claim_s))
            .returning(
                budget_alerts.c.id,
                budget_alerts.c.tenant_id,
                budget_alerts.c.attempts,
                budget_alerts.c.created_at,
            )
        )
        async with self._database.writing(ALL_TENANTS) as connection:
            row = (await connection.execute(query)).mappings().first()
        return ClaimedAlert(**row) if row is not None else None

    async def find_alert(self, caller: Caller, alert_id: str) -> Alert | None:
        """What there is to say; `None` where the budget is gone."""
        query = (
            select(
                budget_alerts,
                tenants.c.name.label("tenant_name"),
                budgets.c.subject_kind,
                budgets.c.subject_id,
                budgets.c.unit,
                budgets.c.period,
                budgets.c.time_zone,
                budgets.c.is_hard,
                budget_counters.c.ends_at,
            )
            .join(budgets, budgets.c.id == budget_alerts.c.budget_id)
            .join(tenants, tenants.c.id == budget_alerts.c.tenant_id)
            .outerjoin(
                budget_counters,
                (budget_counters.c.budget_id == budget_alerts.c.budget_id)
                & (budget_counters.c.period_start == budget_alerts.c.period_start),
            )
            .where(budget_alerts.c.tenant_id == caller.tenant_id, budget_alerts.c.id == alert_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _alert(row) if row is not None else None

    async def list_untold(self, caller: Caller, alert: ClaimedAlert) -> list[Destination]:
        """The destinations that were there when the alert arose, and do not have it yet."""
        told = select(alert_deliveries.c.destination_id).where(
            alert_deliveries.c.tenant_id == caller.tenant_id, alert_deliveries.c.alert_id == alert.id
        )
        query = (
            select(alert_destinations)
            .where(
                alert_destinations.c.tenant_id == caller.tenant_id,
                alert_destinations.c.created_at <= alert.created_at,
                alert_destinations.c.id.not_in(told),
            )
            .order_by(alert_destinations.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Destination(**row) for row in (await connection.execute(query)).mappings()]

    async def list_without(self, caller: Caller, letter_id: str) -> list[Destination]:
        """The destinations that do not have this letter yet."""
        told = select(alert_deliveries.c.destination_id).where(
            alert_deliveries.c.tenant_id == caller.tenant_id, alert_deliveries.c.alert_id == letter_id
        )
        query = (
            select(alert_destinations)
            .where(
                alert_destinations.c.tenant_id == caller.tenant_id,
                alert_destinations.c.id.not_in(told),
            )
            .order_by(alert_destinations.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Destination(**row) for row in (await connection.execute(query)).mappings()]

    async def add_delivery(self, caller: Caller, alert_id: str, destination_id: str, now: datetime) -> None:
        """Keep that a destination has the alert. One that was deleted meanwhile needs no note."""
        insert_or_not = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {
            "alert_id": alert_id,
            "destination_id": destination_id,
            "tenant_id": caller.tenant_id,
            "delivered_at": now,
        }
        exists = (
            select(alert_destinations.c.id)
            .where(
                alert_destinations.c.tenant_id == caller.tenant_id, alert_destinations.c.id == destination_id
            )
            .with_for_update(key_share=True)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(exists)).first() is not None:
                await connection.execute(
                    insert_or_not(alert_deliveries).values(values).on_conflict_do_nothing()
                )

    async def postpone(self, caller: Caller, alert_id: str, next_attempt_at: datetime) -> None:
        """Try again at that time."""
        await self._update(caller, alert_id, next_attempt_at=next_attempt_at)

    async def finish(self, caller: Caller, alert_id: str, now: datetime) -> None:
        """Nothing more is to be done about the alert."""
        await self._update(caller, alert_id, delivered_at=now)

    async def _update(self, caller: Caller, alert_id: str, **values: Any) -> None:
        query = (
            update(budget_alerts)
            .where(budget_alerts.c.tenant_id == caller.tenant_id, budget_alerts.c.id == alert_id)
            .values(values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)


def _alert(row: RowMapping) -> Alert:
    values = {name: row[name] for name in Alert.__struct_fields__ if name != "subject"}
    if row["period"] == "total":
        values["ends_at"] = None
    return Alert(subject=Subject(row["subject_kind"], row["subject_id"]), **values)
