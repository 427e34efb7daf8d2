"""`/aggregated` and `/cache/*`: what a tenant's rules may use, and the cache in which that is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from officium.apps.rules.capabilities import CacheStatus, Capabilities, Source
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class CapabilityService(Protocol):
    """Knows the tenants' capability catalogues."""

    async def get(self, caller: Caller) -> Capabilities: ...

    async def set(
        self, caller: Caller, content: Mapping[str, Any], *, request_id: str | None = None
    ) -> Capabilities: ...

    async def reset(self, caller: Caller, *, request_id: str | None = None) -> None: ...

    def status(self, caller: Caller) -> CacheStatus: ...

    def invalidate(self, caller: Caller) -> bool: ...


class Aggregated(BaseModel):
    """A capability catalogue: send it as `aggregated_context`, or leave that out, which means the same."""

    triggers: list[dict[str, Any]] = Field(description="When rules are looked at.")
    condition_types: list[dict[str, Any]] = Field(
        description="The facts that conditions may speak of, with their paths, types and units."
    )
    action_types: list[dict[str, Any]] = Field(
        description="What rules can do, with the JSON schema of their parameters."
    )
    source: Source = Field(
        description="`own`, `upstream` (the platform's), or `example` where nobody has told one."
    )
    digest: str = Field(description="Changes whenever the catalogue does.")
    fetched_at: datetime


class ShownCacheStatus(BaseModel):
    """The context cache, as far as the caller's tenant is concerned."""

    valid: bool = Field(description="Whether the next request is served from the cache.")
    age_minutes: float | None
    lifetime_minutes: float
    fetched_at: datetime | None
    expires_at: datetime | None
    source: Source | None
    digest: str | None


class Invalidated(BaseModel):
    """The cache is empty; the next request reads the catalogue anew."""

    invalidated: bool = Field(description="Whether there was anything in this process's cache.")


_EXAMPLE = {
    "triggers": [{"name": "ON_METRIC_UPDATE", "kind": "metric"}],
    "condition_types": [{"path": "metrics.db_memory_percent", "type": "number", "unit": "%"}],
    "action_types": [
        {
            "name": "SEND_WITH_ESCALATION",
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "message": {"type": "string"}},
                "required": ["to", "message"],
                "additionalProperties": False,
            },
        }
    ],
}


def rule_capabilities_router(capabilities: CapabilityService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "rules")

    @router.get("/aggregated", summary="What the tenant's rules may use")
    async def get_aggregated(caller: KnownCaller) -> Aggregated:
        return _shown(await capabilities.get(caller))

    @router.put("/aggregated", summary="Say what the tenant's rules may use")
    async def set_aggregated(
        caller: KnownCaller,
        request_id: RequestId,
        asked: Annotated[dict[str, Any], Body(examples=[_EXAMPLE])],
    ) -> Aggregated:
        return _shown(await capabilities.set(caller, asked, request_id=request_id))

    @router.delete("/aggregated", summary="Go back to the example catalogue", status_code=204)
    async def reset_aggregated(caller: KnownCaller, request_id: RequestId) -> None:
        await capabilities.reset(caller, request_id=request_id)

    @router.get("/cache/status", summary="How old the cached catalogue is, and whether it is valid")
    async def get_cache_status(caller: KnownCaller) -> ShownCacheStatus:
        values = msgspec.structs.asdict(capabilities.status(caller))
        return ShownCacheStatus(valid=values.pop("is_valid"), **values)

    @router.post("/cache/invalidate", summary="Drop the cached catalogue")
    async def invalidate_cache(caller: KnownCaller) -> Invalidated:
        return Invalidated(invalidated=capabilities.invalidate(caller))

    return router


def _shown(capabilities: Capabilities) -> Aggregated:
    return Aggregated(
        **capabilities.content,
        source=capabilities.source,
        digest=capabilities.digest,
        fetched_at=capabilities.fetched_at,
    )
