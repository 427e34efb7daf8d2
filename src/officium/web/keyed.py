"""Routes for known callers: who is asking is settled before anything else of the request is read."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, PermissionDenied
from officium.web.caller import Authenticator, identify, read_headers
from officium.web.lazy_routes import LazyRoute, LazyRouter
from officium.web.tiers import Gates

_FOR_CLIENTS = "/api/chat-widget/"
"""Where the doors are for people who are bound to a client."""


class Fault(BaseModel):
    """What went wrong. `code` is for programs and stays the same, `message` is for people."""

    message: str
    type: str
    param: str | None
    code: str


class FaultReport(BaseModel):
    """The body of every error."""

    error: Fault


def keyed_router(authenticator: Authenticator, tag: str) -> LazyRouter:
    """A router whose routes are closed to strangers; they take the caller as a `KnownCaller`.

    A dependency would not do: a body is read and parsed before the first of them is asked.
    """

    class KeyedRoute(LazyRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def identified(request: Request) -> Response:
                request.state.caller = await identify_request(authenticator, request)
                if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
                    # PostgreSQL has no place for it in a text, not even to look for one.
                    said = (*request.path_params.items(), *request.query_params.items())
                    param = next((name for name, value in said if "\0" in str(value)), None)
                    raise InvalidRequest("No path and no parameter contains the character NUL.", param=param)
                return await handle(request)

            return identified

    faults: dict[int | str, dict[str, Any]] = {
        401: {"model": FaultReport, "description": "No key, or one that is not valid."},
        403: {"model": FaultReport, "description": "The key lacks a scope, or its tenant is suspended."},
        "4XX": {"model": FaultReport, "description": "The request cannot be served as asked."},
    }
    return LazyRouter(tags=[tag], route_class=KeyedRoute, responses=faults)


async def identify_request(authenticator: Authenticator, request: Request) -> Caller:
    """The caller who sent the request, which counts from now on; the log is told the tenant.

    Raises as `identify`, and RateLimited.
    """
    scope = request.scope
    caller = await identify(authenticator, read_headers(scope["headers"]), request.method)
    scope["officium.tenant"] = caller.tenant_id
    if caller.client_id is not None and not scope["path"].startswith(_FOR_CLIENTS):
        raise PermissionDenied("You see the widgets of your own company here, and nothing else.")
    gates: Gates | None = scope.get("officium.gates")
    gate = gates.find(request.method, scope["route"].path) if gates is not None else None
    if gate is not None:
        await gate.admit(caller, scope["officium.announce"])
    return caller


def _known_caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


def _request_id(request: Request) -> str:
    id: str = request.scope["officium.request_id"]
    return id


KnownCaller = Annotated[Caller, Depends(_known_caller)]
"""The caller of a route of `keyed_router`."""
RequestId = Annotated[str, Depends(_request_id)]
"""The request's own id, as it stands in the log and in the answer's `x-request-id`."""
