"""Signed tokens of identity providers (JWT), verified against the keys their issuers publish."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, MissingClaimError
from msgspec import Struct

from officium.core.tenancy.errors import SessionInvalid, TenantUnknown
from officium.core.tenancy.issuer import Algorithm, JwtIssuer
from officium.core.tenancy.jwks import Fetch, JwksCache
from officium.core.tenancy.session import Session, read_session
from officium.kit.clock import Clock

LEEWAY_S = 60
"""How far the clocks of an issuer and this server may be apart."""
MAX_LENGTH = 16 * 1024

_T = TypeVar("_T")


class _Header(Struct):
    alg: str
    kid: str | None = None


class _Issued(Struct):
    iss: str


class JwtVerifier:
    """Accepts the sessions of the configured issuers and of nobody else."""

    def __init__(self, issuers: Sequence[JwtIssuer], fetch: Fetch, clock: Clock) -> None:
        self._clock = clock
        self._issuers = {issuer.issuer: (issuer, JwksCache(issuer, fetch, clock)) for issuer in issuers}

    async def verify(self, token: str) -> Session:
        """Check signature, issuer, audience and time, and read who it is.

        Raises SessionInvalid, TenantUnknown (the issuer may not speak for that tenant) and IssuerUnreachable.
        """
        _, said_issuer = _peek(token)
        issuer, keys = self._issuers.get(said_issuer) or _refuse("Its issuer is not configured here.")
        claims = await read_claims(token, issuer, keys, self._clock)
        session = read_session(claims, issuer, LEEWAY_S)
        if issuer.tenants is not None and session.tenant not in issuer.tenants:
            raise TenantUnknown(
                f"Sessions of {issuer.issuer} do not count for the tenant {session.tenant!r}."
            )
        return session


async def read_claims(token: str, issuer: JwtIssuer, keys: JwksCache, clock: Clock) -> dict[str, Any]:
    """The claims of a token that is signed, of this issuer, for one of its audiences, and valid now.

    Raises SessionInvalid and IssuerUnreachable.
    """
    header, said_issuer = _peek(token)
    if said_issuer != issuer.issuer:
        _refuse("It is of another issuer.")
    algorithm = _choose_algorithm(header, issuer)
    key = await keys.find(header.kid, algorithm)
    if key is None:
        _refuse("It is signed with a key its issuer does not publish.")
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        _rules(issuer, clock).validate(claims)
    except ExpiredTokenError as error:
        raise SessionInvalid("The session has expired. Sign in again.") from error
    except MissingClaimError as error:
        raise SessionInvalid(
            f"The session cannot be accepted. It lacks the claim {error.claim!r}."
        ) from error
    except ClaimError as error:
        raise SessionInvalid(_CLAIM_FAULTS.get(error.claim, _FAULT.format(error.claim))) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SessionInvalid("The session cannot be accepted. Its signature does not match.") from error
    return claims


def _rules(issuer: JwtIssuer, clock: Clock) -> jwt.JWTClaimsRegistry:
    options: dict[str, jwt.ClaimsOption] = {
        "iss": {"essential": True, "value": issuer.issuer},
        "exp": {"essential": True},
    }
    if issuer.audience:
        options["aud"] = {"essential": True, "values": list(issuer.audience)}
    if issuer.authorized_parties:
        options["azp"] = {"essential": True, "values": list(issuer.authorized_parties)}
    return jwt.JWTClaimsRegistry(now=int(clock.now().timestamp()), leeway=LEEWAY_S, **options)


_FAULT = "The session cannot be accepted. Its claim {!r} is not as it must be."
_CLAIM_FAULTS = {
    "aud": "The session cannot be accepted. It was made for another audience.",
    "azp": "The session cannot be accepted. It was made for another application.",
    "nbf": "The session is not valid yet. Check that the clocks of both servers agree.",
    "iat": "The session was made in the future. Check that the clocks of both servers agree.",
}


def _peek(token: str) -> tuple[_Header, str]:
    """Read the header and the issuer without believing them: they only say which key to check with."""
    if len(token) > MAX_LENGTH:
        _refuse("It is too long.")
    parts = token.split(".")
    if len(parts) != 3:
        _refuse("It is no signed token.")
    return _read_part(parts[0], _Header), _read_part(parts[1], _Issued).iss


def _read_part(text: str, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError) as error:
        raise SessionInvalid("The session cannot be accepted. It is no signed token.") from error


def _choose_algorithm(header: _Header, issuer: JwtIssuer) -> Algorithm:
    for algorithm in issuer.algorithms:
        if header.alg == algorithm:
            return algorithm
    return _refuse("It is signed in a way that is not allowed for its issuer.")


def _refuse(reason: str) -> NoReturn:
    raise SessionInvalid(f"The session cannot be accepted. {reason}")
