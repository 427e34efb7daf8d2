"""Settings: one's own, and those of the tenant."""

from collections.abc import Sequence
from typing import Any, Protocol, cast
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from officium.core.tenancy import Member, Tenant
from officium.core.tenancy.caller import Caller, require
from officium.core.tenancy.erasure import LastTenant, NameNotRepeated
from officium.core.tenancy.erasure.erasure import GRACE_DAYS
from officium.core.tenancy.errors import InvalidTenant
from officium.core.tenancy.identity import Connection
from officium.core.tenancy.sign_in import (
    BrowserSession,
    NewSession,
    OpenSession,
    SignInFailed,
    SignInTooOld,
)
from officium.core.usage.contents import LogBounds, LogTerms
from officium.core.usage.contents.terms import KEEPINGS, Keeping
from officium.kit.errors import InvalidRequest, LimitExceeded, OfficiumError, PermissionDenied
from officium.web.console.frame import Frame, redirect
from officium.web.console.pages.exports import Exports, shown_exports
from officium.web.console.pages.moments import moment_in
from officium.web.console.sign_in import set_session_cookie, signed_out
from officium.web.console.signed_in import SIGN_IN, Form
from officium.web.errors import status_of

ROOT = "/console/settings"
_LONGEST_DAYS = 5


class People(Protocol):
    """Knows what people choose for themselves."""

    async def list_sessions(self, caller: Caller, token: str) -> Sequence[OpenSession]: ...

    async def end_session(self, caller: Caller, session_id: str) -> None: ...

    async def list_tenants(
        self, caller: Caller, person_id: str | None
    ) -> Sequence[tuple[Member, Tenant]]: ...

    async def connect(self, caller: Caller, login: str, password: str, *, address: str) -> Tenant: ...

    async def change_tenant(self, token: str, tenant_id: str, *, user_agent: str) -> NewSession: ...


class OwnTenant(Protocol):
    """Changes the tenant of its caller."""

    async def change_tenant(self, caller: Caller, tenant: Tenant, *, name: str, time_zone: str) -> None: ...


class OwnErasure(Protocol):
    """Ends the tenant of its caller."""

    async def is_password_asked(self, caller: Caller) -> bool: ...

    async def close_own_tenant(
        self,
        caller: Caller,
        tenant: Tenant,
        token: str,
        *,
        name: str,
        password: str,
        address: str,
        request_id: str | None = None,
    ) -> None: ...


class Retention(Protocol):
    """Knows for how long conversations are kept."""

    async def get_retention(self, caller: Caller) -> int | None: ...

    async def set_retention(
        self, caller: Caller, days: int | None, *, request_id: str | None = None
    ) -> None: ...


class Logs(Protocol):
    """Knows what the request log keeps."""

    bounds: LogBounds

    async def get_terms(self, caller: Caller) -> LogTerms: ...

    async def set_terms(self, caller: Caller, terms: LogTerms, *, request_id: str | None = None) -> None: ...

    async def forget_contents(self, caller: Caller, *, request_id: str | None = None) -> int: ...


class Connections(Protocol):
    """Knows who people are at the identity provider."""

    @property
    def label(self) -> str | None: ...

    async def find_connection(self, caller: Caller) -> Connection | None: ...

    async def is_password_closed(self, member: Member) -> bool: ...


def add_settings_page(
    router: APIRouter,
    people: People,
    tenant: OwnTenant,
    erasure: OwnErasure,
    retention: Retention,
    logs: Logs,
    exports: Exports,
    frame: Frame,
    connections: Connections | None = None,
) -> None:
    """Add the page and its forms."""
    page = _SettingsPage(people, erasure, retention, logs, exports, frame, connections)

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        return await page.show(request)

    @router.post(ROOT + "/sessions/{id}/end")
    async def end(request: Request, id: str) -> Response:
        await people.end_session(request.state.session.caller, id)
        return redirect(ROOT, flash="session_ended")

    @router.post(ROOT + "/tenant")
    async def change(request: Request) -> Response:
        session, form = request.state.session, request.state.form
        require(session.caller, "admin")
        try:
            days = _days_in(form.get("retention", ""))
            await tenant.change_tenant(
                session.caller, session.tenant, name=form.get("name", ""), time_zone=form.get("zone", "")
            )
            if days != await retention.get_retention(session.caller):
                await retention.set_retention(
                    session.caller, days, request_id=request.scope["officium.request_id"]
                )
        except (InvalidTenant, InvalidRequest) as error:
            return await page.refuse(request, error, "tenant")
        return redirect(ROOT, flash="tenant_saved")

    @router.post(ROOT + "/log")
    async def change_log(request: Request) -> Response:
        caller, own_id = request.state.session.caller, request.scope["officium.request_id"]
        require(caller, "admin")
        try:
            await logs.set_terms(caller, _terms_in(request.state.form), request_id=own_id)
        except InvalidRequest as error:
            return await page.refuse(request, error, "log")
        return redirect(ROOT + "#log", flash="log_saved")

    @router.post(ROOT + "/log/forget")
    async def forget(request: Request) -> Response:
        caller = request.state.session.caller
        await logs.forget_contents(caller, request_id=request.scope["officium.request_id"])
        return redirect(ROOT + "#log", flash="contents_deleted")

    @router.post(ROOT + "/close")
    async def close(request: Request) -> Response:
        session, form = request.state.session, request.state.form
        try:
            await erasure.close_own_tenant(
                session.caller,
                session.tenant,
                request.state.token,
                name=form.get("name", ""),
                password=form.get("password", ""),
                address=request.client.host if request.client else "",
                request_id=request.scope["officium.request_id"],
            )
        except (NameNotRepeated, SignInFailed, SignInTooOld, LimitExceeded, LastTenant) as error:
            return await page.refuse(request, error, "close")
        return signed_out(redirect(SIGN_IN, flash="tenant_closed"))

    @router.post(ROOT + "/tenants")
    async def connect(request: Request) -> Response:
        form = request.state.form
        try:
            await people.connect(
                request.state.session.caller,
                form.get("email", ""),
                form.get("password", ""),
                address=request.client.host if request.client else "",
            )
        except (SignInFailed, LimitExceeded, PermissionDenied) as error:
            return await page.refuse(request, error, "tenants")
        return redirect(ROOT, flash="tenant_connected")

    @router.post("/console/tenant")
    async def change_tenant(request: Request) -> Response:
        new = await people.change_tenant(
            request.state.token,
            request.state.form.get("tenant", ""),
            user_agent=request.headers.get("user-agent", ""),
        )
        response = redirect("/console", flash="tenant_entered")
        set_session_cookie(request, response, new.token)
        return response


