"""Requests that are carried out once, however often they are sent."""

from officium.core.usage.idempotency.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from officium.core.usage.idempotency.service import IdempotencyService, KeptAnswer
from officium.core.usage.idempotency.store import IdempotencyStore

__all__ = [
    "IdempotencyKeyInUse",
    "IdempotencyKeyReused",
    "IdempotencyService",
    "IdempotencyStore",
    "KeptAnswer",
]
