"""One connection to a provider: a request goes out, an answer comes in, then perhaps another."""

import asyncio
import re
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from officium.core.llm.http1.origin import Origin
from officium.core.llm.outgoing import KEEP_ALIVE_S, LARGE_BODY_BYTES

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200

_UNREAD_BYTES = 256 * 1024
"""The provider must wait while more than this of its answer lies unread."""

_WRITTEN_BYTES = 256 * 1024
"""The size of the pieces in which a large body is written."""

_NAMES_KEPT = 1024
_LONGEST_NAME_KEPT = 64
_NEVER = float("inf")
_LENGTHS = {"content-length", "transfer-encoding"}
_PATIENCE = re.compile(rb"timeout\s*=\s*\"?(\d{1,9})")


class Unreadable(Exception):
    """What came is HTTP of a kind that we do not take."""


class Expired(Exception):
    """The first byte of the answer did not come in time, or the connection had no work for too long."""


class Dropped(Exception):
    """We have closed the connection ourselves."""


class _LowerNames(dict[bytes, str]):
    """Header names in lower case, kept because every answer of a provider has the same ones."""

    def __missing__(self, name: bytes) -> str:
        lower = name.decode("latin-1").lower()
        if len(name) <= _LONGEST_NAME_KEPT:
            if len(self) >= _NAMES_KEPT:
                self.clear()
            self[name] = lower
        return lower


_LOWER = _LowerNames()