class _SettingsPage:
    """Puts together what the page shows."""

    def __init__(
        self,
        people: People,
        erasure: OwnErasure,
        retention: Retention,
        logs: Logs,
        exports: Exports,
        frame: Frame,
        connections: Connections | None,
    ) -> None:
        self._people = people
        self._erasure = erasure
        self._logs = logs
        self._connections = connections
        self._retention = retention
        self._exports = exports
        self._frame = frame

    async def show(self, request: Request, status: int = 200, **values: Any) -> Response:
        session = request.state.session
        zone, caller = session.tenant.time_zone, session.caller
        is_admin, is_owner = caller.may("admin"), session.member.role == "owner"
        sessions = await self._people.list_sessions(caller, request.state.token)
        days = await self._retention.get_retention(caller) if is_admin else None
        about: dict[str, Any] = {"error": None, "faulty": "", "said": {}, "exports": None}
        if is_owner:
            about |= await shown_exports(request, self._exports)
        return self._frame.page(
            request,
            "settings.html",
            status=status,
            sessions=[
                {
                    "id": open.id,
                    "browser": _browser(open.user_agent),
                    "system": _system(open.user_agent),
                    "since": moment_in(zone, open.created_at),
                    "seen": moment_in(zone, open.seen_at),
                    "is_this": open.is_this,
                }
                for open in sessions
            ],
            tenants=[
                {
                    "id": tenant.id,
                    "name": tenant.name,
                    "role": member.role,
                    "is_this": tenant.id == caller.tenant_id,
                }
                for member, tenant in await self._people.list_tenants(caller, session.member.person_id)
            ],
            provider=await self._provider(session),
            is_admin=is_admin,
            is_owner=is_owner,
            has_password=is_owner and await self._erasure.is_password_asked(session.caller),
            grace_days=GRACE_DAYS,
            retention=days,
            terms=await self._logs.get_terms(caller) if is_admin else None,
            bounds=self._logs.bounds,
            keepings=KEEPINGS,
            zones=sorted(available_timezones()) if is_admin else [],
            **{**about, **values},
        )

    async def _provider(self, session: BrowserSession) -> dict[str, Any] | None:
        if self._connections is None:
            return None
        found, zone = await self._connections.find_connection(session.caller), session.tenant.time_zone
        return {
            "label": self._connections.label,
            "subject": found.subject if found else None,
            "since": moment_in(zone, found.created_at) if found else None,
            "used": moment_in(zone, found.used_at) if found else None,
            "is_password_closed": await self._connections.is_password_closed(session.member),
        }

    async def refuse(self, request: Request, error: OfficiumError, faulty: str) -> Response:
        """The page once more, with what went wrong."""
        request.scope["officium.error"] = error.code
        return await self.show(
            request,
            400 if status_of(error) == 401 else status_of(error),
            error=error,
            faulty=faulty,
            said=request.state.form,
        )


def _days_in(text: str, param: str = "retention") -> int | None:
    """Days to keep something for; an empty field is for ever. Raises InvalidRequest."""
    if not text.strip():
        return None
    if not text.strip().isdecimal() or len(text.strip()) > _LONGEST_DAYS:
        raise InvalidRequest("Write the days as a whole number, or nothing to keep them.", param=param)
    return int(text)


def _terms_in(form: Form) -> LogTerms:
    """What the form says the request log is to keep. Raises InvalidRequest."""
    return LogTerms(
        contents=cast("Keeping", form.get("contents", "off")),
        content_days=_days_in(form.get("content_days", ""), "content_days") or LogTerms().content_days,
        is_masked="is_masked" in form,
        log_days=_days_in(form.get("log_days", ""), "log_days"),
    )


def _browser(user_agent: str) -> str:
    for sign, name in (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome")):
        if sign in user_agent:
            return name
    return "Safari" if "Safari" in user_agent else ""


def _system(user_agent: str) -> str:
    for sign, name in (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
    ):
        if sign in user_agent:
            return name
    return "macOS" if "Mac OS" in user_agent else "Linux" if "Linux" in user_agent else ""
