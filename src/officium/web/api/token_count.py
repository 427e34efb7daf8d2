"""`POST /v1/messages/count_tokens`, as Anthropic's SDK sends and reads it.

Format: https://docs.anthropic.com/en/api/messages-count-tokens
"""

from typing import Protocol

import msgspec

from officium.core.llm.completion import CompletionRequest
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.api.messages_wire import MessagesWire
from officium.web.caller import Authenticator
from officium.web.door import admit
from officium.web.exchange import Exchange

_ESTIMATED = (b"officium-notes", b"estimated: no provider was asked")


class CountingGateway(Protocol):
    """The part of the gateway that counts ahead."""

    async def count_tokens(self, caller: Caller, request: CompletionRequest) -> int: ...


class TokenCountDoor:
    """What a request would take, without making it."""

    def __init__(
        self, gateway: CountingGateway, authenticator: Authenticator, default_model: str | None = None
    ) -> None:
        self._gateway = gateway
        self._authenticator = authenticator
        self._default_model = default_model
        self._wire = MessagesWire()

    async def serve(self, exchange: Exchange) -> None:
        """Answer with an estimate; the answer says so."""
        caller = await admit(self._authenticator, exchange, "inference")
        body = await exchange.json()
        if self._default_model is not None:
            body.setdefault("model", self._default_model)
        request = self._wire.parse({"max_tokens": 1, **body})
        tokens = await self._gateway.count_tokens(caller, request)
        await exchange.respond(200, msgspec.json.encode({"input_tokens": tokens}), [_ESTIMATED])

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The error in Anthropic's shape."""
        return self._wire.render_error(error, status, request_id)
