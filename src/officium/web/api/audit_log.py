"""`/api/audit-log`: who changed what in a tenant, and when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from officium.core.tenancy.audit.entry import RecordedEntry
from officium.core.tenancy.audit.service import LARGEST_PAGE
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router


class AuditEntries(Protocol):
    """Knows the audit log."""

    async def list_entries(
        self,
        caller: Caller,
        *,
        action: str | None = None,
        thing: str | None = None,
        thing_id: str | None = None,
        actor: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> Sequence[RecordedEntry]: ...


class AuditLine(BaseModel):
    """A change that was made. Secrets show their last characters at most."""

    id: str
    at: datetime
    actor: str = Field(description="The key or member who made it.", examples=["key:ak_01k5c9m0w8"])
    member_id: str | None = Field(description="For whom a trusted service made it.")
    action: str = Field(description="What happened.", examples=["llm_config.updated"])
    thing: str = Field(description="The kind of what it happened to.", examples=["llm_config"])
    thing_id: str
    before: Mapping[str, Any] | None = Field(description="Null for what was made.")
    after: Mapping[str, Any] | None = Field(description="Null for what was deleted.")
    request_id: str | None = Field(description="The `x-request-id` of the answer.")


class AuditPage(BaseModel):
    """A page of the audit log, newest first."""

    entries: list[AuditLine]
    next_before: str | None = Field(description="Send it as `before` to get the next page; null at the end.")


Action = Annotated[str | None, Query(description="This action alone.", max_length=64)]
Thing = Annotated[str | None, Query(description="What happened to things of this kind.", max_length=32)]
ThingId = Annotated[str | None, Query(description="What happened to this thing.", max_length=256)]
Actor = Annotated[str | None, Query(description="What this key or member did.", max_length=128)]
Before = Annotated[str | None, Query(description="Entries older than the one with this id.", max_length=64)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]


def audit_log_router(audit: AuditEntries, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "audit")

    @router.get("/api/audit-log", summary="Who changed what in the tenant")
    async def list_entries(
        caller: KnownCaller,
        action: Action = None,
        thing: Thing = None,
        thing_id: ThingId = None,
        actor: Actor = None,
        before: Before = None,
        limit: Limit = 50,
    ) -> AuditPage:
        found = await audit.list_entries(
            caller, action=action, thing=thing, thing_id=thing_id, actor=actor, before=before, limit=limit
        )
        return AuditPage(
            entries=[_shown(entry) for entry in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    return router


def _shown(entry: RecordedEntry) -> AuditLine:
    return AuditLine(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        member_id=entry.member_id,
        action=entry.action,
        thing=entry.thing,
        thing_id=entry.thing_id,
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
    )
