"""What a verified session says about its holder."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from officium.core.tenancy.caller import SCOPES
from officium.core.tenancy.errors import SessionInvalid
from officium.core.tenancy.issuer import JwtIssuer

SESSION_START = "ofs_"
"""How the token of a browser's session begins; see `sign_in`."""


class Session(Struct, frozen=True, kw_only=True):
    """A person as an identity provider presents them. `tenant` is an external id or id.

    `expires_at` is when to stop believing it, in seconds since 1970.
    """

    issuer: str
    tenant: str
    subject: str
    email: str | None
    scopes: frozenset[str]
    expires_at: float


class SessionVerifier(Protocol):
    """Knows which sessions are genuine."""

    async def verify(self, token: str) -> Session:
        """Check a signed token. Raises SessionInvalid, TenantUnknown and IssuerUnreachable."""
        ...


def read_session(claims: Mapping[str, Any], issuer: JwtIssuer, leeway_s: float) -> Session:
    """The session that verified claims speak of. Raises SessionInvalid when they say too little."""
    return Session(
        issuer=issuer.issuer,
        tenant=_text(claims, issuer.tenant_claim, "names no tenant"),
        subject=_text(claims, issuer.member_claim, "names nobody"),
        email=_email(claims, issuer),
        scopes=_scopes(claims, issuer),
        expires_at=float(claims["exp"]) + leeway_s,
    )


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, else what the dots in it lead to; `None` where there is nothing.

    Names come first because some issuers write addresses into them: `https://example.com/tenant`.
    """
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _text(claims: Mapping[str, Any], path: str, fault: str) -> str:
    value = find_claim(claims, path)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise SessionInvalid(
            f"The session {fault}: its claim {path!r} is missing or no short text. "
            "Check the claims your identity provider writes.",
            claim=path,
        )
    return value


def _email(claims: Mapping[str, Any], issuer: JwtIssuer) -> str | None:
    value = find_claim(claims, issuer.email_claim) if issuer.email_claim else None
    return value if isinstance(value, str) and 0 < len(value) <= 320 else None


def _scopes(claims: Mapping[str, Any], issuer: JwtIssuer) -> frozenset[str]:
    said = find_claim(claims, issuer.scopes_claim) if issuer.scopes_claim else None
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    names = {word for word in words if isinstance(word, str)}
    if issuer.scope_map is None:
        return issuer.default_scopes | (names & SCOPES)
    return issuer.default_scopes.union(*(issuer.scope_map.get(name, frozenset()) for name in names))
