"""Closing one's own tenant: only by an owner who is surely there, and who types its name."""

from typing import Protocol

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.erasure.errors import NameNotRepeated
from officium.core.tenancy.tenant import Tenant


class People(Protocol):
    """Makes sure who sits there."""

    async def is_password_asked(self, caller: Caller) -> bool: ...

    async def confirm(self, caller: Caller, token: str, password: str, *, address: str) -> None: ...


class Closing(Protocol):
    """Closes tenants."""

    async def close_tenant(self, caller: Caller, *, request_id: str | None = None) -> None: ...


class OwnErasureService:
    """What owners may do about the end of their tenant."""

    def __init__(self, closing: Closing, people: People) -> None:
        self._closing = closing
        self._people = people

    async def is_password_asked(self, caller: Caller) -> bool:
        """Whether the caller proves with a password who they are; else by a sign-in just now."""
        return await self._people.is_password_asked(caller)

    async def close_own_tenant(
        self,
        caller: Caller,
        tenant: Tenant,
        token: str,
        *,
        name: str,
        password: str,
        address: str,
        request_id: str | None = None,
    ) -> None:
        """Close the caller's own tenant. `token` is their session's.

        Raises NameNotRepeated, SignInFailed, SignInTooOld, LimitExceeded, PermissionDenied and LastTenant.
        """
        if name.strip() != tenant.name.strip():
            raise NameNotRepeated("Type the name of your tenant exactly as it stands there.", param="name")
        await self._people.confirm(caller, token, password, address=address)
        await self._closing.close_tenant(caller, request_id=request_id)
