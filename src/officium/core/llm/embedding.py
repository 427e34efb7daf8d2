"""Texts to vectors, in no provider's words."""

from msgspec import Struct

from officium.core.llm.token_usage import TokenUsage


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """Texts to embed. `dimensions` shortens the vectors where the model can."""

    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    user: str | None = None


class Embeddings(Struct, frozen=True, kw_only=True):
    """One vector for each input, in the inputs' order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str | None = None
    usage: TokenUsage | None = None
