"""An export: asked for, made, kept for a day, and gone."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

State = Literal["waiting", "building", "ready", "failed"]
Failure = Literal["too_large", "broken"]
KEPT_FOR = timedelta(hours=24)
MOST_KEPT = 3
"""As many a tenant has at once, those that failed included."""


class Export(Struct, frozen=True, kw_only=True):
    """An export and how far it is. `size_bytes` is that of the file so far, which lies in `pieces`."""

    id: str
    state: State
    requested_at: datetime
    requested_by: str
    expires_at: datetime
    finished_at: datetime | None = None
    done_rows: int = 0
    total_rows: int = 0
    size_bytes: int = 0
    pieces: int = 0
    attempts: int = 0
    failure: Failure | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to be made, or being made."""
        return self.state in ("waiting", "building")

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100; 100 only when it is ready."""
        if self.state == "ready":
            return 100
        return min(99, 100 * self.done_rows // self.total_rows) if self.total_rows else 0
