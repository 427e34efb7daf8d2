"""`/api/alert-destinations`: where a tenant is told that its budgets run out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from officium.core.tenancy.caller import Caller
from officium.core.usage.alerts.destination import Destination, Kind, NewDestination
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_TARGET = "https://example.com/budget-alerts"


class DestinationService(Protocol):
    """Knows the tenants' destinations."""

    async def create_destination(self, caller: Caller, kind: Kind, target: str) -> NewDestination: ...

    async def list_destinations(self, caller: Caller) -> Sequence[Destination]: ...

    async def delete_destination(self, caller: Caller, destination_id: str) -> None: ...

    async def test_destination(self, caller: Caller, destination_id: str) -> None: ...


class WantedDestination(BaseModel):
    """Where alerts shall go, too."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    target: str = Field(
        description="A webhook's URL, or an e-mail address.", max_length=2048, examples=[_TARGET]
    )


class AlertDestination(BaseModel):
    """Where alerts go, and what became of the last of them."""

    id: str = Field(examples=["dest_01k5c9m0w8"])
    kind: Kind
    target: str = Field(examples=[_TARGET])
    created_at: datetime
    created_by: str = Field(description="The key or member who made it.", examples=["key:ak_01k5c9m0w8"])
    last_delivered_at: datetime | None
    last_failed_at: datetime | None
    last_failure: str | None


class NewAlertDestination(AlertDestination):
    """A destination just made."""

    secret: str | None = Field(
        description="What a webhook's messages are signed with. It is shown this once.",
        examples=["whsec_3Jf0"],
    )


class AlertDestinations(BaseModel):
    """All destinations of the tenant, oldest first; there are 20 at most."""

    destinations: list[AlertDestination]


DestinationId = Annotated[str, Path(max_length=64, examples=["dest_01k5c9m0w8"])]


def alerts_router(destinations: DestinationService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "budgets")

    @router.get("/api/alert-destinations", summary="Where alerts about budgets go")
    async def list_destinations(caller: KnownCaller) -> AlertDestinations:
        found = await destinations.list_destinations(caller)
        return AlertDestinations(destinations=[AlertDestination(**_shown(one)) for one in found])

    @router.post(
        "/api/alert-destinations", summary="Send alerts to a webhook or an e-mail address", status_code=201
    )
    async def create_destination(caller: KnownCaller, wanted: WantedDestination) -> NewAlertDestination:
        made = await destinations.create_destination(caller, wanted.kind, wanted.target)
        return NewAlertDestination(**_shown(made.destination), secret=made.secret)

    @router.delete("/api/alert-destinations/{id}", summary="Send no more alerts there", status_code=204)
    async def delete_destination(caller: KnownCaller, id: DestinationId) -> None:
        await destinations.delete_destination(caller, id)

    @router.post("/api/alert-destinations/{id}/test", summary="Send a test message now", status_code=204)
    async def test_destination(caller: KnownCaller, id: DestinationId) -> None:
        await destinations.test_destination(caller, id)

    return router


def _shown(destination: Destination) -> dict[str, Any]:
    return {name: getattr(destination, name) for name in AlertDestination.model_fields}
