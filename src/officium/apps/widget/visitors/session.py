"""Sessions of visitors: short-lived signed tokens, good for one widget on pages of one origin."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from officium.apps.widget.visitors.errors import VisitorSessionInvalid
from officium.kit.secrets import ServerSecret

PREFIX = "wvs_"
"""What a visitor's token begins with, so that it is known from a key."""
LIFETIME = timedelta(minutes=30)
RENEWABLE_FOR = timedelta(days=30)
"""An ended session can be renewed for so long, so that a conversation survives that its visitor goes away."""
LONGEST_TOKEN = 2_048
_ALGORITHM = "HS256"
_PURPOSE = "officium.widget-sessions.v1"


class Session(Struct, frozen=True, kw_only=True):
    """Who a token speaks for, where, and until when. `origin` is `-` for a program without one."""

    visitor_id: str
    widget_key: str
    origin: str
    expires_at: datetime
    renewable_until: datetime


class SessionSigner:
    """Makes and reads tokens with keys made from the server's secret, and from the one before it."""

    def __init__(self, secret: ServerSecret, previous: ServerSecret | None = None) -> None:
        secrets = (secret,) if previous is None else (secret, previous)
        self._keys = [OctKey.import_key(each.derive(_PURPOSE)) for each in secrets]

    def sign(self, session: Session) -> str:
        """The token of a session."""
        claims = {
            "sub": session.visitor_id,
            "wky": session.widget_key,
            "org": session.origin,
            "exp": int(session.expires_at.timestamp()),
            "rnw": int(session.renewable_until.timestamp()),
        }
        return PREFIX + jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])

    def read(self, token: str) -> Session:
        """The session of a token, ended or not. Raises VisitorSessionInvalid for what nobody here signed."""
        if not token.startswith(PREFIX) or len(token) > LONGEST_TOKEN:
            raise invalid()
        for key in self._keys:
            try:
                return _session(jwt.decode(token[len(PREFIX) :], key, algorithms=[_ALGORITHM]).claims)
            except (JoseError, ValueError, TypeError, KeyError, OverflowError):
                continue
        raise invalid()


def invalid() -> VisitorSessionInvalid:
    """What is said of every token that is not good here, whatever the reason."""
    return VisitorSessionInvalid("Open a session for this widget and page, and send its token.")


def _session(claims: Mapping[str, Any]) -> Session:
    def moment(name: str) -> datetime:
        return datetime.fromtimestamp(int(claims[name]), tz=UTC)

    return Session(
        visitor_id=str(claims["sub"]),
        widget_key=str(claims["wky"]),
        origin=str(claims["org"]),
        expires_at=moment("exp"),
        renewable_until=moment("rnw"),
    )
