"""The identity provider with which people sign in to the console, as the operator configures it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, model_validator

from officium.core.tenancy.issuer import Address

GivenRole = Literal["admin", "member", "viewer"]
"""What a provider may make somebody. Owners are made by the operator, clients' people by administrators."""
EVERY_DOMAIN = "*"


def _with_openid(value: str) -> str:
    words = value.split()
    if "openid" not in words:
        raise ValueError("must contain openid")
    return " ".join(words)


def check_public_url(value: str) -> str:
    """`value`, if it can be where browsers reach this server. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be like https://ai.example.com, without a path")
    return value.rstrip("/")


class IdentityProvider(BaseModel):
    """Where people sign in, and what is believed of what is said about them there.

    Claims are named by their name, or by a path such as `realm_access.roles`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)

    issuer: Address
    """The `iss` of its identity tokens, character by character."""
    client_id: str
    client_secret: SecretStr | None = None
    """Left out for a public client, which PKCE alone protects."""
    scopes: Annotated[str, AfterValidator(_with_openid)] = "openid email profile"
    label: str | None = None
    """What the button calls it."""
    email_claim: str = "email"
    email_verified_claim: str = "email_verified"
    trusts_email: bool = False
    """Whether every address counts as verified: only where nobody can choose their own."""
    tenant_claim: str | None = None
    """The claim with the tenant's external id or id."""
    tenant: str | None = None
    """The one tenant, by external id or id, that people sign in to; `tenant_claim` wins."""
    role_claim: str | None = None
    role_map: dict[str, GivenRole] = {}
    """From the provider's words to our roles; of several the one that may do most counts."""
    default_role: GivenRole = "member"
    creates_members: bool = False
    """Whether people nobody has invited become members."""
    email_domains: frozenset[str] = frozenset()
    """Whose addresses become members; `*` for all."""
    refuses_passwords: bool = False
    """Whether members who have signed in there may no more use their password here."""

    @model_validator(mode="after")
    def _is_bounded(self) -> "IdentityProvider":
        if self.creates_members and not self.email_domains:
            raise ValueError(
                "OFFICIUM_OIDC_CREATE_MEMBERS needs OFFICIUM_OIDC_EMAIL_DOMAINS: "
                "whose addresses become members"
            )
        if self.creates_members and not (self.tenant_claim or self.tenant):
            raise ValueError(
                "OFFICIUM_OIDC_CREATE_MEMBERS needs OFFICIUM_OIDC_TENANT or OFFICIUM_OIDC_TENANT_CLAIM: "
                "where they become members"
            )
        if self.role_map and not self.role_claim:
            raise ValueError("OFFICIUM_OIDC_ROLE_MAP needs OFFICIUM_OIDC_ROLE_CLAIM")
        return self
