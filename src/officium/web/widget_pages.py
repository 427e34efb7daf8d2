"""Requests from pages of other origins that show a widget: only those its owner has listed get an answer."""

import re
from typing import Protocol

from officium.web.exchange import ASGIApp, Header, Message, Receive, Scope, Send

PUBLIC = "/api/chat-widget/public/widget/"
_KEY = re.compile(re.escape(PUBLIC) + r"([A-Za-z0-9_-]{1,64})/")
_METHODS = b"GET, POST, DELETE"
_HEADERS = b"authorization, content-type, idempotency-key, last-event-id, x-request-id"
_EXPOSED = b"x-request-id, retry-after, idempotent-replayed"
_MAX_AGE_S = b"600"
_VARY: Header = (b"vary", b"Origin")
_SAME_ORIGIN = b"x-widget-origin"
"""In which the script names its page where browsers do not: when it reads from the page's own origin."""


class AllowedPages(Protocol):
    """Knows which pages may show a widget."""

    async def allows(self, widget_key: str, origin: str) -> bool: ...


class WidgetPages:
    """Stands before the app: what browsers must be told about the widget's routes, and about no others.

    Credentials of browsers (cookies) are never allowed: a session's token travels in a header.
    """

    def __init__(self, app: ASGIApp, others: ASGIApp, pages: AllowedPages) -> None:
        self._app = app
        self._others = others
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; `others` serves what is not the widget's."""
        path: str = scope["path"]
        if not path.startswith(PUBLIC):
            await self._others(scope, receive, send)
            return
        origin = origin_of(scope)
        found = _KEY.match(path)
        is_allowed = origin is not None and found is not None and await self._pages.allows(found[1], origin)
        granted: list[Header] = [_VARY]
        if is_allowed and origin is not None:
            granted.append((b"access-control-allow-origin", origin.encode("latin-1")))
        if scope["method"] == "OPTIONS":
            await _answer_preflight(send, granted, is_allowed=is_allowed)
            return
        if is_allowed:
            granted.append((b"access-control-expose-headers", _EXPOSED))

        is_refusal_told = origin is not None and not is_allowed and path.endswith("/config")

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *granted]
                if is_refusal_told and message["status"] >= 400 and origin is not None:
                    # So that the script can tell a page that may not show the widget from a dead network.
                    headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, marked)


def origin_of(scope: Scope) -> str | None:
    """The `Origin` of a request; `None` where there is none, or more than one.

    Browsers send none when a page reads from its own origin. Then what the script says counts: pages of
    other origins cannot send that header.
    """
    found = [value for name, value in scope["headers"] if name == b"origin"]
    if not found:
        found = [value for name, value in scope["headers"] if name == _SAME_ORIGIN]
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if not host or any(value.rpartition(b"//")[2] != host for value in found):
            return None
    return found[0].decode("latin-1") if len(found) == 1 else None


async def _answer_preflight(send: Send, granted: list[Header], *, is_allowed: bool) -> None:
    headers = [*granted, (b"content-length", b"0"), (b"cache-control", b"no-store")]
    if is_allowed:
        headers += [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", _MAX_AGE_S),
        ]
    status = 204 if is_allowed else 403
    if status == 204:
        headers.remove((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
