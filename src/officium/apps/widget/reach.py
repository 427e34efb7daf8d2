"""What somebody may see of an agency's widgets: all of them, or those of the one client they are bound to."""

from msgspec.structs import replace

from officium.core.tenancy.caller import Caller, Scope, require


def require_reading(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller may read widgets, if only those of their own client."""
    _require(caller, "config:read", or_else="config:write")


def require_usage(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller may see what widgets use, if only their own client's."""
    _require(caller, "usage:read")


def require_answering(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller may answer visitors, if only those of their own client."""
    _require(caller, "config:write")


def may_see_usage(caller: Caller) -> bool:
    """Whether `require_usage` lets the caller pass."""
    return caller.may("usage:read") if caller.client_id is None else caller.may("own-widgets")


def may_answer(caller: Caller) -> bool:
    """Whether `require_answering` lets the caller pass."""
    return caller.may("config:write") if caller.client_id is None else caller.may("own-widgets")


def reaches(caller: Caller, client_id: int) -> bool:
    """Whether a client's things are within the caller's reach."""
    return caller.client_id is None or caller.client_id == client_id


def reading_usage(caller: Caller) -> Caller:
    """The caller as the reports know them: for things that were found to be within their reach."""
    return caller if caller.client_id is None else replace(caller, scopes=frozenset(("usage:read",)))


def _require(caller: Caller, scope: Scope, *, or_else: Scope | None = None) -> None:
    if caller.client_id is not None:
        require(caller, "own-widgets")
    elif or_else is None or not caller.may(or_else):
        require(caller, scope)
