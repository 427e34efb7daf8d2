"""Loading and saving the tenants' own prices."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from officium.core.tenancy import Caller
from officium.core.usage.prices.tables import tenant_prices
from officium.core.usage.prices.tenant_price import TenantPrice
from officium.kit.database import Database

_KEY = ("tenant_id", "provider", "model", "valid_from")
_AMOUNTS = ("input", "output", "cached", "cache_write", "per_call")


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

    async def put_price(self, caller: Caller, price: TenantPrice, most: int) -> bool:
        """Set the price, or replace the one that begins at the same moment; False where there are `most`."""
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        key = {"provider": price.provider, "model": price.model, "valid_from": price.valid_from}
        values: dict[str, Any] = {
            "currency": price.currency,
            "updated_at": price.updated_at,
            "updated_by": price.updated_by,
        }
        for name in _AMOUNTS:
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
            await connection.execute(put)
            return True

    async def delete_price(
        self, caller: Caller, provider: str, model: str, valid_from: datetime | None
    ) -> bool:
        """Delete the model's price that begins at a moment, or all of them; whether there was one."""
        query = delete(tenant_prices).where(
            tenant_prices.c.tenant_id == caller.tenant_id,
            tenant_prices.c.provider == provider,
            tenant_prices.c.model == model,
        )
        if valid_from is not None:
            query = query.where(tenant_prices.c.valid_from == valid_from)
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0


def _price(row: dict[str, Any]) -> TenantPrice:
    del row["tenant_id"]
    amounts = {name: None if row[name] is None else Decimal(row[name]) for name in _AMOUNTS}
    return TenantPrice(**{**row, **amounts})
