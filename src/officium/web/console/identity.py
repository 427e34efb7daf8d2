"""Signing in with an identity provider: the button, the way back, and signing out there, too."""

from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from officium.core.tenancy import Member
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.identity import Connection
from officium.core.tenancy.identity.service import Arrival, Departure
from officium.kit.errors import LimitExceeded, OfficiumError, ServiceUnavailable
from officium.web.browser import find_cookie, find_token
from officium.web.caller import read_headers
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.languages import safe_next
from officium.web.console.sign_in import SignIns, is_https, set_session_cookie
from officium.web.console.signed_in import SIGN_IN, SIGNED_OUT, page_router
from officium.web.errors import retry_headers, status_of

START = SIGN_IN + "/provider"
CALLBACK = START + "/callback"
_SECURE_COOKIE = "__Host-officium-attempt"
_PLAIN_COOKIE = "officium-attempt"
_LONGEST_QUERY = 8192
_ATTEMPT_S = 600
_EXPLAINED = frozenset(
    (
        "identity_provider_unreachable",
        "identity_provider_unusable",
        "sign_in_declined",
        "identity_refused",
        "person_unknown",
        "email_not_verified",
        "sign_in_stale",
        "tenant_unknown",
        "tenant_suspended",
        "tenant_closed",
        "member_disabled",
        "limit_exceeded",
    )
)
"""The errors that have words of their own in every language."""
_WORTH_ANOTHER_TRY = frozenset(
    ("identity_provider_unreachable", "sign_in_declined", "identity_refused", "sign_in_stale")
)


class Identities(Protocol):
    """Lets people in whom the identity provider vouches for."""

    @property
    def label(self) -> str | None: ...

    async def depart(
        self, *, next: str, redirect_uri: str, tenant: str | None, address: str
    ) -> Departure: ...

    async def arrive(
        self, answer: Mapping[str, str], cookie: str | None, *, address: str, user_agent: str
    ) -> Arrival: ...

    async def find_sign_out_url(self, back: str) -> str | None: ...

    async def find_connection(self, caller: Caller) -> Connection | None: ...

    async def is_password_closed(self, member: Member) -> bool: ...


def identity_router(
    identities: Identities, sign_ins: SignIns, frame: Frame, public_url: str | None
) -> APIRouter:
    """The routes anybody may use where there is an identity provider."""
    router = page_router(frame)

    def is_secure(request: Request) -> bool:
        return is_https(request) or (public_url or "").startswith("https://")

    def cookie_name(request: Request) -> str:
        # Over HTTPS the one alone that no other host under the same domain can set.
        return _SECURE_COOKIE if is_secure(request) else _PLAIN_COOKIE

    @router.get(START)
    async def depart(request: Request) -> Response:
        try:
            departure = await identities.depart(
                next=safe_next(request.query_params.get("next")),
                redirect_uri=_here(request, public_url) + CALLBACK,
                tenant=request.query_params.get("tenant"),
                address=_address(request),
            )
        except (ServiceUnavailable, LimitExceeded) as error:
            return _fault(frame, request, identities, error)
        response = guarded(RedirectResponse(departure.url, 303))
        response.set_cookie(
            cookie_name(request),
            departure.cookie,
            max_age=_ATTEMPT_S,
            path="/",
            httponly=True,
            samesite="lax",
            secure=is_secure(request),
        )
        return response

    @router.get(CALLBACK)
    async def arrive(request: Request) -> Response:
        headers = read_headers(request.scope["headers"])
        try:
            arrival = await identities.arrive(
                _answer_in(request),
                find_cookie(headers, cookie_name(request)),
                address=_address(request),
                user_agent=request.headers.get("user-agent", ""),
            )
        except OfficiumError as error:
            if error.code not in _EXPLAINED:
                raise
            return _without_attempt(_fault(frame, request, identities, error))
        old = find_token(headers)
        if old is not None:
            await sign_ins.sign_out(old)
        request.scope["officium.tenant"] = arrival.new.session.tenant.id
        response = redirect(safe_next(arrival.next))
        set_session_cookie(request, response, arrival.new.token, is_secure=is_secure(request))
        return _without_attempt(response)

    @router.get(SIGNED_OUT)
    async def signed_out(request: Request) -> Response:
        url = await identities.find_sign_out_url(_here(request, public_url) + SIGN_IN)
        return frame.page(request, "identity_signed_out.html", label=identities.label, url=url)

    return router


def _fault(frame: Frame, request: Request, identities: Identities, error: OfficiumError) -> Response:
    status = status_of(error)
    request.scope["officium.error"] = error.code
    response = frame.page(
        request,
        "identity_fault.html",
        status=status,
        code=error.code,
        label=identities.label,
        can_retry=error.code in _WORTH_ANOTHER_TRY,
        request_id=request.scope["officium.request_id"],
    )
    for name, value in retry_headers(error, status):
        response.headers[name.decode()] = value.decode()
    return response


def _answer_in(request: Request) -> dict[str, str]:
    """What the provider says in the address; nothing where it says something twice, or too much."""
    query = request.query_params
    names = [name for name, _ in query.multi_items()]
    if len(request.url.query) > _LONGEST_QUERY or len(names) != len(set(names)):
        return {}
    return dict(query)


def _without_attempt(response: Response) -> Response:
    response.delete_cookie(_SECURE_COOKIE, path="/", secure=True, httponly=True)
    response.delete_cookie(_PLAIN_COOKIE, path="/", httponly=True)
    return response


def _here(request: Request, public_url: str | None) -> str:
    """Where browsers reach this server. The provider sends them back to addresses it was told of alone."""
    return public_url or f"{request.url.scheme}://{request.url.netloc}"


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
