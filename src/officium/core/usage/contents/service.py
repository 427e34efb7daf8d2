"""What may be asked of kept prompts and answers, and what makes the request log forget."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec

from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.usage.contents.content import (
    KeptContent,
    RequestContent,
    read_answer,
    read_request,
)
from officium.core.usage.contents.errors import ContentNotKept
from officium.core.usage.contents.store import ContentStore
from officium.core.usage.contents.terms import NO_TERMS, TERMS_CHANGED, LogBounds, LogTerms
from officium.kit.clock import Clock
from officium.kit.notices import Notices

MOST_CALLS = 50
"""So many calls of one request are shown; no room makes more of them."""
_BATCH = 500
_TENANTS = 200
_PAUSE_S = 0.02
"""Between two batches others get their turn at the database."""


class ContentService:
    """What a tenant's log keeps besides figures: said by its administrators, and read by them alone."""

    def __init__(self, store: ContentStore, clock: Clock, notices: Notices, bounds: LogBounds) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self.bounds = bounds

    async def get_terms(self, caller: Caller) -> LogTerms:
        """What the tenant's log keeps. Needs `usage:read`."""
        require(caller, "usage:read")
        return await self._store.find_terms(caller) or NO_TERMS

    async def set_terms(self, caller: Caller, terms: LogTerms, *, request_id: str | None = None) -> None:
        """Keep the tenant's log like this from now on. Needs `admin`; raises InvalidLogTerms."""
        require(caller, "admin")
        self.bounds.check(terms)
        before = await self._store.find_terms(caller) or NO_TERMS
        entry = self._entry(
            caller,
            "log_terms.changed",
            "log_terms",
            caller.tenant_id,
            request_id,
            before=msgspec.structs.asdict(before),
            after=msgspec.structs.asdict(terms),
        )
        await self._store.put_terms(caller, terms, entry)
        self._notices.publish(TERMS_CHANGED, caller.tenant_id)

    async def list_kept(self, caller: Caller, request_id: str) -> list[KeptContent]:
        """Whether anything is kept of a request, and since when; not the words. Needs `usage:read`."""
        require(caller, "usage:read")
        return await self._store.list_kept(caller, request_id, MOST_CALLS)

    async def open_content(
        self, caller: Caller, request_id: str, *, by: str | None = None, purpose: str = "read"
    ) -> list[RequestContent]:
        """What was asked and answered, oldest call first. Needs `admin`; the audit log says who opened it.

        `by` is the id of the request that opens it, `purpose` what for. Raises ContentNotKept.
        """
        require(caller, "admin")
        entry = self._entry(
            caller, "request_content.opened", "request", request_id, by, after={"purpose": purpose}
        )
        rows = await self._store.open_contents(caller, request_id, MOST_CALLS, entry)
        if not rows:
            raise ContentNotKept("Prompt and answer of this request are not kept, or no more.")
        return [
            RequestContent(
                **msgspec.structs.asdict(row.kept),
                request=read_request(row.request),
                answer=read_answer(row.answer),
            )
            for row in rows
        ]

    async def forget_contents(self, caller: Caller, *, request_id: str | None = None) -> int:
        """Delete all prompts and answers the tenant's log keeps; how many. Needs `admin`."""
        require(caller, "admin")
        gone = await self._forget(caller, self._clock.now() + timedelta(days=1))
        await self._store.write_down(
            caller,
            self._entry(
                caller,
                "request_contents.deleted",
                "request_contents",
                caller.tenant_id,
                request_id,
                before={"requests": gone},
            ),
        )
        return gone

    async def sweep(self) -> None:
        """Delete the contents and the lines whose time is over, of all tenants, a few at a time.

        The tallies and the ledger stay as they are.
        """
        now, after = self._clock.now(), ""
        said: dict[str, LogTerms] = {}
        while page := await self._store.list_terms_for_all_tenants(after, _TENANTS):
            for tenant_id, terms in page:
                if terms.log_days is not None:
                    said[tenant_id] = terms
                await self._forget(_job(tenant_id), now - timedelta(days=self.bounds.content_days(terms)))
            after = page[-1][0]
        if self.bounds.most_log_days is None:
            for tenant_id, terms in said.items():
                await self._shorten(tenant_id, now, terms)
            return
        tenant = await self._store.find_logged_tenant_for_all_tenants("")
        while tenant is not None:
            await self._shorten(tenant, now, said.get(tenant, NO_TERMS))
            tenant = await self._store.find_logged_tenant_for_all_tenants(tenant)

    async def _shorten(self, tenant_id: str, now: datetime, terms: LogTerms) -> None:
        days = self.bounds.log_days(terms)
        if days is None:
            return
        before = now - timedelta(days=days)
        while True:
            if await self._store.delete_lines(_job(tenant_id), before, _BATCH) < _BATCH:
                return
            await asyncio.sleep(_PAUSE_S)

    async def _forget(self, caller: Caller, before: datetime) -> int:
        gone = 0
        while count := await self._store.delete_contents(caller, before, _BATCH):
            gone += count
            await asyncio.sleep(_PAUSE_S)
        return gone

    def _entry(
        self, caller: Caller, action: str, thing: str, thing_id: str, by: str | None, **values: Any
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing=thing,
            thing_id=thing_id,
            member_id=caller.member_id,
            request_id=by,
            **values,
        )


def _job(tenant_id: str) -> Caller:
    return Caller(tenant_id, "job:request-log", frozenset())
