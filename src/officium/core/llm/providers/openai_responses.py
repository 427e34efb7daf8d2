"""OpenAI's Responses API: the only way to give its newest models tools.

Source: https://platform.openai.com/docs/api-reference/responses and recorded traffic.
"""

from collections.abc import Iterable, Mapping

from officium.core.llm.completion import Completion, CompletionRequest, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers import openai_endpoint, openai_errors
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.openai_responses_answer import ResponsesStream, decode_response
from officium.core.llm.providers.openai_responses_request import encode_response


class OpenAIResponses:
    """Speaks the Responses API; see `Dialect`."""

    name: DialectName = "openai-responses"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        """A native body is sent on with its own fields; anything else is built from the neutral ones."""
        return encode_response(request, deployment)

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        """Read a whole answer. Raises LLMError."""
        return decode_response(body, deployment)

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        """A fresh reader for one stream."""
        return ResponsesStream(deployment)

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment
    ) -> LLMError:
        """The typed error for an answer that is not a 2xx."""
        return openai_errors.decode_error(status, headers, body, deployment)

    def encode_embeddings(self, request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
        """Ask for vectors."""
        return openai_endpoint.encode_embeddings(request, deployment)

    def decode_embeddings(self, body: bytes, deployment: Deployment) -> Embeddings:
        """Read vectors, plain or in base64. Raises LLMError."""
        return openai_endpoint.decode_embeddings(body, deployment)

    def encode_models(self, deployment: Deployment) -> HttpRequest:
        """Ask for the provider's models."""
        return openai_endpoint.encode_models(deployment)

    def decode_models(self, body: bytes) -> Iterable[str]:
        """The model names. Raises LLMProtocolError."""
        return openai_endpoint.decode_models(body)
