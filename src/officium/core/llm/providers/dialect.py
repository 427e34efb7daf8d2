"""What an adapter must be able to do: pure functions and a small state machine over bytes, no socket."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from officium.core.llm.completion import Completion, CompletionRequest, Delta, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest


class StreamDecoder(Protocol):
    """Reads one streamed answer. Gives the same deltas wherever the bytes are cut."""

    @property
    def has_ended(self) -> bool:
        """Whether the provider has said that nothing follows, though the body may not be at its end."""
        ...

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Take in the next bytes and yield what they completed, one delta an event.

        Raises an LLMError in its place among the deltas when the provider reports one inside the stream
        (after which nothing more may be fed), and LLMProtocolError for what is no event of the dialect.
        The iterator must be exhausted before the next call.
        """
        ...

    def close(self) -> Iterator[Delta]:
        """The body has ended: yield what was held back. Raises LLMProtocolError if no end was announced."""
        ...


class Dialect(Protocol):
    """A provider's way of speaking."""

    name: DialectName

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        """The request in this dialect. Raises NotExpressible for a meaning that would be lost."""
        ...

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        """Read a whole answer that came with a 2xx. Raises LLMError (errors come inside a 200, too)."""
        ...

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        """A fresh reader for one stream."""
        ...

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment
    ) -> LLMError:
        """The typed error for an answer that is not a 2xx; never raises, whatever the body holds."""
        ...

    def encode_embeddings(self, request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
        """Raises NotExpressible where the dialect has no embeddings."""
        ...

    def decode_embeddings(self, body: bytes, deployment: Deployment) -> Embeddings: ...

    def encode_models(self, deployment: Deployment) -> HttpRequest:
        """The request that lists the provider's models (`deployment.model` plays no part)."""
        ...

    def decode_models(self, body: bytes) -> Iterable[str]:
        """The model names in such a list."""
        ...
