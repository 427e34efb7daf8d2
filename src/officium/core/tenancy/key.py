"""Keys: secrets for machines, `ofc_<id>_<secret>`.

The id part is shown wherever the key must be recognised. The secret part carries 190 random bits and ends in
a checksum, so a mistyped key is refused without asking the database, and secret scanners can be sure of a
find. Only an HMAC of the whole is ever stored.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from officium.core.tenancy.caller import SCOPES
from officium.core.tenancy.errors import InvalidKey
from officium.kit.secrets import ServerSecret

KEY_START = "ofc_"
MAX_NAME = 200
_ALPHABET = string.digits + string.ascii_letters
_ID_LENGTH = 10
_SECRET_LENGTH = 32
_CHECKSUM_LENGTH = 6
_KEY_LENGTH = len(KEY_START) + _ID_LENGTH + 1 + _SECRET_LENGTH + _CHECKSUM_LENGTH


class ApiKey(Struct, frozen=True, kw_only=True):
    """What is known of a key. The secret itself is not."""

    id: str
    tenant_id: str
    name: str
    prefix: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class NewKey(Struct, frozen=True):
    """A key just made, with its secret: the only time it can be shown."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.key.prefix}…)"


class KeyDigester:
    """Turns keys into what is stored of them."""

    def __init__(self, secret: ServerSecret) -> None:
        self._key = secret.derive("officium.api-keys.v1")

    def digest(self, raw: str) -> bytes:
        """HMAC-SHA256 of the key under the server's secret, 32 bytes.

        A lookup by it leaks nothing through timing: nobody without the secret can choose its bits.
        """
        return hmac.digest(self._key, raw.encode("utf-8", "surrogatepass"), hashlib.sha256)


def make_secret() -> str:
    """A new key's full text."""
    body = KEY_START + _random(_ID_LENGTH) + "_" + _random(_SECRET_LENGTH)
    return body + _checksum(body)


def shown_prefix(raw: str) -> str:
    """The part of a key that may be shown: `ofc_` and its id."""
    return raw[: len(KEY_START) + _ID_LENGTH]


def is_well_formed(raw: str) -> bool:
    """Whether this could be one of our keys at all: length, beginning and checksum."""
    return (
        len(raw) == _KEY_LENGTH
        and raw.isascii()
        and raw.startswith(KEY_START)
        and raw[-_CHECKSUM_LENGTH:] == _checksum(raw[:-_CHECKSUM_LENGTH])
    )


def check_key(name: str, scopes: Collection[str], expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidKey unless such a key may be made."""
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidKey(f"A key's name has 1 to {MAX_NAME} characters.", param="name")
    unknown = sorted(set(scopes) - SCOPES)
    if unknown or not scopes:
        what = f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope."
        raise InvalidKey(f"{what} Choose from: {', '.join(sorted(SCOPES))}.", param="scopes")
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
        raise InvalidKey(
            "A key's expiry must lie in the future and carry a time zone, such as 2027-01-31T00:00:00Z.",
            param="expires_at",
        )


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
