"""A provider's server that misbehaves exactly as told, on raw sockets of a local port."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_LONGEST_WAIT_S = 3.0
"""Nothing a test waits for here takes longer, unless it is broken."""


@dataclass(frozen=True)
class Received:
    """A request as it came in. Header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Peer:
    """One request's connection, for a script to write to."""

    def __init__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.keeps_alive = False
        """Whether the connection serves another request after the script."""
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write bytes and wait until they can go out."""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self, *headers: str, status: int = 200) -> None:
        """Write the status line and these header lines."""
        await self.send("\r\n".join([f"HTTP/1.1 {status} Said", *headers, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        """Write one piece of a chunked body; an empty one ends it."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def hang(self) -> None:
        """Do nothing until the client has had enough."""
        await asyncio.Event().wait()

    def reset(self) -> None:
        """Drop the connection with a reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class Upstream:
    """Plays its scripts, one a request in their order; the last one again and again."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts: list[Script] = list(scripts)
        self.requests: list[Received] = []
        self.open_connections = 0
        self.connections_made = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return f"{'https' if self._tls else 'http'}://{self.host}"

    async def until_connections(self, count: int) -> None:
        """Wait until so many connections are open."""
        async with asyncio.timeout(_LONGEST_WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.open_connections == count)

    async def until_requests(self, count: int) -> None:
        """Wait until so many requests have come in."""
        async with asyncio.timeout(_LONGEST_WAIT_S), self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections_made += 1
        await self._count(1)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # asyncio 3.11 logs a cancelled connection task as an error
        finally:
            self._tasks.discard(task)
            writer.close()
            await self._count(-1)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _receive(reader)
        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
        self.requests.append(request)
        await self._count(0)
        peer = Peer(request, writer)
        played = asyncio.ensure_future(script(peer))
        left = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((played, left), return_when=asyncio.FIRST_COMPLETED)
            if played.done():
                played.result()
            return played.done() and peer.keeps_alive
        finally:
            played.cancel()
            left.cancel()
            await asyncio.wait((played, left))

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open_connections += change
            self._changed.notify_all()


async def _receive(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


def answer(
    body: bytes | Any, status: int = 200, content_type: str = "application/json", **headers: str
) -> Script:
    """A whole answer; anything but bytes is sent as JSON. `retry_after="1"` is a header `retry-after`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def play(peer: Peer) -> None:
        await peer.head(
            f"Content-Type: {content_type}", f"Content-Length: {len(data)}", *lines, status=status
        )
        await peer.send(data)
        peer.keeps_alive = True

    return play


def stream(
    *pieces: bytes,
    pause_s: float = 0.0,
    then: Script | None = None,
    content_type: str = "text/event-stream",
    **headers: str,
) -> Script:
    """A chunked answer piece by piece, `pause_s` before each; at its end `then`, or else a proper end."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def play(peer: Peer) -> None:
        await peer.head(f"Content-Type: {content_type}", "Transfer-Encoding: chunked", *lines)
        for piece in pieces:
            await asyncio.sleep(pause_s)
            await peer.chunk(piece)
        if then is not None:
            await then(peer)
        else:
            await peer.chunk(b"")
            peer.keeps_alive = True

    return play


async def hang(peer: Peer) -> None:
    """Say nothing until the client leaves."""
    await peer.hang()


async def reset(peer: Peer) -> None:
    """Drop the connection with a reset."""
    peer.reset()


async def hang_up(peer: Peer) -> None:
    """Close the connection in good order, whatever is missing."""


def sse(*events: Any) -> bytes:
    """Server-sent events with this data; a string goes out as it is."""
    return b"".join(
        b"data: " + (event.encode() if isinstance(event, str) else json.dumps(event).encode()) + b"\n\n"
        for event in events
    )
