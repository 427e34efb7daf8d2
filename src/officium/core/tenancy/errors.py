"""What can go wrong between a credential and its tenant."""

from officium.kit.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, PermissionDenied


class KeyUnknown(NotAuthenticated):
    """No such key."""

    code = "key_unknown"


class KeyRevoked(NotAuthenticated):
    """The key was revoked."""

    code = "key_revoked"


class KeyExpired(NotAuthenticated):
    """The key's time is over."""

    code = "key_expired"


class SessionInvalid(NotAuthenticated):
    """A signed token that cannot be accepted; the message says why."""

    code = "session_invalid"


class TenantSuspended(PermissionDenied):
    """The tenant is suspended by the operator."""

    code = "tenant_suspended"


class MemberDisabled(PermissionDenied):
    """The person's access was switched off by an administrator of their tenant."""

    code = "member_disabled"


class TenantClosed(PermissionDenied):
    """The tenant was closed, and is going to be erased."""

    code = "tenant_closed"


CLOSED = (
    "Your tenant is closed, and everything in it is going to be erased. Until then the operator of this "
    "installation can open it again."
)


class TenantUnknown(PermissionDenied):
    """A valid session that belongs to no tenant of this installation."""

    code = "tenant_unknown"


class TenantNotFound(NotFound):
    """No tenant with this id, external id or name."""

    code = "tenant_not_found"


class KeyNotFound(NotFound):
    """No key with this id in the caller's tenant."""

    code = "key_not_found"


class TenantExists(Conflict):
    """Another tenant has this external id."""

    code = "tenant_exists"


class InvalidTenant(InvalidRequest):
    """A tenant's name, external id or time zone is not acceptable; `param` names it."""

    code = "invalid_tenant"


class InvalidKey(InvalidRequest):
    """A new key's name, scopes or expiry is not acceptable; `param` names it."""

    code = "invalid_key"
