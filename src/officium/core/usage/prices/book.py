"""The tenants' prices at hand, for every call."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from officium.core.llm.price import Price
from officium.core.tenancy import Caller
from officium.core.usage.prices.tenant_price import TenantPrice, TenantPrices, UnknownRule
from officium.kit.clock import Clock
from officium.kit.notices import Notices

PRICES_CHANGED = "prices.changed"
"""Notice: the prices of the tenant with this id, or its rule, are no longer what they were."""
PRICES_LIVE_S = 3.0
"""How long another process's change may go unnoticed where its notice is lost."""
_TENANTS_KEPT = 10_000


class PriceList(Protocol):
    """Where the prices are kept."""

    async def list_prices(self, caller: Caller) -> list[TenantPrice]:
        """All prices of the caller's tenant."""
        ...

    async def find_unknown_rule(self, caller: Caller) -> UnknownRule | None:
        """What it wants of calls whose price nobody knows, where it has said so."""
        ...


class _Kept(Struct):
    prices: TenantPrices
    expires: float


class PriceBook:
    """Remembers each tenant's prices for a moment, and forgets them when they change."""

    def __init__(self, store: PriceList, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._changes = 0
        notices.subscribe(PRICES_CHANGED, self._forget)

    async def load(self, caller: Caller) -> TenantPrices:
        """The prices of the caller's tenant. Keep them for the length of a call, and look them up there."""
        kept = self._kept.get(caller.tenant_id)
        if kept is not None and kept.expires > self._clock.monotonic():
            return kept.prices
        read_at, changes = self._clock.monotonic(), self._changes
        prices = TenantPrices(
            await self._store.list_prices(caller), await self._store.find_unknown_rule(caller)
        )
        if changes == self._changes:  # else they may have been read too early
            if len(self._kept) >= _TENANTS_KEPT:
                self._kept.clear()
            self._kept[caller.tenant_id] = _Kept(prices, read_at + PRICES_LIVE_S)
        return prices

    async def find(self, caller: Caller, provider: str, model: str, at: datetime) -> Price | None:
        """What the caller's tenant has set for `model` at that moment, if anything."""
        return (await self.load(caller)).find(provider, model, at)

    def _forget(self, tenant_id: str) -> None:
        self._changes += 1
        self._kept.pop(tenant_id, None)
