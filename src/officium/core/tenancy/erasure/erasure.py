"""What is left of a tenant: that it was there, when it went, and what it came to. Nothing of its people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

GRACE_DAYS = 30
"""For so long a closed tenant can be opened again, unless the operator says otherwise."""
MOST_GRACE_DAYS = 365
SETTLES_AFTER = timedelta(hours=1)
"""A call that was under way may still be written down. So much later it is looked at once more."""

Month = Mapping[str, int | str]
"""What a month of UTC came to: `month` (`2026-11`), `requests`, tokens and `cost_nano_usd`."""


class ErasedTenant(Struct, frozen=True, kw_only=True):
    """A tenant that is being erased, or is gone when `erased_at` is set.

    `closed_by` is an actor: whoever that was is gone, too. `rows` were there, by table, when it began.
    """

    id: str
    created_at: datetime
    closed_at: datetime
    closed_by: str
    begun_at: datetime
    erased_at: datetime | None = None
    settled_at: datetime | None = None
    rows: Mapping[str, int] = {}
    months: Sequence[Month] = ()
