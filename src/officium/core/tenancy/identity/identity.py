"""Who somebody is according to an identity provider: from verified claims to a person."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from officium.core.tenancy.identity.errors import IdentityRefused
from officium.core.tenancy.identity.provider import EVERY_DOMAIN, GivenRole, IdentityProvider
from officium.core.tenancy.session import find_claim

LONGEST = 255
_LONGEST_NAME = 200
_LONGEST_EMAIL = 254
_MOST_WORDS = 1000
_TRUE = (True, 1, "true", "1")
"""Some providers write the claim as text, or as a number."""
_BY_POWER: tuple[GivenRole, ...] = ("admin", "member", "viewer")


class Identity(Struct, frozen=True, kw_only=True):
    """A person as their provider presents them.

    `subject` is theirs for good. `email` is in small letters, and `None` where it cannot be one of ours.
    `tenant` is an external id or id, `role` the one that the claims stand for, where roles are read at all.
    """

    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None
    tenant: str | None
    role: GivenRole | None


def read_identity(claims: Mapping[str, Any], provider: IdentityProvider) -> Identity:
    """The person that verified claims speak of. Raises IdentityRefused where they name nobody."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST or not subject.isprintable():
        raise IdentityRefused("The identity token names nobody: its claim 'sub' is missing or no short text.")
    email = _email(find_claim(claims, provider.email_claim))
    said = find_claim(claims, provider.email_verified_claim)
    is_verified = provider.trusts_email or any(said == each for each in _TRUE)
    return Identity(
        issuer=provider.issuer,
        subject=subject,
        email=email,
        is_email_verified=email is not None and is_verified,
        name=_name(claims.get("name")),
        tenant=_tenant(find_claim(claims, provider.tenant_claim)) if provider.tenant_claim else None,
        role=_role(claims, provider),
    )


def may_become_member(identity: Identity, provider: IdentityProvider) -> bool:
    """Whether this person, whom nobody has invited, becomes a member."""
    if not provider.creates_members or identity.email is None or not identity.is_email_verified:
        return False
    domain = identity.email.rpartition("@")[2]
    return EVERY_DOMAIN in provider.email_domains or domain in provider.email_domains


def _email(value: Any) -> str | None:
    """The address in small letters, if it is one of ASCII.

    Of others several are one when they are folded (`ß` and `ss`), so somebody could be taken for another.
    """
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    name, _, host = value.rpartition("@")
    is_one = name and host and len(value) <= _LONGEST_EMAIL and " " not in value
    return value.lower() if is_one else None


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or not value.isprintable():
        return None
    return value.strip()[:_LONGEST_NAME] or None


def _tenant(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST else None


def _role(claims: Mapping[str, Any], provider: IdentityProvider) -> GivenRole | None:
    if provider.role_claim is None:
        return None
    said = find_claim(claims, provider.role_claim)
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    given = {word for word in words[:_MOST_WORDS] if isinstance(word, str)}
    if isinstance(said, str):
        given.add(said)
    roles = {role for word, role in provider.role_map.items() if word in given}
    if not provider.role_map:
        roles = {role for role in _BY_POWER if role in given}
    return next((role for role in _BY_POWER if role in roles), provider.default_role)
