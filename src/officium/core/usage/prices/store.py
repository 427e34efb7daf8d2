"""Loading and saving the tenants' own prices."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.usage.prices.tables import model_rules, tenant_prices
from officium.core.usage.prices.tenant_price import AMOUNTS, TenantPrice, UnknownRule
from officium.kit.database import Database

_KEY = ("tenant_id", "provider", "model", "valid_from")


class PriceStore:
    """A tenant's prices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_prices(self, caller: Caller) -> list[TenantPrice]:
        """All prices of the caller's tenant, by provider, model and the day they begin."""
        prices = tenant_prices.c
        query = (
            select(tenant_prices)
            .where(prices.tenant_id == caller.tenant_id)
            .order_by(prices.provider, prices.model, prices.valid_from)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_price(dict(row)) for row in rows]

    async def find_unknown_rule(self, caller: Caller) -> UnknownRule | None:
        """What the caller's tenant wants of calls whose price nobody knows, where it has said so."""
        query = select(model_rules.c.unknown_price).where(model_rules.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            said: UnknownRule | None = (await connection.execute(query)).scalar_one_or_none()
        return said

    async def put_price(self, caller: Caller, price: TenantPrice, most: int, entry: AuditEntry) -> bool:
        """Set the price, or replace the one that begins at the same moment; False where there are `most`.

        The entry goes into the audit log, with what the price was before.
        """
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        key = {"provider": price.provider, "model": price.model, "valid_from": price.valid_from}
        values: dict[str, Any] = {
            "currency": price.currency,
            "updated_at": price.updated_at,
            "updated_by": price.updated_by,
        }
        for name in AMOUNTS:
            amount = getattr(price, name)
            values[name] = None if amount is None else f"{amount:f}"
        put = (
            insert(tenant_prices)
            .values(tenant_id=caller.tenant_id, **key, **values)
            .on_conflict_do_update(index_elements=_KEY, set_=values)
        )
        others = (
            select(func.count())
            .select_from(tenant_prices)
            .where(
                tenant_prices.c.tenant_id == caller.tenant_id,
                ~(
                    (tenant_prices.c.provider == price.provider)
                    & (tenant_prices.c.model == price.model)
                    & (tenant_prices.c.valid_from == price.valid_from)
                ),
            )
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(others)).scalar_one() >= most:
                return False
            before = await _amounts(caller, connection, price.provider, price.model, price.valid_from)
            await connection.execute(put)
            was = next(iter(before.values()), None)
            await record(caller, connection, replace(entry, before=was))
            return True

    async def delete_price(
        self, caller: Caller, provider: str, model: str, valid_from: datetime | None, entry: AuditEntry
    ) -> bool:
        """Delete the model's price that begins at a moment, or all of them; whether there was one.

        The entry goes into the audit log, with what was deleted by the moment it began.
        """
        query = delete(tenant_prices).where(*_of(caller, provider, model, valid_from))
        async with self._database.writing(caller.tenant_id) as connection:
            before = await _amounts(caller, connection, provider, model, valid_from)
            if not before:
                return False
            await connection.execute(query)
            await record(caller, connection, replace(entry, before=before))
            return True


def _of(caller: Caller, provider: str, model: str, valid_from: datetime | None) -> list[ColumnElement[bool]]:
    """Which rows are meant: a model's price that begins at a moment, or all of the model's."""
    prices = tenant_prices.c
    mine = [prices.tenant_id == caller.tenant_id, prices.provider == provider, prices.model == model]
    return mine if valid_from is None else [*mine, prices.valid_from == valid_from]


async def _amounts(
    caller: Caller, connection: AsyncConnection, provider: str, model: str, valid_from: datetime | None
) -> dict[str, dict[str, object]]:
    """What the audit log says of prices as they are, by the moment each begins."""
    query = select(tenant_prices).where(*_of(caller, provider, model, valid_from)).with_for_update()
    rows = (await connection.execute(query)).mappings().all()
    return {
        row["valid_from"].isoformat(): {
            "valid_from": row["valid_from"].isoformat(),
            **{name: row[name] for name in AMOUNTS if row[name] is not None},
        }
        for row in rows
    }


def _price(row: dict[str, Any]) -> TenantPrice:
    del row["tenant_id"]
    amounts = {name: None if row[name] is None else Decimal(row[name]) for name in AMOUNTS}
    return TenantPrice(**{**row, **amounts})
