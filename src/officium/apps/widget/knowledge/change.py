"""What became of a knowledge base over time."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

Action = Literal["added", "changed", "deleted"]
Cause = Literal["edited", "bulk", "imported", "restored", "drafted"]


class KnowledgeVersion(Struct, frozen=True, kw_only=True):
    """A version of a knowledge base: each change, however many entries it touches, makes the next one."""

    version: int
    cause: Cause
    at: datetime
    actor: str
    added: int
    changed: int
    deleted: int


class EntryChange(Struct, frozen=True, kw_only=True):
    """What became of an entry in a version. `entry` is what it was from then on, `None` if it was deleted."""

    version: int
    entry_id: int
    action: Action
    entry: dict[str, Any] | None
    at: datetime
    actor: str
