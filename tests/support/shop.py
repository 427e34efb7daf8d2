"""A client's website: pages of another origin that show the widget, under a strict content policy."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.async_api import Page

from officium.apps.widget.client import Limits
from officium.apps.widget.knowledge import EntryDraft
from officium.apps.widget.service import WidgetChanges
from officium.apps.widget.widget import Widget, WidgetSettings
from officium.testing.scripted import Act
from tests.support.server import RunningServer, running_server

HOURS = "We are open from **9:00 to 18:00**, Monday to Saturday."
ENTRIES = (
    EntryDraft(
        phrasings=("What are your hours?", "When do you open?"),
        answer=HOURS,
        source_url="https://shop.example/hours",
    ),
    EntryDraft(phrasings=("How can I pay?", "payment methods"), answer="By card, cash or invoice."),
    EntryDraft(phrasings=("Do you bake gluten-free bread?",), answer="Yes, on Tuesdays and Fridays."),
)
APPEARANCE = {
    "greeting": {"en": "Hi! I know all about our bread and cakes. What would you like to know?"},
    "suggested_questions": {"en": ["What are your hours?", "How can I pay?"]},
    "privacy_url": "https://shop.example/privacy",
}
POLICY = (
    "default-src 'none'; script-src {server}; connect-src {server}; style-src 'none'; img-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'"
)
"""The strictest policy of a page that shows the widget: docs/guides/widget.md promises that it is enough."""
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Corner Bakery</title>
<script src="{server}/widget.js" data-widget-key="{key}" {attributes} defer></script></head>
<body><main><h1>Corner Bakery</h1><p>Bread, cakes and coffee since 1921.</p>
<p><a href="/other">Our cakes</a></p></main></body></html>"""


@dataclass
class Shop:
    """A website with a widget, and the server that answers for it."""

    server: RunningServer
    widget: Widget
    url: str
    pages: "_Pages"

    def script(self, *acts: Act | str) -> None:
        """What the model says next."""
        self.server.parts.transport._by_scheme["mock"]._script.then(*acts)  # type: ignore[attr-defined]

    async def change(self, **settings: Any) -> None:
        """Change the widget's settings."""
        parts = self.server.parts
        await parts.clients.update_widget(self.server.caller, self.widget.id, WidgetChanges(**settings))
        parts.visitors._known.clear()

    async def spend_all(self) -> None:
        """Leave the client without a token."""
        await self.server.parts.clients.set_client_limits(
            self.server.caller, self.widget.client_id, Limits(monthly_token_limit=0)
        )

    async def visit(self, page: Page, path: str = "/", *, opened: bool = True) -> None:
        """Load a page of the site, wait for the widget, and open it."""
        await page.goto(self.url + path)
        await page.wait_for_selector("officium-chat .launcher")
        if opened and await page.is_hidden("officium-chat .panel"):
            await page.click("officium-chat .launcher")
        if opened:
            await page.wait_for_selector("officium-chat .panel")


class Cable:
    """What the site's visitors reach the server through; it can be cut, also while an answer comes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break all connections, and let no new one through."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, both ways."""
        if self._is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, far_writer}
        with suppress(OSError):
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        self._writers -= {writer, far_writer}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def cable_to(shop: Shop) -> AsyncIterator[Cable]:
    """From now on the site's pages reach the server through this."""
    cable = Cable(int(shop.server.url.rpartition(":")[2]))
    laid = await asyncio.start_server(cable.carry, "127.0.0.1", 0)
    shop.pages.server = f"http://127.0.0.1:{laid.sockets[0].getsockname()[1]}"
    try:
        yield cable
    finally:
        cable.cut()
        laid.close()


class _Pages:
    """What the site's pages say: changed by tests as they need it."""

    def __init__(self) -> None:
        self.server = ""
        self.key = ""
        self.language = "en"
        self.attributes = ""
        self.policy = POLICY

    def render(self) -> bytes:
        return _PAGE.format(**vars(self)).encode()


@contextmanager
def _served(pages: _Pages) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.render()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", pages.policy.format(server=pages.server))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{site.server_port}"
    finally:
        site.shutdown()
        site.server_close()


@asynccontextmanager
async def open_shop(
    data_dir: Path, settings: dict[str, Any] | None = None, **widget: Any
) -> AsyncIterator[Shop]:
    """A bakery with a widget that its own pages may show. `settings` are the server's."""
    said = {"max_retries": 0, "knowledge_encoder": "none", **(settings or {})}
    pages = _Pages()
    with _served(pages) as url:
        async with running_server(data_dir, **said) as server:
            parts, caller = server.parts, server.caller
            client = await parts.clients.create_client(caller, "Corner Bakery")
            chosen = WidgetSettings(
                **{
                    "name": "Corner Bakery",
                    "llm_provider": "mock",
                    "allowed_origins": (url,),
                    "appearance": APPEARANCE,
                    **widget,
                }
            )
            made = await parts.clients.create_widget(caller, client.id, chosen)
            for entry in ENTRIES:
                await parts.widget_knowledge.add_entry(caller, made.id, entry)
            pages.server, pages.key = server.url, made.widget_key
            yield Shop(server, made, url, pages)
