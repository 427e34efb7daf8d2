"""A page of a list, newest first, and where the next one begins."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from msgspec import Struct

from officium.core.conversations.conversation import Conversation
from officium.kit.errors import InvalidRequest

_T = TypeVar("_T")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_LATEST = 1 << 62


class Page(Struct, Generic[_T], frozen=True):
    """Some of the things, and the cursor to ask for those after them; `None` at the end."""

    items: list[_T]
    next_cursor: str | None


class Place(Struct, frozen=True):
    """The last thing of a page in a list that is ordered by time, then by id."""

    updated_at: datetime
    id: int


def page_of(items: Sequence[_T], limit: int, conversation_of: Callable[[_T], Conversation]) -> Page[_T]:
    """The first `limit` of `items`; that there is one more says that there is another page."""
    if len(items) <= limit:
        return Page(list(items), None)
    last = conversation_of(items[limit - 1])
    return Page(list(items[:limit]), f"{(last.updated_at - _EPOCH) // _TICK:x}-{last.id:x}")


def read_cursor(cursor: str | None) -> Place | None:
    """Where a page begins, in the words of the one before it. Raises InvalidRequest."""
    if cursor is None:
        return None
    try:
        ticks, id = (int(part, 16) for part in cursor.split("-"))
        if not 0 <= id < _LATEST:
            raise ValueError
        return Place(_EPOCH + ticks * _TICK, id)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest("Use the cursor of the page before, as it was given.", param="cursor") from error
