"""Who makes a request."""

from typing import Literal

from msgspec import Struct

Scope = Literal["inference", "usage:read", "config:read", "config:write", "admin"]
SCOPES: frozenset[str] = frozenset(("inference", "usage:read", "config:read", "config:write", "admin"))


class Caller(Struct, frozen=True):
    """The tenant, the actor within it, and what the actor may do. First argument of every service method.

    `actor` is `key:<id>` for a machine, `member:<id>` for a person, `job:<name>` for the clock.
    """

    tenant_id: str
    actor: str
    scopes: frozenset[str]
    member_id: str | None = None
    key_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds `scope`; `admin` holds them all."""
        return scope in self.scopes or "admin" in self.scopes
