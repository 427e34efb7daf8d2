"""What calls cost a tenant: its own prices over the price list, and a rule for what nobody knows."""

from officium.core.usage.prices.book import PriceBook
from officium.core.usage.prices.errors import InvalidPrice, PriceNotFound, PriceUnknown
from officium.core.usage.prices.pricing import (
    Pricing,
    UnknownPrices,
    UpperPrice,
    cost_under,
    find_pricing,
    price_for,
    span_for,
    upper_price,
)
from officium.core.usage.prices.service import PriceService
from officium.core.usage.prices.store import PriceStore
from officium.core.usage.prices.tenant_price import UNKNOWN_RULES, TenantPrice, TenantPrices, UnknownRule

__all__ = [
    "UNKNOWN_RULES",
    "InvalidPrice",
    "PriceBook",
    "PriceNotFound",
    "PriceService",
    "PriceStore",
    "PriceUnknown",
    "Pricing",
    "TenantPrice",
    "TenantPrices",
    "UnknownPrices",
    "UnknownRule",
    "UpperPrice",
    "cost_under",
    "find_pricing",
    "price_for",
    "span_for",
    "upper_price",
]
