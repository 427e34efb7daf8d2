"""Routes for people who are signed in; whoever is not is sent to the sign-in page."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, quote

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from officium.core.tenancy.sign_in import BrowserSession
from officium.kit.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    OfficiumError,
    PermissionDenied,
    RequestTooLarge,
)
from officium.web.browser import check_page, find_token
from officium.web.caller import read_headers
from officium.web.console.frame import Frame, redirect
from officium.web.console.languages import speak_as_wanted
from officium.web.door import presentable, report
from officium.web.errors import InternalError, status_of
from officium.web.lazy_routes import LazyRoute, LazyRouter
from officium.web.tiers import Gates

SIGN_IN = "/console/sign-in"
SIGNED_OUT = "/console/sign-in/provider/signed-out"
PASSWORD = "/console/password"  # noqa: S105  a path
_WITHOUT_NEW_PASSWORD = frozenset((PASSWORD, "/console/sign-out"))
_FOR_CLIENTS = (
    "/console/widgets",
    "/console/settings",
    "/console/password",
    "/console/language",
    "/console/tenant",
    "/console/sign-out",
)
"""Where people may go who are bound to a client."""
ERROR_HEADER = "officium-error"
"""Stands on a piece of a page that says what went wrong: such a piece comes with 200, so that it is shown."""
_USUAL_FORM_BYTES = 16 * 1024
_MOST_FIELDS = 50

Form = Mapping[str, str]
_E = TypeVar("_E", bound=Callable[..., object])


class Sessions(Protocol):
    """Knows who is signed in."""

    async def resume(self, token: str) -> BrowserSession: ...


def signed_in_router(sessions: Sessions, frame: Frame) -> LazyRouter:
    """A router whose routes are closed to strangers; who asks stands in `request.state.session`.

    What a form says stands in `request.state.form`; that one of our pages has sent it has been checked.
    """

    async def recognise(request: Request) -> Response | None:
        return await _recognise(sessions, request)

    return page_router(frame, recognise)


def page_router(
    frame: Frame, before: Callable[[Request], Awaitable[Response | None]] | None = None
) -> LazyRouter:
    """A router of pages: what goes wrong is a page, too. `before` may answer in a route's place."""

    class PageRoute(LazyRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                speak_as_wanted(request)
                try:
                    elsewhere = await before(request) if before is not None else None
                    return elsewhere or await handle(request)
                except NotAuthenticated:
                    return _to_sign_in(request)
                except HTTPException as error:
                    return _answer(frame, request, NotFound(str(error.detail)), error.status_code)
                except OfficiumError as error:
                    shown = presentable(error, request.scope["officium.request_id"])
                    return _answer(frame, request, shown, status_of(error))
                except Exception as error:
                    report(error, request.scope["officium.request_id"])
                    return _answer(frame, request, InternalError(), 500)

            return answer

    return LazyRouter(include_in_schema=False, route_class=PageRoute)


def takes_form(size_bytes: int) -> Callable[[_E], _E]:
    """Let a route's form be larger than usual; it stands between the route's decorator and its function."""

    def mark(endpoint: _E) -> _E:
        endpoint.form_bytes = size_bytes  # type: ignore[attr-defined]
        return endpoint

    return mark


async def read_form(request: Request) -> Form:
    """The fields of a form, 16 KiB unless its route takes more; of one that comes twice the last counts.

    Raises RequestTooLarge and InvalidRequest.
    """
    largest = getattr(request.scope["route"].endpoint, "form_bytes", _USUAL_FORM_BYTES)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            raise RequestTooLarge("This form holds too much.", limit="form")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise InvalidRequest("This form cannot be read.") from error


def is_from_script(request: Request) -> bool:
    """Whether a script of the page asks, which wants a piece of a page and not a whole one."""
    return "hx-request" in request.headers


async def _recognise(sessions: Sessions, request: Request) -> Response | None:
    """Find out who asks; the result is where they must go first, if anywhere."""
    headers = read_headers(request.scope["headers"])
    token = find_token(headers)
    if token is None:
        raise NotAuthenticated("Sign in.")
    session = await sessions.resume(token)
    request.scope["officium.tenant"] = session.tenant.id
    request.state.session, request.state.token = session, token
    request.state.form = {}
    speak_as_wanted(request, session.member.language)
    if session.caller.client_id is not None and not request.url.path.startswith(_FOR_CLIENTS):
        if request.url.path == "/console":
            return redirect("/console/widgets")
        raise PermissionDenied("You see the widgets of your own company here, and nothing else.")
    if request.method not in ("GET", "HEAD"):
        if headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
            request.state.form = await read_form(request)
        check_page(request.method, headers, token, request.state.form.get("csrf"))
        await _pass_gate(request, session)
    if session.must_change_password and request.url.path not in _WITHOUT_NEW_PASSWORD:
        return redirect(PASSWORD)
    return None


async def _pass_gate(request: Request, session: BrowserSession) -> None:
    gates: Gates | None = request.scope.get("officium.gates")
    gate = gates.find(request.method, request.scope["route"].path) if gates is not None else None
    if gate is not None:
        await gate.admit(session.caller, request.scope["officium.announce"])


def _answer(frame: Frame, request: Request, error: OfficiumError, status: int) -> Response:
    if is_from_script(request):
        request.scope["officium.error"] = error.code
        response = frame.fragment(
            "fault.html",
            message=error.message,
            problems=error.fields.get("problems") or (),
            suggestion=error.fields.get("suggestion"),
        )
        response.headers[ERROR_HEADER] = error.code
        return response
    return frame.error(request, error, status)


def _to_sign_in(request: Request) -> Response:
    """Where a stranger must go, and come back from."""
    path = request.url.path
    if request.method in ("GET", "HEAD") and request.url.query:
        path += f"?{request.url.query}"
    has_cookie = find_token(read_headers(request.scope["headers"])) is not None
    target = f"{SIGN_IN}?next={quote(path, safe='/')}" if path != "/console" else SIGN_IN
    response = redirect(target, flash="expired" if has_cookie else None)
    if is_from_script(request):
        response = Response(status_code=204, headers={"hx-redirect": SIGN_IN})
    return response
