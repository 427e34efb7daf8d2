"""Signing in, being recognised, signing out."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.errors import (
    CLOSED,
    MemberDisabled,
    SessionInvalid,
    TenantClosed,
    TenantSuspended,
)
from officium.core.tenancy.sign_in.browser_session import (
    LONGEST,
    MAX_USER_AGENT,
    RECENT,
    TOUCH_EVERY,
    BrowserSession,
    NewSession,
    digest_of,
    is_well_formed,
    make_token,
    session_of,
)
from officium.core.tenancy.sign_in.errors import PasswordsClosed, SignInFailed, SignInTooOld
from officium.core.tenancy.sign_in.password import MAX_LENGTH, PasswordHasher, check_password
from officium.core.tenancy.sign_in.store import Password, SignInStore
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.clock import Clock

_MAX_LOGIN = 320

_log = structlog.get_logger(__name__)


class Throttle(Protocol):
    """Slows down whoever tries passwords."""

    async def admit(self, login: str, address: str) -> None:
        """Count a try for this name from this address. Raises LimitExceeded."""
        ...


class PasswordRule(Protocol):
    """Says who may no more sign in with a password."""

    async def is_closed(self, member: Member) -> bool: ...


class SignInService:
    """Passwords in, sessions out; and from then on a session's token stands for its caller."""

    def __init__(
        self,
        store: SignInStore,
        hasher: PasswordHasher,
        throttle: Throttle,
        clock: Clock,
        rule: PasswordRule | None = None,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._throttle = throttle
        self._clock = clock
        self._rule = rule
        self._is_anybody_there = False

    async def is_anybody_there(self) -> bool:
        """Whether there is anybody who could sign in. Once there is, it is not asked again."""
        if not self._is_anybody_there:
            self._is_anybody_there = await self._store.has_passwords_for_all_tenants()
        return self._is_anybody_there

    async def sign_in(self, login: str, password: str, *, address: str, user_agent: str) -> NewSession:
        """Begin a session of whoever signs in under this name.

        Where it is taken in several tenants, the first that the password fits. Raises SignInFailed,
        LimitExceeded, PasswordsClosed, MemberDisabled and TenantSuspended; the last three only to who knows
        the password.
        """
        found = (await self.prove(login, password, address=address, is_one_enough=True))[0]
        new = await self.begin(
            found.member, found.tenant, user_agent=user_agent, must_change_password=found.must_change
        )
        if self._hasher.is_outdated(found.password_hash):
            renewed = await self._hasher.hash(password)
            await self._store.renew_hash(new.session.caller, found.member.id, renewed)
        return new

    async def prove(
        self, login: str, password: str, *, address: str, is_one_enough: bool = False
    ) -> Sequence[Password]:
        """The kept passwords of this name that `password` is, and that count.

        Raises SignInFailed, PasswordsClosed and LimitExceeded.
        """
        login = login.strip().casefold()
        await self._throttle.admit(login, address)
        found = await self._find(login, password, is_one_enough=is_one_enough and self._rule is None)
        if not found:
            _log.info("sign_in.failed")
            raise SignInFailed("The e-mail address or the password is not right. Try again.")
        if self._rule is not None:
            found = [kept for kept in found if not await self._rule.is_closed(kept.member)]
            if not found:
                _log.info("sign_in.password_closed")
                raise PasswordsClosed(
                    "Your password no longer counts here. "
                    "Use the button that leads to your identity provider."
                )
        return found

    async def begin(
        self,
        member: Member,
        tenant: Tenant,
        *,
        user_agent: str,
        must_change_password: bool = False,
        action: str = "member.signed_in",
        issuer: str | None = None,
    ) -> NewSession:
        """Begin a session of a member who is proven, by the identity provider `issuer` where it is one.

        Raises MemberDisabled and TenantSuspended.
        """
        refuse_where_closed(member, tenant)
        now = self._clock.now()
        session = session_of(
            member,
            tenant,
            began_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
            must_change_password=must_change_password,
            issuer=issuer,
        )
        token = make_token()
        after = {"identity_provider": issuer} if issuer is not None else None
        entry = AuditEntry(at=now, action=action, thing="member", thing_id=member.id, after=after)
        await self._store.add_session(
            session.caller, session, digest_of(token), user_agent[:MAX_USER_AGENT], entry
        )
        _log.info("sign_in.succeeded", tenant=tenant.id, member=member.id, how=action)
        return NewSession(token, session)

    async def resume(self, token: str) -> BrowserSession:
        """The session a token stands for. Raises SessionInvalid, MemberDisabled and TenantSuspended."""
        digest = digest_of(token)
        session = await self._store.find_session_for_all_tenants(digest) if is_well_formed(token) else None
        if session is None:
            raise SessionInvalid("You are not signed in. Sign in again.")
        now = self._clock.now()
        if session.has_ended(now):
            await self._store.end_session(session.caller, digest)
            raise SessionInvalid("Your session has ended. Sign in again.")
        refuse_where_closed(session.member, session.tenant)
        if now - session.seen_at >= TOUCH_EVERY:
            await self._store.touch_session(session.caller, digest, now)
        return session

    async def caller_of(self, token: str) -> Caller:
        """The caller a token stands for. Raises as `resume`."""
        return (await self.resume(token)).caller

    async def sign_out(self, token: str) -> None:
        """End a session. Does nothing where it has ended already."""
        digest = digest_of(token)
        session = await self._store.find_session_for_all_tenants(digest) if is_well_formed(token) else None
        if session is not None:
            await self._store.end_session(session.caller, digest)

    async def change_password(self, caller: Caller, token: str, old: str, new: str) -> None:
        """Replace the caller's own password; their other sessions end.

        Raises SignInFailed where `old` is not the present one, InvalidMember where `new` is no password, and
        LimitExceeded.
        """
        kept = await self._store.find_password(caller, caller.member_id or "")
        if kept is None:
            raise SignInFailed("You do not sign in here with a password. Change it where you sign in.")
        await self._throttle.admit(kept.login, "")
        if len(old) > MAX_LENGTH or not await self._hasher.matches(kept.password_hash, old):
            raise SignInFailed("The present password is not right.")
        check_password(new, kept.login)
        entry = AuditEntry(
            at=self._clock.now(), action="member.password_changed", thing="member", thing_id=kept.member.id
        )
        await self._store.save_password(
            caller,
            kept.member.id,
            kept.login,
            await self._hasher.hash(new),
            must_change=False,
            entry=entry,
            spared=digest_of(token),
        )

    async def is_password_asked(self, caller: Caller) -> bool:
        """Whether `confirm` asks the caller for a password: they have one, and it counts."""
        return await self._find_own(caller) is not None

    async def confirm(self, caller: Caller, token: str, password: str, *, address: str) -> None:
        """Make sure that it is the caller who sits there: by their password, else by a sign-in just now.

        Raises SignInFailed, SignInTooOld, LimitExceeded, and as `resume`.
        """
        session = await self.resume(token)
        kept = await self._find_own(caller)
        if kept is not None:
            await self._throttle.admit(kept.login, address)
            if len(password) > MAX_LENGTH or not await self._hasher.matches(kept.password_hash, password):
                raise SignInFailed("The password is not right. Try again.")
        elif session.member.id != caller.member_id or self._clock.now() - session.created_at > RECENT:
            raise SignInTooOld("Sign out and in again, then do this within ten minutes.")

    async def _find_own(self, caller: Caller) -> Password | None:
        """The caller's own password, where it counts."""
        kept = await self._store.find_password(caller, caller.member_id or "")
        is_closed = kept is not None and self._rule is not None and await self._rule.is_closed(kept.member)
        return None if is_closed else kept

    async def _find(self, login: str, password: str, *, is_one_enough: bool) -> list[Password]:
        """The kept passwords that fit. Finding nobody takes as long as finding somebody."""
        if not 0 < len(login) <= _MAX_LOGIN or len(password) > MAX_LENGTH or "\0" in login:
            login, password = "", ""
        candidates = await self._store.find_passwords_for_all_tenants(login) if login else []
        found = []
        for kept in candidates:
            if await self._hasher.matches(kept.password_hash, password):
                found.append(kept)
                if is_one_enough:
                    break
        if not candidates:
            await self._hasher.matches(None, password)
        return found


def refuse_where_closed(member: Member, tenant: Tenant) -> None:
    """Raise why somebody may not be here, however they are proven.

    That is TenantClosed, TenantSuspended or MemberDisabled.
    """
    if tenant.closed_at is not None:
        raise TenantClosed(CLOSED)
    if tenant.suspended_at is not None:
        raise TenantSuspended("Your tenant is suspended. Ask the operator of this installation.")
    if member.disabled_at is not None:
        raise MemberDisabled("Your access is switched off. Ask an administrator of your tenant.")
