"""Streaming a conversation as chunks, with the log lines and error messages that operators look for."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from officium.core.llm.chat import (
    LLMResponse,
    LLMStreamChunk,
    LLMStreamMetadata,
    MessageLike,
    TokenCounts,
    as_message,
)
from officium.core.llm.client import CompletionStream, LLMClient, short_model_name
from officium.core.llm.errors import LLMError

DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 2048

api_logger = structlog.get_logger("officium.api", context="api")
"""What happens between us and the providers."""
sse_logger = structlog.get_logger("officium.sse", context="sse")
"""What happens between us and those who read a stream."""


class StreamOptions(BaseModel):
    """What to stream, and whom the log lines name. Accepts `maxTokens` for `max_tokens`, and so on."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, protected_namespaces=()
    )

    messages: Sequence[Any]
    model: str | None = None
    temperature: float | None = DEFAULT_TEMPERATURE
    max_tokens: int | None = DEFAULT_MAX_TOKENS
    tenant_id: str = ""
    user_id: str = ""


def stream_options(
    said: StreamOptions | Mapping[str, Any] | Sequence[MessageLike], **more: Any
) -> StreamOptions:
    """The options meant by an object, a mapping, or a list of messages; `more` wins where it is set."""
    wins = {name: value for name, value in more.items() if value is not None}
    if isinstance(said, StreamOptions):
        return said.model_copy(update=wins)
    if isinstance(said, Mapping):
        return StreamOptions(**{**said, **wins})
    return StreamOptions(messages=said, **wins)


async def stream_chunks(client: LLMClient, options: StreamOptions) -> AsyncIterator[LLMStreamChunk]:
    """Stream an answer as chunks; the last one has `done` set and carries the token counts.

    Raises LLMError. The message of a provider's 4xx or 5xx begins with `<provider> API error`, and that of an
    answer without a body contains `No response body`.
    """
    messages = [as_message(said) for said in options.messages]
    label = client.deployments[0].provider.label
    model = options.model or client.deployments[0].model
    named = {"tenantId": options.tenant_id, "userId": options.user_id}
    api_logger.info(f"Starting {label} API stream", **named, model=model, messageCount=len(messages))
    try:
        stream = await client.open_stream(
            messages=messages,
            model=options.model,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )
        async with aclosing(stream):
            async for chunk in _content_chunks(stream):
                yield chunk
        last = _last_chunk(stream.response)
    except LLMError as error:
        _name_provider(error, label)
        api_logger.error(f"Error in {label} stream", error=str(error), **named)
        raise
    except Exception as error:
        api_logger.error(f"Error in {label} stream", error=type(error).__name__, **named)
        raise
    tokens = last.metadata.tokens if last.metadata else None
    api_logger.info(f"{label} stream completed", **named, tokens=tokens.model_dump() if tokens else None)
    yield last


async def _content_chunks(stream: CompletionStream) -> AsyncIterator[LLMStreamChunk]:
    metadata = LLMStreamMetadata(model=short_model_name(stream.deployment.model))
    async for deltas in stream:
        for delta in deltas:
            if delta.text:
                yield LLMStreamChunk(content=delta.text, metadata=metadata)


def _last_chunk(response: LLMResponse | None) -> LLMStreamChunk:
    assert response is not None
    taken, written = response.usage.input_tokens or 0, response.usage.output_tokens or 0
    tokens = TokenCounts(input=taken, output=written, total=taken + written)
    return LLMStreamChunk(
        done=True, metadata=LLMStreamMetadata(model=short_model_name(response.model), tokens=tokens)
    )


def _name_provider(error: LLMError, label: str) -> None:
    if error.status is not None and error.status >= 400:
        error.message = f"{label} API error ({error.status}): {error.message}"
        error.args = (error.message,)
