"""A browser session: the time between a person's sign-in in a browser and their sign-out."""

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.session import SESSION_START
from officium.core.tenancy.sign_in.role import scopes_of
from officium.core.tenancy.tenant import Member, Tenant

LONGEST = timedelta(days=7)
"""However busy somebody is, after so long they show their password again."""
IDLE = timedelta(hours=12)
RECENT = timedelta(minutes=10)
"""So new is a sign-in that proves who sits there."""
TOUCH_EVERY = timedelta(minutes=1)
MOST_PER_MEMBER = 20
MAX_USER_AGENT = 200
_TOKEN_BYTES = 32


class BrowserSession(Struct, frozen=True, kw_only=True):
    """Who is signed in, and since when. `caller` may do what the member's role allows.

    `must_change_password` is set while the password is one that somebody else has seen. `issuer` is the
    identity provider that has proven who this is; `None` where a password did.
    """

    caller: Caller
    member: Member
    tenant: Tenant
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    must_change_password: bool
    issuer: str | None = None

    def has_ended(self, now: datetime) -> bool:
        """Whether it has lasted too long, or nobody has been there for too long."""
        return now >= self.expires_at or now - self.seen_at >= IDLE


class OpenSession(Struct, frozen=True, kw_only=True):
    """A line in somebody's list of their own sessions. `id` is for ending it, and opens nothing."""

    id: str
    created_at: datetime
    seen_at: datetime
    user_agent: str
    is_this: bool


class NewSession(Struct, frozen=True):
    """A session that has just begun. Its token goes into a cookie, and nothing but a digest of it is kept."""

    token: str
    session: BrowserSession

    def __repr__(self) -> str:
        return f"NewSession({self.session.member.id})"


def session_of(
    member: Member,
    tenant: Tenant,
    *,
    began_at: datetime,
    seen_at: datetime,
    expires_at: datetime,
    must_change_password: bool,
    issuer: str | None = None,
) -> BrowserSession:
    """The session of a member, who may do what their role allows."""
    caller = Caller(
        tenant.id,
        f"member:{member.id}",
        scopes_of(member.role),
        member_id=member.id,
        client_id=member.client_id,
    )
    return BrowserSession(
        caller=caller,
        member=member,
        tenant=tenant,
        created_at=began_at,
        seen_at=seen_at,
        expires_at=expires_at,
        must_change_password=must_change_password,
        issuer=issuer,
    )


def make_token() -> str:
    """A new session's token: 256 random bits behind a beginning by which it is told from a key."""
    return SESSION_START + secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """What is kept of a token, 32 bytes. It has too many random bits for anybody to try them."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def is_well_formed(token: str) -> bool:
    """Whether this could be one of our tokens at all."""
    return token.startswith(SESSION_START) and 40 <= len(token) <= 80 and token.isascii()
