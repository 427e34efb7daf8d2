"""Signing in with an identity provider: the way there, the way back, and whose session begins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.errors import TenantUnknown
from officium.core.tenancy.identity.attempt import Attempt, AttemptSealer, make_attempt
from officium.core.tenancy.identity.errors import (
    EmailNotVerified,
    PersonUnknown,
    SignInDeclined,
    SignInStale,
)
from officium.core.tenancy.identity.identity import Identity, may_become_member
from officium.core.tenancy.identity.provider import IdentityProvider
from officium.core.tenancy.identity.store import Connection, IdentityStore
from officium.core.tenancy.sign_in import NewSession, SignInService, SignInStore
from officium.core.tenancy.sign_in.service import refuse_where_closed
from officium.core.tenancy.store import MemberStore, TenantStore
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.clock import Clock
from officium.kit.errors import LimitExceeded, OfficiumError
from officium.kit.ids import new_id

_LONGEST_STATE = 200
_LONGEST_CODE = 4096
_LONGEST_TENANT = 255
_DECLINED = frozenset(("access_denied", "login_required", "interaction_required", "consent_required"))

_log = structlog.get_logger(__name__)


class Arrivals(Protocol):
    """Slows down whoever comes too often."""

    async def admit_arrival(self, address: str) -> None:
        """Count a step to or from the provider. Raises LimitExceeded."""
        ...


class Client(Protocol):
    """Talks to the identity provider."""

    async def authorization_url(self, attempt: Attempt) -> str: ...

    async def sign_out_url(self, back: str) -> str | None: ...

    async def check_answerer(self, issuer: str | None) -> None: ...

    async def redeem(self, code: str, attempt: Attempt) -> Identity: ...


class Departure(Struct, frozen=True):
    """Where to send the browser, and what it takes along in a cookie."""

    url: str
    cookie: str


class Arrival(Struct, frozen=True):
    """A session that has just begun, and the page its person wanted."""

    new: NewSession
    next: str


class PasswordRule:
    """Closes passwords to members who have signed in with the provider, and never to a tenant's last owner.

    An owner's password goes on to count unless another owner has only a password to sign in with. So each
    tenant that had an owner who could sign in without the provider still has one.
    """

    def __init__(self, provider: IdentityProvider, store: IdentityStore) -> None:
        self._provider = provider
        self._store = store

    async def is_closed(self, member: Member) -> bool:
        """Whether this member's password no longer counts."""
        if not self._provider.refuses_passwords:
            return False
        caller, issuer = Caller(member.tenant_id, f"member:{member.id}", frozenset()), self._provider.issuer
        if await self._store.find_connection(caller, member.id, issuer) is None:
            return False
        return member.role != "owner" or await self._store.has_other_owner(caller, member.id, issuer)


