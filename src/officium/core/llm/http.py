"""HTTP as the dialects and the transport see it."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from msgspec import Struct, field


class HttpRequest(Struct, frozen=True):
    """A request to a provider, ready to be sent. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    notes: tuple[str, ...] = ()
    """What the dialect had to leave out or change, in plain words."""
    is_guarded: bool = False
    """The URL is a tenant's: it may lead to the open internet only. See `guard.py`."""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url}, {len(self.body)} bytes)"


class Timeouts(Struct, frozen=True):
    """The longest waits of one attempt, in seconds.

    `first_byte` runs from the sent request to the first event that means something, `idle` between such
    events (heartbeats and comments do not count), `total` over the whole attempt.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0


class HttpResponse(Protocol):
    """A response whose headers have come. It must be closed; closing early drops the connection."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names are lower case."""
        ...

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body, decompressed. Raises LLMProtocolError past `limit_bytes`."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece as it comes, decompressed."""
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else drop it. May be called twice."""
        ...


class Transport(Protocol):
    """Carries requests to providers, never to a redirect. Raises LLMConnectionError and LLMTimeoutError."""

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send and wait for the response's headers (at most `timeouts.connect` + `timeouts.first_byte`)."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
