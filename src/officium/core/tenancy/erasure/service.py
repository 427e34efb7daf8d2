"""Closing a tenant, opening it again, and the job that erases those whose time is over."""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog

from officium.core.tenancy.audit import AuditEntry
from officium.core.tenancy.caller import Caller, is_operator, require, require_operator
from officium.core.tenancy.erasure.erasure import GRACE_DAYS, MOST_GRACE_DAYS, ErasedTenant, Month
from officium.core.tenancy.erasure.errors import TenantNotClosed
from officium.core.tenancy.erasure.store import ErasureStore
from officium.core.tenancy.service import TENANT_CHANGED
from officium.core.tenancy.tenant import Member
from officium.kit.clock import Clock
from officium.kit.database import DatabaseUnavailable
from officium.kit.errors import InvalidRequest, PermissionDenied
from officium.kit.notices import Notices

_ROWS_AT_ONCE = 500
_BATCH = 20

_log = structlog.get_logger("erasures")


class Members(Protocol):
    """Knows who is an owner."""

    async def find_member_by_id(self, caller: Caller, member_id: str) -> Member | None: ...


class Bills(Protocol):
    """Knows what a tenant's use came to."""

    async def read_months(self, caller: Caller) -> list[dict[str, int | str]]: ...


class ErasureService:
    """Ends tenants in two steps: closed at once, erased when the days of grace are over.

    Rows go in small transactions, so that others can write meanwhile, and what was broken off goes on: with
    the next run, in whichever process that is.
    """

    def __init__(
        self, store: ErasureStore, members: Members, bills: Bills, clock: Clock, notices: Notices
    ) -> None:
        self._store = store
        self._members = members
        self._bills = bills
        self._clock = clock
        self._notices = notices

    async def close_tenant(
        self, caller: Caller, *, grace_days: int = GRACE_DAYS, request_id: str | None = None
    ) -> None:
        """Refuse everybody of the caller's tenant from now on, and erase it when the days are over.

        For the operator and the tenant's owners. Raises PermissionDenied, InvalidRequest, LastTenant and
        TenantErased.
        """
        await self._require_owner(caller)
        if not 0 <= grace_days <= MOST_GRACE_DAYS:
            raise InvalidRequest(f"The days of grace are 0 to {MOST_GRACE_DAYS}.", param="days")
        if grace_days != GRACE_DAYS:
            require_operator(caller)
        now = self._clock.now()
        erase_at = now + timedelta(days=grace_days)
        entry = AuditEntry(
            at=now,
            action="tenant.closed",
            thing="tenant",
            thing_id=caller.tenant_id,
            after={"erase_at": erase_at.isoformat()},
            member_id=caller.member_id,
            request_id=request_id,
        )
        await self._store.add_closing_for_all_tenants(caller, erase_at, entry)
        self._notices.publish(TENANT_CHANGED, caller.tenant_id)
        _log.info("tenant.closed", tenant=caller.tenant_id, actor=caller.actor, erase_at=erase_at.isoformat())

    async def reopen_tenant(self, caller: Caller) -> None:
        """Let everybody in again; they sign in anew. For the operator.

        Raises PermissionDenied, TenantNotClosed and TenantErased.
        """
        require_operator(caller)
        entry = AuditEntry(
            at=self._clock.now(), action="tenant.reopened", thing="tenant", thing_id=caller.tenant_id
        )
        await self._store.reopen(caller, entry)
        self._notices.publish(TENANT_CHANGED, caller.tenant_id)
        _log.info("tenant.reopened", tenant=caller.tenant_id, actor=caller.actor)

    async def erase_tenant(self, caller: Caller) -> None:
        """Erase the caller's tenant, whose days are over, without waiting for the job. For the operator.

        Raises PermissionDenied and TenantNotClosed.
        """
        require_operator(caller)
        if not await self._erase(caller.tenant_id):
            raise TenantNotClosed(
                "This tenant is not to be erased yet. Close it without days of grace first."
            )

    async def list_erased(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ErasedTenant]:
        """What is left of tenants that are gone, beginning behind the id `after`. Raises PermissionDenied."""
        require_operator(caller)
        return await self._store.list_erased_for_all_tenants(after, limit)

    async def run(self) -> None:
        """The job: erase those whose time is over, and look once more at those that are gone."""
        for tenant_id in await self._store.list_due_for_all_tenants(self._clock.now(), _BATCH):
            try:
                await self._erase(tenant_id)
            except DatabaseUnavailable:
                raise
            except Exception:  # one that cannot be erased must not keep the others
                _log.exception("tenant.not_erased", tenant=tenant_id)

    async def _erase(self, tenant_id: str) -> bool:
        """Erase a tenant, or go on where that was broken off; whether it is one whose time is over."""
        job = Caller(tenant_id, "job:erasure", frozenset())
        tables = await self._store.find_tables_for_all_tenants()
        months: list[Month] = [*await self._bills.read_months(job)]
        if not await self._store.begin(job, self._clock.now(), tables, months):
            return False
        *others, audit_log = tables
        rows = 0
        for table in others:
            while count := await self._store.delete_some(job, table, _ROWS_AT_ONCE):
                rows += count
                await asyncio.sleep(0)
        await self._store.delete_tenant(job)
        while count := await self._store.delete_some(job, audit_log, _ROWS_AT_ONCE):
            rows += count
        await self._store.end(job, self._clock.now())
        self._notices.publish(TENANT_CHANGED, tenant_id)
        _log.info("tenant.erased", tenant=tenant_id, rows=rows)
        return True

    async def _require_owner(self, caller: Caller) -> None:
        if is_operator(caller):
            return
        require(caller, "admin")
        member = None
        if caller.member_id is not None:
            member = await self._members.find_member_by_id(caller, caller.member_id)
        if member is None or member.role != "owner":
            raise PermissionDenied("Only an owner can have everything deleted.")
