"""What each tenant's rules may use, at hand for every request: the context cache.

Not to be mixed up with the cache of LLM configurations, which `POST /config/refresh` empties.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Any, Literal, Protocol

import msgspec
import structlog
from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue, digest_source, read_catalogue
from officium.apps.rules.errors import CatalogueFetchFailed, InvalidCatalogue
from officium.apps.rules.store import SavedCatalogue
from officium.apps.rules.upstream import fetch_failed
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.notices import Notices

CATALOGUE_CHANGED = "rule_catalogue.changed"
"""Notice: the capability catalogue of the tenant with this id is no longer what it was."""
LIFETIME_MINUTES = 60.0
_TENANTS_KEPT = 500
_SENT_KEPT = 200
_log = structlog.get_logger("rules")

Source = Literal["own", "upstream", "example", "request"]
"""The tenant's own catalogue, the platform's, the one that is shipped, or the request's own."""
_FAILURES_LIVE_S = 10.0
"""After a failure the platform is left alone for so long."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """A catalogue that was read: the thing itself, its JSON, and where and when it came from."""

    catalogue: Catalogue
    content: Mapping[str, Any]
    source: Source
    digest: str
    fetched_at: datetime


class CacheStatus(Struct, frozen=True, kw_only=True):
    """How the tenant's entry of the cache stands; the ages are `None` where nothing is kept."""

    is_valid: bool
    age_minutes: float | None
    fetched_at: datetime | None
    expires_at: datetime | None
    lifetime_minutes: float
    source: Source | None
    digest: str | None


class CatalogueStore(Protocol):
    """Where tenants' catalogues are kept."""

    async def find_catalogue(self, caller: Caller) -> SavedCatalogue | None: ...

    async def put_catalogue(self, caller: Caller, catalogue: SavedCatalogue, entry: AuditEntry) -> None: ...

    async def delete_catalogue(self, caller: Caller, entry: AuditEntry) -> bool: ...


class CatalogueSource(Protocol):
    """The platform, which may know a tenant's catalogue."""

    async def fetch(self, caller: Caller) -> Mapping[str, Any] | None: ...


class _Kept(Struct):
    capabilities: Capabilities
    kept_at: float


