"""Carrying requests to providers over HTTP, in bounded time and memory."""

import asyncio
import io
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass
from weakref import WeakValueDictionary

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from officium.core.llm.errors import (
    LLMConnectionError,
    LLMError,
    LLMProtocolError,
    LLMTimeoutError,
)
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport
from officium.kit.version import __version__

STREAM_LIMIT_BYTES = 64 * 1024 * 1024
"""The longest streamed body, after decompression."""

_KEEP_ALIVE_S = 30.0
_DNS_CACHE_S = 60
_TARGETS_KEPT = 1024
_LARGE_BODY_BYTES = 1024 * 1024
_INFLATED_PIECE_BYTES = 256 * 1024
_NEVER = float("inf")

_OUR_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": f"officium/{__version__}",
}


class _Target:
    """Where a URL leads: parsed once, with the proxy that stands in between."""

    __slots__ = ("host", "origin", "proxy", "url")

    def __init__(self, url: str, trust_env: bool) -> None:
        # Quoting is skipped only where there is nothing to quote: a model name may stand in the path.
        self.url = URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)
        self.host = self.url.host or ""
        self.origin = f"{self.url.scheme}://{self.url.authority}"
        self.proxy = _proxy_for(self.url) if trust_env else None


class AiohttpTransport:
    """One pool of connections for the process. Implements `Transport`; made for one event loop.

    At most `max_connections_per_host` responses are open at a host at a time; who comes later waits, and
    this wait is not counted as connecting. `trust_env` takes proxies from the environment. `ssl_context`
    replaces the default trust in the system's certificate authorities.
    """

    def __init__(
        self,
        *,
        max_connections_per_host: int = 100,
        stream_limit_bytes: int = STREAM_LIMIT_BYTES,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.in_flight = 0
        """Requests under way: sent or about to be, and not closed yet."""
        self._max_connections_per_host = max_connections_per_host
        self.stream_limit_bytes = stream_limit_bytes
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        self._targets: dict[str, _Target] = {}
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop
        self._is_closed = False

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> "AiohttpResponse":
        """Send and wait for the headers. Raises LLMConnectionError, LLMTimeoutError and LLMProtocolError."""
        session = self._session
        if session is None or self._loop is not asyncio.get_running_loop():
            session = await self._open_session()
        target = self._target(request.url)
        place = self._place(target.origin)
        await place.acquire()
        self.in_flight += 1
        try:
            body = request.body
            response = await session.request(
                request.method,
                target.url,
                data=body if len(body) < _LARGE_BODY_BYTES else io.BytesIO(body),
                headers=request.headers,
                timeout=_client_timeout(timeouts),
                allow_redirects=False,
                proxy=target.proxy,
            )
        except BaseException as error:
            self._leave(place)
            if isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
                raise _translate(error, target.host, timeouts) from error
            raise
        _stop_read_timer(response)
        return AiohttpResponse(self, response, place, target.host)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _leave(self, place: asyncio.Semaphore) -> None:
        self.in_flight -= 1
        place.release()

    def _target(self, url: str) -> _Target:
        target = self._targets.get(url)
        if target is None:
            if len(self._targets) >= _TARGETS_KEPT:
                self._targets.clear()
            try:
                target = _Target(url, self._trust_env)
            except ValueError as error:
                raise _not_a_url() from error
            self._targets[url] = target
        return target

    def _place(self, origin: str) -> asyncio.Semaphore:
        place = self._places.get(origin)
        if place is None:
            place = self._places[origin] = asyncio.Semaphore(self._max_connections_per_host)
        return place

    async def _open_session(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise LLMConnectionError("The transport is closed; nothing more can be sent.", is_retryable=False)
        if self._session is not None:
            if not self._loop.is_closed():
                raise RuntimeError("A transport serves one event loop; make another one for this loop.")
            await self._session.close()
        self._loop = asyncio.get_running_loop()
        self._places.clear()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE_S,
                ttl_dns_cache=_DNS_CACHE_S,
                ssl=True if self._ssl_context is None else self._ssl_context,
            ),
            headers=_OUR_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
            auto_decompress=False,
        )
        return self._session


class _Response(aiohttp.ClientResponse):
    """A response that, when closed early, drops its connection instead of seeing it off.

    aiohttp would first send what is left of the request, which takes for ever if the provider has stopped
    reading it.
    """

    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


