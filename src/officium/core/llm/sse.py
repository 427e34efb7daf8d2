"""Cutting a stream of bytes into events: server-sent events and JSON lines.

Formats: https://html.spec.whatwg.org/multipage/server-sent-events.html (parsing; a bare CR as line end,
which no provider sends, is not one here) and one JSON value a line.
"""

from collections.abc import Iterator
from typing import NamedTuple

from officium.core.llm.errors import LLMProtocolError

EVENT_LIMIT_BYTES = 16 * 1024 * 1024
"""A single event longer than this is refused, so a provider cannot fill our memory."""


class ServerSentEvent(NamedTuple):
    """One event: its name ("" where none was given), its data, and its own bytes, blank line included."""

    name: str
    data: bytes
    raw: bytes


class LineSplitter:
    """Splits bytes into lines, whatever the cuts; each line comes with its line end."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    @property
    def is_between_lines(self) -> bool:
        """Whether the last byte ended a line."""
        return not self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that `data` completed."""
        end = data.find(b"\n") + 1
        if end and self._rest:
            yield b"".join((*self._rest, data[:end]))
            self._rest = []
            self._rest_bytes = 0
            data = data[end:]
            end = data.find(b"\n") + 1
        start = 0
        while end:
            yield data[start:end]
            start = end
            end = data.find(b"\n", start) + 1
        if start < len(data):
            self._rest.append(data[start:])
            self._rest_bytes += len(data) - start
            if self._rest_bytes > EVENT_LIMIT_BYTES:
                raise LLMProtocolError(
                    "The provider sent a line that never ends.", limit_bytes=EVENT_LIMIT_BYTES
                )

    def close(self) -> Iterator[bytes]:
        """Yield the last line if it has no line end."""
        if self._rest:
            yield b"".join(self._rest)
            self._rest = []


class ServerSentEvents:
    """Splits bytes into events, whatever the cuts and line ends (LF, CR LF).

    Comments, and events without data, are passed over.
    """

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._name = ""
        self._data: list[bytes] = []
        self._raw: list[bytes] = []
        self._raw_bytes = 0

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `data` completed."""
        if self._is_one_event(data):
            yield ServerSentEvent("", data[6:-2], data)
            return
        for line in self._lines.feed(data):
            if event := self._take(line):
                yield event

    def close(self) -> Iterator[ServerSentEvent]:
        """Yield the last event if the stream ended without its blank line."""
        for line in self._lines.close():
            if event := self._take(line):
                yield event
        if event := self._take(b"\n"):
            yield event

    def _is_one_event(self, data: bytes) -> bool:
        """Whether `data` is a whole nameless event on a single line, as nearly every piece is."""
        return (
            data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
            and not data.endswith(b"\r\n\n")
            and not self._raw
            and self._lines.is_between_lines
        )

    def _take(self, line: bytes) -> ServerSentEvent | None:
        content = line.rstrip(b"\r\n")
        if not content:
            return self._finish(line)
        if content[:1] == b":":
            return None
        self._raw.append(line)
        self._raw_bytes += len(line)
        if self._raw_bytes > EVENT_LIMIT_BYTES:
            raise LLMProtocolError(
                "The provider sent an event that is too large.", limit_bytes=EVENT_LIMIT_BYTES
            )
        if content[:5] == b"data:":
            self._data.append(content[6:] if content[5:6] == b" " else content[5:])
        elif content[:6] == b"event:":
            self._name = content[6:].strip().decode("utf-8", "replace")
        return None

    def _finish(self, blank: bytes) -> ServerSentEvent | None:
        if not self._raw:
            return None
        event = None
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            event = ServerSentEvent(self._name, data, b"".join(self._raw) + blank)
        self._name = ""
        self._data = []
        self._raw = []
        self._raw_bytes = 0
        return event
