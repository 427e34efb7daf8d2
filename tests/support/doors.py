"""A door without a house: an official SDK's client on one side, a wire and a script on the other."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import msgspec

from officium.core.llm.completion import Completion, CompletionBuilder, CompletionRequest, Delta
from officium.kit.errors import OfficiumError
from officium.web.api.wire import Wire

REQUEST_ID = "req_01test"
Script = Completion | OfficiumError | Sequence[Delta | OfficiumError]
"""A whole answer, an error, or deltas (an error among them ends the stream)."""


class Door:
    """Serves a script through a wire. `asked` collects the parsed requests, `streamed` the bytes sent."""

    def __init__(self, wire: Wire, script: Script, *, status: int = 400, relay: bool = False) -> None:
        self.wire = wire
        self.script = script
        self.status = status
        self.relay = relay
        self.asked: list[CompletionRequest] = []
        self.streamed = b""

    @property
    def http_client(self) -> httpx2.AsyncClient:
        """The HTTP client to hand to an SDK; nothing leaves the process."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        try:
            asked = self.wire.parse(msgspec.json.decode(request.content))
            if isinstance(self.script, OfficiumError):
                raise self.script
        except OfficiumError as error:
            body = self.wire.render_error(error, self.status, REQUEST_ID)
            return httpx2.Response(self.status, content=body, headers={"content-type": "application/json"})
        self.asked.append(asked)
        if asked.stream:
            headers = {"content-type": "text/event-stream"}
            return httpx2.Response(200, content=self._stream(asked), headers=headers)
        body = self.wire.render(self._whole(), asked, REQUEST_ID)
        return httpx2.Response(200, content=body, headers={"content-type": "application/json"})

    def _whole(self) -> Completion:
        if isinstance(self.script, Completion):
            return self.script
        assert not isinstance(self.script, OfficiumError)
        return build(delta for delta in self.script if isinstance(delta, Delta))

    async def _stream(self, asked: CompletionRequest) -> AsyncIterator[bytes]:
        assert not isinstance(self.script, Completion | OfficiumError)
        for piece in render_stream(self.wire, asked, self.script, relay=self.relay):
            self.streamed += piece
            yield piece


def render_stream(
    wire: Wire, request: CompletionRequest, script: Sequence[Delta | OfficiumError], *, relay: bool = False
) -> list[bytes]:
    """What a client is sent, piece by piece, with a heartbeat after the first."""
    renderer = wire.stream_renderer(request, REQUEST_ID)
    pieces: list[bytes] = []
    for said in script:
        if isinstance(said, OfficiumError):
            return [*pieces, renderer.error(said, 502)]
        pieces.append(renderer.render([said], relay))
        if len(pieces) == 1:
            pieces.append(renderer.heartbeat())
    return [*pieces, renderer.finish()]


def build(deltas: Any) -> Completion:
    """The completion these deltas are pieces of."""
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def read_events(data: bytes) -> list[dict[str, Any]]:
    """The JSON of each server-sent event; its name must be its type. Comments are passed over."""
    events = []
    for block in data.decode().split("\n\n"):
        if not block or block.startswith(":"):
            continue
        name, said = block.split("\n")
        event = msgspec.json.decode(said.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events
