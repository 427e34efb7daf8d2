"""Who is asking: a key or a session in the headers becomes a Caller."""

from collections.abc import Collection, Mapping
from typing import Protocol

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.session import SESSION_START
from officium.kit.errors import NotAuthenticated
from officium.web.browser import check_page, find_token

LONGEST_CREDENTIAL_BYTES = 8192
_CREDENTIALS = (b"authorization", b"x-api-key")


class Authenticator(Protocol):
    """Knows the credentials."""

    async def authenticate(self, credential: str) -> Caller:
        """The caller behind a credential. Raises NotAuthenticated and PermissionDenied."""
        ...


def read_headers(sent: Collection[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name; of one that comes twice the last counts.

    A credential that comes twice counts as none: whoever stands before us may have believed the other one.
    """
    headers = dict(sent)
    if len(headers) != len(sent):
        names = [name for name, _ in sent]
        if any(names.count(name) > 1 for name in _CREDENTIALS):
            headers.update(dict.fromkeys(_CREDENTIALS, b""))
    return headers


async def identify(
    authenticator: Authenticator, headers: Mapping[bytes, bytes], method: str | None = None
) -> Caller:
    """The caller who sent these headers (names in lower case).

    Raises as `authenticate`, and CrossSiteRequest. Where the request's `method` is told, the cookie of
    somebody signed in to the console counts, too, as long as one of the console's own pages has sent it.
    """
    credential = find_credential(headers)
    if credential is None and method is not None:
        credential = find_token(headers)
        if credential is not None:
            check_page(method, headers, credential)
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
    if credential.startswith(SESSION_START.encode()):
        return None  # a browser's session stands in its cookie or nowhere
    return credential.decode("latin-1")
