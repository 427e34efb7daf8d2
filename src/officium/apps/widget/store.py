"""Loading and saving clients and widgets, together with their budgets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.widget.client import MOST_CLIENTS, MOST_WIDGETS, Client, client_subject
from officium.apps.widget.errors import InvalidClient, InvalidWidget
from officium.apps.widget.tables import client_llm_usage, clients, widget_configs
from officium.apps.widget.usage import LlmUsage
from officium.apps.widget.widget import Widget, WidgetSettings, widget_subject
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.usage.budgets.store import (
    change_budget,
    delete_budgets_of,
    find_budgets_of,
    insert_budgets,
)
from officium.core.usage.ledger.budget import Budget
from officium.kit.database import Database

MakeBudgets = Callable[[int], Sequence[Budget]]
"""The budgets of a client or widget, once its id is known."""


class WidgetStore:
    """The clients of an agency and their widgets. Each is saved in one transaction with its budgets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_client(
        self,
        caller: Caller,
        client_name: str,
        time_zone: str,
        now: datetime,
        make_budgets: MakeBudgets,
        entry: AuditEntry,
    ) -> Client:
        """Insert a client with its budgets. Raises InvalidClient or InvalidBudget if there are too many."""
        values: dict[str, Any] = {
            "tenant_id": caller.tenant_id,
            "client_name": client_name,
            "time_zone": time_zone,
            "created_at": now,
            "updated_at": now,
        }
        counting = select(func.count()).where(clients.c.tenant_id == caller.tenant_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(counting)).scalar_one() >= MOST_CLIENTS:
                raise InvalidClient(f"A tenant has at most {MOST_CLIENTS:,} clients.", param="client_name")
            made = await connection.execute(insert(clients).values(values))
            client = Client(id=_new_id(made), **values)
            await insert_budgets(caller, connection, make_budgets(client.id))
            await record(caller, connection, replace(entry, thing_id=str(client.id)))
        return client

    async def find_client(self, caller: Caller, client_id: int) -> Client | None:
        """The tenant's client with this id."""
        query = select(clients).where(clients.c.tenant_id == caller.tenant_id, clients.c.id == client_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Client(**row) if row is not None else None

    async def list_clients(self, caller: Caller, after: int, limit: int) -> list[Client]:
        """A page of the tenant's clients, oldest first, beginning behind the id `after`."""
        query = (
            select(clients)
            .where(clients.c.tenant_id == caller.tenant_id, clients.c.id > after)
            .order_by(clients.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Client(**row) for row in (await connection.execute(query)).mappings()]

    async def update_client(
        self,
        caller: Caller,
        before: Client,
        after: Client,
        move: Callable[[Budget], Budget],
        entry: AuditEntry,
    ) -> bool:
        """Put `after` in the place of `before`; `move` makes budgets follow into another time zone.

        `False` where the client, or one of those budgets, was changed meanwhile.
        """
        query = (
            update(clients)
            .where(
                clients.c.tenant_id == caller.tenant_id,
                clients.c.id == before.id,
                clients.c.updated_at == before.updated_at,
            )
            .values(client_name=after.client_name, time_zone=after.time_zone, updated_at=after.updated_at)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            if before.time_zone != after.time_zone:
                for budget in await _budgets_in_zone(caller, connection, before):
                    if not await change_budget(caller, connection, budget, move(budget), after.updated_at):
                        await connection.rollback()
                        return False
            await record(caller, connection, entry)
        return True

    async def delete_client(self, caller: Caller, client_id: int, entry: AuditEntry) -> bool:
        """Delete a client, its widgets and all their budgets; whether there was one."""
        mine = and_(clients.c.tenant_id == caller.tenant_id, clients.c.id == client_id)
        async with self._database.writing(caller.tenant_id) as connection:
            widgets = [
                widget_subject(widget_id) for widget_id in await _widget_ids(caller, connection, client_id)
            ]
            if (await connection.execute(delete(clients).where(mine))).rowcount == 0:
                return False
            await delete_budgets_of(caller, connection, [client_subject(client_id), *widgets])
            await record(caller, connection, entry)
        return True

    async def add_widget(
        self,
        caller: Caller,
        client: Client,
        settings: WidgetSettings,
        widget_key: str,
        now: datetime,
        make_budgets: MakeBudgets,
        entry: AuditEntry,
    ) -> Widget | None:
        """Insert a widget with its budgets; `None` where its client is gone.

        Raises InvalidWidget and InvalidBudget where there are too many.
        """
        values: dict[str, Any] = {name: getattr(settings, name) for name in WidgetSettings.__struct_fields__}
        values |= {
            "tenant_id": caller.tenant_id,
            "client_id": client.id,
            "widget_key": widget_key,
            "created_at": now,
            "updated_at": now,
        }
        its_client = select(clients.c.id).where(
            clients.c.tenant_id == caller.tenant_id, clients.c.id == client.id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            # Locked, so that it cannot be deleted between this question and the insert.
            if (await connection.execute(its_client.with_for_update())).first() is None:
                return None
            if len(await _widget_ids(caller, connection, client.id)) >= MOST_WIDGETS:
                raise InvalidWidget(f"A client has at most {MOST_WIDGETS} widgets.", param="name")
            made = await connection.execute(insert(widget_configs).values(values))
            widget = Widget(id=_new_id(made), **values)
            await insert_budgets(caller, connection, make_budgets(widget.id))
            await record(caller, connection, replace(entry, thing_id=str(widget.id)))
        return widget

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None:
        """The tenant's widget with this id."""
        query = select(widget_configs).where(
            widget_configs.c.tenant_id == caller.tenant_id, widget_configs.c.id == widget_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _widget(row) if row is not None else None

    async def list_widgets(self, caller: Caller, client_id: int, after: int, limit: int) -> list[Widget]:
        """A page of a client's widgets, oldest first, beginning behind the id `after`."""
        query = (
            select(widget_configs)
            .where(
                widget_configs.c.tenant_id == caller.tenant_id,
                widget_configs.c.client_id == client_id,
                widget_configs.c.id > after,
            )
            .order_by(widget_configs.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_widget(row) for row in (await connection.execute(query)).mappings()]

    async def update_widget(self, caller: Caller, before: Widget, after: Widget, entry: AuditEntry) -> bool:
        """Put the settings of `after` in the place of those of `before`.

        `False` where the widget was changed meanwhile.
        """
        values: dict[str, Any] = {name: getattr(after, name) for name in WidgetSettings.__struct_fields__}
        query = (
            update(widget_configs)
            .where(
                widget_configs.c.tenant_id == caller.tenant_id,
                widget_configs.c.id == before.id,
                widget_configs.c.updated_at == before.updated_at,
            )
            .values(**values, updated_at=after.updated_at)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True

    async def delete_widget(self, caller: Caller, widget_id: int, entry: AuditEntry) -> bool:
        """Delete a widget and its budgets; whether there was one."""
        mine = and_(widget_configs.c.tenant_id == caller.tenant_id, widget_configs.c.id == widget_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(delete(widget_configs).where(mine))).rowcount == 0:
                return False
            await delete_budgets_of(caller, connection, [widget_subject(widget_id)])
            await record(caller, connection, entry)
        return True

    async def list_usage(self, caller: Caller, client_id: int) -> list[LlmUsage]:
        """What each widget of a client used, by its id."""
        query = (
            select(*(client_llm_usage.c[name] for name in LlmUsage.__struct_fields__))
            .where(
                client_llm_usage.c.tenant_id == caller.tenant_id,
                client_llm_usage.c.client_id == client_id,
            )
            .order_by(client_llm_usage.c.widget_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [LlmUsage(**row) for row in (await connection.execute(query)).mappings()]

    async def find_usage(self, caller: Caller, widget_id: int) -> LlmUsage | None:
        """What a widget used."""
        query = select(*(client_llm_usage.c[name] for name in LlmUsage.__struct_fields__)).where(
            client_llm_usage.c.tenant_id == caller.tenant_id,
            client_llm_usage.c.widget_id == widget_id,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return LlmUsage(**row) if row is not None else None


async def _widget_ids(caller: Caller, connection: AsyncConnection, client_id: int) -> list[int]:
    query = select(widget_configs.c.id).where(
        widget_configs.c.tenant_id == caller.tenant_id, widget_configs.c.client_id == client_id
    )
    return list((await connection.execute(query)).scalars())


async def _budgets_in_zone(caller: Caller, connection: AsyncConnection, client: Client) -> list[Budget]:
    """The budgets of a client and its widgets that keep the client's time."""
    widgets = [widget_subject(number) for number in await _widget_ids(caller, connection, client.id)]
    found = await find_budgets_of(caller, connection, [client.subject, *widgets])
    return [budget for budget in found if budget.time_zone == client.time_zone]


def _new_id(made: Any) -> int:
    number: int = made.inserted_primary_key[0]
    return number


def _widget(row: RowMapping) -> Widget:
    return Widget(**row)
