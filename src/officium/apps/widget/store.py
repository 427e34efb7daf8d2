"""Loading and saving clients and widgets, together with their budgets."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.widget.client import MOST_CLIENTS, MOST_WIDGETS, Client, client_subject
from officium.apps.widget.errors import InvalidClient, InvalidWidget
from officium.apps.widget.reach import reaches
from officium.apps.widget.tables import client_llm_usage, clients, widget_configs
from officium.apps.widget.usage import LlmUsage
from officium.apps.widget.widget import Widget, WidgetSettings, widget_subject
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.core.usage.budgets.store import (
    change_budget,
    delete_budgets_of,
    find_budgets_of,
    insert_budgets,
)
from officium.core.usage.ledger.budget import Budget
from officium.kit.database import ALL_TENANTS, Database

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
        return Client(**row) if row is not None and reaches(caller, row["id"]) else None

    async def find_names(self, caller: Caller, client_ids: Collection[int]) -> dict[int, str]:
        """What those of these clients are called that the tenant has, as far as the caller sees them."""
        query = select(clients.c.id, clients.c.client_name).where(
            clients.c.tenant_id == caller.tenant_id, clients.c.id.in_(client_ids)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {id: name for id, name in await connection.execute(query) if reaches(caller, id)}

    async def find_time_zone(self, caller: Caller, client_id: int) -> str | None:
        """Where the client with this id is; `None` if there is none."""
        client = await self.find_client(caller, client_id)
        return None if client is None else client.time_zone

    async def list_clients(
        self, caller: Caller, after: int, limit: int, search: str = "", is_archived: bool | None = None
    ) -> list[Client]:
        """A page of the tenant's clients, oldest first, beginning behind the id `after`.

        `search` is a part of their names.
        """
        query = (
            select(clients)
            .where(clients.c.tenant_id == caller.tenant_id, clients.c.id > after)
            .order_by(clients.c.id)
            .limit(limit)
        )
        if search:
            query = query.where(clients.c.client_name.icontains(search, autoescape=True))
        if is_archived is not None:
            query = query.where(clients.c.archived_at.is_not(None) == is_archived)
        if caller.client_id is not None:
            query = query.where(clients.c.id == caller.client_id)
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
            .values(
                client_name=after.client_name,
                time_zone=after.time_zone,
                updated_at=after.updated_at,
                archived_at=after.archived_at,
            )
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
        values = _settings_of(settings) | {
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
            widget = _widget({"id": _new_id(made), **values})
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
        return _widget(row) if row is not None and reaches(caller, row["client_id"]) else None

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
        if caller.client_id is not None:
            query = query.where(widget_configs.c.client_id == caller.client_id)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_widget(row) for row in (await connection.execute(query)).mappings()]

    async def list_all_widgets(
        self, caller: Caller, client_id: int | None, after: int, limit: int
    ) -> list[tuple[Widget, Client]]:
        """A page of the tenant's widgets with their clients, oldest first, behind the id `after`."""
        named = [column.label(f"of_client_{column.name}") for column in clients.columns]
        query = (
            select(*widget_configs.columns, *named)
            .join(clients, clients.c.id == widget_configs.c.client_id)
            .where(
                widget_configs.c.tenant_id == caller.tenant_id,
                clients.c.tenant_id == caller.tenant_id,
                widget_configs.c.id > after,
            )
            .order_by(widget_configs.c.id)
            .limit(limit)
        )
        if client_id is not None:
            query = query.where(widget_configs.c.client_id == client_id)
        if caller.client_id is not None:
            query = query.where(widget_configs.c.client_id == caller.client_id)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            (_widget(row), Client(**{name: row[f"of_client_{name}"] for name in Client.__struct_fields__}))
            for row in rows
        ]

    async def update_widget(self, caller: Caller, before: Widget, after: Widget, entry: AuditEntry) -> bool:
        """Put the settings of `after` in the place of those of `before`.

        `False` where the widget was changed meanwhile.
        """
        values = _settings_of(after)
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

    async def find_public_for_all_tenants(self, widget_key: str) -> tuple[Widget, bool] | None:
        """The widget that pages show under this key, and whether it is closed.

        It is where its tenant is suspended or closed, or its client archived. The one question asked
        before the tenant is known.
        """
        query = (
            select(
                *widget_configs.columns, tenants.c.suspended_at, tenants.c.closed_at, clients.c.archived_at
            )
            .join(tenants, tenants.c.id == widget_configs.c.tenant_id)
            .join(clients, clients.c.id == widget_configs.c.client_id)
            .where(widget_configs.c.widget_key == widget_key)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        reasons = (row["suspended_at"], row["closed_at"], row["archived_at"])
        return _widget(row), any(reason is not None for reason in reasons)

    async def list_retentions_for_all_tenants(self) -> list[tuple[str, int, int]]:
        """Tenant, widget and days of each widget that does not keep what is said for ever."""
        query = select(
            widget_configs.c.tenant_id, widget_configs.c.id, widget_configs.c.retention_days
        ).where(widget_configs.c.retention_days.is_not(None))
        async with self._database.reading(ALL_TENANTS) as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(query)]

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
        if caller.client_id is not None:
            query = query.where(client_llm_usage.c.client_id == caller.client_id)
        async with self._database.reading(caller.tenant_id) as connection:
            return [LlmUsage(**row) for row in (await connection.execute(query)).mappings()]

    async def list_exhausted(
        self, caller: Caller, limit: int, among: Collection[int] | None = None
    ) -> list[int]:
        """The widgets whose credits are used up, oldest first: of `among`, or of all clients in use."""
        usage = client_llm_usage.c
        query = (
            select(usage.widget_id)
            .join(clients, (clients.c.tenant_id == usage.tenant_id) & (clients.c.id == usage.client_id))
            .where(
                usage.tenant_id == caller.tenant_id,
                usage.credits_exhausted.is_(True),
            )
            .order_by(usage.widget_id)
            .limit(limit)
        )
        is_wanted = clients.c.archived_at.is_(None) if among is None else usage.widget_id.in_(among)
        query = query.where(is_wanted)
        if caller.client_id is not None:
            query = query.where(usage.client_id == caller.client_id)
        async with self._database.reading(caller.tenant_id) as connection:
            return list((await connection.execute(query)).scalars())

    async def find_usage(self, caller: Caller, widget_id: int) -> LlmUsage | None:
        """What a widget used."""
        query = select(*(client_llm_usage.c[name] for name in LlmUsage.__struct_fields__)).where(
            client_llm_usage.c.tenant_id == caller.tenant_id,
            client_llm_usage.c.widget_id == widget_id,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return LlmUsage(**row) if row is not None and reaches(caller, row["client_id"]) else None


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


def _settings_of(settings: WidgetSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in WidgetSettings.__struct_fields__} | {
        "languages": list(settings.languages),
        "allowed_origins": list(settings.allowed_origins),
        "appearance": dict(settings.appearance),
    }


def _widget(row: Mapping[str, Any] | RowMapping) -> Widget:
    """The widget; what was not said when it was made, before there was such a thing, is empty."""
    values = {name: row[name] for name in Widget.__struct_fields__}
    lists = {name: tuple(row[name] or ()) for name in ("languages", "allowed_origins")}
    return Widget(**{**values, **lists, "appearance": row["appearance"] or {}})
