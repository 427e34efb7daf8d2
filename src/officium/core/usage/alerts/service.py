"""What a tenant's administrators may ask about alerts."""

from collections import OrderedDict

import structlog

from officium.core.tenancy import Caller, require
from officium.core.usage.alerts.courier import Courier
from officium.core.usage.alerts.destination import (
    MOST_DESTINATIONS,
    Destination,
    Kind,
    NewDestination,
)
from officium.core.usage.alerts.errors import (
    DeliveryFailed,
    DestinationNotFound,
    InvalidDestination,
    TooManyTests,
)
from officium.core.usage.alerts.letter import test_letter
from officium.core.usage.alerts.store import DestinationStore
from officium.kit.clock import Clock
from officium.kit.ids import new_id

TEST_PAUSE_S = 10.0
"""A tenant may try its destinations this often: the target of a test has not asked for it."""
_TENANTS_REMEMBERED = 10_000

_log = structlog.get_logger("alerts")


class DestinationService:
    """Where a tenant is told that its budgets run out. Everything needs the scope `admin`."""

    def __init__(self, store: DestinationStore, courier: Courier, clock: Clock) -> None:
        self._store = store
        self._courier = courier
        self._clock = clock
        self._last_tests: OrderedDict[str, float] = OrderedDict()

    async def create_destination(self, caller: Caller, kind: Kind, target: str) -> NewDestination:
        """Tell this target, too, from now on.

        Raises InvalidDestination, AddressRefused and PermissionDenied.
        """
        require(caller, "admin")
        self._courier.check(kind, target)
        destination = Destination(
            id=new_id("dest"),
            tenant_id=caller.tenant_id,
            kind=kind,
            target=target,
            created_at=self._clock.now(),
            created_by=caller.actor,
        )
        if not await self._store.add_destination(caller, destination):
            raise InvalidDestination(
                f"A tenant has at most {MOST_DESTINATIONS} destinations. Delete one first.", param="target"
            )
        _log.info(
            "alert_destination.created",
            tenant=caller.tenant_id,
            destination=destination.id,
            kind=kind,
            actor=caller.actor,
        )
        return NewDestination(destination, self._courier.secret_of(destination))

    async def list_destinations(self, caller: Caller) -> list[Destination]:
        """All of them, oldest first: there are never many. Raises PermissionDenied."""
        require(caller, "admin")
        return await self._store.list_destinations(caller)

    async def delete_destination(self, caller: Caller, destination_id: str) -> None:
        """Tell this one no more. Raises DestinationNotFound and PermissionDenied."""
        require(caller, "admin")
        if not await self._store.delete_destination(caller, destination_id):
            raise _not_found(destination_id)
        _log.info(
            "alert_destination.deleted",
            tenant=caller.tenant_id,
            destination=destination_id,
            actor=caller.actor,
        )

    async def test_destination(self, caller: Caller, destination_id: str) -> None:
        """Send a test letter now and wait until it has arrived.

        Raises DeliveryFailed, TooManyTests, DestinationNotFound and PermissionDenied.
        """
        require(caller, "admin")
        destination = await self._store.find_destination(caller, destination_id)
        if destination is None:
            raise _not_found(destination_id)
        self._admit_test(caller)
        try:
            await self._courier.bring(test_letter(new_id("test"), self._clock.now()), destination)
        except DeliveryFailed as error:
            await self._store.note_failure(caller, destination.id, self._clock.now(), error.message)
            raise
        await self._store.note_success(caller, destination.id, self._clock.now())

    def _admit_test(self, caller: Caller) -> None:
        now = self._clock.monotonic()
        last = self._last_tests.get(caller.tenant_id)
        if last is not None and now < last + TEST_PAUSE_S:
            raise TooManyTests(
                f"A destination was tried a moment ago. Wait {TEST_PAUSE_S:.0f} seconds between two tests.",
                retry_after_s=last + TEST_PAUSE_S - now,
            )
        self._last_tests[caller.tenant_id] = now
        self._last_tests.move_to_end(caller.tenant_id)
        if len(self._last_tests) > _TENANTS_REMEMBERED:
            self._last_tests.popitem(last=False)


def _not_found(destination_id: str) -> DestinationNotFound:
    return DestinationNotFound(
        f"Your tenant has no alert destination {destination_id!r}. List them to see their ids.",
        destination=destination_id,
    )
