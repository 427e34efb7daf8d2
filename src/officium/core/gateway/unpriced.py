"""What a tenant called in the last days although nobody knows its price."""

from typing import Protocol

from msgspec import Struct

from officium.core.tenancy import Caller
from officium.core.usage.prices import (
    PriceBook,
    PriceUnknown,
    Pricing,
    UnknownPrices,
    find_pricing,
    price_for,
)
from officium.core.usage.tallies import Kind, Tally
from officium.kit.clock import Clock

UNPRICED_DAYS = 30
_MOST = 500


class Unpriced(Struct, frozen=True, kw_only=True):
    """A model that was called without a price, what that came to, and what a call is charged by now.

    `pricing` is `None` where calls are refused.
    """

    provider: str
    model: str
    tally: Tally
    pricing: Pricing | None


class Tallies(Protocol):
    """Knows what was used."""

    async def list_groups(
        self, caller: Caller, kind: Kind, hours: int, limit: int = 100
    ) -> list[tuple[str, Tally]]: ...


class UnpricedService:
    """Looks for models in use that neither the tenant nor the price list has a price for."""

    def __init__(
        self, tallies: Tallies, prices: PriceBook, clock: Clock, unknown: UnknownPrices | None = None
    ) -> None:
        self._tallies = tallies
        self._prices = prices
        self._clock = clock
        self._unknown = unknown

    async def list_unpriced(self, caller: Caller) -> list[Unpriced]:
        """Those of the last 30 days, the most used first. Needs `usage:read`."""
        used = await self._tallies.list_groups(caller, "model", UNPRICED_DAYS * 24, _MOST)
        own, now = await self._prices.load(caller), self._clock.now()
        found = []
        for key, tally in used:
            provider, _, model = key.partition("/")
            if not model or find_pricing(provider, model, now, own) is not None:
                continue
            try:
                pricing = price_for(provider, model, now, own, self._unknown)
            except PriceUnknown:
                pricing = None
            found.append(Unpriced(provider=provider, model=model, tally=tally, pricing=pricing))
        return found

    async def count_refused(self, caller: Caller) -> int:
        """How many requests of that time were refused for want of a price. Needs `usage:read`."""
        errors = dict(await self._tallies.list_groups(caller, "error", UNPRICED_DAYS * 24, _MOST))
        return errors[PriceUnknown.code].requests if PriceUnknown.code in errors else 0
