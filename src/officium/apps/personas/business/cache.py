"""What is known of each tenant's business, at hand for every question."""

from collections import OrderedDict
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from officium.apps.personas.business.context import BusinessContext
from officium.core.tenancy import Caller
from officium.kit.clock import Clock
from officium.kit.notices import Notices

CONTEXT_CHANGED = "business_context.changed"
"""Notice: what is known of the business of the tenant with this id is no longer what it was."""
CONTEXT_LIVES_S = 60.0
"""How long another process's change may go unnoticed where its notice is lost."""
_TENANTS_KEPT = 1_000


class ContextSource(Protocol):
    """Where the context is kept."""

    async def load_context(self, caller: Caller, now: datetime) -> BusinessContext: ...


class _Kept(Struct):
    context: BusinessContext
    expires: float


class ContextCache:
    """Remembers each tenant's context for a minute, and forgets it when it changes."""

    def __init__(self, source: ContextSource, clock: Clock, notices: Notices) -> None:
        self._source = source
        self._clock = clock
        self._notices = notices
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._changes = 0
        notices.subscribe(CONTEXT_CHANGED, self._forget)

    async def load(self, caller: Caller) -> BusinessContext:
        """What is known of the business of the caller's tenant."""
        now = self._clock.now()
        kept = self._kept.get(caller.tenant_id)
        if kept is not None and kept.expires > self._clock.monotonic():
            self._kept.move_to_end(caller.tenant_id)
            return kept.context.at(now)
        read_at, changes = self._clock.monotonic(), self._changes
        context = await self._source.load_context(caller, now)
        if changes == self._changes:  # else it may have been read too early
            self._kept[caller.tenant_id] = _Kept(context, read_at + CONTEXT_LIVES_S)
            self._kept.move_to_end(caller.tenant_id)
            if len(self._kept) > _TENANTS_KEPT:
                self._kept.popitem(last=False)
        return context

    def announce(self, caller: Caller) -> None:
        """Let every process forget the context of the caller's tenant."""
        self._notices.publish(CONTEXT_CHANGED, caller.tenant_id)

    def _forget(self, tenant_id: str) -> None:
        self._changes += 1
        self._kept.pop(tenant_id, None)
