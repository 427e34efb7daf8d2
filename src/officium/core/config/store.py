"""Loading and saving configurations. Keys go in and come out sealed."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.config.errors import InvalidConfig
from officium.core.config.llm_config import (
    MOST_CONFIGS,
    MOST_OF_A_USER,
    Change,
    ConfigVersion,
    LlmConfig,
    OpenedConfig,
    Revised,
    changes_between,
    touched,
    values_of,
)
from officium.core.config.tables import llm_config_versions, llm_configs
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.kit.database import Database
from officium.kit.sealing import KeyRing, Place, SealBroken, SealedColumn

_SEALED_KEY = SealedColumn("llm_configs", "api_key")
SEALED_COLUMNS = (_SEALED_KEY,)
"""What a rotation of the sealing keys has to visit here."""
_THING = "llm_config"
_TENANT_WIDE = ""
_SHOWN_COLUMNS = [column for column in llm_configs.columns if column.name != "api_key"]


class ConfigStore:
    """A tenant's configurations and their history.

    Whoever writes holds the tenant's row meanwhile, so of two who make a default at once one is second.
    """

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def list_configs(
        self, caller: Caller, owner_id: str | None, *, after: str, limit: int
    ) -> list[LlmConfig]:
        """A page of the tenant's and the owner's configurations by id, beginning behind the id `after`."""
        query = (
            select(*_SHOWN_COLUMNS)
            .where(_belongs_to(caller, owner_id), llm_configs.c.id > after)
            .order_by(llm_configs.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_config(row) for row in (await connection.execute(query)).mappings()]

    async def find_config(self, caller: Caller, config_id: str, owner_id: str | None) -> LlmConfig | None:
        """The configuration with this id, if it is the tenant's or the owner's."""
        query = select(*_SHOWN_COLUMNS).where(_belongs_to(caller, owner_id), llm_configs.c.id == config_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _config(row) if row is not None else None

    async def find_default(self, caller: Caller, owner_id: str | None) -> LlmConfig | None:
        """The owner's default configuration, else the tenant's; one that is switched off counts as none."""
        query = (
            select(*_SHOWN_COLUMNS)
            .where(_belongs_to(caller, owner_id), llm_configs.c.is_default, llm_configs.c.is_enabled)
            .order_by(llm_configs.c.owner_id.desc())
            .limit(1)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _config(row) if row is not None else None

    async def list_versions(
        self, caller: Caller, config_id: str, *, before: int | None, limit: int
    ) -> list[ConfigVersion]:
        """A page of what was changed in a configuration, newest first, beginning before a version."""
        query = select(llm_config_versions).where(
            llm_config_versions.c.tenant_id == caller.tenant_id,
            llm_config_versions.c.config_id == config_id,
        )
        if before is not None:
            query = query.where(llm_config_versions.c.version < before)
        query = query.order_by(llm_config_versions.c.version.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            msgspec.convert({name: row[name] for name in ConfigVersion.__struct_fields__}, ConfigVersion)
            for row in rows
        ]

    async def open_configs(self, caller: Caller, owner_ids: tuple[str, ...]) -> list[OpenedConfig]:
        """The tenant's configurations and those of the owners that are enabled, with their keys, by id.

        One whose key does not open has the reason as its `fault`. Raises SecretChanged.
        """
        query = (
            select(llm_configs)
            .where(_belongs_to(caller, *owner_ids), llm_configs.c.is_enabled)
            .order_by(llm_configs.c.id)
        )
        try:
            return await self._read_and_open(caller, query)
        except SealBroken:
            # A rotation may have retired the key between reading and opening: what lies there now opens.
            return await self._read_and_open(caller, query, keep_broken=True)

    async def add_config(self, caller: Caller, made: Revised, entry: AuditEntry) -> None:
        """Insert a configuration. Raises InvalidConfig where there are too many."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            await _check_room(caller, connection, made.config.owner_id)
            await self._clear_default(caller, connection, made.config, entry)
            values = _row(made.config) | {"tenant_id": caller.tenant_id}
            values["api_key"] = await self._seal(caller, connection, made)
            await connection.execute(insert(llm_configs).values(values))
            await _write_down(
                caller, connection, None, made.config, entry, is_new_key=made.new_key is not None
            )

    async def update_config(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None,
        revise: Callable[[LlmConfig], Revised],
        entry: AuditEntry,
    ) -> LlmConfig | None:
        """Change a configuration of the tenant or the owner to what `revise` makes of it.

        `None` where there is none. What `revise` raises takes everything back.
        """
        mine = (llm_configs.c.tenant_id == caller.tenant_id) & (llm_configs.c.id == config_id)
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            query = select(*_SHOWN_COLUMNS).where(mine, _belongs_to(caller, owner_id))
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            before = _config(row)
            revised = revise(before)
            after = revised.config
            if after.is_default and not before.is_default:
                await self._clear_default(caller, connection, after, entry)
            values = _row(after)
            if revised.new_key is not None or after.key_hint is None:
                values["api_key"] = await self._seal(caller, connection, revised)
            await connection.execute(update(llm_configs).where(mine).values(values))
            await _write_down(
                caller, connection, before, after, entry, is_new_key=revised.new_key is not None
            )
        return after

    async def delete_config(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None,
        check: Callable[[LlmConfig], None],
        entry: AuditEntry,
    ) -> bool:
        """Delete a configuration of the tenant or the owner, unless `check` raises; whether there was one."""
        mine = (llm_configs.c.tenant_id == caller.tenant_id) & (llm_configs.c.id == config_id)
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            query = select(*_SHOWN_COLUMNS).where(mine, _belongs_to(caller, owner_id))
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return False
            before = _config(row)
            check(before)
            await connection.execute(delete(llm_configs).where(mine))
            await _write_down(caller, connection, before, None, entry, is_new_key=False)
        return True

    async def _read_and_open(
        self, caller: Caller, query: Any, *, keep_broken: bool = False
    ) -> list[OpenedConfig]:
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [await self._opened(caller, row, keep_broken) for row in rows]

    async def _opened(self, caller: Caller, row: RowMapping, keep_broken: bool) -> OpenedConfig:
        values: dict[str, Any] = {
            name: row[name] for name in OpenedConfig.__struct_fields__ if name != "fault"
        }
        values["owner_id"] = row["owner_id"] or None
        if row["api_key"] is not None:
            try:
                values["api_key"] = await self._ring.open(_place(caller.tenant_id, row["id"]), row["api_key"])
            except SealBroken as error:
                if not keep_broken:
                    raise
                values["api_key"], values["fault"] = None, error
        return OpenedConfig(**values)

    async def _seal(self, caller: Caller, connection: AsyncConnection, made: Revised) -> str | None:
        if made.new_key is None:
            return None
        return await self._ring.seal(connection, _place(caller.tenant_id, made.config.id), made.new_key)

    async def _clear_default(
        self, caller: Caller, connection: AsyncConnection, successor: LlmConfig, entry: AuditEntry
    ) -> None:
        """Take the mark from the default that `successor` replaces, where it is to be one."""
        if not successor.is_default:
            return
        query = select(*_SHOWN_COLUMNS).where(
            llm_configs.c.tenant_id == caller.tenant_id,
            llm_configs.c.owner_id == (successor.owner_id or _TENANT_WIDE),
            llm_configs.c.is_default,
            llm_configs.c.id != successor.id,
        )
        for row in (await connection.execute(query)).mappings().all():
            before = _config(row)
            after = touched(before, caller.actor, entry.at, is_default=False)
            mine = (llm_configs.c.tenant_id == caller.tenant_id) & (llm_configs.c.id == before.id)
            await connection.execute(update(llm_configs).where(mine).values(_row(after)))
            also = AuditEntry(
                at=entry.at,
                action="llm_config.updated",
                thing=_THING,
                thing_id=before.id,
                member_id=entry.member_id,
                request_id=entry.request_id,
            )
            await _write_down(caller, connection, before, after, also, is_new_key=False)


