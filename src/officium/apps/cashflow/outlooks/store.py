"""Keeping outlooks, and who is making one at the moment."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from officium.apps.cashflow.outlooks.outlook import (
    Outlook,
    Stamp,
    Work,
    packed_deals,
    packed_forecast,
    read_deals,
    read_forecast,
)
from officium.apps.cashflow.outlooks.tables import cashflow_outlooks as outlooks
from officium.core.tenancy import Caller
from officium.kit.database import Database

MOST_KEPT = 20
"""Outlooks of a tenant; those that were begun the longest ago go first."""
_LEASE = timedelta(minutes=2)
"""Nothing has been heard for so long: whoever was making it is gone."""


class OutlookStore:
    """A tenant's outlooks, one for each thing that is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Any = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def find_outlook(self, caller: Caller, key: str) -> Outlook | None:
        """The tenant's outlook, as it was made last."""
        columns = (
            *(outlooks.c.made_at, outlooks.c.today, outlooks.c.state),
            *(outlooks.c.forecast, outlooks.c.deals),
        )
        query = select(*columns).where(
            outlooks.c.tenant_id == caller.tenant_id, outlooks.c.key == key, outlooks.c.made_at.is_not(None)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return await asyncio.to_thread(
            lambda: Outlook(
                made_at=row.made_at,
                stamp=Stamp(today=row.today, state=row.state),
                forecast=read_forecast(row.forecast),
                deals=read_deals(row.deals),
            )
        )

    async def find_work(self, caller: Caller, key: str, now: datetime) -> Work:
        """How far the making of an outlook has come, and how the last try failed."""
        query = select(outlooks.c.heard_at, outlooks.c.percent, outlooks.c.failure).where(
            outlooks.c.tenant_id == caller.tenant_id, outlooks.c.key == key
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return Work()
        is_alive = row.heard_at is not None and row.heard_at > now - _LEASE
        return Work(percent=row.percent if is_alive else None, failure=row.failure)

    async def begin(self, caller: Caller, key: str, now: datetime) -> bool:
        """Take the making of an outlook upon oneself; `False` where somebody is at it already."""
        values = {"asked_at": now, "heard_at": now, "percent": 0, "failure": None}
        is_free = or_(outlooks.c.heard_at.is_(None), outlooks.c.heard_at <= now - _LEASE)
        put = (
            self._insert(outlooks)
            .values(tenant_id=caller.tenant_id, key=key, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "key"], set_=values, where=is_free)
        )
        mine = outlooks.c.tenant_id == caller.tenant_id
        newest = select(outlooks.c.asked_at).where(mine).order_by(outlooks.c.asked_at.desc())
        async with self._database.writing(caller.tenant_id) as connection:
            if not (await connection.execute(put)).rowcount:
                return False
            last = (await connection.execute(newest.offset(MOST_KEPT).limit(1))).scalar_one_or_none()
            if last is not None:
                await connection.execute(delete(outlooks).where(mine, outlooks.c.asked_at <= last))
        return True

    async def tell(self, caller: Caller, key: str, percent: int, now: datetime) -> None:
        """Say how far the making has come."""
        await self._change(caller, key, {"percent": percent, "heard_at": now})

    async def keep(self, caller: Caller, key: str, made: Outlook) -> None:
        """Put an outlook in the place of the one before."""
        forecast, deals = await asyncio.to_thread(
            lambda: (packed_forecast(made.forecast), packed_deals(made.deals))
        )
        values = {
            "made_at": made.made_at,
            "today": made.stamp.today,
            "state": made.stamp.state,
            "forecast": forecast,
            "deals": deals,
            "heard_at": None,
            "percent": 100,
        }
        await self._change(caller, key, values)

    async def give_up(self, caller: Caller, key: str, failure: str | None) -> None:
        """Make it no more: it failed, or nobody is there to make it."""
        await self._change(caller, key, {"heard_at": None, "failure": failure})

    async def _change(self, caller: Caller, key: str, values: dict[str, Any]) -> None:
        change = update(outlooks).where(outlooks.c.tenant_id == caller.tenant_id, outlooks.c.key == key)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(change.values(**values))
