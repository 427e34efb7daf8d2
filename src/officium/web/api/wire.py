"""What a door must be able to do: the client's side of a dialect, as pure functions.

One handler (`completions.py`) serves every door; what differs between them is a `Wire`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from officium.core.llm.completion import Completion, CompletionRequest, Delta, DialectName
from officium.kit.errors import OfficiumError


class StreamRenderer(Protocol):
    """Writes one streamed answer as the bytes of server-sent events."""

    def render(self, deltas: list[Delta], relay: bool) -> bytes:
        """The events for these deltas (b"" for none), with whatever must precede the first.

        `relay`: the provider spoke this door's dialect faithfully, so `Delta.raw` may be sent on as it is,
        apart from what the client did not ask for.
        """
        ...

    def finish(self) -> bytes:
        """The closing events, usage included where the client asked for it."""
        ...

    def error(self, error: OfficiumError, status: int) -> bytes:
        """The event that says the stream failed, in the shape the door's SDK raises as its own exception."""
        ...

    def heartbeat(self) -> bytes:
        """Bytes that keep the connection open and mean nothing."""
        ...


class Wire(Protocol):
    """A door's dialect: requests in, answers and errors out."""

    dialect: DialectName

    def parse(self, body: Mapping[str, Any]) -> CompletionRequest:
        """Read a request body. Raises InvalidRequest with `param` naming the faulty part.

        The result carries `native` (this dialect, the body as it came), `unmodelled` and `untranslatable`.
        """
        ...

    def render(self, completion: Completion, request: CompletionRequest, request_id: str) -> bytes:
        """The JSON body of a whole answer (never the raw body: the handler decides on relaying)."""
        ...

    def stream_renderer(self, request: CompletionRequest, request_id: str) -> StreamRenderer:
        """A fresh writer for one stream."""
        ...

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The JSON body of an error answer, in the shape the door's SDK understands."""
        ...
