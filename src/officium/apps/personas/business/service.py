"""What a caller may ask and tell about the business."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from msgspec import to_builtins
from msgspec.structs import asdict

from officium.apps.personas.business.cache import ContextCache
from officium.apps.personas.business.context import BusinessContext
from officium.apps.personas.business.errors import InsightNotFound, InvalidInsight, InvalidSnapshot
from officium.apps.personas.business.insight import Insight, SavedInsight, check_insight, saved_insight
from officium.apps.personas.business.profile import BusinessProfile, SavedProfile, check_profile
from officium.apps.personas.business.snapshot import SavedSnapshot, Snapshot, check_snapshot
from officium.apps.personas.business.snapshot_file import FileFormat, read_snapshots
from officium.apps.personas.business.store import BusinessStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 200
MOST_AT_ONCE = 1_000

WhenFiguresCome = Callable[[Caller], Awaitable[object]]
"""What else is to be done when a tenant's figures have changed."""

_log = structlog.get_logger("personas")


class BusinessContextService:
    """The tenant's profile, figures and insights. Whoever may ask an adviser may read them."""

    def __init__(
        self,
        store: BusinessStore,
        cache: ContextCache,
        clock: Clock,
        when_figures_come: WhenFiguresCome | None = None,
    ) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._when_figures_come = when_figures_come

    async def get_context(self, caller: Caller) -> BusinessContext:
        """What an adviser would be told now. Raises PermissionDenied."""
        _require_reading(caller)
        return await self._cache.load(caller)

    async def find_profile(self, caller: Caller) -> SavedProfile | None:
        """What the business says of itself, if anything. Raises PermissionDenied."""
        _require_reading(caller)
        return await self._store.find_profile(caller)

    async def set_profile(
        self, caller: Caller, profile: BusinessProfile, *, request_id: str | None = None
    ) -> SavedProfile:
        """Put a profile in the place of the one before. Raises PermissionDenied and InvalidProfile."""
        require(caller, "config:write")
        check_profile(profile)
        before = await self._store.find_profile(caller)
        saved = SavedProfile(**asdict(profile), updated_at=self._clock.now(), updated_by=caller.actor)
        entry = AuditEntry(
            at=saved.updated_at,
            action="business_profile.set",
            thing="business_profile",
            thing_id=caller.tenant_id,
            before=None if before is None else to_builtins(before),
            after=to_builtins(profile),
            request_id=request_id,
        )
        await self._store.put_profile(caller, saved, entry)
        self._changed(caller, "business_profile.set")
        return saved

    async def add_snapshots(self, caller: Caller, snapshots: Sequence[Snapshot]) -> list[SavedSnapshot]:
        """Save figures, all or none; those of a moment that is known are replaced.

        Raises PermissionDenied and InvalidSnapshot.
        """
        require(caller, "config:write")
        now = self._clock.now()
        if not 1 <= len(snapshots) <= MOST_AT_ONCE:
            raise InvalidSnapshot(f"Send 1 to {MOST_AT_ONCE:,} snapshots at once.", param="snapshots")
        for snapshot in snapshots:
            check_snapshot(snapshot, now)
        if len({snapshot.as_of for snapshot in snapshots}) < len(snapshots):
            raise InvalidSnapshot("Two of the snapshots are of the same moment.", param="asOf")
        return await self._save(caller, snapshots, now)

    async def import_snapshots(self, caller: Caller, content: bytes, kind: FileFormat) -> int:
        """Save the figures in a file, all or none; how many there were.

        Raises PermissionDenied and ImportRejected, which lists what is wrong by row.
        """
        require(caller, "config:write")
        now = self._clock.now()
        return len(await self._save(caller, read_snapshots(content, kind, now), now))

    async def list_snapshots(
        self, caller: Caller, *, before: datetime | None = None, limit: int = 50
    ) -> list[SavedSnapshot]:
        """A page of the figures, latest first, of those before a moment. Raises PermissionDenied."""
        _require_reading(caller)
        return await self._store.list_snapshots(caller, before, _checked(limit))

    async def push_insights(self, caller: Caller, insights: Sequence[Insight]) -> int:
        """Save what modules have found out, all or none; older news of the same thing change nothing.

        Needs `insights:write` or `config:write`. Raises PermissionDenied and InvalidInsight.
        """
        if not caller.may("config:write"):
            require(caller, "insights:write")
        now = self._clock.now()
        if not 1 <= len(insights) <= MOST_AT_ONCE:
            raise InvalidInsight(f"Send 1 to {MOST_AT_ONCE:,} insights at once.", param="insights")
        for insight in insights:
            check_insight(insight, now)
        if len({(insight.module, insight.key) for insight in insights}) < len(insights):
            raise InvalidInsight("Two of the insights have the same module and key.", param="key")
        saved = [saved_insight(each, now, caller.actor) for each in insights]
        await self._store.put_insights(caller, saved, now)
        self._changed(caller, "module_insights.pushed", count=len(saved))
        return len(saved)

    async def list_insights(
        self, caller: Caller, *, after: tuple[str, str] | None = None, limit: int = 50
    ) -> list[SavedInsight]:
        """A page of the insights that have not expired, by module and key. Raises PermissionDenied."""
        _require_reading(caller)
        return await self._store.list_insights(caller, self._clock.now(), after, _checked(limit))

    async def delete_insights(
        self, caller: Caller, module: str, key: str | None = None, *, request_id: str | None = None
    ) -> None:
        """Forget what a module has found out about `key`, or about anything.

        Raises PermissionDenied and InsightNotFound.
        """
        require(caller, "config:write")
        entry = AuditEntry(
            at=self._clock.now(),
            action="module_insight.deleted",
            thing="module_insight",
            thing_id=module if key is None else f"{module}/{key}",
            request_id=request_id,
        )
        if not await self._store.delete_insights(caller, module, key, entry):
            raise InsightNotFound("There is no such insight. GET /api/business-context/insights lists them.")
        self._changed(caller, "module_insight.deleted")

    async def _save(
        self, caller: Caller, snapshots: Sequence[Snapshot], now: datetime
    ) -> list[SavedSnapshot]:
        saved = [
            SavedSnapshot(**asdict(each), received_at=now, received_by=caller.actor) for each in snapshots
        ]
        await self._store.put_snapshots(caller, saved)
        self._changed(caller, "analytics_snapshots.saved", count=len(saved))
        if self._when_figures_come is not None:
            await self._when_figures_come(caller)
        return saved

    def _changed(self, caller: Caller, event: str, **fields: object) -> None:
        _log.info(event, tenant=caller.tenant_id, actor=caller.actor, **fields)
        self._cache.announce(caller)


def _require_reading(caller: Caller) -> None:
    if not caller.may("config:read") and not caller.may("config:write"):
        require(caller, "inference")


def _checked(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit
