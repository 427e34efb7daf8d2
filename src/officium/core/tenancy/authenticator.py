"""From a credential to the caller it stands for, thousands of times a second."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import structlog
from msgspec import Struct

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.errors import (
    CLOSED,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    MemberDisabled,
    SessionInvalid,
    TenantClosed,
    TenantSuspended,
    TenantUnknown,
)
from officium.core.tenancy.key import KEY_START, KeyDigester, is_well_formed
from officium.core.tenancy.service import KEY_CHANGED, TENANT_CHANGED
from officium.core.tenancy.session import SESSION_START, Session, SessionVerifier
from officium.core.tenancy.store import KeyRecord, KeyStore, MemberStore, TenantStore
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable
from officium.kit.ids import new_id
from officium.kit.notices import Notices

LIFETIME_S = 3.0
"""How long an answer of the database is believed. With a slow read on top, a revoked key is refused
everywhere within five seconds, even when no notice of it arrives."""
MAX_CALLERS = 20_000
MAX_REFUSALS = 10_000
BATCH = 200
"""The most keys asked for in one query. A flood of wrong keys is one query at a time, however large."""
TOUCH_EVERY_S = 60.0
TOUCH_DELAY_S = 5.0
_MAX_KEY_LENGTH = 128

_log = structlog.get_logger(__name__)


class _Known(Struct):
    """A caller, until `fresh_until` on the monotonic clock. `expires_at` is in seconds since 1970."""

    caller: Caller
    fresh_until: float
    expires_at: float | None
    touch_at: float


class _Refused(Struct):
    """An error to raise anew each time, since a raised exception keeps what it saw alive."""

    kind: type[OfficiumError]
    message: str
    fresh_until: float

    def error(self) -> OfficiumError:
        return self.kind(self.message)


_R = TypeVar("_R")
_T = TypeVar("_T", _Known, _Refused)


class _Shelf(Generic[_T]):
    """A bounded dict. What was put in first goes first: with so short a life that is also what is stale."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: dict[bytes, _T] = {}

    def find(self, digest: bytes, now: float) -> _T | None:
        entry = self._entries.get(digest)
        return entry if entry is not None and entry.fresh_until > now else None

    def put(self, digest: bytes, entry: _T) -> None:
        self._entries.pop(digest, None)
        if len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[digest] = entry

    def drop(self, is_gone: Callable[[_T], bool]) -> None:
        self._entries = {digest: entry for digest, entry in self._entries.items() if not is_gone(entry)}

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class BrowserSessions(Protocol):
    """Knows who is signed in here."""

    async def caller_of(self, token: str) -> Caller:
        """The caller a session's token stands for. Raises SessionInvalid and PermissionDenied."""
        ...


class Authenticator:
    """Answers "who is this?" from memory, and asks the database at most every `LIFETIME_S` per credential."""

    def __init__(
        self,
        *,
        keys: KeyStore,
        tenants: TenantStore,
        members: MemberStore,
        digester: KeyDigester,
        clock: Clock,
        notices: Notices,
        sessions: SessionVerifier | None = None,
        browser_sessions: BrowserSessions | None = None,
    ) -> None:
        self._keys = keys
        self._tenants = tenants
        self._members = members
        self._digester = digester
        self._clock = clock
        self._sessions = sessions
        self._browser_sessions = browser_sessions
        self._known: _Shelf[_Known] = _Shelf(MAX_CALLERS)
        self._refused: _Shelf[_Refused] = _Shelf(MAX_REFUSALS)
        self._asked: dict[bytes, asyncio.Future[_Known | _Refused]] = {}
        self._queue: list[bytes] = []
        self._changes = 0
        self._admitting: dict[bytes, asyncio.Task[_Known]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_asking = False
        self._touched: dict[str, datetime] = {}
        self._unsubscribe = (
            notices.subscribe(KEY_CHANGED, self._forget_key),
            notices.subscribe(TENANT_CHANGED, self._forget_tenant),
        )

    async def authenticate(self, credential: str) -> Caller:
        """The caller behind a key, a signed session or that of a browser, told apart by their shape.

        Raises NotAuthenticated (KeyUnknown, KeyRevoked, KeyExpired, SessionInvalid), PermissionDenied
        (TenantClosed, TenantSuspended, TenantUnknown, MemberDisabled) and ServiceUnavailable.
        """
        if credential.startswith(SESSION_START) and self._browser_sessions is not None:
            return await self._browser_sessions.caller_of(credential)
        if credential.count(".") == 2 and not credential.startswith(KEY_START):
            return await self.authenticate_session(credential)
        return await self.authenticate_key(credential)

    async def authenticate_key(self, raw: str) -> Caller:
        """The caller behind a key. Raises as `authenticate` does."""
        if len(raw) > _MAX_KEY_LENGTH or not raw.startswith(KEY_START):
            raise _unknown_key()
        digest = self._digester.digest(raw)
        now = self._clock.monotonic()
        found: _Known | _Refused | None = self._known.find(digest, now) or self._refused.find(digest, now)
        if found is None:
            if not is_well_formed(raw):
                raise _unknown_key()
            found = await self._ask(digest)
        if isinstance(found, _Refused):
            raise found.error()
        if found.expires_at is not None and self._clock.now().timestamp() >= found.expires_at:
            raise KeyExpired(_EXPIRED)
        if now >= found.touch_at:
            self._touch(found, now)
        return found.caller

    async def authenticate_session(self, token: str) -> Caller:
        """The caller behind a signed token of an identity provider. Raises as `authenticate` does."""
        if self._sessions is None:
            raise _unknown_key()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = self._known.find(digest, self._clock.monotonic())
        if found is None:
            found = await self._admit_once(digest, token, self._sessions)
        elif found.expires_at is not None and self._clock.now().timestamp() >= found.expires_at:
            raise SessionInvalid("The session has expired. Sign in again.")
        return found.caller

    async def flush(self) -> None:
        """Write down when keys were last used. Losing a few such moments is no harm, so errors are logged."""
        touched, self._touched = self._touched, {}
        if touched:
            try:
                await self._keys.touch_for_all_tenants(touched)
            except Exception:
                _log.warning("key.last_use_not_saved", keys=len(touched), exc_info=True)

    async def close(self) -> None:
        """Stop listening and save what is left to save."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.flush()

    async def _ask(self, digest: bytes) -> _Known | _Refused:
        answer = self._asked.get(digest)
        if answer is None:
            answer = self._asked[digest] = asyncio.get_running_loop().create_future()
            self._queue.append(digest)
            if not self._is_asking:
                self._is_asking = True
                self._spawn(self._answer_all())
        # The others who wait for this key go on waiting when one of them hangs up.
        return await asyncio.shield(answer)

    async def _answer_all(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                try:
                    await self._answer(batch)
                except Exception as error:
                    self._fail(batch, error)
                except asyncio.CancelledError:
                    self._fail(batch + self._queue, ServiceUnavailable("The server is shutting down."))
                    raise
        finally:
            self._is_asking = False

    async def _answer(self, batch: list[bytes]) -> None:
        read_at, changes = self._clock.monotonic(), self._changes
        records = await self._keys.find_digests_for_all_tenants(batch)
        for digest in batch:
            judged = self._judge(records.get(digest), read_at)
            # What changed while we were reading may have been read too early.
            if changes == self._changes:
                self._keep(digest, judged)
            answer = self._asked.pop(digest)
            if not answer.done():
                answer.set_result(judged)

    def _fail(self, digests: list[bytes], error: Exception) -> None:
        for digest in digests:
            answer = self._asked.pop(digest, None)
            if answer is not None and not answer.done():
                answer.set_exception(error)
                answer.exception()  # seen, even if everyone who waited has hung up

    def _judge(self, record: KeyRecord | None, read_at: float) -> _Known | _Refused:
        fresh_until = read_at + LIFETIME_S
        if record is None:
            return _Refused(KeyUnknown, _UNKNOWN, fresh_until)
        key = record.key
        if key.revoked_at is not None:
            return _Refused(KeyRevoked, _REVOKED, fresh_until)
        if record.tenant_closed_at is not None:
            return _Refused(TenantClosed, CLOSED, fresh_until)
        if record.tenant_suspended_at is not None:
            return _Refused(TenantSuspended, _SUSPENDED, fresh_until)
        last_use_s = TOUCH_EVERY_S
        if key.last_used_at is not None:
            last_use_s = (self._clock.now() - key.last_used_at).total_seconds()
        return _Known(
            caller=Caller(key.tenant_id, f"key:{key.id}", key.scopes, key_id=key.id),
            fresh_until=fresh_until,
            expires_at=key.expires_at.timestamp() if key.expires_at is not None else None,
            touch_at=read_at + TOUCH_EVERY_S - last_use_s,
        )

    def _keep(self, digest: bytes, judged: _Known | _Refused) -> None:
        if isinstance(judged, _Known):
            self._known.put(digest, judged)
        else:
            self._refused.put(digest, judged)

    def _touch(self, known: _Known, now: float) -> None:
        known.touch_at = now + TOUCH_EVERY_S
        if known.caller.key_id is None:
            return
        if not self._touched:
            self._spawn(self._flush_later())
        self._touched[known.caller.key_id] = self._clock.now()

    async def _flush_later(self) -> None:
        await asyncio.sleep(TOUCH_DELAY_S)
        await self.flush()

    async def _admit_once(self, digest: bytes, token: str, sessions: SessionVerifier) -> _Known:
        """Admit a session, once for all who present it at the same time."""
        task = self._admitting.get(digest)
        if task is None:
            task = self._spawn(self._admit(digest, token, sessions))
            self._admitting[digest] = task
            task.add_done_callback(lambda _: self._admitting.pop(digest, None))
        return await asyncio.shield(task)

    async def _admit(self, digest: bytes, token: str, sessions: SessionVerifier) -> _Known:
        session, changes = await sessions.verify(token), self._changes
        known = await self._recognise(session)
        if changes == self._changes:
            self._known.put(digest, known)
        return known

    async def _recognise(self, session: Session) -> _Known:
        read_at = self._clock.monotonic()
        tenant = await self._tenants.find_for_all_tenants(session.tenant)
        if tenant is None:
            raise TenantUnknown(
                f"You are signed in, but {session.tenant!r} is no tenant here. Ask the operator to create it "
                f"(officium tenant create --external-id {session.tenant}).",
                tenant=session.tenant,
            )
        if tenant.closed_at is not None:
            raise TenantClosed(CLOSED)
        if tenant.suspended_at is not None:
            raise TenantSuspended(_SUSPENDED)
        member = await self._meet(tenant, session)
        if member.disabled_at is not None:
            raise MemberDisabled("Your access is switched off. Ask an administrator of your tenant.")
        return _Known(
            caller=Caller(tenant.id, f"member:{member.id}", session.scopes, member_id=member.id),
            fresh_until=read_at + LIFETIME_S,
            expires_at=session.expires_at,
            touch_at=float("inf"),
        )

    async def _meet(self, tenant: Tenant, session: Session) -> Member:
        """The member the session speaks of, made at first sight."""
        caller = Caller(tenant.id, f"issuer:{session.issuer}", frozenset())
        member = await self._members.find_member(caller, session.subject)
        if member is None:
            member = Member(
                id=new_id("mem"),
                tenant_id=tenant.id,
                external_id=session.subject,
                email=session.email,
                role="admin" if "admin" in session.scopes else "member",
                created_at=self._clock.now(),
            )
            if await self._members.add_member(caller, member):
                _log.info("member.created", tenant=tenant.id, member=member.id, issuer=session.issuer)
                return member
            member = await self._members.find_member(caller, session.subject)
            if member is None:
                raise ServiceUnavailable("Your tenant is being changed at this moment. Try again.")
        if session.email is not None and session.email != member.email:
            await self._members.set_email(caller, member.id, session.email)
        return member

    def _forget_key(self, key_id: str) -> None:
        self._changes += 1
        self._known.drop(lambda entry: entry.caller.key_id == key_id)

    def _forget_tenant(self, tenant_id: str) -> None:
        self._changes += 1
        self._known.drop(lambda entry: entry.caller.tenant_id == tenant_id)
        self._refused.clear()

    def _spawn(self, work: Coroutine[Any, Any, _R]) -> asyncio.Task[_R]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if everyone who waited has hung up


_UNKNOWN = "This key is not known here. Check that it was copied whole, or create one: officium key create"
_REVOKED = "This key was revoked. Use another one, or ask your administrator for it."
_EXPIRED = "This key has expired. Ask your administrator for a new one."
_SUSPENDED = "Your tenant is suspended. Ask the operator of this installation."


def _unknown_key() -> KeyUnknown:
    return KeyUnknown(_UNKNOWN)
