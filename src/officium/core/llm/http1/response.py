"""An answer as its reader sees it."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from officium.core.llm import faults
from officium.core.llm.errors import LLMError
from officium.core.llm.http1.connection import Connection, Dropped
from officium.core.llm.inflate import inflated, is_compressed


class Http1Response:
    """A response whose headers have come. Implements `HttpResponse`.

    Nothing but its reader holds it, so that one that is forgotten gives its connection back all the same.
    """

    __slots__ = ("_connection", "_host", "_leave", "_raw_headers", "_stream_limit_bytes", "headers", "status")

    def __init__(
        self,
        connection: Connection,
        host: str,
        leave: Callable[[Connection], None],
        stream_limit_bytes: int,
    ) -> None:
        self.status = connection.status
        self.headers: Mapping[str, str] = _Headers(connection.headers)
        self._raw_headers = connection.headers
        self._leave = leave
        self._stream_limit_bytes = stream_limit_bytes
        self._connection: Connection | None = connection
        self._host = host

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body, decompressed. Raises LLMProtocolError past `limit_bytes`."""
        if int(self._raw_headers.get("content-length", 0)) > limit_bytes:
            raise faults.too_large(limit_bytes)
        connection = self._connection
        if connection is not None and connection.is_complete and "content-encoding" not in self._raw_headers:
            data = connection.take()  # as nearly always: it came together with the headers
            if len(data) > limit_bytes:
                raise faults.too_large(limit_bytes)
            return data
        pieces = [piece async for piece in self._body(limit_bytes)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece as it comes, decompressed, up to the transport's limit for streams."""
        return self._body(self._stream_limit_bytes)

    def close(self) -> None:
        """Give the connection back if the body has come to its end, else drop it. May be called twice."""
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._leave(connection)

    def __del__(self) -> None:
        connection = self._connection
        if connection is not None:
            try:  # garbage may be collected in any thread
                connection.loop.call_soon_threadsafe(self._leave, connection)
            except RuntimeError:  # the loop is closed
                self._leave(connection)

    def _body(self, limit_bytes: int) -> AsyncIterator[bytes]:
        body = _Body(self, limit_bytes)
        said = self._raw_headers.get("content-encoding")
        if said is None:
            return body
        encoding = said.decode("latin-1").strip().lower()
        return inflated(body, encoding, limit_bytes) if is_compressed(encoding) else body


class _Body:
    """The body's bytes as they come from the network, up to a total size."""

    __slots__ = ("_limit_bytes", "_response", "_room_bytes")

    def __init__(self, response: Http1Response, limit_bytes: int) -> None:
        self._response = response
        self._limit_bytes = self._room_bytes = limit_bytes

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        response = self._response
        while True:
            connection = response._connection
            if connection is None:
                raise faults.broke_off(response._host)
            data = connection.take()
            if data:
                break
            if connection.is_complete:
                raise StopAsyncIteration
            if connection.is_lost:
                raise _fault_within(connection, response._host) from connection.fault
            await connection.news()
        self._room_bytes -= len(data)
        if self._room_bytes < 0:
            raise faults.too_large(self._limit_bytes)
        return data


class _Headers(Mapping[str, str]):
    """A view of response headers whose names are lower case. Values are read as they are asked for."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, bytes]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name.lower()].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def _fault_within(connection: Connection, host: str) -> LLMError:
    """What the loss of a connection means within the body."""
    return faults.broke_off(host) if isinstance(connection.fault, Dropped) else faults.cut_short(host)
