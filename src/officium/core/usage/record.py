"""One line of the usage log: an attempt to get an answer, and what came of it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Status = Literal["success", "failed", "cancelled", "refused"]
UsageSource = Literal["provider", "estimated", "none"]


class UsageRecord(Struct, frozen=True, kw_only=True):
    """One attempt of one call. A call refused before any attempt has a single record with `attempt` 0.

    `created_at` is when the attempt ended, `actor` who asked, and `user` whom the request was said to be for.
    `is_last` marks the attempt that decided the call, so calls can be counted. Costs are whole billionths
    of a US dollar (a cached token may cost 6 of them), `None` where no price is known. `usage_source` says
    how the token counts are known; `price_source` where the price comes from. `client_id` and `widget_id` say
    for which of an agency's widgets the call was made. `saved_nano_usd` is what an answer from the cache
    would have cost, `queued_ms` how long the call waited before its first attempt: for limits, credits and a
    free place. It stands on that attempt alone.
    """

    created_at: datetime
    request_id: str
    attempt: int
    is_last: bool
    tenant_id: str
    actor: str
    user: str | None
    app: str
    prompt: str | None
    prompt_version: str | None
    provider: str | None = None
    requested_model: str
    model: str | None = None
    is_stream: bool
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    usage_source: UsageSource = "none"
    cost_nano_usd: int | None
    price_source: str = "none"
    ttft_ms: int | None = None
    duration_ms: int
    status: Status
    error_code: str | None = None
    finish_reason: str | None = None
    client_id: int | None = None
    widget_id: int | None = None
    saved_nano_usd: int | None = None
    queued_ms: int | None = None


class WrittenRecord(UsageRecord, frozen=True, kw_only=True):
    """A record as it stands in the usage log, under its `id`."""

    id: int
