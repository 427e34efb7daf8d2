"""HTTP/1.1 connections that cannot be held hostage: limits on the head of a request, and on every wait.

uvicorn's own protocol waits for ever for the rest of a header or a body, and for a reader that does not
read. Written against uvicorn 0.54, `protocols/http/httptools_impl.py`.
"""

import asyncio
from typing import Any, cast

import uvicorn
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from officium.kit.errors import InvalidRequest, OfficiumError, RequestTooLarge
from officium.web.errors import openai_error
from officium.web.exchange import Receive, Scope, Send

_PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
_REFUSAL = (
    b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
)


class ConnectionLimits(Struct, frozen=True):
    """What a connection may cost us.

    `head_timeout_s` runs from the connection, or from a request's first byte, to the end of its headers;
    `body_timeout_s` from there to the end of the body; `write_timeout_s` while the client takes nothing of
    what we have for it.
    """

    head_bytes: int = 64 * 1024
    header_count: int = 128
    head_timeout_s: float = 10.0
    body_timeout_s: float = 65.0
    write_timeout_s: float = 60.0


class GuardedConfig(uvicorn.Config):
    """uvicorn's configuration, with our limits."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits


class _HeadHolder:
    """A transport that sends the head of an answer together with what follows at once: one system call less.

    uvicorn writes the head by itself. Where nothing follows within the turn of the loop, it goes alone.
    """

    __slots__ = ("_cycle", "_head", "_loop", "_transport")

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        self._cycle = cycle
        self._transport = cycle.transport
        self._loop = loop
        self._head = b""
        cycle.transport = cast("asyncio.Transport", self)

    def write(self, data: bytes) -> None:
        if self._head:
            self._let_go(data)
        else:
            self._head = data
            self._loop.call_soon(self._let_go)

    def close(self) -> None:
        self._let_go()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _let_go(self, data: bytes = b"") -> None:
        """Send the head and what follows; from then on the cycle writes to the transport itself."""
        if self._cycle.transport is not self._transport:
            self._cycle.transport = self._transport
            if head := self._head + data:
                self._transport.write(head)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with our limits."""

    config: GuardedConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = self.config.limits
        self._is_in_head = False
        self._is_in_body = False
        self._head_bytes = 0
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._read_timer = self.loop.call_later(self._limits.head_timeout_s, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_body:
            self._start_reading_timer(self._limits.body_timeout_s)
        elif self._is_in_head or self.cycle is None or self.cycle.response_complete:
            self._start_reading_timer(self._limits.head_timeout_s)
            if self._head_bytes > self._limits.head_bytes and not self.transport.is_closing():
                self._refuse(431, _large_head())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._is_in_body = True
        self._stop_reading_timer()
        app = self.app
        if self._is_large():
            self.app = _refuse_head
        super().on_headers_complete()
        self.app = app
        if self.cycle is not None:
            _HeadHolder(self.cycle, self.loop)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._head_bytes = 0
        self._stop_reading_timer()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self._limits.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, InvalidRequest(msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Any client can ask for an upgrade; that is nothing to warn the operator of."""

    def _is_large(self) -> bool:
        if len(self.headers) > self._limits.header_count:
            return True
        if self._head_bytes <= self._limits.head_bytes:
            return False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > self._limits.head_bytes

    def _start_reading_timer(self, timeout_s: float) -> None:
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(timeout_s, self._give_up)

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _give_up(self) -> None:
        """The client took too long. One that has said anything is told so."""
        if self.transport.is_closing():
            return
        if self._is_in_head:
            self._refuse(408, InvalidRequest("The headers did not arrive in time."))
        else:
            self.transport.close()

    def _refuse(self, status: int, error: OfficiumError) -> None:
        """Answer without the app and hang up; only hang up where an answer is under way."""
        if self.cycle is None or self.cycle.response_complete:
            body = openai_error(error, status)
            self.transport.write(_REFUSAL % (status, _PHRASES[status], len(body)) + body)
        self.transport.close()


def _large_head() -> OfficiumError:
    return RequestTooLarge("The request's headers are too large or too many.")


async def _refuse_head(scope: Scope, receive: Receive, send: Send) -> None:
    body = openai_error(_large_head(), 431)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 431, "headers": headers})
    await send({"type": "http.response.body", "body": body})
