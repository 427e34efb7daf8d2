"""In which language a page is written: the member's own choice, else the browser's."""

from typing import Protocol
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.browser import find_cookie
from officium.web.caller import read_headers
from officium.web.console.frame import redirect
from officium.web.console.texts import LANGUAGES, choose_language, speak

_COOKIE = "officium-language"
_A_YEAR_S = 365 * 24 * 3600
_NO_DESTINATIONS = frozenset(("/console/sign-in", "/console/sign-out"))


class People(Protocol):
    """Keeps what people choose for themselves."""

    async def set_language(self, caller: Caller, language: str) -> None: ...


def add_language_route(router: APIRouter, people: People) -> None:
    """Add what the language menu does."""

    @router.post("/console/language")
    async def choose(request: Request) -> Response:
        form = request.state.form
        code = form.get("language", "")
        if code not in LANGUAGES:
            raise InvalidRequest(f"The console does not speak {code!r}.", param="language")
        await people.set_language(request.state.session.caller, code)
        return keep_language(redirect(safe_next(form.get("next"))), code)


def speak_as_wanted(request: Request, own: str | None = None) -> None:
    """Answer this request in the member's `own` language, else the one chosen here, else the browser's."""
    chosen = find_cookie(read_headers(request.scope["headers"]), _COOKIE)
    speak(choose_language(own, chosen, accepted=request.headers.get("accept-language", "")))


def keep_language(response: Response, code: str) -> Response:
    """Remember the language in the browser, for the pages before sign-in."""
    if code in LANGUAGES:
        response.set_cookie(_COOKIE, code, max_age=_A_YEAR_S, path="/console", httponly=True, samesite="lax")
    return response


def safe_next(path: str | None) -> str:
    """A page of the console to go on to; anything else would let a link lead people astray."""
    if path is None or not path.startswith("/console") or not path.isprintable() or "\\" in path:
        return "/console"
    parts = urlsplit(path)
    is_ours = not parts.scheme and not parts.netloc and parts.path.split("/")[1] == "console"
    return path if is_ours and parts.path not in _NO_DESTINATIONS else "/console"