class IdentityService:
    """Lets people in whom the provider vouches for: members it has vouched for before, then invited ones."""

    def __init__(
        self,
        provider: IdentityProvider,
        client: Client,
        store: IdentityStore,
        *,
        members: MemberStore,
        tenants: TenantStore,
        people: SignInStore,
        sign_in: SignInService,
        arrivals: Arrivals,
        sealer: AttemptSealer,
        clock: Clock,
        knows_subjects: bool = False,
    ) -> None:
        """`knows_subjects`: tokens of this provider count at the doors for programs, where members are known
        by their subject; they are then the same people here."""
        self._provider = provider
        self._client = client
        self._store = store
        self._members = members
        self._tenants = tenants
        self._people = people
        self._sign_in = sign_in
        self._arrivals = arrivals
        self._sealer = sealer
        self._clock = clock
        self._knows_subjects = knows_subjects
        self._rule = PasswordRule(provider, store)

    @property
    def label(self) -> str | None:
        """What people call the provider."""
        return self._provider.label

    async def depart(self, *, next: str, redirect_uri: str, tenant: str | None, address: str) -> Departure:
        """Set out for the provider. `tenant` is the one to come back to, by external id or id.

        Raises LimitExceeded, IdentityProviderUnreachable and IdentityProviderUnusable.
        """
        await self._arrivals.admit_arrival(address)
        attempt = make_attempt(
            next=next,
            redirect_uri=redirect_uri,
            tenant=tenant[:_LONGEST_TENANT] if tenant else None,
            now=self._clock.now(),
        )
        return Departure(await self._client.authorization_url(attempt), self._sealer.seal(attempt))

    async def arrive(
        self, answer: Mapping[str, str], cookie: str | None, *, address: str, user_agent: str
    ) -> Arrival:
        """Begin the session of whoever comes back with this answer, in the browser with this cookie.

        Raises LimitExceeded and the errors of `errors.py`; of who is known TenantUnknown, TenantSuspended
        and MemberDisabled.
        """
        await self._arrivals.admit_arrival(address)
        try:
            attempt = await self._take(answer, cookie)
            identity = await self._identify(answer, attempt)
            member, tenant = await self._recognise(identity, attempt.tenant)
            member = await self._follow_role(member, identity)
            new = await self._sign_in.begin(
                member, tenant, user_agent=user_agent, issuer=self._provider.issuer
            )
        except LimitExceeded:
            raise
        except OfficiumError as error:
            _log.info("sign_in.refused", issuer=self._provider.issuer, code=error.code, reason=error.message)
            raise
        await self._store.touch(new.session.caller, member.id, self._provider.issuer, self._clock.now())
        return Arrival(new, attempt.next)

    async def find_sign_out_url(self, back: str) -> str | None:
        """Where people end their session at the provider, too, and come back; `None` where they cannot."""
        try:
            return await self._client.sign_out_url(back)
        except OfficiumError:
            return None

    async def find_connection(self, caller: Caller) -> Connection | None:
        """Who the caller is at the provider."""
        return await self._store.find_connection(caller, caller.member_id or "", self._provider.issuer)

    async def is_password_closed(self, member: Member) -> bool:
        """Whether a member's password no longer counts."""
        return await self._rule.is_closed(member)

    async def _take(self, answer: Mapping[str, str], cookie: str | None) -> Attempt:
        """The attempt this answer belongs to, which is used up with this. Raises SignInStale."""
        attempt = self._sealer.open(cookie) if cookie else None
        state, now = answer.get("state", ""), self._clock.now()
        if attempt is None or len(state) > _LONGEST_STATE or not attempt.is_answered_by(state):
            raise SignInStale("This browser did not ask for this answer. Start again from the sign-in page.")
        if now >= attempt.expires_at:
            raise SignInStale("Signing in took too long. Start again from the sign-in page.")
        if not await self._store.spend_for_all_tenants(attempt.digest, attempt.expires_at, now):
            raise SignInStale("This answer was used before. Start again from the sign-in page.")
        return attempt

    async def _identify(self, answer: Mapping[str, str], attempt: Attempt) -> Identity:
        await self._client.check_answerer(answer.get("iss"))
        fault, code = answer.get("error"), answer.get("code", "")
        if fault is not None:
            said = fault if fault in _DECLINED else "an error"
            raise SignInDeclined(f"The identity provider did not sign you in ({said}). Try again.")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInStale("The answer of the identity provider is not whole. Start again.")
        return await self._client.redeem(code, attempt)

    async def _recognise(self, identity: Identity, wanted: str | None) -> tuple[Member, Tenant]:
        """Who this is here: known from before, invited, or new where the operator lets new people in."""
        only = await self._only_tenant(identity)

        def reaches(tenant: Tenant) -> bool:
            is_wanted = wanted is None or wanted in (tenant.id, tenant.external_id)
            return is_wanted and (only is None or tenant.id == only.id)

        known = await self._store.find_members_for_all_tenants(identity.issuer, identity.subject)
        found = [pair for pair in known if reaches(pair[1])]
        if found:
            return _first_open(found)
        names = [identity.subject] if self._knows_subjects else []
        if identity.is_email_verified and identity.email is not None:
            names.append(identity.email)
        invited = await self._store.find_invited_for_all_tenants(identity.issuer, names) if names else []
        found = [pair for pair in invited if reaches(pair[1])]
        if found:
            member, tenant = _first_open(found)
            return await self._connect(member, tenant, identity)
        if identity.email is not None and not identity.is_email_verified:
            raise EmailNotVerified(
                "Your identity provider has not verified your e-mail address. Verify it there, "
                "then sign in again."
            )
        if only is not None and reaches(only) and may_become_member(identity, self._provider):
            return await self._create(only, identity)
        raise _unknown()

    async def _only_tenant(self, identity: Identity) -> Tenant | None:
        """The tenant that the claims or the settings name; `None` where neither does."""
        reference = identity.tenant if self._provider.tenant_claim else self._provider.tenant
        if reference is None and self._provider.tenant_claim:
            raise TenantUnknown(
                "Your identity provider does not say to which tenant you belong. Ask whoever runs it.",
                claim=self._provider.tenant_claim,
            )
        if reference is None:
            return None
        tenant = await self._tenants.find_for_all_tenants(reference)
        if tenant is None:
            raise TenantUnknown(
                "The tenant you belong to does not exist here. Ask the operator to create it."
            )
        return tenant

    async def _connect(self, member: Member, tenant: Tenant, identity: Identity) -> tuple[Member, Tenant]:
        entry = self._entry("member.connected", member)
        caller = self._caller(tenant)
        if not await self._store.connect(caller, member.id, identity.issuer, identity.subject, entry):
            # Two sign-ins at the same time: it is well if both were the same person's.
            there = await self._store.find_connection(caller, member.id, identity.issuer)
            if there is None or there.subject != identity.subject:
                raise _unknown()
        _log.info("member.connected", tenant=tenant.id, member=member.id, issuer=identity.issuer)
        return member, tenant

    async def _create(self, tenant: Tenant, identity: Identity) -> tuple[Member, Tenant]:
        now = self._clock.now()
        member = Member(
            id=new_id("mem"),
            tenant_id=tenant.id,
            external_id=identity.subject if self._knows_subjects else identity.email or "",
            email=identity.email,
            name=identity.name,
            role=identity.role or self._provider.default_role,
            created_at=now,
        )
        refuse_where_closed(member, tenant)
        if not await self._members.add_member(self._caller(tenant), member):
            # Somebody with this name is somebody else at the provider: an address that was given away again.
            raise _unknown()
        _log.info("member.created", tenant=tenant.id, member=member.id, issuer=identity.issuer)
        return await self._connect(member, tenant, identity)

    async def _follow_role(self, member: Member, identity: Identity) -> Member:
        """The member with the role that the claims say, where roles come from the provider."""
        if identity.role in (None, member.role) or member.role in ("owner", "client"):
            return member
        role = identity.role or member.role
        entry = self._entry("member.role_changed", member, before={"role": member.role}, after={"role": role})
        caller = Caller(member.tenant_id, self._actor, frozenset())
        await self._people.set_role(caller, member.id, role, None, entry)
        return replace(member, role=role)

    def _entry(
        self,
        action: str,
        member: Member,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> AuditEntry:
        now: datetime = self._clock.now()
        said = after or {"identity_provider": self._provider.issuer, "role": member.role}
        return AuditEntry(
            at=now, action=action, thing="member", thing_id=member.id, before=before, after=said
        )

    def _caller(self, tenant: Tenant) -> Caller:
        return Caller(tenant.id, self._actor, frozenset())

    @property
    def _actor(self) -> str:
        return f"issuer:{urlsplit(self._provider.issuer).hostname}"[:128]


def _first_open(found: list[tuple[Member, Tenant]]) -> tuple[Member, Tenant]:
    """The first that may come in. Raises why the first may not where none may."""
    for member, tenant in found:
        if member.disabled_at is None and tenant.suspended_at is None and tenant.closed_at is None:
            return member, tenant
    refuse_where_closed(*found[0])
    return found[0]


def _unknown() -> PersonUnknown:
    return PersonUnknown(
        "You are signed in at your identity provider, but nobody here is known to be you. "
        "Ask an administrator to create a member with your e-mail address."
    )
