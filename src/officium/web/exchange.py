"""One HTTP exchange for the hot doors: plain ASGI, without a framework between."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from time import perf_counter
from typing import Any, Protocol

import msgspec

from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, OfficiumError, RequestTooLarge
from officium.kit.ids import new_id
from officium.web.caller import read_headers
from officium.web.errors import RequestTooSlow

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream; charset=utf-8"
_WATCH_AFTER_S = 0.2
_DISCARD_LIMIT_BYTES = 64 * 1024 * 1024
_DISCARD_S = 5.0
NO_STORING = (b"cache-control", b"no-store")
"""No cache may keep an answer: it does not know that `x-api-key` tells one tenant's from another's."""
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_SANE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")
_decode = msgspec.json.Decoder().decode


class BodyLimits(msgspec.Struct, frozen=True):
    """How large a request's body may be, how long it may take to arrive, and how deep its JSON may go.

    `json_depth` must stay far below Python's recursion limit, since others walk the JSON after us.
    """

    size_bytes: int = 32 * 1024 * 1024
    timeout_s: float = 60.0
    json_depth: int = 128


class ClientGone(Exception):
    """The client hung up before its request was read; there is nobody to answer."""


class Gate(Protocol):
    """Lets a known caller's request in, or raises."""

    async def admit(
        self,
        caller: Caller,
        announce: Callable[[Sequence[Header]], None],
        before_waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> None: ...


class Exchange:
    """A request and its answer.

    `tenant` and `error` are noted here for the access log. `gate` is what the request has to pass.
    """

    __slots__ = (
        "_body",
        "_limits",
        "_receive",
        "_send",
        "_standing_headers",
        "_timer",
        "_watcher",
        "_work",
        "client_is_gone",
        "error",
        "gate",
        "headers",
        "is_complete",
        "is_started",
        "request_id",
        "scope",
        "started_at",
        "status",
        "tenant",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: BodyLimits) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = read_headers(scope["headers"])
        self.request_id = request_id(self.headers)
        self.started_at = perf_counter()
        self.status = 0
        self.tenant: str | None = None
        self.error: str | None = None
        self.gate: Gate | None = None
        self.is_started = False
        self.is_complete = False
        self.client_is_gone = False
        self._receive = receive
        self._send = send
        self._limits = limits
        self._body: bytes | None = None
        self._standing_headers: tuple[Header, ...] = (
            (b"x-request-id", self.request_id.encode("ascii")),
            _NO_SNIFFING,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._work: asyncio.Task[Any] | None = None

    def name_request_id(self, name: bytes) -> None:
        """Give the request's id in the header `name`, too."""
        self._standing_headers += ((name, self.request_id.encode("ascii")),)

    def announce(self, headers: Iterable[Header]) -> None:
        """Give these headers with the answer, whatever it will be."""
        self._standing_headers += tuple(headers)

    async def be_patient(self) -> None:
        """Read the body and keep it: only then a hang-up can be seen, which from now on ends the waiting.

        Raises as `body`.
        """
        self._body = await self.body()
        self.watch_hangup()

    async def body(self) -> bytes:
        """The request's body. Raises RequestTooLarge, RequestTooSlow, InvalidRequest and ClientGone."""
        if self._body is not None:
            return self._body
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidRequest("Send the body uncompressed, without `content-encoding`.")
        declared = self.headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > self._limits.size_bytes:
            await self._refuse_large()
        # As asyncio.timeout does, at a quarter of its cost.
        task = asyncio.current_task()
        assert task is not None
        is_late = False

        def expire() -> None:
            nonlocal is_late
            is_late = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(self._limits.timeout_s, expire)
        try:
            return await self._read()
        except asyncio.CancelledError:
            if not is_late or task.uncancel() > 0:
                raise
            raise RequestTooSlow(
                f"The body did not arrive within {self._limits.timeout_s:g} seconds."
            ) from None
        finally:
            timer.cancel()

    async def json(self) -> dict[str, Any]:
        """The request's body, which must be a JSON object. Raises InvalidRequest, and what `body` raises.

        Of a key that comes twice the last value counts; whole numbers keep all their digits.
        """
        data = await self.body()
        try:
            value = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"The body is not valid JSON: {error}.") from None
        if type(value) is not dict:
            raise InvalidRequest("The body must be a JSON object.")
        depth = self._limits.json_depth
        if data.count(b"[") + data.count(b"{") > depth and _is_deeper(value, depth):
            raise InvalidRequest(f"The body is nested deeper than {depth} levels.")
        return value

    async def respond(
        self, status: int, body: bytes, headers: Iterable[Header] = (), content_type: bytes = JSON
    ) -> None:
        """Answer whole."""
        await self._start(
            status,
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            NO_STORING,
            *self._standing_headers,
            *headers,
        )
        await self.finish(body)

    async def start_stream(self, headers: Iterable[Header] = ()) -> None:
        """Begin an answer of server-sent events."""
        await self._start(
            200,
            (b"content-type", EVENT_STREAM),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
            *self._standing_headers,
            *headers,
        )

    async def write(self, data: bytes) -> None:
        """Send the next piece of a started answer; waits while the client reads too slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last piece."""
        self.is_complete = True
        self.stop_watching()
        await self._send({"type": "http.response.body", "body": data})

    def watch_hangup(self) -> None:
        """From now on cancel the running task when the client hangs up. Call it once the body is read.

        The watch begins after a moment, so that quick answers do not pay for it. A handler thus cancelled
        finds `client_is_gone` set.
        """
        if self._work is not None:
            return
        self._work = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._start_watching)

    def stop_watching(self) -> None:
        """Let the running task finish whatever the client does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _start(self, status: int, *headers: Header) -> None:
        self.is_started = True
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _read(self) -> bytes:
        message = await self._next()
        piece: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(piece) > self._limits.size_bytes:
                raise self._too_large()
            return piece
        pieces = [piece]
        size = len(piece)
        while message.get("more_body"):
            message = await self._next()
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            if size > self._limits.size_bytes:
                await self._refuse_large()
        return b"".join(pieces)

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.client_is_gone = True
            raise ClientGone
        return message

    async def _refuse_large(self) -> None:
        """Raise RequestTooLarge, once the client has had time to send the rest.

        A client that is still sending would see its connection reset instead of our answer.
        """
        seen = 0
        try:
            async with asyncio.timeout(_DISCARD_S):
                while seen < _DISCARD_LIMIT_BYTES and (message := await self._next()).get("more_body"):
                    seen += len(message.get("body", b""))
        except TimeoutError:
            pass
        raise self._too_large()

    def _too_large(self) -> OfficiumError:
        limit_bytes = self._limits.size_bytes
        return RequestTooLarge(f"The body must not be larger than {limit_bytes} bytes.", limit=limit_bytes)

    def _start_watching(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._await_hangup())

    async def _await_hangup(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.is_complete and self._work is not None:
            self.client_is_gone = True
            self._work.cancel()


def request_id(headers: MutableMapping[bytes, bytes]) -> str:
    """The client's own id of the request if it is one we can log, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _SANE_ID.fullmatch(given):
        return given.decode("ascii")
    return new_id("req")


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether JSON is nested deeper than `levels`; goes down level by level, so no stack can overflow."""
    level = [value]
    for _ in range(levels):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
