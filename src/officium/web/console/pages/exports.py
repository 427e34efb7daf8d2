"""Everything of the tenant in one file: asked for, watched, taken and deleted under Settings."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.export import Export
from officium.web.browser import csrf_token
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.pages.moments import moment_in

ROOT = "/console/settings/exports"
_BACK = "/console/settings"


class Exports(Protocol):
    """Makes a file of everything a tenant has."""

    async def request_export(self, caller: Caller, *, request_id: str | None = None) -> Export: ...

    async def list_exports(self, caller: Caller) -> Sequence[Export]: ...

    async def open_export(
        self, caller: Caller, export_id: str, *, request_id: str | None = None
    ) -> tuple[Export, AsyncIterator[bytes]]: ...

    async def delete_export(
        self, caller: Caller, export_id: str, *, request_id: str | None = None
    ) -> None: ...


def add_exports_page(router: APIRouter, exports: Exports, frame: Frame) -> None:
    """Add the piece of the page that shows them, and its buttons."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        return frame.fragment("settings/exports.html", **await shown_exports(request, exports))

    @router.post(ROOT)
    async def ask(request: Request) -> Response:
        await exports.request_export(
            request.state.session.caller, request_id=request.scope["officium.request_id"]
        )
        return redirect(f"{_BACK}#all", flash="export_requested")

    @router.get(f"{ROOT}/{{id}}")
    async def download(request: Request, id: str) -> Response:
        session = request.state.session
        export, pieces = await exports.open_export(
            session.caller, id[:64], request_id=request.scope["officium.request_id"]
        )
        name = f"officium-{session.tenant.id}-{export.requested_at:%Y-%m-%d}.zip"
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "content-length": str(export.size_bytes),
            "cache-control": "no-store",
        }
        return guarded(StreamingResponse(pieces, media_type="application/zip", headers=headers))

    @router.post(f"{ROOT}/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        await exports.delete_export(
            request.state.session.caller, id[:64], request_id=request.scope["officium.request_id"]
        )
        return redirect(f"{_BACK}#all", flash="export_deleted")


async def shown_exports(request: Request, exports: Exports) -> dict[str, Any]:
    """What the piece of the page shows."""
    session = request.state.session
    found = await exports.list_exports(session.caller)
    zone = session.tenant.time_zone
    return {
        "csrf": csrf_token(request.state.token),
        "exports": [
            {
                "id": export.id,
                "state": export.state,
                "failure": export.failure,
                "percent": export.percent,
                "size": _shown(export.size_bytes),
                "rows": f"{export.done_rows:,}",
                "asked": moment_in(zone, export.requested_at),
                "until": moment_in(zone, export.expires_at),
            }
            for export in found
        ],
        "is_under_way": any(export.is_under_way for export in found),
    }


def _shown(size_bytes: int) -> str:
    """A size in the unit that suits it."""
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:,.0f} kB"
    return f"{size_bytes / 1_000_000:,.1f} MB"
