"""One handler for every door to a completion; what differs between the doors is their Wire."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from officium.core.gateway.cache import CachedStream, RememberedStream
from officium.core.gateway.call import Answer, AnswerStream, CacheOutcome, CacheWish, CallContext
from officium.core.llm.completion import CompletionRequest, Delta, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.api.wire import StreamRenderer, Wire
from officium.web.caller import Authenticator
from officium.web.door import admit, presentable, report, shutting_down
from officium.web.errors import InternalError, status_of
from officium.web.exchange import Exchange, Header
from officium.web.stream import EventStream

HEARTBEAT_S = 15.0
"""Proxies and browsers give up on a silent connection after 30 to 60 seconds."""
_NOTES_LIMIT = 1024
_CACHE_WISHES: dict[bytes, CacheWish] = {b"on": "on", b"off": "off", b"refresh": "refresh"}


class CompletionGateway(Protocol):
    """The part of the gateway that completes."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> AnswerStream: ...


class CompletionsDoor:
    """Completions, whole and streamed, in the dialect of `wire`."""

    def __init__(
        self,
        wire: Wire,
        gateway: CompletionGateway,
        authenticator: Authenticator,
        heartbeat_s: float = HEARTBEAT_S,
        default_model: str | None = None,
    ) -> None:
        self._wire = wire
        self._gateway = gateway
        self._authenticator = authenticator
        self._heartbeat_s = heartbeat_s
        self._default_model = default_model
        self._wants_request_id = wire.dialect == "anthropic-messages"

    async def serve(self, exchange: Exchange) -> None:
        """Answer a completion request."""
        if self._wants_request_id:
            exchange.name_request_id(b"request-id")
        caller = await admit(self._authenticator, exchange, "inference")
        body = await exchange.json()
        if self._default_model is not None:
            body.setdefault("model", self._default_model)
        request = self._wire.parse(body)
        context = CallContext(
            request_id=exchange.request_id,
            user=request.user,
            traceparent=traceparent(exchange),
            cache=cache_wish(exchange),
        )
        exchange.watch_hangup()
        if request.stream:
            await self._stream(exchange, caller, request, context)
        else:
            await self._complete(exchange, caller, request, context)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The error in the wire's shape."""
        return self._wire.render_error(error, status, request_id)

    async def _complete(
        self, exchange: Exchange, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> None:
        answer = await self._gateway.complete(caller, request, context)
        completion = answer.completion
        if completion.raw and self._is_relayed(answer.deployment, answer.dialect):
            body = completion.raw
        else:
            body = self._wire.render(completion, request, exchange.request_id)
        await exchange.respond(200, body, answer_headers(answer.deployment, completion.notes, answer.cache))

    async def _stream(
        self, exchange: Exchange, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> None:
        renderer = self._wire.stream_renderer(request, exchange.request_id)
        events = EventStream(exchange, renderer, self._heartbeat_s)
        events.keep_alive()
        try:
            answer = await self._gateway.open_stream(caller, request, context)
            try:
                await self._send_deltas(answer, renderer, events)
            finally:
                await answer.aclose()
        except (Exception, asyncio.CancelledError) as error:
            if exchange.is_complete or exchange.client_is_gone or not events.is_open:
                raise
            known = _as_known(error, exchange)
            exchange.error = known.code
            await events.close(renderer.error(known, status_of(known)))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            await events.stop()

    async def _send_deltas(self, answer: AnswerStream, renderer: StreamRenderer, events: EventStream) -> None:
        """Send what the model says. What precedes its first words waits for them, to go in one piece."""
        has_faithful_streams = answer.deployment.provider.has_faithful_streams
        relay = has_faithful_streams and self._is_relayed(answer.deployment, answer.dialect)
        outcome = answer.cache if isinstance(answer, CachedStream | RememberedStream) else None
        headers = answer_headers(answer.deployment, answer.notes, outcome)
        held = b""
        has_spoken = False
        async for deltas in answer:
            data = renderer.render(deltas, relay)
            if not has_spoken:
                held += data
                if not _speaks(deltas):
                    continue
                has_spoken = True
                await events.open(headers)
                data = held
            if data:
                await events.write(data)
        await events.open(headers)
        await events.close(renderer.finish() if has_spoken else held + renderer.finish())

    def _is_relayed(self, deployment: Deployment, dialect: DialectName) -> bool:
        return dialect == self._wire.dialect and deployment.provider.is_faithful


def header_value(text: str) -> bytes:
    """Any text as a header's value: printable ASCII, at most a kilobyte."""
    return _header_value(text[:_NOTES_LIMIT])  # cut before it is kept: notes name fields of any length


@lru_cache(maxsize=1024)
def _header_value(text: str) -> bytes:
    plain = text.encode("ascii", "backslashreplace")[:_NOTES_LIMIT]
    return bytes(byte if 32 <= byte < 127 else 32 for byte in plain)


def traceparent(exchange: Exchange) -> str | None:
    """The W3C trace header, if it has the length of one."""
    value = exchange.headers.get(b"traceparent")
    return value.decode("latin-1") if value is not None and len(value) == 55 else None


def cache_wish(exchange: Exchange) -> CacheWish:
    """What the caller wants of the cache, by our own header or by HTTP's. Raises InvalidRequest."""
    said = exchange.headers.get(b"officium-cache")
    if said is not None:
        wish = _CACHE_WISHES.get(said.strip().lower())
        if wish is None:
            raise InvalidRequest("`officium-cache` is on, off or refresh.", param="officium-cache")
        return wish
    control = exchange.headers.get(b"cache-control", b"").lower()
    if b"no-store" in control:
        return "off"
    return "refresh" if b"no-cache" in control else "default"


def answer_headers(
    deployment: Deployment, notes: Sequence[str], cache: CacheOutcome | None = None
) -> list[Header]:
    headers = [
        (b"officium-provider", header_value(deployment.provider.name)),
        (b"officium-model", header_value(deployment.model)),
    ]
    if notes:
        headers.append((b"officium-notes", header_value("; ".join(notes))))
    if cache is not None:
        headers.append((b"officium-cache", cache.encode()))
    return headers


def _speaks(deltas: list[Delta]) -> bool:
    return any(delta.has_content or delta.finish_reason is not None for delta in deltas)


def _as_known(error: BaseException, exchange: Exchange) -> OfficiumError:
    if isinstance(error, OfficiumError):
        return presentable(error, exchange.request_id)
    if isinstance(error, asyncio.CancelledError):
        return shutting_down()
    report(error, exchange.request_id)
    return InternalError()
