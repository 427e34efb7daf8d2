"""`/api/business-context`: what the advisers know of the tenant's business, and where it comes from."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, Field

from officium.apps.personas.business import (
    STALE_AFTER,
    BusinessContext,
    BusinessProfile,
    Insight,
    SavedInsight,
    SavedProfile,
    SavedSnapshot,
    Snapshot,
)
from officium.apps.personas.business.service import LARGEST_PAGE
from officium.apps.personas.business.snapshot import moment_of
from officium.apps.personas.business.snapshot_file import FileFormat
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import Camel, CamelBody

_ROOT = "/api/business-context"
_DAYS = STALE_AFTER.days
_FORMATS: dict[str, FileFormat] = {"text/csv": "csv", "application/json": "json"}


class BusinessContexts(Protocol):
    """Knows the businesses."""

    async def get_context(self, caller: Caller) -> BusinessContext: ...

    async def find_profile(self, caller: Caller) -> SavedProfile | None: ...

    async def set_profile(
        self, caller: Caller, profile: BusinessProfile, *, request_id: str | None = None
    ) -> SavedProfile: ...

    async def add_snapshots(
        self, caller: Caller, snapshots: Sequence[Snapshot]
    ) -> Sequence[SavedSnapshot]: ...

    async def import_snapshots(self, caller: Caller, content: bytes, kind: FileFormat) -> int: ...

    async def list_snapshots(
        self, caller: Caller, *, before: datetime | None = None, limit: int = 50
    ) -> Sequence[SavedSnapshot]: ...

    async def push_insights(self, caller: Caller, insights: Sequence[Insight]) -> int: ...

    async def list_insights(
        self, caller: Caller, *, after: tuple[str, str] | None = None, limit: int = 50
    ) -> Sequence[SavedInsight]: ...

    async def delete_insights(
        self, caller: Caller, module: str, key: str | None = None, *, request_id: str | None = None
    ) -> None: ...


Count = Annotated[int, Field(strict=True, ge=0)]
Figure = Annotated[float, Field(strict=True)]


class Profile(CamelBody):
    """A business in its own words. What is left out is not known."""

    industry: str | None = Field(None, examples=["SaaS"])
    size: str | None = Field(None, examples=["small"])
    stage: str | None = Field(None, examples=["growth"])
    revenue: str | None = Field(None, examples=["$100k-$500k"])
    goals: list[str] = Field(default=[], examples=[["Reach $1M ARR", "Enter a second market"]])
    extra: dict[str, str | bool | int | float] = Field(
        default={}, description="Whatever else an adviser should know.", examples=[{"team": 12}]
    )


class ShownProfile(Camel):
    """What the business says of itself; `updatedAt` is null where it has said nothing yet."""

    industry: str | None = None
    size: str | None = None
    stage: str | None = None
    revenue: str | None = None
    goals: list[str] = Field(default=[])
    extra: dict[str, Any] = Field(default={})
    updated_at: datetime | None = None
    updated_by: str | None = None


class NewSnapshot(CamelBody):
    """Figures as of a moment. What was not measured is left out."""

    as_of: AwareDatetime | date = Field(
        description="A day (it begins at midnight, UTC), or a moment.", examples=["2026-11-20"]
    )
    sessions: Count | None = Field(None, examples=[1500])
    users: Count | None = Field(None, examples=[450])
    conversions: Count | None = Field(None, examples=[23])
    revenue: Figure | None = Field(None, examples=[12500.50])
    extra: dict[str, Figure] = Field(
        default={}, description="Figures of your own.", examples=[{"churned customers": 3}]
    )


class NewSnapshots(CamelBody):
    """Several snapshots: all are saved, or none."""

    snapshots: list[NewSnapshot]


class ShownSnapshot(Camel):
    """Figures as of a moment, and when and from whom they came."""

    as_of: datetime
    sessions: int | None
    users: int | None
    conversions: int | None
    revenue: float | None
    extra: dict[str, float]
    received_at: datetime
    received_by: str


class LatestFigures(ShownSnapshot):
    """The latest figures, and whether an adviser would call them old."""

    is_stale: bool = Field(description=f"Whether they are older than {_DAYS} days.")


class Snapshots(Camel):
    """A page of snapshots, latest first."""

    snapshots: list[ShownSnapshot]
    next_before: datetime | None = Field(
        description="Send it as `before` to get the next page; null at the end."
    )


class Saved(Camel):
    """How many were saved."""

    saved: int


class NewInsight(CamelBody):
    """What a module has found out: a text, data, or both. It takes the place of what the key had before."""

    module: str = Field(examples=["crm"])
    key: str = Field(examples=["open-deals"])
    text: str | None = Field(None, examples=["Three deals worth 48,000 are without an answer for 14 days."])
    data: dict[str, Any] | None = Field(None, examples=[{"open deals": 3, "worth": 48000}])
    observed_at: AwareDatetime | None = Field(None, description="Now, where left out.")
    expires_at: AwareDatetime | None = Field(None, description="When it is to be forgotten.")


class NewInsights(CamelBody):
    """Several insights: all are saved, or none."""

    insights: list[NewInsight]


class ShownInsight(Camel):
    """The latest that is known of a key, and when and from whom it came."""

    module: str
    key: str
    text: str | None
    data: dict[str, Any] | None
    observed_at: datetime
    expires_at: datetime | None
    received_at: datetime
    pushed_by: str


class Insights(Camel):
    """A page of insights, by module and key."""

    insights: list[ShownInsight]
    next_after: str | None = Field(description="Send it as `after` to get the next page; null at the end.")


class ShownContext(Camel):
    """What an adviser would be told now."""

    profile: ShownProfile | None
    analytics: LatestFigures | None
    insights: list[ShownInsight] = Field(description="Newest first; of many an adviser is told the newest.")
    stale_after_days: int


Before = Annotated[AwareDatetime | date | None, Query(description="Those before this moment.")]
After = Annotated[
    str | None, Query(description="Those behind this one, as `nextAfter` names it.", max_length=129)
]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
ModuleName = Annotated[str, Query(description="Whose insights.", max_length=64)]
InsightKey = Annotated[str | None, Query(description="Which of them; all where left out.", max_length=64)]

_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "asOf,sessions,users,conversions,revenue\n2026-11-20,1500,450,23,12500.50\n",
            },
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


def business_context_router(businesses: BusinessContexts, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "business context")
    _add_context(router, businesses)
    _add_snapshots(router, businesses)
    _add_insights(router, businesses)
    return router


def _add_context(router: APIRouter, businesses: BusinessContexts) -> None:
    @router.get(_ROOT, summary="What an adviser would be told now")
    async def get_context(caller: KnownCaller) -> ShownContext:
        found = await businesses.get_context(caller)
        latest = found.snapshot
        return ShownContext(
            profile=None if found.profile is None else _shown_profile(found.profile),
            analytics=None
            if latest is None
            else LatestFigures(**msgspec.structs.asdict(latest), is_stale=found.is_stale),
            insights=[_shown_insight(insight) for insight in found.insights],
            stale_after_days=_DAYS,
        )

    @router.get(f"{_ROOT}/profile", summary="What the business says of itself")
    async def get_profile(caller: KnownCaller) -> ShownProfile:
        found = await businesses.find_profile(caller)
        return ShownProfile() if found is None else _shown_profile(found)

    @router.put(f"{_ROOT}/profile", summary="Say what the business is; replaces what was said before")
    async def set_profile(caller: KnownCaller, request_id: RequestId, asked: Profile) -> ShownProfile:
        profile = BusinessProfile(**{**asked.model_dump(), "goals": tuple(asked.goals)})
        return _shown_profile(await businesses.set_profile(caller, profile, request_id=request_id))


def _add_snapshots(router: APIRouter, businesses: BusinessContexts) -> None:
    @router.get(f"{_ROOT}/snapshots", summary="The business's figures over time")
    async def list_snapshots(caller: KnownCaller, before: Before = None, limit: PageSize = 50) -> Snapshots:
        until = None if before is None else moment_of(before)
        found = await businesses.list_snapshots(caller, before=until, limit=limit)
        return Snapshots(
            snapshots=[ShownSnapshot(**msgspec.structs.asdict(each)) for each in found],
            next_before=found[-1].as_of if len(found) == limit else None,
        )

    @router.post(f"{_ROOT}/snapshots", summary="Tell new figures, of one moment or of several")
    async def add_snapshots(caller: KnownCaller, asked: NewSnapshot | NewSnapshots) -> Saved:
        told = asked.snapshots if isinstance(asked, NewSnapshots) else [asked]
        snapshots = [Snapshot(**{**each.model_dump(), "as_of": moment_of(each.as_of)}) for each in told]
        return Saved(saved=len(await businesses.add_snapshots(caller, snapshots)))

    @router.post(
        f"{_ROOT}/snapshots/import",
        summary="Tell the figures in a CSV or JSON file: all of them, or none",
        openapi_extra=_FILE,
    )
    async def import_snapshots(caller: KnownCaller, request: Request) -> Saved:
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        kind = _FORMATS.get(said)
        if kind is None:
            raise InvalidRequest(
                "Send the file with `content-type: text/csv` or `application/json`.", param="content-type"
            )
        return Saved(saved=await businesses.import_snapshots(caller, await request.body(), kind))


def _add_insights(router: APIRouter, businesses: BusinessContexts) -> None:
    @router.get(f"{_ROOT}/insights", summary="What the tenant's software has found out")
    async def list_insights(caller: KnownCaller, after: After = None, limit: PageSize = 50) -> Insights:
        found = await businesses.list_insights(caller, after=_place(after), limit=limit)
        last = found[-1] if len(found) == limit else None
        return Insights(
            insights=[_shown_insight(insight) for insight in found],
            next_after=None if last is None else f"{last.module}/{last.key}",
        )

    @router.post(f"{_ROOT}/insights", summary="Tell what a module has found out, once or several times")
    async def push_insights(caller: KnownCaller, asked: NewInsight | NewInsights) -> Saved:
        told = asked.insights if isinstance(asked, NewInsights) else [asked]
        insights = [Insight(**each.model_dump()) for each in told]
        return Saved(saved=await businesses.push_insights(caller, insights))

    @router.delete(f"{_ROOT}/insights", summary="Forget what a module has found out", status_code=204)
    async def delete_insights(
        caller: KnownCaller, request_id: RequestId, module: ModuleName, key: InsightKey = None
    ) -> None:
        await businesses.delete_insights(caller, module, key, request_id=request_id)


def _place(after: str | None) -> tuple[str, str] | None:
    if after is None:
        return None
    module, _, key = after.partition("/")
    return module, key


def _shown_profile(profile: SavedProfile) -> ShownProfile:
    values: Mapping[str, Any] = msgspec.structs.asdict(profile)
    return ShownProfile(**{**values, "goals": list(profile.goals)})


def _shown_insight(insight: SavedInsight) -> ShownInsight:
    return ShownInsight(**msgspec.structs.asdict(insight))
