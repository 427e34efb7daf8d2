"""Who makes a request."""

from typing import Literal, get_args

from msgspec import Struct

from officium.kit.errors import PermissionDenied

Scope = Literal[
    "inference",
    "usage:read",
    "config:read",
    "config:write",
    "insights:write",
    "act-as",
    "admin",
    "own-widgets",
]
SCOPES: frozenset[str] = frozenset(get_args(Scope)) - {"own-widgets"}
"""What a key may have. `own-widgets` is for people who are bound to a client."""
_OPERATOR = "operator:cli"


class Caller(Struct, frozen=True):
    """The tenant, the actor within it, and what the actor may do. First argument of every service method.

    `actor` is `key:<id>` for a machine, `member:<id>` for a person, `job:<name>` for the clock,
    `operator:cli` for whoever sits at the machine. Who has a `client_id` sees that client's things alone.
    """

    tenant_id: str
    actor: str
    scopes: frozenset[str]
    member_id: str | None = None
    key_id: str | None = None
    client_id: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds `scope`; `admin` holds them all."""
        return scope in self.scopes or "admin" in self.scopes


def require(caller: Caller, scope: Scope) -> None:
    """Raise PermissionDenied unless the caller holds `scope`."""
    if not caller.may(scope):
        raise PermissionDenied(
            f"This needs the scope {scope}, which your credential does not have. "
            "Ask an administrator of your tenant for a key with it.",
            scope=scope,
        )


def operator_of(tenant_id: str) -> Caller:
    """The person at this machine, acting for a tenant: may do everything there, and manage tenants."""
    return Caller(tenant_id=tenant_id, actor=_OPERATOR, scopes=frozenset(("admin",)))


def is_operator(caller: Caller) -> bool:
    """Whether the caller sits at the machine, above the tenants."""
    return caller.actor == _OPERATOR


def require_operator(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller is the operator, who alone stands above the tenants."""
    if not is_operator(caller):
        raise PermissionDenied(
            "Only the operator of this installation manages tenants, with `officium tenant` on its machine."
        )
