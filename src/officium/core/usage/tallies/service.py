"""What may be asked about what was used, at a glance."""

from datetime import timedelta

from officium.core.tenancy import Caller, TenantStore, require
from officium.core.usage.tallies.overview import Overview, Period, Point, times_of
from officium.core.usage.tallies.store import TallyStore
from officium.core.usage.tallies.tally import SLOT, Kind, Tally, slot_of
from officium.kit.clock import Clock

_LONGEST_LIST = 10
_LONGEST_FILE = 10_000


class OverviewService:
    """Sums of the tenant's usage, read from tallies: as fast with a million lines in the log as with ten."""

    def __init__(self, store: TallyStore, tenants: TenantStore, clock: Clock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock

    async def get_overview(self, caller: Caller, period: Period) -> Overview:
        """What happened in `period`, whose days are those of the tenant's time zone. Needs `usage:read`."""
        require(caller, "usage:read")
        zone = await self._tenants.get_time_zone(caller)
        times = times_of(period, zone, self._clock.now())
        points = await self._store.read_points(caller, times.pieces)

        async def groups(kind: Kind) -> list[tuple[str, Tally]]:
            return await self._store.read_groups(caller, kind, times.starts_at, times.ends_at, _LONGEST_LIST)

        return Overview(
            period=period,
            time_zone=zone,
            starts_at=times.starts_at,
            ends_at=times.ends_at,
            total=await self._store.read_total(caller, "all", times.starts_at, times.ends_at),
            before=await self._store.read_total(caller, "all", times.before_starts_at, times.before_ends_at),
            spreads=await self._store.read_spreads(caller, times.starts_at, times.ends_at),
            points=[
                Point(starts_at=piece.starts_at, tally=tally)
                for piece, tally in zip(times.pieces, points, strict=True)
            ],
            apps=await groups("app"),
            models=await groups("model"),
            clients=await groups("client"),
        )

    async def list_groups_of(self, caller: Caller, kind: Kind, period: Period) -> list[tuple[str, Tally]]:
        """A group of the overview of `period`, whole: ten thousand at most. Needs `usage:read`."""
        require(caller, "usage:read")
        times = times_of(period, await self._tenants.get_time_zone(caller), self._clock.now())
        return await self._store.read_groups(
            caller, kind, times.starts_at, times.ends_at, limit=_LONGEST_FILE
        )

    async def list_groups(
        self, caller: Caller, kind: Kind, hours: int, limit: int = 100
    ) -> list[tuple[str, Tally]]:
        """What everything of a kind came to in the last `hours`, by its key. Needs `usage:read`."""
        require(caller, "usage:read")
        ends_at = slot_of(self._clock.now()) + SLOT
        starts_at = ends_at - timedelta(hours=hours)
        return await self._store.read_groups(caller, kind, starts_at, ends_at, limit)

    async def has_any(self, caller: Caller, *, besides: str = "", is_answered: bool = False) -> bool:
        """Whether the tenant has ever asked for anything, or was even answered. Needs `usage:read`.

        What the app `besides` did does not count.
        """
        require(caller, "usage:read")
        return await self._store.has_any(caller, besides, is_answered=is_answered)
