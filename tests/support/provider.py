"""A provider on a local port that answers with prepared exchanges and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.recordings import Exchange


@dataclass(frozen=True)
class Reply:
    """What to answer: `body` whole, or its pieces one by one with `pause_s` before each but the first."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: tuple[bytes, ...] = (b"",)
    pause_s: float = 0.0

    @classmethod
    def of(cls, exchange: Exchange) -> "Reply":
        """The recorded answer; a stream comes in its recorded pieces."""
        keep = ("content-type", "retry-after", "retry-after-ms", "x-request-id", "request-id")
        headers = {name: value for name, value in exchange.headers.items() if name in keep}
        data, pieces, start = exchange.data, [], 0
        for length in exchange.chunk_lengths:
            pieces.append(data[start : start + length])
            start += length
        return cls(exchange.status, headers, tuple([*pieces, data[start:]] if data[start:] else pieces))

    @classmethod
    def json(cls, body: object, status: int = 200, **headers: str) -> "Reply":
        """A JSON answer."""
        return cls(status, {"content-type": "application/json", **headers}, (json.dumps(body).encode(),))

    @classmethod
    def sse(cls, *events: object, pause_s: float = 0.0) -> "Reply":
        """A stream of `data:` events (a string goes out as it is)."""
        pieces = [
            f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode() for event in events
        ]
        return cls(200, {"content-type": "text/event-stream"}, tuple(pieces), pause_s)


@dataclass(frozen=True)
class Asked:
    """A request that reached the provider."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class FakeProvider:
    """Answers each request with the next reply; the last one is repeated."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self.hung_up = asyncio.Event()
        self.base_url = ""

    def answers(self, *replies: Reply) -> None:
        """Set what comes next."""
        self.replies = list(replies)
        self.asked.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path_qs, headers, json.loads(raw) if raw else None))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
        await response.prepare(request)
        try:
            for index, piece in enumerate(reply.pieces):
                if index and reply.pause_s:
                    await asyncio.sleep(reply.pause_s)
                await response.write(piece)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            self.hung_up.set()
            raise
        return response


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """A provider on a free port of this machine."""
    provider = FakeProvider()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    provider.base_url = f"http://{host}:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()