class Connection(asyncio.Protocol):
    """A connection, and the answer that is coming in on it.

    It knows nothing of who reads: a reader looks at its state, and awaits `news()` if there is none yet. One
    at a time waits, be it to write or to read. `deadline` is when the pool ends it, in the loop's time.
    """

    __slots__ = (
        "_can_write",
        "_feed",
        "_had_data_beyond",
        "_has_unsent",
        "_head_bytes",
        "_is_for_head",
        "_is_reading",
        "_keeps_alive",
        "_on_lost",
        "_parser",
        "_pieces",
        "_raw_headers",
        "_transport",
        "_unread_bytes",
        "_waiter",
        "deadline",
        "fault",
        "has_spoken",
        "headers",
        "is_complete",
        "is_idle",
        "is_lost",
        "loop",
        "on_body",
        "on_header",
        "origin",
        "status",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, origin: Origin, on_lost: Callable[["Connection"], None]
    ) -> None:
        self.origin = origin
        self.deadline = _NEVER
        self.status = 0
        """0 until the headers have come."""
        self.headers: dict[str, bytes] = {}
        self.is_complete = False
        """The answer is here to its end; what `take()` gives is the last of it."""
        self.is_idle = False
        self.is_lost = False
        self.fault: Exception | None = None
        """Why it is lost; None if the provider closed it in good order."""
        self.has_spoken = False
        """Anything has come since the request was sent."""
        self.loop = loop
        self._on_lost = on_lost
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._raw_headers: dict[bytes, bytes] = {}
        # The parser calls these for each header and each piece: built-in methods cost no Python frame.
        self.on_header = self._raw_headers.setdefault
        self.on_body = self._pieces.append
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # A recipient may take a bare LF for a line's end, and old servers pad the sizes of chunks.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self._unread_bytes = 0
        self._head_bytes = 0
        self._is_for_head = False
        self._is_reading = True
        self._can_write = True
        self._keeps_alive = False
        self._had_data_beyond = False
        self._has_unsent = False
        self._transport: asyncio.Transport

    async def ask(self, method: str, head: bytes, body: bytes, first_byte_s: float) -> None:
        """Send a request and wait until the headers have come (`status`) or the connection is lost."""
        self.is_complete = self.is_idle = self.has_spoken = False
        self.status = self._head_bytes = 0
        self._is_for_head = method == "HEAD"
        if len(body) < LARGE_BODY_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            await self._write(body, first_byte_s)
        while not self.status and not self.is_lost:
            await self.news()

    def news(self) -> "asyncio.Future[None]":
        """Done with the next change: more of the answer, its end, room to write, the loss of all."""
        self._waiter = waiter = self.loop.create_future()
        return waiter

    def take(self) -> bytes:
        """All of the body that has come and was not taken yet; nothing if there is none."""
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread_bytes = 0
        if not self._is_reading:
            self._resume()
        return data

    @property
    def is_reusable(self) -> bool:
        """Whether request and answer are over, and another may follow."""
        return (
            self.is_complete
            and self._keeps_alive
            and not self.is_lost
            and not self._had_data_beyond
            and not self._has_unsent
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    @property
    def patience_s(self) -> float:
        """How long the provider, as far as it said so, and we keep the connection without work."""
        said = self.headers.get("keep-alive")
        match = said and _PATIENCE.search(said)
        # A second early: theirs starts before ours, and a request needs time to get there.
        return min(KEEP_ALIVE_S, int(match[1]) - 1.0) if match else KEEP_ALIVE_S

    def rest(self, deadline: float) -> None:
        """Forget the answer and wait for another request, at most until then."""
        self.is_idle = True
        self.deadline = deadline
        self._pieces.clear()
        self._raw_headers.clear()
        self._unread_bytes = 0
        if not self._is_reading:
            self._resume()

    def is_fresh(self, now: float) -> bool:
        """Whether a request may be sent after this rest: neither side has ended it meanwhile."""
        return not self.is_lost and self.deadline > now and not self._transport.is_closing()

    @property
    def was_stale(self) -> bool:
        """Whether it ended before anything came, and not by our will."""
        return (
            self.is_lost and not self.has_spoken and (self.fault is None or isinstance(self.fault, OSError))
        )

    def drop(self, fault: Exception | None = None) -> None:
        """End it now, whatever is still on its way."""
        if not self.is_lost:
            self.is_lost = True
            self.fault = fault or Dropped()
            self._wake()
        self._transport.abort()

    def see_off(self) -> None:
        """End it in good order, if it is without work."""
        if not self.is_lost:
            self.is_lost = True
            self.fault = Dropped()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is ready."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read on, and tell who waits."""
        if self.is_complete or self.is_lost:
            self._had_data_beyond = True
            if self.is_idle:
                self.drop()
            return
        self.has_spoken = True
        self._head_bytes += len(data)
        try:
            self._feed(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_complete:
                self.drop(error)
                return
            self._had_data_beyond = True
        if self._pieces:
            self._head_bytes = 0
            self._unread_bytes += len(data)
            if self._unread_bytes > _UNREAD_BYTES and self._is_reading and not self.is_complete:
                self._is_reading = False
                self._transport.pause_reading()
        elif self._head_bytes > MAX_HEAD_BYTES and not self.is_complete:
            # Trailers and the extensions of a chunk count, too.
            self.drop(Unreadable("The headers have no end."))
        self._wake()

    def eof_received(self) -> None:
        """The provider has closed its side; closing ours follows."""
        self._end(None)
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # nobody wants the rest of the request

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._end(exc)
        self._parser = None  # it holds us
        self._feed = _ignore
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The provider takes no more for now."""
        self._can_write = False

    def resume_writing(self) -> None:
        """The provider has taken most of it."""
        self._can_write = True
        self._wake()

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        if self.is_complete:
            self._had_data_beyond = True

    def on_headers_complete(self) -> None:
        """The headers are here; those of an interim answer do not count."""
        assert self._parser is not None
        raw = self._raw_headers
        if self.is_complete:  # of a message beyond the end
            raise Unreadable("Nobody asked for a second answer.")
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise Unreadable("Nobody asked for another protocol.")
            raw.clear()
            return
        if len(raw) > MAX_HEADERS or (self._head_bytes > MAX_HEAD_BYTES and _size(raw) > MAX_HEAD_BYTES):
            raise Unreadable("There are too many headers.")
        headers = {_LOWER[name]: value for name, value in raw.items()}
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.strip().lower() != b"chunked":
            raise Unreadable("The transfer encoding is not one that was asked for.")
        self.headers = headers
        self.status = status
        self.deadline = _NEVER
        if self._is_for_head:
            self.is_complete = True
            self._had_data_beyond = True  # the parser expects a body, so it is of no more use

    def on_message_complete(self) -> None:
        """The answer is here to its end."""
        if self.status and not self.is_complete:
            assert self._parser is not None
            self.is_complete = True
            self._keeps_alive = self._parser.should_keep_alive()

    async def _write(self, body: bytes, first_byte_s: float) -> None:
        """Write a large body as it is taken. A refusal that comes meanwhile ends it."""
        left = memoryview(body)
        while left:
            if self.is_lost or self.status >= 300:
                self._has_unsent = True
                return
            # An answer that begins early may need the rest of the request at once: its reader is waiting.
            if self._can_write or self.status:
                self._transport.write(left[:_WRITTEN_BYTES])
                left = left[_WRITTEN_BYTES:]
            else:
                await self.news()
                self.deadline = _NEVER if self.status else self.loop.time() + first_byte_s

    def _end(self, fault: Exception | None) -> None:
        """Nothing more will come; an answer that does not say its length is complete by that."""
        if not self.is_lost:
            self.is_lost = True
            self.fault = fault
            if self.status and fault is None and not _LENGTHS & self.headers.keys():
                self.is_complete = True
            self._wake()

    def _resume(self) -> None:
        self._is_reading = True
        if not self.is_lost and not self._transport.is_closing():
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)


def _size(headers: dict[bytes, bytes]) -> int:
    return sum(len(name) + len(value) + len(b": \r\n") for name, value in headers.items())


def _ignore(data: bytes) -> None:
    """What feeding is to a connection that is lost."""
