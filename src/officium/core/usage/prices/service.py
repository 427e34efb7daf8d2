"""What a tenant may do with prices of its own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import structlog

from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.usage.prices.book import PRICES_CHANGED
from officium.core.usage.prices.errors import InvalidPrice, PriceNotFound
from officium.core.usage.prices.store import PriceStore
from officium.core.usage.prices.tenant_price import (
    ALWAYS,
    AMOUNTS,
    MOST_PRICES,
    TenantPrice,
    check_name,
    read_usd,
)
from officium.kit.clock import Clock
from officium.kit.notices import Notices

_PER_CALL_PLACES = 9
_LONGEST_ID = 256

_log = structlog.get_logger("usage")


class PriceService:
    """A tenant's own prices, which win over the price list."""

    def __init__(self, store: PriceStore, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices

    async def list_prices(self, caller: Caller) -> list[TenantPrice]:
        """The tenant's prices, by provider and model. Needs `config:read` or `config:write`."""
        if not caller.may("config:write"):
            require(caller, "config:read")
        return await self._store.list_prices(caller)

    async def set_price(
        self,
        caller: Caller,
        provider: str,
        model: str,
        amounts: Mapping[str, str | None],
        valid_from: datetime | None = None,
        *,
        request_id: str | None = None,
    ) -> TenantPrice:
        """Set what a model costs from `valid_from` on, or always. Needs `config:write`; raises InvalidPrice.

        `amounts` are US dollars as text: `input` and `output` per million tokens, and perhaps `cached`,
        `cache_write` and `per_call`.
        """
        require(caller, "config:write")
        price = TenantPrice(
            provider=check_name(provider, model),
            model=model,
            input=read_usd(amounts.get("input") or "", "input"),
            output=read_usd(amounts.get("output") or "", "output"),
            cached=_read_optional(amounts, "cached"),
            cache_write=_read_optional(amounts, "cache_write"),
            per_call=read_usd(amounts.get("per_call") or "0", "per_call", _PER_CALL_PLACES),
            valid_from=_moment(valid_from),
            updated_at=self._clock.now(),
            updated_by=caller.actor,
        )
        after = {"valid_from": price.valid_from.isoformat(), **_told(price)}
        entry = self._entry("set", price.provider, model, request_id, after)
        if not await self._store.put_price(caller, price, MOST_PRICES, entry):
            raise InvalidPrice(f"A tenant has at most {MOST_PRICES} prices. Delete one you no longer need.")
        self._changed(caller, price.provider, model)
        return price

    async def delete_price(
        self,
        caller: Caller,
        provider: str,
        model: str,
        valid_from: datetime | None = None,
        *,
        request_id: str | None = None,
    ) -> None:
        """Delete a model's price that begins at a moment, or all of them.

        Needs `config:write`; raises PriceNotFound and InvalidPrice.
        """
        require(caller, "config:write")
        name = check_name(provider, model)
        moment = None if valid_from is None else _moment(valid_from)
        entry = self._entry("deleted", name, model, request_id)
        if not await self._store.delete_price(caller, name, model, moment, entry):
            raise PriceNotFound(f"There is no price for {name}/{model}.", provider=name, model=model)
        self._changed(caller, name, model)

    def _entry(
        self,
        what: str,
        provider: str,
        model: str,
        request_id: str | None,
        after: Mapping[str, object] | None = None,
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=f"price.{what}",
            thing="price",
            thing_id=f"{provider}/{model}"[:_LONGEST_ID],
            after=after,
            request_id=request_id,
        )

    def _changed(self, caller: Caller, provider: str, model: str) -> None:
        self._notices.publish(PRICES_CHANGED, caller.tenant_id)
        _log.info(
            "price.changed", tenant=caller.tenant_id, actor=caller.actor, provider=provider, model=model
        )


def _read_optional(amounts: Mapping[str, str | None], name: str) -> Decimal | None:
    text = amounts.get(name)
    return None if text is None else read_usd(text, name)


def _told(price: TenantPrice) -> dict[str, object]:
    """The amounts as the audit log has them."""
    amounts = {name: getattr(price, name) for name in AMOUNTS}
    return {name: f"{amount:f}" for name, amount in amounts.items() if amount is not None}


def _moment(said: datetime | None) -> datetime:
    if said is None:
        return ALWAYS
    if said.tzinfo is None:
        raise InvalidPrice("valid_from needs a time zone, such as 2027-01-01T00:00:00Z.", param="valid_from")
    return said.astimezone(UTC)
