"""`Idempotency-Key`: a request that costs or changes something is carried out once, however often sent."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import structlog

from officium.core.tenancy.caller import Caller
from officium.core.usage.idempotency.service import LARGEST_KEPT_BYTES
from officium.kit.errors import OfficiumError
from officium.web.caller import Authenticator, identify
from officium.web.door import Door
from officium.web.errors import openai_error
from officium.web.exchange import ASGIApp, Exchange, Header, Message, Receive, Scope, Send
from officium.web.tiers import HEADERS as LIMIT_HEADERS

NAME = b"idempotency-key"
METHODS = frozenset(("POST", "PUT", "PATCH", "DELETE"))
_KEPT_STATUSES = range(200, 300)
_OF_THIS_ANSWER = (
    *(b"x-request-id", b"request-id", b"date", b"content-length", b"transfer-encoding"),
    *(name.encode() for name in LIMIT_HEADERS),
)
"""Headers that speak of the one answer they stand in, or that a server adds by itself."""

_log = structlog.get_logger()


class Answered(Protocol):
    """An answer as it was given the first time."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[Header]: ...

    @property
    def body(self) -> bytes: ...


class IdempotencyKeys(Protocol):
    """Knows which keys came before."""

    async def begin(self, caller: Caller, key: str, request: Sequence[bytes]) -> Answered | None: ...

    async def finish(
        self, caller: Caller, key: str, status: int, headers: Sequence[Header], body: bytes
    ) -> None: ...

    async def forget(self, caller: Caller, key: str) -> None: ...


def find_key(scope: Scope) -> str | None:
    """The request's key, if it has one and is of a kind that is carried out once."""
    if scope["method"] in METHODS:
        for name, value in scope["headers"]:
            if name == NAME:
                text: str = value.decode("latin-1")
                return text
    return None


class OnceOnly:
    """Stands before the doors for requests that carry a key.

    Only successes are kept: after an error the same key may be tried again. A streamed answer is kept
    whole, and given again at once.
    """

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys, authenticator: Authenticator) -> None:
        self._app = app
        self._keys = keys
        self._authenticator = authenticator
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, key: str, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Carry the request out, or answer it as before. Raises OfficiumError before an answer has begun."""
        scope = exchange.scope
        caller = await identify(self._authenticator, exchange.headers, exchange.scope["method"])
        exchange.tenant = caller.tenant_id
        key = _own_key(caller, key)
        body = await exchange.body()
        before = await self._keys.begin(caller, key, _identity(caller, exchange, body))
        if before is not None:
            exchange.status = before.status
            await _replay(before, exchange.request_id, send)
            return
        copy = _Copy(send)
        exchange.is_started = True  # from here on the answer is the door's
        try:
            await self._app(scope, _again(body, receive), copy.send)
        finally:
            if scope.get("officium.error") is not None:
                copy.is_complete = False  # a stream may say 200 first, and end with an error
            self._note(caller, key, copy)

    def _note(self, caller: Caller, key: str, copy: "_Copy") -> None:
        """Write down how it ended, in a task of its own: the client may be gone, and us with it."""
        task = asyncio.create_task(self._write_down(caller, key, copy))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_down(self, caller: Caller, key: str, copy: "_Copy") -> None:
        try:
            if copy.is_complete and copy.status in _KEPT_STATUSES:
                await self._keys.finish(caller, key, copy.status, copy.headers, b"".join(copy.body))
            else:
                await self._keys.forget(caller, key)
        except OfficiumError as error:
            _log.error("idempotency.not_kept", tenant=caller.tenant_id, reason=error.code)

    async def close(self) -> None:
        """Wait until everything is written down."""
        await asyncio.gather(*self._tasks)


class OnceDoor:
    """The door of one request with a key. `door` knows in which words errors are said."""

    def __init__(self, once: OnceOnly, key: str, door: Door | None, receive: Receive, send: Send) -> None:
        self._once = once
        self._key = key
        self._door = door
        self._receive = receive
        self._send = send

    async def serve(self, exchange: Exchange) -> None:
        """Answer."""
        await self._once.serve(self._key, exchange, self._receive, self._send)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The error in the shape of the door's SDK."""
        if self._door is None:
            return openai_error(error, status)
        return self._door.render_error(error, status, request_id)


def _own_key(caller: Caller, key: str) -> str:
    """The key as it is kept: visitors of a widget are strangers to each other and to the tenant."""
    if not caller.actor.startswith("visitor:"):
        return key
    return f"visitor:{sha256(f'{caller.actor} {key}'.encode('latin-1', 'replace')).hexdigest()}"


def _identity(caller: Caller, exchange: Exchange, body: bytes) -> tuple[bytes, ...]:
    """All that makes two requests the same one. An answer is nobody's but theirs who were given it."""
    scope = exchange.scope
    who = (caller.actor, caller.member_id or "", *sorted(caller.scopes))
    return (
        *(word.encode() for word in who),
        *(exchange.headers.get(name, b"") for name in (b"x-user-id", b"if-match", b"origin")),
        scope["method"].encode(),
        scope["path"].encode(),
        scope.get("query_string", b""),
        body,
    )


async def _replay(answer: Answered, request_id: str, send: Send) -> None:
    headers = [
        *answer.headers,
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id.encode("ascii")),
        (b"idempotent-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


class _Copy:
    """Keeps a copy of an answer while it goes out."""

    def __init__(self, send: Send) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.body: list[bytes] = []
        self.is_complete = False
        self._size = 0
        self._send = send

    def _keep(self, piece: bytes) -> None:
        """Take in a piece; of an answer that is too large to be kept only so much that this can be seen."""
        if self._size <= LARGEST_KEPT_BYTES:
            self._size += len(piece)
            self.body.append(piece)

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (bytes(name), bytes(value))
                for name, value in message["headers"]
                if name not in _OF_THIS_ANSWER
            ]
        elif message["type"] == "http.response.body":
            self._keep(bytes(message.get("body", b"")))
            self.is_complete = not message.get("more_body", False)


def _again(body: bytes, receive: Receive) -> Receive:
    """The request's body once more, for a door that has not read it."""
    has_come = False

    async def replay() -> Message:
        nonlocal has_come
        if has_come:
            return await receive()
        has_come = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
