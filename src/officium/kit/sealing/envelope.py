"""A sealed value: text that only its key opens, and only in its own place.

An envelope is `s1.<key id>.<nonce>.<ciphertext>`, the last two in base64url without padding: AES-256-GCM with
a random nonce of 96 bits. What it is bound to (tenant, table, row, field and the key's id) is authenticated
with it, so an envelope copied to another row or another tenant does not open there.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from officium.kit.errors import OfficiumError

KEY_BYTES = 32
_VERSION = "s1"
_NONCE_BYTES = 12


class SealBroken(OfficiumError):
    """A sealed value does not open here: it was changed, moved, or sealed with a key that is gone."""

    code = "seal_broken"


class Place(NamedTuple):
    """Where a sealed value belongs. It opens nowhere else."""

    tenant_id: str
    table: str
    row_id: str
    field: str

    def __str__(self) -> str:
        return f"{self.table}.{self.field} of {self.row_id}"


def seal(key: bytes, key_id: str, place: Place, text: str) -> str:
    """The envelope of `text` for `place`, made with the key of 32 bytes that is called `key_id`."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), _bond(key_id, place))
    return f"{prefix_of(key_id)}{_to_text(nonce)}.{_to_text(sealed)}"


def unseal(key: bytes, place: Place, envelope: str) -> str:
    """What was sealed for `place`. Raises SealBroken."""
    key_id, nonce, sealed = _read(place, envelope)
    try:
        return AESGCM(key).decrypt(nonce, sealed, _bond(key_id, place)).decode()
    except (InvalidTag, ValueError) as error:
        raise broken(place) from error


def key_id_of(place: Place, envelope: str) -> str:
    """The id of the key an envelope was made with. Raises SealBroken where it is no envelope."""
    return _read(place, envelope)[0]


def prefix_of(key_id: str) -> str:
    """How every envelope made with a key begins."""
    return f"{_VERSION}.{key_id}."


def broken(place: Place) -> SealBroken:
    """The error for a value that does not open, which names its place and nothing of it."""
    return SealBroken(
        f"The sealed {place} does not open: it was changed, moved from elsewhere, or its key is gone. "
        "Set the value again, or restore database and secret from the same backup.",
        table=place.table,
        row=place.row_id,
    )


def _bond(key_id: str, place: Place) -> bytes:
    # A JSON list, so that no two places can be written in the same way.
    return msgspec.json.encode([_VERSION, key_id, *place])


def _read(place: Place, envelope: str) -> tuple[str, bytes, bytes]:
    parts = envelope.split(".")
    if len(parts) != 4 or parts[0] != _VERSION:
        raise broken(place)
    try:
        nonce, sealed = _to_bytes(parts[2]), _to_bytes(parts[3])
    except ValueError as error:
        raise broken(place) from error
    if len(nonce) != _NONCE_BYTES:
        raise broken(place)
    return parts[1], nonce, sealed


def _to_text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
