"""Carrying requests to providers over HTTP, in bounded time and memory."""

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache
from weakref import WeakValueDictionary

import aiohttp
from multidict import CIMultiDictProxy

from officium.core.llm import faults
from officium.core.llm.errors import LLMError
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http import HttpRequest, Timeouts
from officium.core.llm.inflate import inflated, is_compressed
from officium.core.llm.outgoing import (
    DNS_CACHE_S,
    KEEP_ALIVE_S,
    LARGE_BODY_BYTES,
    OUR_HEADERS,
    STREAM_LIMIT_BYTES,
    TARGETS_KEPT,
    host_of,
    parse_url,
    proxy_for,
)

__all__ = ["AiohttpResponse", "AiohttpTransport"]

_NEVER = float("inf")


class _Target:
    """Where a URL leads: parsed once, with the proxy that stands in between."""

    __slots__ = ("authority", "host", "origin", "proxy", "server_name", "url")

    def __init__(self, url: str, trust_env: bool) -> None:
        self.url = parse_url(url)
        self.host = self.url.host or ""
        self.authority = self.url.host_port_subcomponent or ""
        self.origin = f"{self.url.scheme}://{self.url.authority}"
        self.proxy = proxy_for(self.url) if trust_env else None
        self.server_name: str | None = None

    def lead_to(self, address: str) -> None:
        """Go to this address of the host and no other, also behind a proxy."""
        self.server_name = host_of(self.url).rstrip(".")
        self.url = self.url.with_host(address)


class AiohttpTransport:
    """One pool of connections for the process. Implements `Transport`; made for one event loop.

    At most `max_connections_per_host` responses are open at a host at a time; who comes later waits, and
    this wait is not counted as connecting. `trust_env` takes proxies from the environment. `ssl_context`
    replaces the default trust in the system's certificate authorities. `guard` says where guarded requests
    may lead.
    """

    def __init__(
        self,
        *,
        max_connections_per_host: int = 100,
        stream_limit_bytes: int = STREAM_LIMIT_BYTES,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        guard: AddressGuard | None = None,
    ) -> None:
        self.in_flight = 0
        """Requests under way: sent or about to be, and not closed yet."""
        self._max_connections_per_host = max_connections_per_host
        self.stream_limit_bytes = stream_limit_bytes
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        self._guard = guard or AddressGuard()
        self._targets: dict[str, _Target] = {}
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop
        self._is_closed = False

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> "AiohttpResponse":
        """Send and wait for the headers.

        Raises LLMConnectionError, LLMTimeoutError and LLMProtocolError; AddressRefused if it is guarded.
        """
        session = self._session
        if session is None or self._loop is not asyncio.get_running_loop():
            session = await self._open_session()
        headers = request.headers
        if request.is_guarded:
            target = await self._guarded_target(request.url, timeouts)
            headers = {**headers, "host": target.authority}
        else:
            target = self._target(request.url)
        place = self._place(target.origin)
        await place.acquire()
        self.in_flight += 1
        try:
            body = request.body
            response = await session.request(
                request.method,
                target.url,
                data=body if len(body) < LARGE_BODY_BYTES else io.BytesIO(body),
                headers=headers,
                server_hostname=target.server_name,
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
            if len(self._targets) >= TARGETS_KEPT:
                self._targets.clear()
            target = self._targets[url] = _Target(url, self._trust_env)
        return target

    async def _guarded_target(self, url: str, timeouts: Timeouts) -> _Target:
        """Where the URL leads: an address that was checked, unless the operator has named the host."""
        self._guard.check_url(url)
        target = _Target(url, self._trust_env)
        host, port = host_of(target.url), target.url.port or 0
        if not self._guard.allows_host(host, port):
            try:
                async with asyncio.timeout(timeouts.connect):
                    found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except TimeoutError as error:
                raise faults.connect_timeout(host, timeouts.connect) from error
            except (OSError, UnicodeError) as error:
                raise faults.host_unknown(host) from error
            addresses = [str(info[4][0]) for info in found]
            self._guard.check_addresses(host, port, addresses)
            target.lead_to(addresses[0])
        return target

    def _place(self, origin: str) -> asyncio.Semaphore:
        place = self._places.get(origin)
        if place is None:
            place = self._places[origin] = asyncio.Semaphore(self._max_connections_per_host)
        return place

    async def _open_session(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise faults.transport_closed()
        if self._session is not None:
            if not self._loop.is_closed():
                raise RuntimeError("A transport serves one event loop; make another one for this loop.")
            await self._session.close()
        self._loop = asyncio.get_running_loop()
        self._places.clear()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEP_ALIVE_S,
                ttl_dns_cache=DNS_CACHE_S,
                ssl=True if self._ssl_context is None else self._ssl_context,
            ),
            headers=OUR_HEADERS,
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
            raise faults.too_large(limit_bytes)
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
        return inflated(body, encoding, limit_bytes) if is_compressed(encoding) else body


class _Body:
    """The body's bytes as they come from the network, up to a total size."""

    __slots__ = ("_host", "_limit_bytes", "_read", "_room_bytes")

    def __init__(self, content: aiohttp.StreamReader, host: str, limit_bytes: int) -> None:
        self._read = content.readany
        self._host = host
        self._limit_bytes = self._room_bytes = limit_bytes

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._read()
        except aiohttp.ClientPayloadError as error:
            raise faults.cut_short(self._host) from error
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise faults.broke_off(self._host) from error
        if not data:
            raise StopAsyncIteration
        self._room_bytes -= len(data)
        if self._room_bytes < 0:
            raise faults.too_large(self._limit_bytes)
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


def _translate(error: Exception, host: str, timeouts: Timeouts) -> LLMError:
    """What a failure before the headers means."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return faults.connect_timeout(host, timeouts.connect)
        case aiohttp.ServerTimeoutError():
            return faults.first_byte_timeout(host, timeouts.first_byte)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return faults.tls_failed(host)
        case aiohttp.ClientConnectorDNSError():
            return faults.host_unknown(host)
        case aiohttp.ClientConnectorError():
            return faults.not_connected(host, error.strerror)
        case aiohttp.ClientResponseError():
            return faults.not_http(host)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return faults.not_a_url()
        case aiohttp.ClientError() | OSError():
            return faults.hung_up(host)
        case _:
            return faults.forbidden_character(host)
