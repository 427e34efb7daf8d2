"""Signing in to the console with an identity provider (OpenID Connect)."""

from officium.core.tenancy.identity.errors import (
    EmailNotVerified,
    IdentityProviderUnreachable,
    IdentityProviderUnusable,
    IdentityRefused,
    PersonUnknown,
    SignInDeclined,
    SignInStale,
)
from officium.core.tenancy.identity.provider import IdentityProvider
from officium.core.tenancy.identity.store import Connection, IdentityStore

__all__ = [
    "Connection",
    "EmailNotVerified",
    "IdentityProvider",
    "IdentityProviderUnreachable",
    "IdentityProviderUnusable",
    "IdentityRefused",
    "IdentityStore",
    "PersonUnknown",
    "SignInDeclined",
    "SignInStale",
]
