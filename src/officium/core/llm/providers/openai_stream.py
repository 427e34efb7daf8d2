"""What OpenAI's two streams have in common: events, an end mark, and bodies that are no stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from officium.core.llm.completion import Delta
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMError, LLMProtocolError
from officium.core.llm.providers.openai_errors import decode_garbled
from officium.core.llm.sse import EVENT_LIMIT_BYTES, ServerSentEvent, ServerSentEvents

_LEADING = b" \t\r\n\xef\xbb\xbf"
"""What may stand before a body: white space and the bytes of a byte order mark."""


class EventStream(ABC):
    """A `StreamDecoder`; a subclass says what one event means, and sets `_is_finished` at the end."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._events = ServerSentEvents()
        self._head = b""
        self._has_begun = False
        self._plain: bytearray | None = None
        self._has_done_mark = False
        self._is_finished = False
        self._earlier: list[Delta] = []
        """Deltas that belong before the one an event gives: a delta holds one piece of reasoning."""
        self._failure: LLMError | None = None
        """Raised after the delta of its event, so that what the tokens cost is known first."""

    @property
    def has_ended(self) -> bool:
        """Whether `[DONE]` has come."""
        return self._has_done_mark

    @abstractmethod
    def _read(self, event: ServerSentEvent) -> Delta | None:
        """What one event means."""

    def _flush(self) -> Delta | None:
        """What was held back at the end."""
        return None

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Take in the next bytes; see `StreamDecoder`."""
        if not self._has_begun:
            data = self._begin(data)
        if self._plain is None:
            yield from self._read_all(self._events.feed(data))
        else:
            self._add_plain(data)

    def close(self) -> Iterator[Delta]:
        """The body has ended; see `StreamDecoder`."""
        if self._plain is not None:
            raise decode_garbled(
                self._deployment, "The answer is not a stream of events.", bytes(self._plain)
            )
        try:
            yield from self._read_all(self._events.close())
        except LLMProtocolError:
            if not self._is_finished:  # an event that was cut short is no loss once the answer is complete
                raise
        if held_back := self._flush():
            yield held_back
        if not self._is_finished:
            raise decode_garbled(self._deployment, "The stream ended before the answer did.")

    def _read_all(self, events: Iterator[ServerSentEvent]) -> Iterator[Delta]:
        for event in events:
            data = event.data
            if self._has_done_mark or not data.strip():
                continue
            if data[:1] == b"[" and data.strip() == b"[DONE]":
                self._has_done_mark = True
                continue
            delta = self._read(event)
            if self._earlier:
                yield from self._earlier
                self._earlier.clear()
            if delta is not None:
                yield delta
            if self._failure is not None:
                raise self._failure

    def _begin(self, data: bytes) -> bytes:
        """Tell events from a body that is none: an error in plain JSON, a proxy's page."""
        self._head += data
        start = self._head.lstrip(_LEADING)
        if not start:
            return b""
        self._has_begun = True
        if start[:1] in (b"{", b"[", b"<"):
            self._plain = bytearray()
        return start

    def _add_plain(self, data: bytes) -> None:
        assert self._plain is not None
        self._plain += data
        if len(self._plain) > EVENT_LIMIT_BYTES:
            raise decode_garbled(self._deployment, "The answer is too large, and not a stream of events.")
