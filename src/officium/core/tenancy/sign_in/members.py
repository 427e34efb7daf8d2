"""The people of a tenant, for its administrators."""

from collections.abc import Collection, Mapping
from datetime import datetime

import structlog
from msgspec import Struct

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.caller import Caller, is_operator, require
from officium.core.tenancy.sign_in.errors import InvalidMember, MemberExists, MemberNotFound
from officium.core.tenancy.sign_in.password import PasswordHasher, check_password, make_password
from officium.core.tenancy.sign_in.role import Role, check_role
from officium.core.tenancy.sign_in.store import NO_WAY_IN, SignInStore, WaysIn
from officium.core.tenancy.store import MemberStore
from officium.core.tenancy.tenant import Member
from officium.kit.clock import Clock
from officium.kit.errors import PermissionDenied
from officium.kit.ids import new_id

MAX_EMAIL = 320
MAX_NAME = 200

_log = structlog.get_logger(__name__)


class NewMember(Struct, frozen=True):
    """A member, and the password to sign in with: the only time it can be shown.

    `password` is `None` where the one who asked has chosen it.
    """

    member: Member
    password: str | None

    def __repr__(self) -> str:
        return f"NewMember({self.member.id})"


class MemberService:
    """Creates members, gives them passwords, and switches them off. Owners are the operator's to manage."""

    def __init__(
        self, members: MemberStore, store: SignInStore, hasher: PasswordHasher, clock: Clock
    ) -> None:
        self._members = members
        self._store = store
        self._hasher = hasher
        self._clock = clock

    async def names_of(self, caller: Caller, actors: Collection[str]) -> dict[str, str]:
        """What those are called who stand as `member:<id>` in records of the tenant; others are left out."""
        names = {}
        for actor in set(actors):
            kind, _, id = actor.partition(":")
            member = await self._members.find_member_by_id(caller, id) if kind == "member" else None
            if member is not None:
                names[actor] = member.name or member.email or member.external_id
        return names

    async def create_member(
        self,
        caller: Caller,
        email: str,
        *,
        name: str | None = None,
        role: Role = "member",
        password: str | None = None,
        client_id: int | None = None,
    ) -> NewMember:
        """Create a member who signs in with their e-mail address. Needs `admin`.

        Without a password one is made, which must be changed at the first sign-in. Raises InvalidMember,
        MemberExists and PermissionDenied.
        """
        require(caller, "admin")
        check_role(role, client_id)
        _require_right_over(caller, role)
        login = _check_email(email)
        if name is not None and (not name.strip() or len(name) > MAX_NAME):
            raise InvalidMember(f"A member's name has 1 to {MAX_NAME} characters.", param="name")
        if password is not None:
            check_password(password, login)
        member = Member(
            id=new_id("mem"),
            tenant_id=caller.tenant_id,
            external_id=login,
            email=login,
            name=name,
            role=role,
            client_id=client_id,
            created_at=self._clock.now(),
        )
        if not await self._members.add_member(caller, member):
            raise MemberExists(
                f"Your tenant has a member {login} already. Give them a password instead.", email=login
            )
        _log.info("member.created", tenant=caller.tenant_id, member=member.id, actor=caller.actor)
        return await self._give_password(caller, member, login, password, "member.created")

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[Member]:
        """A page of the tenant's members, oldest first, beginning behind the id `after`. Needs `admin`."""
        require(caller, "admin")
        return await self._members.list_members(caller, after, limit)

    async def set_password(self, caller: Caller, reference: str, password: str | None = None) -> NewMember:
        """Give a member another password, and end their sessions. Needs `admin`.

        Without one it is made, and must be changed at the first sign-in. Raises InvalidMember,
        MemberNotFound and PermissionDenied.
        """
        member = await self._get_other(caller, reference)
        login = (member.email or member.external_id).casefold()
        if password is not None:
            check_password(password, login)
        return await self._give_password(caller, member, login, password, "member.password_set")

    async def disable_member(self, caller: Caller, reference: str) -> Member:
        """Refuse a member from now on, however they sign in. Needs `admin`; raises as `set_password`."""
        return await self._set_disabled(caller, reference, self._clock.now())

    async def enable_member(self, caller: Caller, reference: str) -> Member:
        """Let a member in again. Needs `admin`; raises as `set_password`."""
        return await self._set_disabled(caller, reference, None)

    async def set_role(
        self, caller: Caller, reference: str, role: Role, client_id: int | None = None
    ) -> Member:
        """Give a member another role, from their next request on. Needs `admin`; raises as `set_password`."""
        check_role(role, client_id)
        _require_right_over(caller, role)
        member = await self._get_other(caller, reference)
        entry = AuditEntry(
            at=self._clock.now(),
            action="member.role_changed",
            thing="member",
            thing_id=member.id,
            before={"role": member.role, "client_id": member.client_id},
            after={"role": role, "client_id": client_id},
        )
        await self._store.set_role(caller, member.id, role, client_id, entry)
        _log.info("member.role_changed", tenant=caller.tenant_id, member=member.id, actor=caller.actor)
        return await self._get(caller, member.id)

    async def list_ways_in(self, caller: Caller, member_ids: Collection[str]) -> Mapping[str, WaysIn]:
        """How these members can sign in; those who have never been able to are left out. Needs `admin`."""
        require(caller, "admin")
        return await self._store.list_ways_in(caller, member_ids)

    async def disconnect_member(self, caller: Caller, reference: str, words: str = "") -> Member:
        """Forget who a member is at identity providers, and end their sessions. Needs `admin`.

        At their next sign-in there they are found by their e-mail address again. Whoever has no password
        might be left without a way in: then `words` must be their e-mail address, unless the operator asks.
        Raises as `set_password`, and MemberNotFound where they are nobody there.
        """
        member = await self._get_other(caller, reference)
        ways = (await self._store.list_ways_in(caller, [member.id])).get(member.id, NO_WAY_IN)
        login = member.email or member.external_id
        is_meant = is_operator(caller) or words.strip().casefold() == login.casefold()
        if ways.is_connected and not ways.has_password and not is_meant:
            raise InvalidMember(
                f"{login} has no password, and might not get in again. "
                "Type their e-mail address to disconnect them all the same, or give them a password first.",
                param="words",
            )
        entry = AuditEntry(
            at=self._clock.now(), action="member.disconnected", thing="member", thing_id=member.id
        )
        if not await self._store.disconnect(caller, member.id, entry):
            raise MemberNotFound(f"{reference!r} is not connected to an identity provider.", member=reference)
        _log.info("member.disconnected", tenant=caller.tenant_id, member=member.id, actor=caller.actor)
        return member

    async def end_sessions(self, caller: Caller, reference: str) -> None:
        """Sign a member out everywhere. Needs `admin`; raises MemberNotFound and PermissionDenied."""
        member = await self._get(caller, reference)
        entry = AuditEntry(
            at=self._clock.now(), action="member.signed_out", thing="member", thing_id=member.id
        )
        await self._store.end_sessions(caller, member.id, entry)

    async def _set_disabled(self, caller: Caller, reference: str, moment: datetime | None) -> Member:
        member = await self._get_other(caller, reference)
        action = "member.disabled" if moment else "member.enabled"
        entry = AuditEntry(at=self._clock.now(), action=action, thing="member", thing_id=member.id)
        await self._members.set_disabled(caller, member.id, moment, entry)
        await self._store.end_sessions(caller, member.id, entry=None)
        _log.info(action, tenant=caller.tenant_id, member=member.id, actor=caller.actor)
        return await self._get(caller, member.id)

    async def _give_password(
        self, caller: Caller, member: Member, login: str, password: str | None, action: str
    ) -> NewMember:
        made = make_password() if password is None else None
        entry = AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="member",
            thing_id=member.id,
            after={"email": member.email, "role": member.role},
        )
        kept = await self._hasher.hash(password or made or "")
        await self._store.save_password(
            caller, member.id, login, kept, must_change=made is not None, entry=entry
        )
        # Who knows this password is not known to be the person of the other tenants.
        await self._store.set_person(caller, member.id, None)
        return NewMember(member, made)

    async def _get_other(self, caller: Caller, reference: str) -> Member:
        """A member who is not the caller: nobody locks themselves out, or makes themselves more."""
        member = await self._get(caller, reference)
        if member.id == caller.member_id:
            raise PermissionDenied("Ask another administrator: nobody does this to themselves.")
        return member

    async def _get(self, caller: Caller, reference: str) -> Member:
        require(caller, "admin")
        member = await self._members.find_member_by_id(caller, reference)
        member = member or await self._members.find_member(caller, reference)
        member = member or await self._members.find_member(caller, reference.strip().casefold())
        if member is None:
            raise MemberNotFound(f"Your tenant has no member {reference!r}.", member=reference)
        _require_right_over(caller, member.role)
        return member


def _require_right_over(caller: Caller, role: str) -> None:
    if role == "owner" and not is_operator(caller):
        raise PermissionDenied(
            "Owners are managed by the operator of this installation, with `officium member`."
        )


def _check_email(email: str) -> str:
    """The address as it is kept. Raises InvalidMember."""
    address = email.strip().casefold()
    name, _, host = address.rpartition("@")
    is_one = name and host and len(address) <= MAX_EMAIL and address.isprintable() and " " not in address
    if not is_one:
        raise InvalidMember(f"{email!r} is no e-mail address.", param="email")
    return address
