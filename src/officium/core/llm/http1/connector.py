"""From a host's name to a connection: addresses, the race between them, the TLS handshake."""

import asyncio
import contextlib
import socket
import ssl

from aiohappyeyeballs import AddrInfoType, start_connection

from officium.core.llm import faults
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http1.connection import Connection
from officium.core.llm.http1.origin import Origin
from officium.core.llm.outgoing import DNS_CACHE_S

_HEAD_START_S = 0.25
"""How long an address is tried alone before the next one joins in. Source: RFC 8305, section 5."""

_NAMES_KEPT = 1024
_FAREWELL_S = 1.0
"""How long the provider may take to confirm the end of TLS."""

_Place = tuple[str, int]


class Connector:
    """Opens connections for one event loop. Addresses are kept for a minute.

    Where the origin is guarded, the very addresses that are connected to are checked each time.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ssl_context: ssl.SSLContext | None, guard: AddressGuard
    ) -> None:
        self._loop = loop
        self._ssl_context = ssl_context
        self._guard = guard
        self._known: dict[_Place, tuple[float, list[AddrInfoType]]] = {}
        self._lookups: dict[_Place, asyncio.Task[list[AddrInfoType]]] = {}
        self._limits: set[asyncio.Timeout] = set()
        self._is_closed = False

    async def connect(self, connection: Connection, limit_s: float) -> None:
        """Connect it to its origin. Raises LLMConnectionError, LLMTimeoutError and AddressRefused."""
        origin = connection.origin
        place = (origin.host, origin.port)
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                self._limits.add(limit)
                await self._attach(connection, await self._open_socket(origin))
        except TimeoutError as error:
            if self._is_closed:
                raise faults.transport_closed() from error
            self._known.pop(place, None)
            raise faults.connect_timeout(origin.host, limit_s) from error
        finally:
            self._limits.discard(limit)

    def close(self) -> None:
        """Give up what is under way."""
        self._is_closed = True
        if self._loop.is_closed():
            return
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        for lookup in self._lookups.values():
            lookup.cancel()

    async def _open_socket(self, origin: Origin) -> socket.socket:
        host, place = origin.host, (origin.host, origin.port)
        try:
            addresses = await self._resolve(place)
        except (socket.gaierror, UnicodeError) as error:
            raise faults.host_unknown(host) from error
        if origin.is_guarded:
            self._guard.check_addresses(*place, (str(info[4][0]) for info in addresses))
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=_HEAD_START_S, loop=self._loop)
        except TimeoutError:
            raise
        except (OSError, RuntimeError) as error:  # uvloop raises either
            self._known.pop(place, None)
            raise faults.not_connected(host, getattr(error, "strerror", None)) from error
        with contextlib.suppress(OSError):  # it may be broken already, which shows later
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock

    async def _attach(self, connection: Connection, sock: socket.socket) -> None:
        """Make the connection the one of this socket, through TLS where the origin asks for it."""
        origin = connection.origin
        try:
            if not origin.is_secure:
                await self._loop.create_connection(lambda: connection, sock=sock)
                return
            await self._loop.create_connection(
                lambda: connection,
                sock=sock,
                ssl=self._context(),
                server_hostname=origin.host.rstrip("."),
                ssl_shutdown_timeout=_FAREWELL_S,
            )
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            failed = faults.tls_failed if origin.is_secure else faults.hung_up
            raise failed(origin.host) from error

    def _context(self) -> ssl.SSLContext:
        """Made with the first secure connection: loading the authorities takes a while."""
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context

    async def _resolve(self, place: _Place) -> list[AddrInfoType]:
        known = self._known.get(place)
        if known is not None and known[0] > self._loop.time():
            return known[1]
        if (literal := _literal(*place)) is not None:
            return [literal]
        lookup = self._lookups.get(place)
        if lookup is None:
            lookup = self._lookups[place] = self._loop.create_task(self._look_up(place))
            lookup.add_done_callback(_see_error)
        await asyncio.wait((lookup,))  # which leaves it alone when we are cancelled: others may wait for it
        if lookup.cancelled():
            raise faults.transport_closed()
        return lookup.result()

    async def _look_up(self, place: _Place) -> list[AddrInfoType]:
        try:
            found: list[AddrInfoType] = [*await self._loop.getaddrinfo(*place, type=socket.SOCK_STREAM)]
        finally:
            del self._lookups[place]
        if len(self._known) >= _NAMES_KEPT:
            self._known.clear()
        self._known[place] = (self._loop.time() + DNS_CACHE_S, found)
        return found


def _see_error(lookup: "asyncio.Task[list[AddrInfoType]]") -> None:
    """Nobody may be left who waits for it, and asyncio would complain."""
    if not lookup.cancelled():
        lookup.exception()


def _literal(host: str, port: int) -> AddrInfoType | None:
    """The address if the host is one, so that no thread is needed to look it up."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        where = (host, port) if family is socket.AF_INET else (host, port, 0, 0)
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where
    return None
