"""What people may do, by the role they have in their tenant."""

from typing import Literal, get_args

from officium.core.tenancy.caller import Scope
from officium.core.tenancy.sign_in.errors import InvalidMember

Role = Literal["owner", "admin", "member", "viewer", "client"]
ROLES: tuple[Role, ...] = get_args(Role)

_SCOPES: dict[str, frozenset[Scope]] = {
    "owner": frozenset(("admin",)),
    "admin": frozenset(("admin",)),
    "member": frozenset(("inference", "usage:read", "config:read")),
    "viewer": frozenset(("usage:read", "config:read")),
    "client": frozenset(("own-widgets",)),
}


def scopes_of(role: str) -> frozenset[str]:
    """The scopes of a role; none for a word that is no role."""
    return frozenset(_SCOPES.get(role, ()))


def check_role(role: str, client_id: int | None = None) -> None:
    """Raise InvalidMember unless there is such a role, and a client exactly where it needs one."""
    if role not in ROLES:
        raise InvalidMember(f"There is no role {role!r}. Choose from: {', '.join(ROLES)}.", param="role")
    if (role == "client") != (client_id is not None):
        raise InvalidMember("The role client, and no other, needs the client it is for.", param="client")
