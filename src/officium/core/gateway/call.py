"""What the gateway is told about a request, and what it gives back."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from msgspec import Struct

from officium.core.llm.completion import Completion, Delta, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import Embeddings

CacheWish = Literal["default", "on", "off", "refresh"]
"""What the caller wants of the cache: as it is set up; the same, said aloud; nothing; a new answer in it."""
CacheOutcome = Literal["hit", "stored", "miss"]
"""The answer came from the cache; was put there; neither."""


class CallContext(Struct, frozen=True, kw_only=True):
    """Where a request comes from, for the usage log and the budgets. Which tenant pays is the `Caller`'s.

    `traceparent` is the W3C header of the caller's trace, where there was one. `client_id`, `widget_id` and
    `run` (one piece of work with a ceiling of its own) are set by the rooms; their budgets count, too. What
    is kept of a request with a `visitor_id` is deleted with that visitor of the widget.
    """

    request_id: str
    app: str = "gateway"
    user: str | None = None
    prompt: str | None = None
    prompt_version: str | None = None
    traceparent: str | None = None
    client_id: int | None = None
    widget_id: int | None = None
    visitor_id: str | None = None
    run: str | None = None
    cache: CacheWish = "default"


class Answer(Struct, frozen=True, kw_only=True):
    """A whole completion, the deployment that gave it and the dialect it was asked in.

    `cache` says what the cache had to do with it, if anything.
    """

    completion: Completion
    deployment: Deployment
    dialect: DialectName
    cache: CacheOutcome | None = None


class AnswerStream(Protocol):
    """A streamed completion whose first piece has come. Close it, read to the end or not."""

    @property
    def deployment(self) -> Deployment: ...

    @property
    def dialect(self) -> DialectName: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the request or changed, in plain words."""
        ...

    @property
    def cost_nano_usd(self) -> int:
        """What providers charge for it, as far as prices are known; 0 before it is closed."""
        ...

    def __aiter__(self) -> AsyncIterator[list[Delta]]:
        """The deltas in batches, one for each piece that came from the network. Raises LLMError."""
        ...

    async def aclose(self) -> None:
        """Stop the provider's work and account for what was streamed. May be called twice."""
        ...


class EmbeddingAnswer(Struct, frozen=True, kw_only=True):
    """Embeddings and the deployment that gave them."""

    embeddings: Embeddings
    deployment: Deployment
    notes: tuple[str, ...] = ()


class ModelListing(Struct, frozen=True, kw_only=True):
    """A model a caller can ask for: `id` is an alias or `provider/model`."""

    id: str
    provider: str
    created: int = 0
