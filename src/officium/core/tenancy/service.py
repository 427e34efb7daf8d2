"""What the operator may do with tenants, and an administrator with their tenant's keys."""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.caller import Caller, require, require_operator
from officium.core.tenancy.errors import InvalidKey, KeyNotFound, TenantNotFound
from officium.core.tenancy.key import ApiKey, KeyDigester, NewKey, check_key, make_secret, shown_prefix
from officium.core.tenancy.store import KeyStore, TenantStore
from officium.core.tenancy.tenant import Tenant, check_tenant
from officium.kit.clock import Clock
from officium.kit.ids import new_id
from officium.kit.notices import Notices

KEY_CHANGED = "key.changed"
"""Notice: the key with this id is no longer what it was."""
GRACE = timedelta(days=1)
"""How long a key that was replaced still counts, so that programs can be given the new one."""
TENANT_CHANGED = "tenant.changed"
"""Notice: the tenant with this id is no longer what it was."""

_log = structlog.get_logger(__name__)


class TenancyService:
    """Tenants, for the operator of the installation alone: no door leads here."""

    def __init__(self, store: TenantStore, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices

    async def create_tenant(
        self, caller: Caller, name: str, *, external_id: str | None = None, time_zone: str = "UTC"
    ) -> Tenant:
        """Create a tenant. Raises InvalidTenant, TenantExists and PermissionDenied."""
        require_operator(caller)
        check_tenant(name, external_id, time_zone)
        tenant = Tenant(
            id=new_id("ten"),
            name=name,
            external_id=external_id,
            time_zone=time_zone,
            created_at=self._clock.now(),
        )
        await self._store.add_for_all_tenants(tenant)
        _log.info("tenant.created", tenant=tenant.id)
        return tenant

    async def list_tenants(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[Tenant]:
        """A page of all tenants, oldest first, beginning behind the id `after`. Raises PermissionDenied."""
        require_operator(caller)
        return await self._store.list_for_all_tenants(after, limit)

    async def get_tenant(self, caller: Caller, reference: str) -> Tenant:
        """The tenant with this external id or id. Raises TenantNotFound and PermissionDenied."""
        require_operator(caller)
        tenant = await self._store.find_for_all_tenants(reference)
        if tenant is None:
            raise TenantNotFound(
                f"There is no tenant {reference!r}. `officium tenant list` shows them.", tenant=reference
            )
        return tenant

    async def suspend_tenant(self, caller: Caller, reference: str) -> Tenant:
        """Refuse every credential of the tenant from now on. Raises TenantNotFound and PermissionDenied."""
        return await self._set_suspended(caller, reference, self._clock.now())

    async def resume_tenant(self, caller: Caller, reference: str) -> Tenant:
        """Take a suspension back. Raises TenantNotFound and PermissionDenied."""
        return await self._set_suspended(caller, reference, None)

    async def _set_suspended(self, caller: Caller, reference: str, moment: datetime | None) -> Tenant:
        tenant = await self.get_tenant(caller, reference)
        if (tenant.suspended_at is None) != (moment is None):
            await self._store.suspend_for_all_tenants(tenant.id, moment)
            self._notices.publish(TENANT_CHANGED, tenant.id)
            _log.info("tenant.resumed" if moment is None else "tenant.suspended", tenant=tenant.id)
        return await self.get_tenant(caller, tenant.id)


class OwnTenantService:
    """What a tenant's administrators may change about their own tenant."""

    def __init__(self, store: TenantStore, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices

    async def change_tenant(self, caller: Caller, tenant: Tenant, *, name: str, time_zone: str) -> None:
        """Give the caller's tenant another name or time zone. Needs `admin`; raises InvalidTenant."""
        require(caller, "admin")
        check_tenant(name, None, time_zone)
        entry = AuditEntry(
            at=self._clock.now(),
            action="tenant.changed",
            thing="tenant",
            thing_id=caller.tenant_id,
            before={"name": tenant.name, "time_zone": tenant.time_zone},
            after={"name": name.strip(), "time_zone": time_zone},
        )
        await self._store.change(caller, name.strip(), time_zone, entry)
        self._notices.publish(TENANT_CHANGED, caller.tenant_id)


class KeyService:
    """A tenant's keys, for its administrators."""

    def __init__(self, store: KeyStore, digester: KeyDigester, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._digester = digester
        self._clock = clock
        self._notices = notices

    async def create_key(
        self,
        caller: Caller,
        name: str,
        *,
        scopes: Collection[str] = ("inference",),
        expires_at: datetime | None = None,
        request_id: str | None = None,
    ) -> NewKey:
        """Create a key of the caller's tenant. Needs `admin`; raises InvalidKey and PermissionDenied.

        The result holds the secret, which cannot be read again.
        """
        require(caller, "admin")
        now = self._clock.now()
        check_key(name, scopes, expires_at, now)
        secret = make_secret()
        key = ApiKey(
            id=new_id("ak"),
            tenant_id=caller.tenant_id,
            name=name,
            prefix=shown_prefix(secret),
            scopes=frozenset(scopes),
            created_at=now,
            created_by=caller.actor,
            expires_at=expires_at,
        )
        entry = AuditEntry(
            at=now,
            action="key.created",
            thing="key",
            thing_id=key.id,
            after=_values_of(key),
            request_id=request_id,
        )
        await self._store.add_key(caller, key, self._digester.digest(secret), entry)
        _log.info(
            "key.created", tenant=key.tenant_id, key=key.id, actor=caller.actor, scopes=sorted(key.scopes)
        )
        return NewKey(key, secret)

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ApiKey]:
        """A page of the tenant's keys, oldest first, beginning behind the id `after`. Needs `admin`."""
        require(caller, "admin")
        return await self._store.list_keys(caller, after, limit)

    async def revoke_key(self, caller: Caller, reference: str, *, request_id: str | None = None) -> ApiKey:
        """Refuse the key with this id or prefix from now on, everywhere within five seconds. Needs `admin`.

        Revoking twice changes nothing. Raises KeyNotFound and PermissionDenied.
        """
        require(caller, "admin")
        key = await self._get_key(caller, reference)
        now = self._clock.now()
        entry = AuditEntry(
            at=now,
            action="key.revoked",
            thing="key",
            thing_id=key.id,
            before=_values_of(key),
            after=_values_of(key) | {"revoked_at": now.isoformat()},
            request_id=request_id,
        )
        await self._store.revoke_key(caller, key.id, entry)
        self._notices.publish(KEY_CHANGED, key.id)
        _log.info("key.revoked", tenant=key.tenant_id, key=key.id, actor=caller.actor)
        return await self._get_key(caller, key.id)

    async def rotate_key(self, caller: Caller, reference: str, *, request_id: str | None = None) -> NewKey:
        """Make a key that replaces this one, which goes on for another day at most. Needs `admin`.

        It has the same name and scopes, and lasts as long as the old one was made for. Raises KeyNotFound,
        InvalidKey (the old one is revoked or expired) and PermissionDenied.
        """
        require(caller, "admin")
        old = await self._get_key(caller, reference)
        now = self._clock.now()
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise InvalidKey("This key counts no more, so nothing can replace it. Create a new one.")
        ends = now + GRACE if old.expires_at is None else min(old.expires_at, now + GRACE)
        new = await self.create_key(
            caller,
            old.name,
            scopes=old.scopes,
            expires_at=None if old.expires_at is None else now + (old.expires_at - old.created_at),
            request_id=request_id,
        )
        entry = AuditEntry(
            at=now,
            action="key.replaced",
            thing="key",
            thing_id=old.id,
            before=_values_of(old),
            after=_values_of(old) | {"expires_at": ends.isoformat(), "replaced_by": new.key.id},
            request_id=request_id,
        )
        await self._store.set_key_expiry(caller, old.id, ends, entry)
        self._notices.publish(KEY_CHANGED, old.id)
        return new

    async def _get_key(self, caller: Caller, reference: str) -> ApiKey:
        key = await self._store.find_key(caller, reference)
        if key is None:
            raise KeyNotFound(
                f"Your tenant has no key {reference!r}. List the keys to see their ids.", key=reference
            )
        return key


def _values_of(key: ApiKey) -> dict[str, object]:
    """What the audit log keeps of a key: how it is recognised and what it may do."""
    return {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }
