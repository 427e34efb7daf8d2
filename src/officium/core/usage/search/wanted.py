"""What is looked for in the usage log, and how far a search has come."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from officium.core.usage.record import Status
from officium.core.usage.tallies.tally import Kind, model_key
from officium.kit.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(\d{1,16})-(\d{1,19})")
_LARGEST_ID = 2**63 - 1


class Wanted(Struct, frozen=True, kw_only=True):
    """What requests must have in common; `None` where it does not matter.

    Only the attempts that decided requests are looked at.

    `since` is included, `until` is not.
    """

    app: str | None = None
    provider: str | None = None
    model: str | None = None
    status: Status | None = None
    error_code: str | None = None
    actor: str | None = None
    client_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def tallied(self) -> Iterator[tuple[Kind, str]]:
        """What of it is counted in tallies, which know where there is any of it."""
        named: dict[Kind, str | None] = {
            "app": self.app,
            "provider": self.provider,
            "model": model_key(self.provider, self.model) if self.provider and self.model else None,
            "client": None if self.client_id is None else str(self.client_id),
            "status": self.status,
            "error": self.error_code,
        }
        for kind, key in named.items():
            if key is not None:
                yield kind, key


class Mark(Struct, frozen=True):
    """A place in the log: a search goes on with what is older than it."""

    at: datetime
    id: int

    def written(self) -> str:
        """The mark as it travels through an address."""
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"


def read_mark(cursor: str) -> Mark:
    """The place a cursor names. Raises InvalidRequest."""
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[2]) > _LARGEST_ID:
        raise InvalidRequest("This `cursor` is none of ours. Begin at the first page.", param="cursor")
    try:
        return Mark(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
    except OverflowError:
        raise InvalidRequest("This `cursor` names no time.", param="cursor") from None
