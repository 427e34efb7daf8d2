"""Keys for programs: made, replaced and revoked, and when they were last used."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from officium.core.tenancy import SCOPES, ApiKey, NewKey
from officium.core.tenancy.caller import Caller, require
from officium.core.tenancy.errors import InvalidKey
from officium.web.console.frame import Frame, redirect
from officium.web.console.pages.moments import moment_in

ROOT = "/console/keys"
LIFETIMES = {"30": 30, "90": 90, "365": 365, "never": None}
"""For how many days a key can be made."""
_LISTED = 500
_OFFERED = ("inference", "usage:read", "config:read", "config:write", "insights:write", "act-as", "admin")


class Keys(Protocol):
    """Knows the keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ApiKey]: ...

    async def create_key(
        self,
        caller: Caller,
        name: str,
        *,
        scopes: Collection[str] = ...,
        expires_at: datetime | None = None,
        request_id: str | None = None,
    ) -> NewKey: ...

    async def rotate_key(
        self, caller: Caller, reference: str, *, request_id: str | None = None
    ) -> NewKey: ...

    async def revoke_key(
        self, caller: Caller, reference: str, *, request_id: str | None = None
    ) -> ApiKey: ...


def add_keys_page(router: APIRouter, keys: Keys, frame: Frame) -> None:
    """Add the page and its forms."""

    async def page(request: Request, status: int = 200, **values: Any) -> Response:
        session = request.state.session
        found = await keys.list_keys(session.caller, limit=_LISTED)
        now = datetime.now(UTC)
        shown = [_shown(key, session.tenant.time_zone, now) for key in reversed(found)]
        about: dict[str, Any] = {"new": None, "error": None, "said": {}, "replaced": False}
        return frame.page(
            request,
            "keys.html",
            status=status,
            keys=[key for key in shown if key["counts"]],
            gone=[key for key in shown if not key["counts"]],
            scopes=[scope for scope in _OFFERED if scope in SCOPES],
            lifetimes=list(LIFETIMES),
            base_url=str(request.base_url).rstrip("/"),
            **{**about, **values},
        )

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        require(request.state.session.caller, "admin")
        return await page(request)

    @router.post(ROOT)
    async def create(request: Request) -> Response:
        form = request.state.form
        days = LIFETIMES.get(form.get("lifetime", "90"), 90)
        scopes = [scope for scope in _OFFERED if form.get(f"scope-{scope}")]
        try:
            new = await keys.create_key(
                request.state.session.caller,
                form.get("name", "").strip(),
                scopes=scopes,
                expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
                request_id=request.scope["officium.request_id"],
            )
        except InvalidKey as error:
            request.scope["officium.error"] = error.code
            return await page(request, 400, error=error, said=form)
        return await page(request, new=new)

    @router.post(ROOT + "/{id}/replace")
    async def replace(request: Request, id: str) -> Response:
        new = await keys.rotate_key(
            request.state.session.caller, id, request_id=request.scope["officium.request_id"]
        )
        return await page(request, new=new, replaced=True)

    @router.post(ROOT + "/{id}/revoke")
    async def revoke(request: Request, id: str) -> Response:
        await keys.revoke_key(
            request.state.session.caller, id, request_id=request.scope["officium.request_id"]
        )
        return redirect(ROOT, flash="key_revoked")


def _shown(key: ApiKey, zone: str, now: datetime) -> dict[str, Any]:
    has_expired = key.expires_at is not None and key.expires_at <= now
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [scope for scope in _OFFERED if scope in key.scopes],
        "created": moment_in(zone, key.created_at),
        "used": moment_in(zone, key.last_used_at),
        "ends": moment_in(zone, key.expires_at),
        "revoked": moment_in(zone, key.revoked_at),
        "counts": key.revoked_at is None and not has_expired,
    }