async def _hold_tenant(caller: Caller, connection: AsyncConnection) -> None:
    """Let others who change this tenant's configurations wait until the transaction ends."""
    query = select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update(key_share=True)
    await connection.execute(query)


async def _check_room(caller: Caller, connection: AsyncConnection, owner_id: str | None) -> None:
    query = select(func.count()).where(llm_configs.c.tenant_id == caller.tenant_id)
    count = (await connection.execute(query)).scalar_one()
    if count >= MOST_CONFIGS:
        raise InvalidConfig(
            f"A tenant has at most {MOST_CONFIGS:,} configurations. Delete one you no longer need."
        )
    if owner_id is not None:
        own = (await connection.execute(query.where(llm_configs.c.owner_id == owner_id))).scalar_one()
        if own >= MOST_OF_A_USER:
            raise InvalidConfig(
                f"A user has at most {MOST_OF_A_USER} configurations. Delete one you no longer need."
            )


async def _write_down(
    caller: Caller,
    connection: AsyncConnection,
    before: LlmConfig | None,
    after: LlmConfig | None,
    entry: AuditEntry,
    *,
    is_new_key: bool,
) -> None:
    """Write the change into the configuration's history and into the audit log."""
    kept = after or before
    assert kept is not None
    change: Change = "created" if before is None else "deleted" if after is None else "updated"
    changes = changes_between(before, after, is_new_key=is_new_key)
    await connection.execute(
        insert(llm_config_versions).values(
            tenant_id=caller.tenant_id,
            config_id=kept.id,
            version=kept.version + (after is None),
            change=change,
            changed_at=entry.at,
            changed_by=caller.actor,
            changes=changes,
        )
    )
    whole = msgspec.structs.replace(
        entry,
        before=values_of(before) if before else None,
        after=(values_of(after) | ({"api_key_is_new": True} if is_new_key else {})) if after else None,
    )
    await record(caller, connection, whole)


def _belongs_to(caller: Caller, *owner_ids: str | None) -> ColumnElement[bool]:
    """Whether a configuration is of the caller's tenant, and the tenant's own or one of the owners'."""
    owners = {_TENANT_WIDE, *(owner_id for owner_id in owner_ids if owner_id is not None)}
    return and_(llm_configs.c.tenant_id == caller.tenant_id, llm_configs.c.owner_id.in_(sorted(owners)))


def _place(tenant_id: str, config_id: str) -> Place:
    return _SEALED_KEY.place(tenant_id, config_id)


def _config(row: RowMapping) -> LlmConfig:
    return LlmConfig(**dict(row) | {"owner_id": row["owner_id"] or None})


def _row(config: LlmConfig) -> dict[str, Any]:
    return asdict(config) | {"owner_id": config.owner_id or _TENANT_WIDE}