class CapabilityService:
    """The tenants' catalogues. Whoever may generate or read rules may read theirs."""

    def __init__(
        self,
        store: CatalogueStore,
        clock: Clock,
        notices: Notices,
        *,
        lifetime_minutes: float = LIFETIME_MINUTES,
        upstream: CatalogueSource | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self._lifetime_minutes = lifetime_minutes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._sent: OrderedDict[tuple[str, str], Capabilities] = OrderedDict()
        self._changes = 0
        self._upstream = upstream
        self._asking: dict[str, asyncio.Task[Mapping[str, Any] | None]] = {}
        self._failed: dict[str, tuple[float, CatalogueFetchFailed]] = {}
        notices.subscribe(CATALOGUE_CHANGED, self._forget)

    async def get(self, caller: Caller) -> Capabilities:
        """The tenant's own catalogue, else the platform's, else the example that is shipped.

        While the platform cannot be reached, what it said last goes on. Raises PermissionDenied and
        CatalogueFetchFailed.
        """
        require_reader(caller)
        kept = self._kept.get(caller.tenant_id)
        if kept is not None and self._age_minutes(kept) < self._lifetime_minutes:
            self._kept.move_to_end(caller.tenant_id)
            return kept.capabilities
        read_at, changes = self._clock.monotonic(), self._changes
        saved = await self._store.find_catalogue(caller)
        if saved is not None:
            # Reading a large one takes a tenth of a second.
            capabilities = await asyncio.to_thread(self._read, msgspec.json.decode(saved.content), "own")
        else:
            try:
                capabilities = await self._read_elsewhere(caller)
            except CatalogueFetchFailed:
                if kept is None or kept.capabilities.source != "upstream":
                    raise
                return kept.capabilities
        if changes == self._changes:  # else it may have been read too early
            self._kept[caller.tenant_id] = _Kept(capabilities, read_at)
            self._kept.move_to_end(caller.tenant_id)
            if len(self._kept) > _TENANTS_KEPT:
                self._kept.popitem(last=False)
        return capabilities

    async def of_request(self, caller: Caller, content: Mapping[str, Any] | None) -> Capabilities:
        """The catalogue that came with a request, or the tenant's where none came.

        Raises PermissionDenied and InvalidCatalogue.
        """
        require_reader(caller)
        if not content:
            return await self.get(caller)
        digest = sha256(digest_source(content)).hexdigest()
        key = (caller.tenant_id, digest)
        known = self._sent.get(key)
        if known is not None:
            self._sent.move_to_end(key)
            return known
        capabilities = await asyncio.to_thread(self._read, content, "request")
        self._sent[key] = capabilities
        if len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        return capabilities

    async def set(
        self, caller: Caller, content: Mapping[str, Any], *, request_id: str | None = None
    ) -> Capabilities:
        """Put a catalogue in the place of the tenant's. Raises PermissionDenied and InvalidCatalogue."""
        require(caller, "config:write")
        capabilities = await asyncio.to_thread(self._read, content, "own")
        now = self._clock.now()
        saved = SavedCatalogue(
            content=msgspec.json.encode(capabilities.content).decode(),
            updated_at=now,
            updated_by=caller.actor,
        )
        entry = self._entry(caller, "rule_catalogue.set", capabilities, request_id)
        await self._store.put_catalogue(caller, saved, entry)
        self._notices.publish(CATALOGUE_CHANGED, caller.tenant_id)
        return capabilities

    async def reset(self, caller: Caller, *, request_id: str | None = None) -> None:
        """Forget the tenant's own catalogue, so that the example stands again. Raises PermissionDenied."""
        require(caller, "config:write")
        entry = self._entry(caller, "rule_catalogue.deleted", None, request_id)
        await self._store.delete_catalogue(caller, entry)
        self._notices.publish(CATALOGUE_CHANGED, caller.tenant_id)

    def status(self, caller: Caller) -> CacheStatus:
        """How the tenant's entry of the cache stands. Raises PermissionDenied."""
        require_reader(caller)
        kept = self._kept.get(caller.tenant_id)
        if kept is None:
            return CacheStatus(
                is_valid=False,
                age_minutes=None,
                fetched_at=None,
                expires_at=None,
                lifetime_minutes=self._lifetime_minutes,
                source=None,
                digest=None,
            )
        age = self._age_minutes(kept)
        fetched_at = kept.capabilities.fetched_at
        return CacheStatus(
            is_valid=age < self._lifetime_minutes,
            age_minutes=age,
            fetched_at=fetched_at,
            expires_at=datetime.fromtimestamp(
                fetched_at.timestamp() + self._lifetime_minutes * 60, fetched_at.tzinfo
            ),
            lifetime_minutes=self._lifetime_minutes,
            source=kept.capabilities.source,
            digest=kept.capabilities.digest,
        )

    def age_minutes(self, tenant_id: str) -> int | None:
        """Whole minutes since the tenant's catalogue was fetched; `None` where it was not."""
        kept = self._kept.get(tenant_id)
        return None if kept is None else int(self._age_minutes(kept))

    def invalidate(self, caller: Caller) -> bool:
        """Forget what is kept for the tenant, in every process; whether this one had something.

        Raises PermissionDenied.
        """
        require(caller, "config:write")
        had = caller.tenant_id in self._kept or any(key[0] == caller.tenant_id for key in self._sent)
        self._notices.publish(CATALOGUE_CHANGED, caller.tenant_id)
        return had

    async def _read_elsewhere(self, caller: Caller) -> Capabilities:
        """The platform's catalogue where there is one, else the example. Raises CatalogueFetchFailed."""
        content = None
        if self._upstream is not None:
            content = await self._asked(self._upstream, caller)
        if content is None:
            return await asyncio.to_thread(self._read, example_content(), "example")
        try:
            return await asyncio.to_thread(self._read, content, "upstream")
        except InvalidCatalogue as error:
            raise self._noted(
                caller, fetch_failed(f"its catalogue cannot be used: {error.message}")
            ) from error

    async def _asked(self, upstream: CatalogueSource, caller: Caller) -> Mapping[str, Any] | None:
        """What the platform says, asked once for all who wait, and not again right after a failure."""
        tenant_id = caller.tenant_id
        until, failure = self._failed.get(tenant_id, (0.0, None))
        if failure is not None and self._clock.monotonic() < until:
            raise CatalogueFetchFailed(failure.message)
        task = self._asking.get(tenant_id)
        if task is None:
            task = self._asking[tenant_id] = asyncio.create_task(upstream.fetch(caller))
            task.add_done_callback(lambda _: self._asking.pop(tenant_id, None))
        try:
            content = await asyncio.shield(task)
        except CatalogueFetchFailed as error:
            raise self._noted(caller, error) from error
        self._failed.pop(tenant_id, None)
        return content

    def _noted(self, caller: Caller, error: CatalogueFetchFailed) -> CatalogueFetchFailed:
        self._failed[caller.tenant_id] = (self._clock.monotonic() + _FAILURES_LIVE_S, error)
        _log.warning("rules.catalogue_not_fetched", tenant=caller.tenant_id, reason=error.message)
        return error

    def _read(self, content: Mapping[str, Any], source: Source) -> Capabilities:
        catalogue = read_catalogue(content)
        shown = _shown(catalogue)
        return Capabilities(
            catalogue=catalogue,
            content=shown,
            source=source,
            digest=sha256(digest_source(shown)).hexdigest(),
            fetched_at=self._clock.now(),
        )

    def _age_minutes(self, kept: _Kept) -> float:
        return (self._clock.monotonic() - kept.kept_at) / 60

    def _forget(self, tenant_id: str) -> None:
        self._changes += 1
        self._kept.pop(tenant_id, None)
        self._failed.pop(tenant_id, None)
        for key in [key for key in self._sent if key[0] == tenant_id]:
            del self._sent[key]

    def _entry(
        self, caller: Caller, action: str, after: Capabilities | None, request_id: str | None
    ) -> AuditEntry:
        counts = None
        if after is not None:
            counts = {name: len(entries) for name, entries in after.content.items()}
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="rule_catalogue",
            thing_id=caller.tenant_id,
            after=None if counts is None or after is None else {**counts, "digest": after.digest},
            request_id=request_id,
        )


def _shown(catalogue: Catalogue) -> dict[str, Any]:
    """The catalogue's JSON in its own form, without what says nothing."""
    said: dict[str, list[dict[str, Any]]] = catalogue.model_dump(mode="json")
    return {
        kind: [
            {name: value for name, value in entry.items() if value not in (None, "", [])} for entry in entries
        ]
        for kind, entries in said.items()
    }


def require_reader(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller may generate rules, or read or write configuration."""
    if not caller.may("inference") and not caller.may("config:write"):
        require(caller, "config:read")


def example_content() -> dict[str, Any]:
    """The catalogue that is shipped, for those who have told none of their own."""
    file = resources.files("officium.apps.rules") / "example_catalogue.json"
    content: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return content
