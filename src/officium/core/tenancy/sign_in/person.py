"""What people may do about themselves, whatever their role: their language, sessions and tenants."""

import re
from collections.abc import Sequence

import structlog

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.sign_in.browser_session import NewSession, OpenSession, digest_of
from officium.core.tenancy.sign_in.errors import InvalidMember, SignInFailed
from officium.core.tenancy.sign_in.service import SignInService
from officium.core.tenancy.sign_in.store import SignInStore
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.clock import Clock
from officium.kit.errors import NotFound, PermissionDenied
from officium.kit.ids import new_id

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LONGEST_LANGUAGE = 16
_ID_DIGITS = 24

_log = structlog.get_logger(__name__)


class PersonService:
    """A member's own choices, sessions and tenants."""

    def __init__(self, store: SignInStore, sign_in: SignInService, clock: Clock) -> None:
        self._store = store
        self._sign_in = sign_in
        self._clock = clock

    async def set_language(self, caller: Caller, language: str) -> None:
        """Show the caller pages in this language from now on. Raises InvalidMember and PermissionDenied."""
        if len(language) > _LONGEST_LANGUAGE or not _LANGUAGE.fullmatch(language):
            raise InvalidMember(
                f"{language!r} is no language. Use its code, such as en or ar.", param="language"
            )
        await self._store.set_language(caller, _self(caller), language)

    async def hide_guide(self, caller: Caller, *, is_hidden: bool = True) -> None:
        """Show the caller the guide no more, or again. Raises PermissionDenied."""
        await self._store.set_guide_hidden(caller, _self(caller), self._clock.now() if is_hidden else None)

    async def list_sessions(self, caller: Caller, token: str) -> list[OpenSession]:
        """The caller's sessions, the one used last first; `token` tells which is this one."""
        this = digest_of(token)
        found = await self._store.list_sessions(caller, _self(caller), self._clock.now())
        return [
            OpenSession(
                id=_id_of(digest),
                created_at=row["created_at"],
                seen_at=row["seen_at"],
                user_agent=row["user_agent"],
                is_this=digest == this,
            )
            for digest, row in found
        ]

    async def end_session(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's own sessions. Raises NotFound and PermissionDenied."""
        for digest, _ in await self._store.list_sessions(caller, _self(caller), self._clock.now()):
            if _id_of(digest) == session_id:
                await self._store.end_session(caller, digest)
                return
        raise NotFound("This session has ended already.")

    async def list_tenants(self, caller: Caller, person_id: str | None) -> Sequence[tuple[Member, Tenant]]:
        """The memberships the caller may change between: their own, and those proven to be theirs."""
        if person_id is None:
            return []
        found = await self._store.list_memberships_for_all_tenants(person_id)
        return found if any(member.id == caller.member_id for member, _ in found) else []

    async def connect(self, caller: Caller, login: str, password: str, *, address: str) -> Tenant:
        """Prove to be a member of another tenant, too, and change there without a password from now on.

        Both must have passwords of their own choosing: who was given one has not proven anything. Raises
        SignInFailed, LimitExceeded and PermissionDenied.
        """
        own = await self._store.find_password(caller, _self(caller))
        if own is None or own.must_change:
            raise PermissionDenied("Only who signs in with a password of their own can connect tenants.")
        found = await self._sign_in.prove(login, password, address=address)
        others = [kept for kept in found if kept.tenant.id != caller.tenant_id and not kept.must_change]
        if not others:
            raise SignInFailed(
                "Nobody in another tenant has this e-mail address and password, or the password there is "
                "still the one they were given. Sign in there once, then try again."
            )
        person_id = own.member.person_id or new_id("per")
        await self._store.set_person(caller, own.member.id, person_id)
        for kept in others:
            there = Caller(kept.tenant.id, caller.actor, frozenset(), member_id=kept.member.id)
            await self._store.set_person(there, kept.member.id, person_id)
        _log.info("person.connected", tenant=caller.tenant_id, member=caller.member_id)
        return others[0].tenant

    async def change_tenant(self, token: str, tenant_id: str, *, user_agent: str) -> NewSession:
        """End this session, and begin one in another of the caller's tenants.

        Raises SessionInvalid, NotFound, MemberDisabled and TenantSuspended.
        """
        session = await self._sign_in.resume(token)
        for member, tenant in await self.list_tenants(session.caller, session.member.person_id):
            if tenant.id == tenant_id and member.id != session.member.id:
                new = await self._sign_in.begin(
                    member, tenant, user_agent=user_agent, action="member.changed_tenant"
                )
                await self._sign_in.sign_out(token)
                return new
        raise NotFound("You are not known to be a member of this tenant. Sign in there.")


def _id_of(digest: bytes) -> str:
    return digest.hex()[:_ID_DIGITS]


def _self(caller: Caller) -> str:
    if caller.member_id is None:
        raise PermissionDenied("This is for people who are signed in, not for keys.")
    return caller.member_id
