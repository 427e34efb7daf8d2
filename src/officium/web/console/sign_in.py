"""Signing in and out, and choosing a password."""

import secrets
from typing import Protocol
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.sign_in import BrowserSession, InvalidMember, NewSession, SignInFailed
from officium.core.tenancy.sign_in.browser_session import LONGEST
from officium.kit.errors import LimitExceeded, NotAuthenticated, OfficiumError, PermissionDenied
from officium.web.browser import (
    PLAIN_COOKIE,
    SECURE_COOKIE,
    check_page,
    csrf_token,
    find_cookie,
    find_token,
)
from officium.web.caller import read_headers
from officium.web.console.frame import Frame, redirect
from officium.web.console.languages import keep_language, safe_next
from officium.web.console.signed_in import PASSWORD, SIGN_IN, SIGNED_OUT, page_router, read_form
from officium.web.errors import retry_headers, status_of

_FORM_COOKIE = "officium-form"


class SignIns(Protocol):
    """Lets people in, knows them while they are there, and lets them out."""

    async def is_anybody_there(self) -> bool: ...

    async def sign_in(self, login: str, password: str, *, address: str, user_agent: str) -> NewSession: ...

    async def resume(self, token: str) -> BrowserSession: ...

    async def sign_out(self, token: str) -> None: ...

    async def change_password(self, caller: Caller, token: str, old: str, new: str) -> None: ...


class Provider(Protocol):
    """The identity provider beside which passwords stand."""

    @property
    def label(self) -> str | None: ...


def sign_in_router(sign_ins: SignIns, frame: Frame, provider: Provider | None = None) -> APIRouter:
    """The routes anybody may use."""
    router = page_router(frame)

    @router.get(SIGN_IN)
    async def page(request: Request) -> Response:
        if "language" in request.query_params:
            return keep_language(redirect(_again(request)), request.query_params["language"])
        if provider is None and not await sign_ins.is_anybody_there():
            return frame.page(request, "first_run.html")
        token = find_token(read_headers(request.scope["headers"]))
        if token is not None and await _is_valid(sign_ins, token):
            return redirect(safe_next(request.query_params.get("next")))
        return _sign_in_page(frame, request, provider)

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        headers = read_headers(request.scope["headers"])
        email = ""
        try:
            form = await read_form(request)
            email = form.get("email", "")
            secret = find_cookie(headers, _FORM_COOKIE) or secrets.token_urlsafe()
            check_page("POST", headers, secret, form.get("csrf", ""))
            new = await sign_ins.sign_in(
                email,
                form.get("password", ""),
                address=request.client.host if request.client else "",
                user_agent=request.headers.get("user-agent", ""),
            )
        except (SignInFailed, LimitExceeded, PermissionDenied) as error:
            request.scope["officium.error"] = error.code
            return _sign_in_page(frame, request, provider, email=email, error=error)
        old = find_token(headers)
        if old is not None:
            await sign_ins.sign_out(old)
        request.scope["officium.tenant"] = new.session.tenant.id
        response = redirect(safe_next(form.get("next")))
        set_session_cookie(request, response, new.token)
        response.delete_cookie(_FORM_COOKIE, path=SIGN_IN)
        return response

    return router


def add_account_routes(
    router: APIRouter, sign_ins: SignIns, frame: Frame, *, has_provider: bool = False
) -> None:
    """Add the routes for those who are signed in."""

    @router.post("/console/sign-out")
    async def sign_out(request: Request) -> Response:
        await sign_ins.sign_out(request.state.token)
        if has_provider and request.state.session.issuer is not None:
            response = redirect(SIGNED_OUT)
        else:
            response = redirect(SIGN_IN, flash="signed_out")
        return signed_out(response)

    @router.get(PASSWORD)
    async def password_page(request: Request) -> Response:
        return frame.page(request, "password.html", error=None)

    @router.post(PASSWORD)
    async def change_password(request: Request) -> Response:
        form = request.state.form
        try:
            await sign_ins.change_password(
                request.state.session.caller,
                request.state.token,
                form.get("old", ""),
                form.get("new", ""),
            )
        except (SignInFailed, InvalidMember, LimitExceeded) as error:
            request.scope["officium.error"] = error.code
            status = status_of(error) if not isinstance(error, SignInFailed) else 400
            return frame.page(request, "password.html", status=status, error=error)
        return redirect("/console", flash="password_changed")


def signed_out(response: Response) -> Response:
    """The same answer, with which the browser forgets its session."""
    response.delete_cookie(SECURE_COOKIE, path="/", secure=True)
    response.delete_cookie(PLAIN_COOKIE, path="/")
    return response


def _sign_in_page(
    frame: Frame,
    request: Request,
    provider: Provider | None,
    *,
    email: str = "",
    error: OfficiumError | None = None,
) -> Response:
    headers = read_headers(request.scope["headers"])
    secret = find_cookie(headers, _FORM_COOKIE) or secrets.token_urlsafe()
    status = status_of(error) if error is not None else 200
    response = frame.page(
        request,
        "sign_in.html",
        status=status,
        email=email,
        error=error,
        provider=provider,
        form_csrf=csrf_token(secret),
        next=safe_next(request.query_params.get("next")),
    )
    if error is not None:
        for name, value in retry_headers(error, status):
            response.headers[name.decode()] = value.decode()
    response.set_cookie(
        _FORM_COOKIE, secret, path=SIGN_IN, httponly=True, samesite="strict", secure=is_https(request)
    )
    return response


async def _is_valid(sign_ins: SignIns, token: str) -> bool:
    try:
        await sign_ins.resume(token)
    except (NotAuthenticated, PermissionDenied):
        return False
    return True


def set_session_cookie(
    request: Request, response: Response, token: str, *, is_secure: bool | None = None
) -> None:
    """Give the browser the session's token, where scripts cannot read it.

    `is_secure` says whether the browser speaks HTTPS, where that is known.
    """
    if is_secure is None:
        is_secure = is_https(request)
    response.set_cookie(
        SECURE_COOKIE if is_secure else PLAIN_COOKIE,
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )


def is_https(request: Request) -> bool:
    """Whether the browser speaks HTTPS, if only with a proxy before us that does not say so."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _again(request: Request) -> str:
    """The sign-in page without its choice of a language, and where it leads to."""
    path = safe_next(request.query_params.get("next"))
    return SIGN_IN if path == "/console" else f"{SIGN_IN}?next={quote(path, safe='/')}"
