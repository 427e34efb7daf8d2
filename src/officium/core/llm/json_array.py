"""Cutting a JSON array that arrives in pieces into its objects."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from officium.core.llm.errors import LLMProtocolError
from officium.core.llm.sse import EVENT_LIMIT_BYTES

_MARK = re.compile(rb'["{}]')
_STRING_END = re.compile(rb'["\\]')


class JsonItem(NamedTuple):
    """One object of the array, and its bytes together with the separators before it."""

    data: bytes
    raw: bytes


class JsonArrayItems:
    """Splits the bytes of a JSON array into its objects, whatever the cuts.

    A lone object, or objects one after the other, are taken as well. Only strings and braces are looked
    at: whether the objects themselves are JSON is for their reader to find.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._position = 0
        self._start = -1
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> Iterator[JsonItem]:
        """Yield the objects that `data` completed."""
        self._bytes += data
        while (mark := self._next_mark()) is not None:
            if mark == b"{":
                if self._depth == 0:
                    self._start = self._position - 1
                self._depth += 1
            elif mark == b"}" and self._depth > 0:
                self._depth -= 1
                if self._depth == 0:
                    yield self._cut()
        if len(self._bytes) > EVENT_LIMIT_BYTES:
            raise LLMProtocolError(
                "The provider sent an object that is too large.", limit_bytes=EVENT_LIMIT_BYTES
            )

    def close(self) -> None:
        """The array has ended. Raises LLMProtocolError in the middle of an object."""
        if self._depth > 0:
            raise LLMProtocolError("The provider's answer broke off in the middle of an object.")

    def _next_mark(self) -> bytes | None:
        """The next brace outside of strings, or `None` where more bytes are needed."""
        while True:
            pattern = _STRING_END if self._in_string else _MARK
            found = pattern.search(self._bytes, self._position)
            if found is None:
                self._position = len(self._bytes)
                return None
            mark = found.group()
            if mark == b"\\":
                if found.end() == len(self._bytes):
                    self._position = found.start()
                    return None
                self._position = found.end() + 1
                continue
            self._position = found.end()
            if mark != b'"':
                return mark
            self._in_string = not self._in_string

    def _cut(self) -> JsonItem:
        raw = bytes(self._bytes[: self._position])
        item = JsonItem(raw[self._start :], raw)
        del self._bytes[: self._position]
        self._position = 0
        return item
