"""Requests from the browser of somebody signed in: its cookie, and the proof that our own page sent it.

A browser adds cookies to every request, also to those another site makes it send. So a cookie alone counts
for nothing: what changes something must come from our own origin, and must know what only our pages know.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from officium.core.tenancy.session import SESSION_START
from officium.kit.errors import PermissionDenied

SECURE_COOKIE = "__Host-officium"
"""The cookie's name over HTTPS: browsers then refuse to let any other host or path set it."""
PLAIN_COOKIE = "officium"
"""Its name over plain HTTP, where browsers would not keep the other one: on one's own machine."""
CSRF_HEADER = b"x-csrf-token"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_LONGEST_HEADER = 16_384


class CrossSiteRequest(PermissionDenied):
    """A request with a session's cookie that none of the console's own pages has sent."""

    code = "cross_site_request"


def find_token(headers: Mapping[bytes, bytes]) -> str | None:
    """The session's token in the cookies, if there is one."""
    for name in (SECURE_COOKIE, PLAIN_COOKIE):
        token = find_cookie(headers, name)
        if token is not None and token.startswith(SESSION_START):
            return token
    return None


def find_cookie(headers: Mapping[bytes, bytes], name: str) -> str | None:
    """The value of a cookie; of several with this name the first."""
    sent = headers.get(b"cookie", b"")
    if len(sent) > _LONGEST_HEADER:
        return None
    for part in sent.decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def csrf_token(secret: str) -> str:
    """What a page must say to prove that it is ours: nobody knows it without the cookie's secret."""
    return hmac.digest(secret.encode(), b"officium.csrf.v1", hashlib.sha256).hex()


def check_page(method: str, headers: Mapping[bytes, bytes], secret: str, said: str | None = None) -> None:
    """Raise CrossSiteRequest unless one of our own pages sent the request.

    `said` is what a form holds as its proof; without it the header counts. Reading needs no proof.
    """
    if not is_same_origin(method, headers):
        raise CrossSiteRequest("This request comes from another site. Open the console and try again there.")
    if method in _SAFE:
        return
    proof = said if said is not None else headers.get(CSRF_HEADER, b"").decode("latin-1")
    if not hmac.compare_digest(proof.encode(), csrf_token(secret).encode()):
        raise CrossSiteRequest("The page you sent this from is too old. Load it again, then try again.")


def is_same_origin(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the browser says that one of our own pages sent this; of reading, that none of another's did.

    Browsers say so in `Sec-Fetch-Site`; over plain HTTP they keep silent, and `Origin` must do.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin" or (site == b"none" and method in _SAFE)
    origin = headers.get(b"origin")
    if origin is None:
        return method in _SAFE
    return (
        urlsplit(origin.decode("latin-1")).netloc.lower()
        == headers.get(b"host", b"").decode("latin-1").lower()
    )
