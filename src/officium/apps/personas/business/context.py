"""All that an adviser would be told of a business."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from officium.apps.personas.business.insight import SavedInsight
from officium.apps.personas.business.profile import SavedProfile
from officium.apps.personas.business.snapshot import SavedSnapshot


class BusinessContext(Struct, frozen=True, kw_only=True):
    """The profile, the latest figures, and the insights that had not expired at `seen_at`, newest first."""

    seen_at: datetime
    profile: SavedProfile | None = None
    snapshot: SavedSnapshot | None = None
    insights: tuple[SavedInsight, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether the figures are so old that an adviser has to say so."""
        return self.snapshot is not None and self.snapshot.is_stale(self.seen_at)

    def at(self, now: datetime) -> "BusinessContext":
        """The same as it is seen now, without what has expired meanwhile."""
        fresh = tuple(insight for insight in self.insights if not insight.has_expired(now))
        return replace(self, seen_at=now, insights=fresh)
