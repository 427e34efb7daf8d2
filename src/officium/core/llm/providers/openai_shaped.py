"""What OpenAI's two dialects share: errors, embeddings and the list of models."""

from collections.abc import Iterable, Mapping

from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers import openai_endpoint, openai_errors


class OpenAIShaped:
    """The part of `Dialect` that is the same wherever a server is shaped like OpenAI's."""

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