class AiohttpResponse:
    """A response whose headers have come. Implements `HttpResponse`."""

    __slots__ = ("_host", "_is_closed", "_place", "_response", "_transport", "headers", "status")

    def __init__(
        self,
        transport: AiohttpTransport,
        response: aiohttp.ClientResponse,
        place: asyncio.Semaphore,
        host: str,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _Headers(response.headers)
        self._transport = transport
        self._response = response
        self._place = place
        self._host = host
        self._is_closed = False

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body, decompressed. Raises LLMProtocolError past `limit_bytes`."""
        length = self._response.content_length
        if length is not None and length > limit_bytes:
            raise _too_large(limit_bytes)
        pieces = [piece async for piece in self._body(limit_bytes)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece as it comes, decompressed, up to the transport's limit for streams."""
        return self._body(self._transport.stream_limit_bytes)

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else drop it. May be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._response.close()
            self._transport._leave(self._place)

    def _body(self, limit_bytes: int) -> AsyncIterator[bytes]:
        body = _Body(self._response.content, self._host, limit_bytes)
        encoding = self._response.headers.get("content-encoding", "").strip().lower()
        return body if encoding in ("", "identity") else _inflated(body, encoding, limit_bytes)


class _Body:
    """The body's bytes as they come from the network, up to a total size."""

    __slots__ = ("_host", "_read", "_room_bytes", "limit_bytes")

    def __init__(self, content: aiohttp.StreamReader, host: str, limit_bytes: int) -> None:
        self._read = content.readany
        self._host = host
        self.limit_bytes = self._room_bytes = limit_bytes

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._read()
        except aiohttp.ClientPayloadError as error:
            raise LLMProtocolError(f"The answer of {self._host} was cut short.") from error
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise LLMConnectionError(f"The connection to {self._host} broke while it answered.") from error
        if not data:
            raise StopAsyncIteration
        self._room_bytes -= len(data)
        if self._room_bytes < 0:
            raise _too_large(self.limit_bytes)
        return data


class _Headers(Mapping[str, str]):
    """A view of response headers whose names are lower case."""

    __slots__ = ("_headers",)

    def __init__(self, headers: CIMultiDictProxy[str]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name in self._headers))

    def __len__(self) -> int:
        return len(dict.fromkeys(name.lower() for name in self._headers))


class SchemeTransport:
    """Hands each request to the transport for its URL's scheme, or to the default one."""

    def __init__(self, default: Transport, by_scheme: Mapping[str, Transport]) -> None:
        self._default = default
        self._by_scheme = dict(by_scheme)

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send through the transport in charge."""
        scheme = request.url.partition(":")[0]
        return await self._by_scheme.get(scheme, self._default).send(request, timeouts)

    async def close(self) -> None:
        """Close all of them."""
        for transport in (self._default, *self._by_scheme.values()):
            await transport.close()


async def _inflated(body: _Body, encoding: str, limit_bytes: int) -> AsyncIterator[bytes]:
    """Decompress in pieces of bounded size, so that a bomb meets the limit before it fills our memory."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise LLMProtocolError(
            "The provider compressed its answer in a way nobody asked for.", encoding=encoding
        )
    inflate: zlib._Decompress | None = None
    try:
        async for data in body:
            while data:
                if inflate is None or inflate.eof:  # a gzip body may have several members
                    inflate = _decompressor(encoding, data)
                piece = inflate.decompress(data, _INFLATED_PIECE_BYTES)
                while piece:
                    limit_bytes -= len(piece)
                    if limit_bytes < 0:
                        raise _too_large(body.limit_bytes)
                    yield piece
                    piece = inflate.decompress(inflate.unconsumed_tail, _INFLATED_PIECE_BYTES)
                data = inflate.unused_data
    except zlib.error as error:
        raise LLMProtocolError("The provider's compressed answer cannot be read.") from error
    if inflate is not None and not inflate.eof:
        raise LLMProtocolError("The provider's compressed answer was cut short.")


def _decompressor(encoding: str, start: bytes) -> "zlib._Decompress":
    """A decompressor for what begins with `start`; `deflate` comes with or without the zlib wrapper."""
    if encoding != "deflate":
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    is_wrapped = start[0] & 0x0F == 8
    return zlib.decompressobj(zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)


def _not_a_url() -> LLMConnectionError:
    return LLMConnectionError(
        "The provider's address is not a valid URL; correct its base URL.", is_retryable=False
    )


def _too_large(limit_bytes: int) -> LLMProtocolError:
    return LLMProtocolError(
        f"The provider's answer is larger than {limit_bytes} bytes.",
        is_retryable=False,
        limit_bytes=limit_bytes,
    )


@lru_cache(maxsize=64)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=timeouts.connect, sock_read=timeouts.first_byte, ceil_threshold=_NEVER
    )


def _stop_read_timer(response: aiohttp.ClientResponse) -> None:
    """The headers have come: from here on the reader keeps the time, not a timer for each piece."""
    connection = response.connection
    if connection is not None and (protocol := connection.protocol) is not None:
        protocol.read_timeout = None
        protocol.start_timeout()


def _proxy_for(url: URL) -> URL | None:
    proxy = getproxies().get(url.scheme)
    return None if proxy is None or proxy_bypass(url.host or "") else URL(proxy)


def _translate(error: Exception, host: str, timeouts: Timeouts) -> LLMError:
    """What a failure before the headers means. Only the host is named: a query may hold a key."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return LLMTimeoutError(
                f"No connection to {host} within {timeouts.connect:g} s.",
                phase="connect",
                limit_s=timeouts.connect,
            )
        case aiohttp.ServerTimeoutError():
            return LLMTimeoutError(
                f"{host} did not begin to answer within {timeouts.first_byte:g} s.",
                phase="first_byte",
                limit_s=timeouts.first_byte,
            )
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return LLMConnectionError(f"No secure connection to {host}: the TLS handshake failed.")
        case aiohttp.ClientConnectorDNSError():
            return LLMConnectionError(f"The host name {host} is not known.")
        case aiohttp.ClientConnectorError():
            return LLMConnectionError(f"No connection to {host}: {error.strerror or 'it was refused'}.")
        case aiohttp.ClientResponseError():
            return LLMProtocolError(f"{host} answered with something that is not HTTP.")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return _not_a_url()
        case aiohttp.ClientError() | OSError():
            return LLMConnectionError(f"{host} closed the connection before it answered.")
        case _:
            return LLMConnectionError(
                f"Nothing was sent to {host}: a header, most likely the key, holds a forbidden character.",
                is_retryable=False,
            )
