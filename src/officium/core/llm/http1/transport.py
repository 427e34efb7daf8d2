"""Carrying requests to providers over connections of our own."""

import asyncio
import ssl
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade

from officium.core.llm import faults
from officium.core.llm.errors import LLMError
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.http1.connection import Connection, Expired, Unreadable
from officium.core.llm.http1.connector import Connector
from officium.core.llm.http1.origin import Origin
from officium.core.llm.http1.pool import Pool
from officium.core.llm.http1.response import Http1Response
from officium.core.llm.http1.target import Target
from officium.core.llm.outgoing import STREAM_LIMIT_BYTES, TARGETS_KEPT, host_of, parse_url, proxy_for

if TYPE_CHECKING:
    from officium.core.llm.transport import AiohttpTransport


class Http1Transport:
    """One pool of connections for the process. Implements `Transport`; made for one event loop.

    At most `max_connections_per_host` responses are open at a host at a time; who comes later waits, and
    this wait is not counted as connecting. `trust_env` takes proxies from the environment; what has to go
    through one is left to aiohttp. `ssl_context` replaces the default trust in the system's certificate
    authorities; it must not offer HTTP/2. `guard` says where guarded requests may lead.

    A request on a connection that had been kept, and that ends before a single byte of the answer, is sent
    once more on a new one: most likely the provider had closed the old one already.
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
        self.stream_limit_bytes = stream_limit_bytes
        self._max_connections_per_host = max_connections_per_host
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        self._guard = guard or AddressGuard()
        self._direct_in_flight = 0
        self._proxied: AiohttpTransport | None = None
        self._targets: dict[str, Target] = {}
        self._guarded_targets: dict[str, Target] = {}
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: Pool
        self._connector: Connector

    @property
    def in_flight(self) -> int:
        """Requests under way: sent or about to be, and not closed yet."""
        proxied = self._proxied
        return self._direct_in_flight + (0 if proxied is None else proxied.in_flight)

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send and wait for the headers.

        Raises LLMConnectionError, LLMTimeoutError and LLMProtocolError; AddressRefused if it is guarded.
        """
        if self._loop is not asyncio.get_running_loop():
            self._open()
        targets = self._guarded_targets if request.is_guarded else self._targets
        target = targets.get(request.url) or self._new_target(request.url, request.is_guarded)
        if target.is_proxied:
            return await self._behind_proxy().send(request, timeouts)
        head = target.head(request)
        origin = target.origin
        if not origin.try_enter():
            await origin.enter()
        self._direct_in_flight += 1
        try:
            connection = await self._ask(target, request, head, timeouts)
        except BaseException:
            self._leave(origin)
            raise
        return Http1Response(connection, target.host, self._give_back, self.stream_limit_bytes)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        is_open, self._loop, self._is_closed = self._loop is not None, None, True
        if self._proxied is not None:
            await self._proxied.close()
        if is_open:
            self._connector.close()
            await self._pool.close()

    def _give_back(self, connection: Connection) -> None:
        """A response is done with."""
        if connection.loop.is_closed():  # it went with its loop
            self._direct_in_flight -= 1
        else:
            self._pool.give_back(connection)
            self._leave(connection.origin)

    def _leave(self, origin: Origin) -> None:
        self._direct_in_flight -= 1
        origin.leave()

    async def _ask(self, target: Target, request: HttpRequest, head: bytes, timeouts: Timeouts) -> Connection:
        """The connection on which the answer has begun."""
        pool = self._pool
        kept = pool.find(target.origin, pool.time())
        while True:
            connection = kept or await self._connect(target.origin, timeouts)
            pool.end_by(connection, pool.time() + timeouts.first_byte)
            try:
                await connection.ask(request.method, head, request.body, timeouts.first_byte)
            except BaseException:
                connection.drop()
                raise
            if connection.status:
                return connection
            if kept is None or not connection.was_stale:
                raise _fault_before(connection, target.host, timeouts) from connection.fault
            kept = None

    async def _connect(self, origin: Origin, timeouts: Timeouts) -> Connection:
        if self._is_closed:
            raise faults.transport_closed()
        connection = self._pool.new_connection(origin)
        await self._connector.connect(connection, timeouts.connect)
        self._pool.add(connection)
        if self._is_closed:
            connection.drop()
            raise faults.transport_closed()
        return connection

    def _new_target(self, url: str, is_guarded: bool) -> Target:
        if is_guarded:
            self._guard.check_url(url)
        parsed = parse_url(url)
        if len(self._targets) + len(self._guarded_targets) >= TARGETS_KEPT:
            self._targets.clear()
            self._guarded_targets.clear()
            self._pool.tidy()
        origin = self._pool.origin(parsed.scheme, host_of(parsed), parsed.port or 0, is_guarded=is_guarded)
        is_proxied = self._trust_env and proxy_for(parsed) is not None
        target = Target(parsed, origin, is_proxied=is_proxied)
        (self._guarded_targets if is_guarded else self._targets)[url] = target
        return target

    def _behind_proxy(self) -> "AiohttpTransport":
        if self._proxied is None:
            # Imported where it is needed, which is seldom: it takes as long as everything else here.
            from officium.core.llm.transport import AiohttpTransport

            self._proxied = AiohttpTransport(
                max_connections_per_host=self._max_connections_per_host,
                stream_limit_bytes=self.stream_limit_bytes,
                trust_env=True,
                ssl_context=self._ssl_context,
                guard=self._guard,
            )
        return self._proxied

    def _open(self) -> None:
        if self._is_closed:
            raise faults.transport_closed()
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("A transport serves one event loop; make another one for this loop.")
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(self._loop, self._max_connections_per_host)
        self._connector = Connector(self._loop, self._ssl_context, self._guard)
        self._targets.clear()
        self._guarded_targets.clear()


def _fault_before(connection: Connection, host: str, timeouts: Timeouts) -> LLMError:
    """What the loss of a connection means before the headers."""
    match connection.fault:
        case Expired():
            return faults.first_byte_timeout(host, timeouts.first_byte)
        case HttpParserError() | HttpParserUpgrade() | Unreadable():
            return faults.not_http(host)
        case _:
            return faults.hung_up(host)
