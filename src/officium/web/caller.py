"""Who is asking: a key or a session in the headers becomes a Caller."""

from collections.abc import Mapping
from typing import Protocol

from officium.core.tenancy.caller import Caller
from officium.kit.errors import NotAuthenticated

LONGEST_CREDENTIAL_BYTES = 8192


class Authenticator(Protocol):
    """Knows the credentials."""

    async def authenticate(self, credential: str) -> Caller:
        """The caller behind a credential. Raises NotAuthenticated and PermissionDenied."""
        ...


async def identify(authenticator: Authenticator, headers: Mapping[bytes, bytes]) -> Caller:
    """The caller who sent these headers (names in lower case). Raises as `authenticate`."""
    credential = find_credential(headers)
    if credential is None:
        raise NotAuthenticated("Send your key as `Authorization: Bearer <key>` or as `x-api-key: <key>`.")
    return await authenticator.authenticate(credential)


def find_credential(headers: Mapping[bytes, bytes]) -> str | None:
    """The bearer token (OpenAI's SDK), else the `x-api-key` (Anthropic's), else `None`."""
    header = headers.get(b"authorization")
    if header is not None and header[:7].lower() == b"bearer ":
        credential = header[7:].strip()
    else:
        credential = headers.get(b"x-api-key", b"").strip()
    if not credential or len(credential) > LONGEST_CREDENTIAL_BYTES:
        return None
    return credential.decode("latin-1")
