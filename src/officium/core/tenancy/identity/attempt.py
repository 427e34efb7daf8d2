"""An attempt to sign in: what a browser takes along to the identity provider, and must bring back.

It travels sealed in a cookie, so strangers who press the button a million times leave nothing behind here.
What makes it good for one time is the note of its state that is kept when it comes back.
"""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

LIFETIME = timedelta(minutes=10)
"""Long enough to look for one's second factor."""
_PURPOSE = b"officium.identity.attempt.v1"
_NONCE_BYTES = 12
_RANDOM_BYTES = 32
_LONGEST_SEALED = 4000


class Attempt(Struct, frozen=True, kw_only=True):
    """One way to the provider and back.

    `state` proves that the answer belongs to this browser, `nonce` that the identity token was made for this
    attempt, and `verifier` (PKCE, RFC 7636) that who redeems the code is who asked for it. `next` is where
    the person wants to go, `tenant` the one they asked for.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    redirect_uri: str
    tenant: str | None
    expires_at: datetime

    @property
    def challenge(self) -> str:
        """The S256 challenge of the verifier."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    @property
    def digest(self) -> bytes:
        """What is kept of the state once it was used, 32 bytes."""
        return hashlib.sha256(self.state.encode("ascii")).digest()

    def is_answered_by(self, state: str) -> bool:
        """Whether an answer with this state belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass"))


def make_attempt(*, next: str, redirect_uri: str, tenant: str | None, now: datetime) -> Attempt:
    """A new attempt, with 256 random bits in each of its secrets."""
    return Attempt(
        state=secrets.token_urlsafe(_RANDOM_BYTES),
        nonce=secrets.token_urlsafe(_RANDOM_BYTES),
        verifier=secrets.token_urlsafe(_RANDOM_BYTES),
        next=next,
        redirect_uri=redirect_uri,
        tenant=tenant,
        expires_at=now + LIFETIME,
    )


class AttemptSealer:
    """Puts attempts into cookies that nobody else can read or make."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` have 32 bytes each. The first seals; the others, of earlier secrets, still open."""
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, attempt: Attempt) -> str:
        """The cookie's value."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, msgspec.json.encode(attempt), _PURPOSE)
        return urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, sealed: str) -> Attempt | None:
        """The attempt in a cookie; `None` where we did not make it."""
        if len(sealed) > _LONGEST_SEALED or not sealed.isascii():
            return None
        try:
            raw = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except (Error, ValueError):
            return None
        for cipher in self._ciphers:
            try:
                text = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _PURPOSE)
            except (InvalidTag, ValueError):
                continue
            return msgspec.json.decode(text, type=Attempt)
        return None
