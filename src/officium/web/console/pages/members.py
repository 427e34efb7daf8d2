"""The people of a tenant: who they are, what they may do, and signing them out."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, cast

from fastapi import APIRouter, Request, Response

from officium.apps.widget.client import Client
from officium.core.tenancy import Member
from officium.core.tenancy.caller import Caller, require
from officium.core.tenancy.sign_in import InvalidMember, MemberExists, NewMember, Role
from officium.core.tenancy.sign_in.store import NO_WAY_IN, WaysIn
from officium.kit.errors import OfficiumError, PermissionDenied
from officium.web.console.frame import Frame, redirect
from officium.web.console.pages.moments import moment_in
from officium.web.errors import status_of

ROOT = "/console/members"
ROLES = ("admin", "member", "viewer", "client")
"""What an administrator may give; owners are the operator's to make."""
_PAGE = 200
_MOST_CLIENTS = 100
_LONGEST_WORDS = 320


class Members(Protocol):
    """Knows the people."""

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[Member]: ...

    async def create_member(
        self,
        caller: Caller,
        email: str,
        *,
        name: str | None = None,
        role: Role = "member",
        password: str | None = None,
        client_id: int | None = None,
    ) -> NewMember: ...

    async def set_password(
        self, caller: Caller, reference: str, password: str | None = None
    ) -> NewMember: ...

    async def set_role(
        self, caller: Caller, reference: str, role: Role, client_id: int | None = None
    ) -> Member: ...

    async def disable_member(self, caller: Caller, reference: str) -> Member: ...

    async def enable_member(self, caller: Caller, reference: str) -> Member: ...

    async def end_sessions(self, caller: Caller, reference: str) -> None: ...

    async def list_ways_in(self, caller: Caller, member_ids: Collection[str]) -> Mapping[str, WaysIn]: ...

    async def disconnect_member(self, caller: Caller, reference: str, words: str = "") -> Member: ...


class Clients(Protocol):
    """Knows an agency's clients."""

    async def list_clients(self, caller: Caller, *, after: int = 0, limit: int = 50) -> Sequence[Client]: ...

    async def get_client(self, caller: Caller, client_id: int) -> Client: ...


def add_members_page(router: APIRouter, members: Members, clients: Clients, frame: Frame) -> None:
    """Add the page and its forms."""
    page = _MembersPage(members, clients, frame)

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        require(request.state.session.caller, "admin")
        return await page.show(request)

    @router.post(ROOT)
    async def create(request: Request) -> Response:
        form, caller = request.state.form, request.state.session.caller
        try:
            role, client_id = await page.role_in(caller, form)
            new = await members.create_member(
                caller, form.get("email", ""), name=form.get("name") or None, role=role, client_id=client_id
            )
        except (InvalidMember, MemberExists) as error:
            return await page.refuse(request, error)
        return await page.show(request, new=new)

    @router.post(ROOT + "/{id}/role")
    async def set_role(request: Request, id: str) -> Response:
        caller = request.state.session.caller
        try:
            role, client_id = await page.role_in(caller, request.state.form)
            await members.set_role(caller, id, role, client_id)
        except (InvalidMember, PermissionDenied) as error:
            return await page.refuse(request, error)
        return redirect(ROOT, flash="member_changed")

    @router.post(ROOT + "/{id}/password")
    async def set_password(request: Request, id: str) -> Response:
        try:
            new = await members.set_password(request.state.session.caller, id)
        except PermissionDenied as error:
            return await page.refuse(request, error)
        return await page.show(request, new=new)

    @router.post(ROOT + "/{id}/state")
    async def set_state(request: Request, id: str) -> Response:
        is_off = request.state.form.get("state") == "off"
        change = members.disable_member if is_off else members.enable_member
        try:
            await change(request.state.session.caller, id)
        except PermissionDenied as error:
            return await page.refuse(request, error)
        return redirect(ROOT, flash="member_off" if is_off else "member_on")

    @router.post(ROOT + "/{id}/sign-out")
    async def end_sessions(request: Request, id: str) -> Response:
        try:
            await members.end_sessions(request.state.session.caller, id)
        except PermissionDenied as error:
            return await page.refuse(request, error)
        return redirect(ROOT, flash="member_signed_out")

    @router.post(ROOT + "/{id}/disconnect")
    async def disconnect(request: Request, id: str) -> Response:
        try:
            await members.disconnect_member(
                request.state.session.caller, id, request.state.form.get("words", "")[:_LONGEST_WORDS]
            )
        except (InvalidMember, PermissionDenied) as error:
            return await page.refuse(request, error)
        return redirect(ROOT, flash="member_disconnected")


class _MembersPage:
    """Puts together what the page shows."""

    def __init__(self, members: Members, clients: Clients, frame: Frame) -> None:
        self._members = members
        self._clients = clients
        self._frame = frame

    async def show(self, request: Request, status: int = 200, **values: Any) -> Response:
        session = request.state.session
        after = request.query_params.get("after", "")
        found = await self._members.list_members(session.caller, after=after, limit=_PAGE)
        ways = await self._members.list_ways_in(session.caller, [member.id for member in found])
        clients = await self._clients.list_clients(session.caller, limit=_MOST_CLIENTS)
        names = {client.id: client.client_name for client in clients}
        about: dict[str, Any] = {"new": None, "error": None, "said": {}}
        return self._frame.page(
            request,
            "members.html",
            status=status,
            members=[_shown(member, session, names, ways.get(member.id, NO_WAY_IN)) for member in found],
            next=found[-1].id if len(found) == _PAGE else None,
            roles=[role for role in ROLES if role != "client" or clients],
            clients=clients,
            **{**about, **values},
        )

    async def refuse(self, request: Request, error: OfficiumError) -> Response:
        """The page once more, with what went wrong."""
        request.scope["officium.error"] = error.code
        return await self.show(request, status_of(error), error=error, said=request.state.form)

    async def role_in(self, caller: Caller, form: dict[str, str]) -> tuple[Role, int | None]:
        """The role a form asks for, and the client where it is one's. Raises InvalidMember."""
        role = form.get("role", "")
        if role != "client":
            return cast("Role", role), None
        if not form.get("client", "").isdecimal():
            raise InvalidMember("Choose the client this person belongs to.", param="client")
        client = await self._clients.get_client(caller, int(form["client"][:18]))
        return "client", client.id


def _shown(member: Member, session: Any, clients: dict[int, str], ways: WaysIn) -> dict[str, Any]:
    zone, me = session.tenant.time_zone, session.member
    return {
        "id": member.id,
        "email": member.email or member.external_id,
        "name": member.name or member.email or member.external_id,
        "role": member.role,
        "client_id": member.client_id,
        "client": clients.get(member.client_id or 0, member.client_id),
        "since": moment_in(zone, member.created_at),
        "is_off": member.disabled_at is not None,
        "is_me": member.id == me.id,
        "ways": ways,
        "is_mine": member.id != me.id and member.role != "owner",
    }
