"""The figures of a business at one moment."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct, field

from officium.apps.personas.business.errors import InvalidSnapshot
from officium.apps.personas.business.words import MOST_EXTRAS, MOST_FIGURE, has_names, is_figure

COUNTS = ("sessions", "users", "conversions")
MEASURES = (*COUNTS, "revenue")
"""The figures every snapshot has a place for; others stand in `extra`."""
STALE_AFTER = timedelta(days=7)
"""Figures that are older are said to be."""
_AHEAD = timedelta(days=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Snapshot(Struct, frozen=True, kw_only=True):
    """Figures as of a moment; what was not measured is `None`. `extra` has those of the tenant's own."""

    as_of: datetime
    sessions: int | None = None
    users: int | None = None
    conversions: int | None = None
    revenue: float | None = None
    extra: Mapping[str, float] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """Every figure that is known, by its name."""
        known = {name: getattr(self, name) for name in MEASURES}
        return {**{name: value for name, value in known.items() if value is not None}, **self.extra}

    def is_stale(self, now: datetime) -> bool:
        """Whether the figures are so old that an adviser has to say so."""
        return now - self.as_of > STALE_AFTER


class SavedSnapshot(Snapshot, frozen=True, kw_only=True):
    """A snapshot as it is kept."""

    received_at: datetime
    received_by: str


def moment_of(said: datetime | date) -> datetime:
    """The moment that is meant; a day begins at midnight, UTC. Raises InvalidSnapshot."""
    if not isinstance(said, datetime):
        return datetime.combine(said, time(), UTC)
    try:
        if said.tzinfo is not None:
            return said.astimezone(UTC)
    except OverflowError:
        pass  # the first and the last day there are begin elsewhere before or after all time
    raise InvalidSnapshot(
        "`asOf` is a day such as 2026-11-20, or a moment with its time zone, such as 2026-11-20T18:00:00Z.",
        param="asOf",
    )


def shown_moment(moment: datetime) -> str:
    """A day where it begins there, else day and time, in UTC."""
    is_day = moment.time() == time()
    return f"{moment:%Y-%m-%d}" if is_day else f"{moment:%Y-%m-%d %H:%M} UTC"


def check_snapshot(snapshot: Snapshot, now: datetime) -> None:
    """Raise InvalidSnapshot unless these can be figures of a business at a moment that has come."""
    if not _EARLIEST <= snapshot.as_of <= now + _AHEAD:
        # The latest wins, so figures of next year would hide all others until then.
        raise InvalidSnapshot("`asOf` lies between 1970 and now.", param="asOf")
    for name in COUNTS:
        value = getattr(snapshot, name)
        if value is not None and not 0 <= value <= MOST_FIGURE:
            raise InvalidSnapshot(f"`{name}` is a whole number from 0 to {MOST_FIGURE:,}.", param=name)
    if snapshot.revenue is not None and not is_figure(snapshot.revenue):
        raise InvalidSnapshot(f"`revenue` is a number up to {MOST_FIGURE:,}.", param="revenue")
    if not has_names(snapshot.extra) or not all(map(is_figure, snapshot.extra.values())):
        raise InvalidSnapshot(f"`extra` has at most {MOST_EXTRAS} numbers under short names.", param="extra")
    if not snapshot.figures:
        raise InvalidSnapshot("A snapshot has at least one figure.", param="asOf")
