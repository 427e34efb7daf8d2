"""Loading and saving what is known of a business."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from officium.apps.personas.business.context import BusinessContext
from officium.apps.personas.business.errors import InvalidInsight, InvalidSnapshot
from officium.apps.personas.business.insight import SavedInsight
from officium.apps.personas.business.profile import SavedProfile
from officium.apps.personas.business.snapshot import SavedSnapshot
from officium.apps.personas.business.tables import (
    analytics_snapshots,
    business_profiles,
    module_insights,
)
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database

MOST_SNAPSHOTS = 50_000
MOST_INSIGHTS = 500


class BusinessStore:
    """A tenant's profile, its snapshots and its insights."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Both know ON CONFLICT, and SQLAlchemy has it for each of them only.
        self._insert: Any = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def load_context(self, caller: Caller, now: datetime) -> BusinessContext:
        """The profile, the latest snapshot, and the insights that have not expired, newest first."""
        profile = select(business_profiles).where(business_profiles.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            told = (await connection.execute(profile)).mappings().first()
            latest = (await connection.execute(_snapshots(caller, None, 1))).mappings().first()
            insights = (
                (await connection.execute(_insights(caller, now, None, MOST_INSIGHTS))).mappings().all()
            )
        return BusinessContext(
            seen_at=now,
            profile=None if told is None else _profile(told),
            snapshot=None if latest is None else _snapshot(latest),
            insights=tuple(map(_insight, insights)),
        )

    async def find_profile(self, caller: Caller) -> SavedProfile | None:
        """What the business says of itself, if anything."""
        query = select(business_profiles).where(business_profiles.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _profile(row)

    async def put_profile(self, caller: Caller, profile: SavedProfile, entry: AuditEntry) -> None:
        """Put the profile in the place of the one before."""
        values = {**asdict(profile), "goals": list(profile.goals), "extra": dict(profile.extra)}
        put = (
            self._insert(business_profiles)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put)
            await record(caller, connection, entry)

    async def put_snapshots(self, caller: Caller, snapshots: Sequence[SavedSnapshot]) -> None:
        """Save all of them or none; one of the same moment is replaced. Raises InvalidSnapshot."""
        insert = self._insert(analytics_snapshots)
        names = [name for name in SavedSnapshot.__struct_fields__ if name != "as_of"]
        put = insert.on_conflict_do_update(
            index_elements=["tenant_id", "as_of"], set_={name: insert.excluded[name] for name in names}
        )
        rows = [
            {**asdict(each), "extra": dict(each.extra), "tenant_id": caller.tenant_id} for each in snapshots
        ]
        counting = select(func.count()).where(analytics_snapshots.c.tenant_id == caller.tenant_id)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put, rows)
            if (await connection.execute(counting)).scalar_one() > MOST_SNAPSHOTS:
                await connection.rollback()
                raise InvalidSnapshot(f"A tenant has at most {MOST_SNAPSHOTS:,} snapshots.", param="asOf")

    async def list_snapshots(
        self, caller: Caller, before: datetime | None, limit: int
    ) -> list[SavedSnapshot]:
        """A page of snapshots, latest first, of those before a moment."""
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(_snapshots(caller, before, limit))).mappings().all()
        return list(map(_snapshot, rows))

    async def list_snapshots_from(self, caller: Caller, start: datetime, limit: int) -> list[SavedSnapshot]:
        """The first snapshots from a moment on, oldest first."""
        query = (
            select(analytics_snapshots)
            .where(analytics_snapshots.c.tenant_id == caller.tenant_id, analytics_snapshots.c.as_of >= start)
            .order_by(analytics_snapshots.c.as_of)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return list(map(_snapshot, (await connection.execute(query)).mappings()))

    async def put_insights(self, caller: Caller, insights: Sequence[SavedInsight], now: datetime) -> None:
        """Save all of them or none; one that was observed later stays. Raises InvalidInsight."""
        insert = self._insert(module_insights)
        key = ("module", "key")
        names = [name for name in SavedInsight.__struct_fields__ if name not in key]
        put = insert.on_conflict_do_update(
            index_elements=["tenant_id", *key],
            set_={name: insert.excluded[name] for name in names},
            where=insert.excluded.observed_at >= module_insights.c.observed_at,
        )
        rows = [{**asdict(each), "tenant_id": caller.tenant_id} for each in insights]
        counting = select(func.count()).where(module_insights.c.tenant_id == caller.tenant_id)
        gone = delete(module_insights).where(
            module_insights.c.tenant_id == caller.tenant_id, module_insights.c.expires_at <= now
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(gone)
            await connection.execute(put, rows)
            if (await connection.execute(counting)).scalar_one() > MOST_INSIGHTS:
                await connection.rollback()
                raise InvalidInsight(
                    f"A tenant has at most {MOST_INSIGHTS} insights. Delete some, or let them expire.",
                    param="key",
                )

    async def list_insights(
        self, caller: Caller, now: datetime, after: tuple[str, str] | None, limit: int
    ) -> list[SavedInsight]:
        """A page of the insights that have not expired, by module and key."""
        async with self._database.reading(caller.tenant_id) as connection:
            query = _insights(caller, now, after or ("", ""), limit)
            rows = (await connection.execute(query)).mappings().all()
        return list(map(_insight, rows))

    async def delete_insights(self, caller: Caller, module: str, key: str | None, entry: AuditEntry) -> bool:
        """Delete a module's insight, or all of them; whether there was one."""
        query = delete(module_insights).where(
            module_insights.c.tenant_id == caller.tenant_id, module_insights.c.module == module
        )
        if key is not None:
            query = query.where(module_insights.c.key == key)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True


def _snapshots(caller: Caller, before: datetime | None, limit: int) -> Any:
    query = select(analytics_snapshots).where(analytics_snapshots.c.tenant_id == caller.tenant_id)
    if before is not None:
        query = query.where(analytics_snapshots.c.as_of < before)
    return query.order_by(analytics_snapshots.c.as_of.desc()).limit(limit)


def _insights(caller: Caller, now: datetime, after: tuple[str, str] | None, limit: int) -> Any:
    """By module and key behind `after`; without it newest first."""
    columns = module_insights.c
    fresh: ColumnElement[bool] = or_(columns.expires_at.is_(None), columns.expires_at > now)
    query = select(module_insights).where(columns.tenant_id == caller.tenant_id, fresh)
    if after is None:
        return query.order_by(columns.observed_at.desc(), columns.module, columns.key).limit(limit)
    module, key = after
    behind = or_(columns.module > module, and_(columns.module == module, columns.key > key))
    return query.where(behind).order_by(columns.module, columns.key).limit(limit)


def _profile(row: RowMapping) -> SavedProfile:
    values = {name: row[name] for name in SavedProfile.__struct_fields__}
    return SavedProfile(**{**values, "goals": tuple(row["goals"])})


def _snapshot(row: RowMapping) -> SavedSnapshot:
    return SavedSnapshot(**{name: row[name] for name in SavedSnapshot.__struct_fields__})


def _insight(row: RowMapping) -> SavedInsight:
    return SavedInsight(**{name: row[name] for name in SavedInsight.__struct_fields__})
