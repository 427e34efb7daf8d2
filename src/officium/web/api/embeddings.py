"""`POST /v1/embeddings`, as OpenAI's SDK sends and reads it.

Format: https://platform.openai.com/docs/api-reference/embeddings
"""

import sys
from array import array
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from officium.core.gateway.call import CallContext, EmbeddingAnswer
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.api.completions import answer_headers, traceparent
from officium.web.api.reading import choice, integer, json_type, model_name, refuse, text_field
from officium.web.caller import Authenticator
from officium.web.door import admit
from officium.web.errors import openai_error
from officium.web.exchange import Exchange

MOST_INPUTS = 2048
_encode = msgspec.json.Encoder().encode


class EmbeddingGateway(Protocol):
    """The part of the gateway that embeds."""

    async def embed(
        self, caller: Caller, request: EmbeddingRequest, context: CallContext
    ) -> EmbeddingAnswer: ...


class EmbeddingsDoor:
    """Texts in, vectors out."""

    def __init__(self, gateway: EmbeddingGateway, authenticator: Authenticator) -> None:
        self._gateway = gateway
        self._authenticator = authenticator

    async def serve(self, exchange: Exchange) -> None:
        """Answer an embedding request."""
        caller = await admit(self._authenticator, exchange, "inference")
        body = await exchange.json()
        request = parse_embeddings(body)
        is_base64 = choice(body, "encoding_format", ("float", "base64")) == "base64"
        context = CallContext(
            request_id=exchange.request_id, user=request.user, traceparent=traceparent(exchange)
        )
        exchange.watch_hangup()
        answer = await self._gateway.embed(caller, request, context)
        headers = answer_headers(answer.deployment, answer.notes)
        await exchange.respond(200, render_embeddings(answer, request, is_base64), headers)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The error in OpenAI's shape."""
        return openai_error(error, status)


def parse_embeddings(body: Mapping[str, Any]) -> EmbeddingRequest:
    """Read a request body. Raises InvalidRequest with `param` naming the faulty part."""
    return EmbeddingRequest(
        model=model_name(body),
        inputs=_inputs(body),
        dimensions=integer(body, "dimensions", 1),
        user=text_field(body, "user"),
    )


def render_embeddings(answer: EmbeddingAnswer, request: EmbeddingRequest, is_base64: bool) -> bytes:
    """The JSON body; `is_base64` packs each vector as little-endian 32-bit floats."""
    embeddings = answer.embeddings
    show = _packed if is_base64 else list
    usage = embeddings.usage
    tokens = (usage.input_tokens or 0) if usage else 0
    return _encode(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": show(vector)}
                for index, vector in enumerate(embeddings.vectors)
            ],
            "model": embeddings.model or request.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _inputs(body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("input")
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not inputs:
        refuse("input", "is required and must be a string or a list of at least one string.")
    if len(inputs) > MOST_INPUTS:
        refuse("input", f"must not have more than {MOST_INPUTS} strings.")
    for index, text in enumerate(inputs):
        if isinstance(text, int | list):
            refuse("input", "holds token numbers, which mean something else to every model: send text.")
        if not isinstance(text, str):
            refuse(f"input[{index}]", f"must be a string, not {json_type(text)}.")
        if not text:
            refuse(f"input[{index}]", "must not be empty.")
    return tuple(inputs)


def _packed(vector: tuple[float, ...]) -> str:
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return b64encode(floats.tobytes()).decode("ascii")
