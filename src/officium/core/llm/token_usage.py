"""How many tokens an answer took."""

from pydantic import BaseModel, ConfigDict

LARGEST_CREDIBLE = 1_000_000_000
"""A count above this is a provider's mistake and is treated as not said."""


class TokenUsage(BaseModel):
    """Token counts of one completion, in the same meaning for every provider.

    `None` means the provider did not say; 0 means it said zero. `input_tokens` include the cached ones
    and those written to a cache; `output_tokens` include the reasoning ones.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together; `None` where either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens


def credible(count: object) -> int | None:
    """`count` if it is a whole number a provider can mean, else `None` (negative, huge, no number)."""
    if type(count) is int:
        return count if 0 <= count <= LARGEST_CREDIBLE else None
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= LARGEST_CREDIBLE:
        return None
    return count
