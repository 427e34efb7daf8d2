"""What surrounds every page: templates, texts, files, and the policy that lets nothing else in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from officium.core.tenancy.sign_in import BrowserSession
from officium.kit.errors import OfficiumError
from officium.web.browser import csrf_token, find_cookie
from officium.web.caller import read_headers
from officium.web.console.amounts import AMOUNTS
from officium.web.console.assets import Assets
from officium.web.console.texts import LANGUAGES, readers_language
from officium.web.console.usage_figures import FILTERS
from officium.web.guide import is_built

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_R = TypeVar("_R", bound=Response)
_FLASH_COOKIE = "officium-flash"
_TITLED = frozenset((400, 403, 404, 429, 500, 503))


@dataclass(frozen=True)
class Entry:
    """A page in the menu. `scope` is what its visitors need, if anything."""

    key: str
    path: str
    icon: str
    scope: str | None = None


MENU = (
    Entry("home", "/console", "home"),
    Entry("requests", "/console/requests", "list-details", "usage:read"),
    Entry("providers", "/console/providers", "plug-connected", "config:read"),
    Entry("advisors", "/console/advisors", "messages", "inference"),
    Entry("rules", "/console/rules", "route", "config:read"),
    Entry("cashflow", "/console/cashflow", "chart-line", "config:read"),
    Entry("widgets", "/console/widgets", "message-chatbot", "config:read"),
    Entry("clients", "/console/clients", "building-store", "usage:read"),
    Entry("budgets", "/console/budgets", "wallet", "usage:read"),
    Entry("writer", "/console/writer", "pencil", "inference"),
    Entry("prompts", "/console/prompts", "terminal-2", "config:read"),
    Entry("keys", "/console/keys", "key", "admin"),
    Entry("members", "/console/members", "users", "admin"),
    Entry("audit", "/console/audit", "history", "admin"),
    Entry("settings", "/console/settings", "settings"),
)

_FOR_CLIENTS = frozenset(("widgets", "settings"))
"""What people see who are bound to a client."""


class Frame:
    """Renders pages. What templates are given is escaped, always."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(
            t=self.say, asset=self._asset, languages=LANGUAGES.values(), has_guide=is_built()
        )
        self._templates.filters.update(AMOUNTS)

    def say(self, key: str, **values: object) -> str:
        """A text in the reader's language."""
        return readers_language().say(key, **values)

    def render(self, template: str, **values: Any) -> str:
        """A template's text."""
        language = readers_language()
        about = {"lang": language.code, "direction": language.direction}
        return self._templates.get_template(template).render(**{**about, **values})

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A whole page; for whoever is signed in, with the menu around it."""
        session: BrowserSession | None = getattr(request.state, "session", None)
        flash = find_cookie(read_headers(request.scope["headers"]), _FLASH_COOKIE)
        about = {
            "flash": flash if f"flash.{flash}" in LANGUAGES["en"].texts else None,
            "session": session,
            "csrf": csrf_token(request.state.token) if session is not None else "",
            "menu": [entry for entry in MENU if session and _may_see(session, entry)],
            "here": request.url.path,
        }
        response = HTMLResponse(self.render(template, **{**about, **values}), status)
        if flash is not None:
            response.delete_cookie(_FLASH_COOKIE, path="/console")
        return guarded(response)

    def fragment(self, template: str, **values: Any) -> HTMLResponse:
        """A piece of a page, which a script puts into its place."""
        return guarded(HTMLResponse(self.render(template, **values)))

    def error(self, request: Request, error: OfficiumError, status: int) -> HTMLResponse:
        """The page that says what went wrong."""
        request.scope["officium.error"] = error.code
        kind = status if status in _TITLED else 500 if status >= 500 else 400
        return self.page(
            request,
            "error.html",
            status=status,
            title=self.say(f"error.{kind}.title"),
            message=error.message,
            request_id=request.scope["officium.request_id"],
        )

    def _asset(self, plain: str) -> str:
        """Where browsers get a file; what is written from right to left may have one of its own."""
        if readers_language().direction == "rtl":
            return self._assets.path(self._assets.turned(plain))
        return self._assets.path(plain)


def redirect(path: str, *, flash: str | None = None) -> Response:
    """Send the browser elsewhere on this server; what `flash` names is said there, once."""
    response = RedirectResponse(path, 303)
    if flash is not None:
        response.set_cookie(_FLASH_COOKIE, flash, max_age=60, path="/console", httponly=True, samesite="lax")
    return guarded(response)


def guarded(response: _R) -> _R:
    """The same answer, with the policy that keeps everything but our own files out of the page."""
    response.headers["content-security-policy"] = POLICY
    response.headers["referrer-policy"] = "same-origin"
    return response


def _may_see(session: BrowserSession, entry: Entry) -> bool:
    if session.caller.client_id is not None:
        return entry.key in _FOR_CLIENTS
    return entry.scope is None or session.caller.may(entry.scope)  # type: ignore[arg-type]
