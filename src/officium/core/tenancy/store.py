"""Loading and saving tenants, members and keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from msgspec import Struct
from sqlalchemy import CursorResult, RowMapping, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.errors import TenantExists
from officium.core.tenancy.key import ApiKey
from officium.core.tenancy.tables import api_keys, members, tenants
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.database import ALL_TENANTS, Database, UtcDateTime

_KEY_COLUMNS = [column for column in api_keys.columns if column.name != "digest"]


class KeyRecord(Struct, frozen=True):
    """A key as it must be judged: with the state of its tenant."""

    key: ApiKey
    tenant_suspended_at: datetime | None
    tenant_closed_at: datetime | None = None


class TenantStore:
    """The tenants. They are managed by the operator, who stands above them, so no query filters by tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_for_all_tenants(self, tenant: Tenant) -> None:
        """Insert a tenant. Raises TenantExists when the external id is taken."""
        values = {name: getattr(tenant, name) for name in tenant.__struct_fields__}
        try:
            async with self._database.writing(ALL_TENANTS) as connection:
                await connection.execute(insert(tenants).values(values))
        except IntegrityError as error:
            raise TenantExists(
                f"Another tenant has the external id {tenant.external_id!r}.", external_id=tenant.external_id
            ) from error

    async def find_for_all_tenants(self, reference: str) -> Tenant | None:
        """The tenant whose external id or id is `reference`; an external id wins."""
        query = select(tenants).where(or_(tenants.c.external_id == reference, tenants.c.id == reference))
        async with self._database.reading(ALL_TENANTS) as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = [_tenant(row) for row in rows]
        return next(
            (tenant for tenant in found if tenant.external_id == reference), found[0] if found else None
        )

    async def list_for_all_tenants(self, after: str, limit: int) -> list[Tenant]:
        """A page of tenants in the order they were made, beginning behind the id `after`."""
        query = select(tenants).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit)
        async with self._database.reading(ALL_TENANTS) as connection:
            return [_tenant(row) for row in (await connection.execute(query)).mappings()]

    async def suspend_for_all_tenants(self, tenant_id: str, suspended_at: datetime | None) -> bool:
        """Set or clear the moment of suspension; whether there is such a tenant."""
        query = update(tenants).where(tenants.c.id == tenant_id).values(suspended_at=suspended_at)
        async with self._database.writing(ALL_TENANTS) as connection:
            return _count(await connection.execute(query)) > 0

    async def change(self, caller: Caller, name: str, time_zone: str, entry: AuditEntry) -> None:
        """Give the caller's own tenant another name and time zone, and say so in the audit log."""
        query = update(tenants).where(tenants.c.id == caller.tenant_id).values(name=name, time_zone=time_zone)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            await record(caller, connection, entry)

    async def get_time_zone(self, caller: Caller) -> str:
        """The time zone of the caller's own tenant."""
        query = select(tenants.c.time_zone).where(tenants.c.id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            zone: str = (await connection.execute(query)).scalar_one()
        return zone


class KeyStore:
    """The keys of the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_key(self, caller: Caller, key: ApiKey, digest: bytes, entry: AuditEntry) -> None:
        """Insert a key of the caller's tenant, and the entry into the audit log."""
        values = {name: getattr(key, name) for name in key.__struct_fields__}
        values |= {"tenant_id": caller.tenant_id, "scopes": sorted(key.scopes), "digest": digest}
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(insert(api_keys).values(values))
            await record(caller, connection, entry)

    async def list_keys(self, caller: Caller, after: str, limit: int) -> list[ApiKey]:
        """A page of the tenant's keys in the order they were made, beginning behind the id `after`."""
        query = (
            select(*_KEY_COLUMNS)
            .where(api_keys.c.tenant_id == caller.tenant_id, api_keys.c.id > after)
            .order_by(api_keys.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_key(row) for row in (await connection.execute(query)).mappings()]

    async def find_key(self, caller: Caller, reference: str) -> ApiKey | None:
        """The tenant's key with this id or shown prefix."""
        query = select(*_KEY_COLUMNS).where(
            api_keys.c.tenant_id == caller.tenant_id,
            or_(api_keys.c.id == reference, api_keys.c.prefix == reference),
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _key(row) if row is not None else None

    async def revoke_key(self, caller: Caller, key_id: str, entry: AuditEntry) -> None:
        """Mark the key as revoked, and say so in the audit log, unless it is already."""
        query = (
            update(api_keys)
            .where(
                api_keys.c.tenant_id == caller.tenant_id,
                api_keys.c.id == key_id,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=entry.at)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if _count(await connection.execute(query)):
                await record(caller, connection, entry)

    async def set_key_expiry(
        self, caller: Caller, key_id: str, expires_at: datetime, entry: AuditEntry
    ) -> None:
        """Let a key end at this moment, and say so in the audit log."""
        query = (
            update(api_keys)
            .where(api_keys.c.tenant_id == caller.tenant_id, api_keys.c.id == key_id)
            .values(expires_at=expires_at)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            await record(caller, connection, entry)

    async def find_digests_for_all_tenants(self, digests: Sequence[bytes]) -> dict[bytes, KeyRecord]:
        """The keys behind `digests`, whosever they are: the one question asked before a tenant is known."""
        query = (
            select(*api_keys.columns, tenants.c.suspended_at, tenants.c.closed_at)
            .join(tenants, tenants.c.id == api_keys.c.tenant_id)
            .where(api_keys.c.digest.in_(digests))
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {
            bytes(row["digest"]): KeyRecord(_key(row), row["suspended_at"], row["closed_at"]) for row in rows
        }

    async def touch_for_all_tenants(self, moments: Mapping[str, datetime]) -> None:
        """Note when keys were last used, by key id. An earlier moment never replaces a later one."""
        is_newer = or_(
            api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("at", type_=UtcDateTime)
        )
        query = (
            update(api_keys)
            .where(api_keys.c.id == bindparam("key_id"), is_newer)
            .values(last_used_at=bindparam("at", type_=UtcDateTime))
        )
        # In the order of their ids, so that two processes never wait for each other's rows in a circle.
        rows = [{"key_id": key_id, "at": moments[key_id]} for key_id in sorted(moments)]
        async with self._database.writing(ALL_TENANTS) as connection:
            await connection.execute(query, rows)


class MemberStore:
    """The people of the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_member(self, caller: Caller, external_id: str) -> Member | None:
        """The tenant's member with this external id."""
        query = select(members).where(
            members.c.tenant_id == caller.tenant_id, members.c.external_id == external_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Member(**row) if row is not None else None

    async def find_member_by_id(self, caller: Caller, member_id: str) -> Member | None:
        """The tenant's member with this id."""
        query = select(members).where(members.c.tenant_id == caller.tenant_id, members.c.id == member_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Member(**row) if row is not None else None

    async def add_member(self, caller: Caller, member: Member) -> bool:
        """Insert a member of the caller's tenant; `False` when the external id is there already."""
        values = {name: getattr(member, name) for name in member.__struct_fields__}
        values["tenant_id"] = caller.tenant_id
        try:
            async with self._database.writing(caller.tenant_id) as connection:
                await connection.execute(insert(members).values(values))
        except IntegrityError:
            return False
        return True

    async def list_members(self, caller: Caller, after: str, limit: int) -> list[Member]:
        """A page of the tenant's members in the order they were made, beginning behind the id `after`."""
        query = (
            select(members)
            .where(members.c.tenant_id == caller.tenant_id, members.c.id > after)
            .order_by(members.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Member(**row) for row in (await connection.execute(query)).mappings()]

    async def set_disabled(
        self, caller: Caller, member_id: str, moment: datetime | None, entry: AuditEntry
    ) -> None:
        """Set or clear the moment from which a member is refused, and say so in the audit log."""
        query = (
            update(members)
            .where(members.c.tenant_id == caller.tenant_id, members.c.id == member_id)
            .values(disabled_at=moment)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            await record(caller, connection, entry)

    async def set_email(self, caller: Caller, member_id: str, email: str) -> None:
        """Replace a member's e-mail address."""
        query = (
            update(members)
            .where(members.c.tenant_id == caller.tenant_id, members.c.id == member_id)
            .values(email=email)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)


def _tenant(row: RowMapping) -> Tenant:
    return Tenant(**row)


def _key(row: RowMapping) -> ApiKey:
    values = {name: row[name] for name in ApiKey.__struct_fields__}
    return ApiKey(**values | {"scopes": frozenset(row["scopes"])})


def _count(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
