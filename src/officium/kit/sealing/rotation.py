"""Exchanging the sealing key while the server runs.

Each step is one transaction and leaves everything readable, so a rotation that was killed is simply run
again: it finds where it was by what is still sealed with a retiring key.
"""

from collections.abc import Sequence

import structlog
from msgspec import Struct

from officium.kit.clock import Clock
from officium.kit.sealing.envelope import Place, SealBroken
from officium.kit.sealing.sealer import KeyRing
from officium.kit.sealing.store import SealedColumn, SealedValue, SealingKey, SealingStore

BATCH = 200
_log = structlog.get_logger(__name__)


class Rotation(Struct, frozen=True, kw_only=True):
    """What a rotation did. `is_new` is false where it finished one that was interrupted.

    `kept` keys could not be retired: the `broken` values still name them.
    """

    active: str
    is_new: bool
    resealed: int
    broken: tuple[Place, ...]
    retired: tuple[str, ...]
    kept: tuple[str, ...]


class KeyRotation:
    """Makes a new sealing key, seals every value anew and retires the old one.

    `columns` are all columns of sealed values there are: a value in a column not named would be lost.
    """

    def __init__(
        self, store: SealingStore, ring: KeyRing, columns: Sequence[SealedColumn], clock: Clock
    ) -> None:
        self._store = store
        self._ring = ring
        self._columns = columns
        self._clock = clock

    async def list_keys(self) -> list[SealingKey]:
        """Every key there ever was, oldest first."""
        return await self._store.list_keys_for_all_tenants()

    async def check(self) -> int:
        """How many keys are in use. Raises SecretChanged unless each of them can be unwrapped here."""
        in_use = [key for key in await self.list_keys() if key.state != "retired"]
        for key in in_use:
            await self._ring.check(key)
        return len(in_use)

    async def rotate(self) -> Rotation:
        """Rotate, or go on with a rotation that was interrupted. Values may be written meanwhile.

        Values that do not open are left as they are, and named. Raises SecretChanged.
        """
        await self.check()
        made = await self._ring.make_key()
        active = await self._store.begin_rotation_for_all_tenants(made)
        _log.info("sealing.rotating", key=active.id)
        resealed = 0
        broken: list[Place] = []
        for column in self._columns:
            done, failed = await self._reseal(column, active)
            resealed += done
            broken += failed
        retired, kept = await self._store.retire_for_all_tenants(self._columns, self._clock.now())
        _log.info("sealing.rotated", key=active.id, resealed=resealed, broken=len(broken))
        return Rotation(
            active=active.id,
            is_new=active.id == made.id,
            resealed=resealed,
            broken=tuple(broken),
            retired=tuple(retired),
            kept=tuple(kept),
        )

    async def _reseal(self, column: SealedColumn, active: SealingKey) -> tuple[int, list[Place]]:
        done = 0
        failed: list[Place] = []
        after = ("", "")
        while page := await self._store.list_stale_for_all_tenants(column, active.id, after, BATCH):
            changes: list[tuple[SealedValue, str]] = []
            for value in page:
                try:
                    changes.append((value, await self._ring.reseal(active, value.place, value.envelope)))
                except SealBroken:
                    failed.append(value.place)
                    _log.error("sealing.broken", place=str(value.place), tenant=value.place.tenant_id)
            done += await self._store.replace_for_all_tenants(column, changes)
            after = (page[-1].place.tenant_id, page[-1].place.row_id)
        return done, failed
