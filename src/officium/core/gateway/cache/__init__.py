"""Answers kept for a while: the same question of the same tenant need not be asked twice."""

from officium.core.gateway.cache.service import CachedStream, Lookup, RememberedStream, ResponseCache, as_hit
from officium.core.gateway.cache.shelf import MemoryShelf, RedisShelf, Shelf

__all__ = [
    "CachedStream",
    "Lookup",
    "MemoryShelf",
    "RedisShelf",
    "RememberedStream",
    "ResponseCache",
    "Shelf",
    "as_hit",
]
