"""Answers kept for a while: the same question of the same tenant need not be asked twice."""

from officium.core.gateway.cache.service import (
    CachedStream,
    Hit,
    Lookup,
    RememberedStream,
    ResponseCache,
    as_hit,
)
from officium.core.gateway.cache.shelf import MemoryShelf, RedisShelf, Shelf
from officium.core.gateway.metrics import CacheMetrics

__all__ = [
    "CacheMetrics",
    "CachedStream",
    "Hit",
    "Lookup",
    "MemoryShelf",
    "RedisShelf",
    "RememberedStream",
    "ResponseCache",
    "Shelf",
    "as_hit",
]
