"""Which price holds for a call: the tenant's own, the price list's, or what the operator's rule says."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from officium.core.llm.price import Cost, CostSource, Price, flat_price, listed_span, price_of
from officium.core.llm.providers.catalog import find_provider
from officium.core.llm.token_usage import TokenUsage
from officium.core.usage.prices.errors import PriceUnknown
from officium.core.usage.prices.tenant_price import ALWAYS, UNKNOWN_RULES, TenantPrices, UnknownRule


class UnknownPrices(Struct, frozen=True):
    """What becomes of calls whose price nobody knows. `ceiling` is needed where it is the rule."""

    rule: UnknownRule = "flat"
    ceiling: Price | None = None

    def with_tenants(self, rule: UnknownRule | None) -> "UnknownPrices":
        """The same with a tenant's rule in its place where that is stricter."""
        if rule is None or UNKNOWN_RULES.index(rule) <= UNKNOWN_RULES.index(self.rule):
            return self
        return UnknownPrices(rule, self.ceiling)


class Pricing(Struct, frozen=True):
    """The price that holds for a call, and how it is known; `None` where it is not."""

    price: Price | None
    source: CostSource


class UpperPrice(Struct, frozen=True):
    """The most a call may be charged: whole billionths of a dollar per call, input token and output token."""

    per_call: int = 0
    input: int = 0
    output: int = 0


def price_for(
    provider: str,
    model: str,
    at: datetime,
    own: TenantPrices | None = None,
    unknown: UnknownPrices | None = None,
) -> Pricing:
    """The price of `model` for a tenant: its own, else the price list's, else as the stricter rule says.

    That is the operator's or the tenant's. Local models are free unless the tenant has a price for them.
    Raises PriceUnknown where the rule is to refuse: ask before the call, not after it.
    """
    known = find_pricing(provider, model, at, own)
    if known is not None:
        return known
    rule = (unknown or UnknownPrices()).with_tenants(own.unknown_rule if own is not None else None)
    return _unknown(provider, model, rule)


def find_pricing(provider: str, model: str, at: datetime, own: TenantPrices | None = None) -> Pricing | None:
    """The price of `model` that the tenant has set, else the price list's; `None` where nobody knows it."""
    found = own.find(provider, model, at) if own is not None else None
    if found is not None:
        return Pricing(found, "tenant")
    listed = price_of(provider, model, at)
    return None if listed is None else Pricing(listed, _listed_source(provider))


def span_for(
    provider: str, model: str, at: datetime, own: TenantPrices | None = None
) -> tuple[datetime | None, datetime | None]:
    """Since when and until when the price of that moment holds; `None` where that is not known, or for ever.

    The price list's has no end that is known in advance, but for offers by the hour.
    """
    own = own or TenantPrices()
    found = own.find(provider, model, at)
    changes = own.changes(provider, model)
    coming = (moment for moment in changes if moment > at)
    if found is None:
        since, until = listed_span(provider, model, at)
        first = next(coming, None)
        return since, min((moment for moment in (until, first) if moment is not None), default=None)
    until = next((moment for moment in coming if own.find(provider, model, moment) != found), None)
    since = None
    for moment in reversed([moment for moment in changes if moment <= at]):
        if own.find(provider, model, moment) != found:
            break
        since = moment
    return None if since == ALWAYS else since, until


def cost_under(pricing: Pricing, usage: TokenUsage, reported: Decimal | None = None) -> Cost:
    """What `usage` cost. A tenant's own price wins over what the provider reports, that over any other."""
    if reported is not None and pricing.source != "tenant":
        return Cost(reported, "reported")
    return Cost(None if pricing.price is None else pricing.price.of(usage), pricing.source)


def upper_price(pricing: Pricing) -> UpperPrice:
    """The most that may be charged under a price, whatever kinds of tokens there will be, rounded up."""
    price = pricing.price
    if price is None:
        return UpperPrice()
    rates = (price.rates, *(step for _, step in price.steps))
    return UpperPrice(
        per_call=_nano(price.per_call),
        input=_nano(max(max(rate.input, rate.cached, rate.cache_write) for rate in rates)),
        output=_nano(max(rate.output for rate in rates)),
    )


def _listed_source(provider: str) -> CostSource:
    row = find_provider(provider)
    if row is not None and row.is_local:
        return "scripted" if row.name == "mock" else "local"
    return "price-list"


def _unknown(provider: str, model: str, unknown: UnknownPrices) -> Pricing:
    match unknown.rule:
        case "record":
            return Pricing(None, "unknown")
        case "ceiling":
            return Pricing(unknown.ceiling, "ceiling")
        case "refuse":
            raise PriceUnknown(
                f"Nobody knows what {provider}/{model} costs, and no such call is made here. "
                f"Set a price with PUT /api/prices/{provider}/{model}, or use another model.",
                param="model",
                model=f"{provider}/{model}",
            )
        case _:
            return Pricing(flat_price(provider), "flat")


def _nano(pico: int) -> int:
    return -(-pico // 1000)
