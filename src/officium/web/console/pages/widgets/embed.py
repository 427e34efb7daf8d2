"""The tab Embed: the line for the client's pages, and the widget itself to look at."""

from fastapi import APIRouter, Request, Response

from officium.web.console.frame import POLICY
from officium.web.console.pages.widgets.room import ONE, WidgetRoom

_HOLDS_OWN_PAGES = POLICY + "; frame-src 'self'"
_HELD_BY_OWN_PAGES = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")


def add_embed_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the page, and the one inside it on which the widget runs."""

    @router.get(f"{ONE}/embed")
    async def show(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        response = await room.page(request, "widget_embed.html", "embed", widget, server=_server(request))
        response.headers["content-security-policy"] = _HOLDS_OWN_PAGES
        return response

    @router.get(f"{ONE}/preview")
    async def preview(request: Request, id: str) -> Response:
        response = room.frame.fragment("widget_preview.html", widget=await room.widget(request, id))
        response.headers["content-security-policy"] = _HELD_BY_OWN_PAGES
        response.headers["x-frame-options"] = "SAMEORIGIN"
        return response


def _server(request: Request) -> str:
    """Where this server is, as the browser sees it."""
    return f"{request.url.scheme}://{request.url.netloc}"
