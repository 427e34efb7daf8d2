"""An identity provider whose sessions are accepted, as the operator configures it."""

from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from officium.core.tenancy.caller import Scope

Algorithm = Literal["RS256", "ES256", "Ed25519", "EdDSA"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def check_address(value: str) -> str:
    """`value`, if keys may be fetched from it: over TLS, or from this very machine. Raises ValueError."""
    parts = urlsplit(value)
    is_near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_near)):
        raise ValueError("must be an https:// address (http:// only on this machine)")
    return value


Address = Annotated[str, AfterValidator(check_address)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
Scopes = Annotated[frozenset[Scope], BeforeValidator(_as_list)]


class JwtIssuer(BaseModel):
    """One entry of OFFICIUM_JWT_ISSUERS. Claims are named by their name, or by a path such as `org.id`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)

    issuer: Address
    """The `iss` of its sessions, character by character."""
    audience: Names = ()
    """A session must name one of these in `aud`."""
    authorized_parties: Names = ()
    """A session must name one of these in `azp`; for issuers that write no audience."""
    jwks_url: Address | None = None
    """Where its public keys are; found through OpenID discovery where left out."""
    tenant_claim: str
    """The claim with the tenant's external id or id."""
    tenants: frozenset[str] | None = None
    """The tenants it may speak for; every tenant where left out."""
    member_claim: str = "sub"
    email_claim: str | None = "email"
    scopes_claim: str | None = None
    """A claim with a list, or words separated by spaces."""
    scope_map: dict[str, Scopes] | None = None
    """From the issuer's words to ours; where left out, its words are ours."""
    default_scopes: Scopes = frozenset({"inference"})
    """What every member may do, whatever the claim says."""
    algorithms: Annotated[frozenset[Algorithm], Field(min_length=1)] = frozenset(get_args(Algorithm))

    @model_validator(mode="after")
    def _is_bound(self) -> "JwtIssuer":
        if not self.audience and not self.authorized_parties:
            raise ValueError(
                "needs an audience or authorized_parties, else sessions made for others would count"
            )
        return self
