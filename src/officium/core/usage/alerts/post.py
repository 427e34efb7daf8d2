"""The post: takes alerts from where the ledger put them and brings each to all of a tenant's destinations."""

import asyncio
from datetime import timedelta

import structlog

from officium.core.tenancy import Caller
from officium.core.usage.alerts.courier import Courier
from officium.core.usage.alerts.destination import Destination
from officium.core.usage.alerts.errors import DeliveryFailed
from officium.core.usage.alerts.letter import Letter, letter_about
from officium.core.usage.alerts.store import AlertStore, ClaimedAlert, DestinationStore
from officium.kit.clock import Clock

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0
GIVE_UP_AFTER_S = 24 * 3600.0
CLAIM_S = 60.0
"""So long an alert is left alone by others. All destinations are tried at once, each for less than that."""
WORKERS = 4

_log = structlog.get_logger("alerts")


class AlertPost:
    """Delivers what is due.

    An alert is claimed, brought to the destinations that do not have it, and noted for each that took it;
    those that did not are tried again after growing pauses, for a day. A process that dies in between loses
    nothing: when the claim runs out, another one goes on with the destinations that are left. Only the one
    whose letter was taken but not noted gets it twice, under the same id.
    """

    def __init__(
        self, alerts: AlertStore, destinations: DestinationStore, courier: Courier, clock: Clock
    ) -> None:
        self._alerts = alerts
        self._destinations = destinations
        self._courier = courier
        self._clock = clock

    async def deliver_due(self) -> None:
        """Try every alert that is due now, a few at a time."""
        first = await self._claim()
        if first is not None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work(first))
                for _ in range(WORKERS - 1):
                    group.create_task(self._work(await self._claim()))

    async def _work(self, claimed: ClaimedAlert | None) -> None:
        while claimed is not None:
            await self._deliver(claimed)
            claimed = await self._claim()

    async def _claim(self) -> ClaimedAlert | None:
        return await self._alerts.claim_for_all_tenants(self._clock.now(), CLAIM_S)

    async def _deliver(self, claimed: ClaimedAlert) -> None:
        caller = Caller(claimed.tenant_id, "job:alerts", frozenset())
        alert = await self._alerts.find_alert(caller, claimed.id)
        untold = await self._alerts.list_untold(caller, claimed) if alert is not None else []
        if alert is not None and untold:
            letter = letter_about(alert)
            has_arrived = await asyncio.gather(*(self._bring(caller, letter, place) for place in untold))
            if not all(has_arrived) and await self._postpone(caller, claimed):
                return
        await self._alerts.finish(caller, claimed.id, self._clock.now())

    async def _bring(self, caller: Caller, letter: Letter, destination: Destination) -> bool:
        """Whether it arrived."""
        try:
            await self._courier.bring(letter, destination)
        except DeliveryFailed as error:
            await self._destinations.note_failure(caller, destination.id, self._clock.now(), error.message)
            _log.warning(
                "alert.not_delivered",
                tenant=caller.tenant_id,
                alert=letter.id,
                destination=destination.id,
                reason=error.message,
            )
            return False
        now = self._clock.now()
        await self._alerts.add_delivery(caller, letter.id, destination.id, now)
        await self._destinations.note_success(caller, destination.id, now)
        _log.info("alert.delivered", tenant=caller.tenant_id, alert=letter.id, destination=destination.id)
        return True

    async def _postpone(self, caller: Caller, claimed: ClaimedAlert) -> bool:
        """Set another try, or say that there will be none."""
        next_attempt_at = self._clock.now() + timedelta(seconds=pause_after(claimed.attempts))
        if next_attempt_at > claimed.created_at + timedelta(seconds=GIVE_UP_AFTER_S):
            _log.error("alert.given_up", tenant=caller.tenant_id, alert=claimed.id, attempts=claimed.attempts)
            return False
        await self._alerts.postpone(caller, claimed.id, next_attempt_at)
        return True


def pause_after(attempts: int) -> float:
    """The seconds to wait after so many attempts: each time twice as long, up to an hour."""
    return min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 16), LONGEST_PAUSE_S)
