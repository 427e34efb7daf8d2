"""A price a tenant has set for itself, and how it is found among the others."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, get_args

from msgspec import Struct

from officium.core.llm.price import Price, Rates
from officium.core.llm.providers.catalog import find_provider
from officium.core.usage.prices.errors import InvalidPrice

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""When a price begins that has no beginning of its own."""
AMOUNTS = ("input", "output", "cached", "cache_write", "per_call")
"""What a price has an amount for, where anything is paid for it."""
UnknownRule = Literal["record", "flat", "ceiling", "refuse"]
"""A call whose price nobody knows has no cost, costs a flat rate, costs the ceiling, or is refused."""
UNKNOWN_RULES: tuple[UnknownRule, ...] = get_args(UnknownRule)
"""The strictest comes last."""
MOST_PRICES = 1000
"""As many may a tenant have: they are kept in memory, and listed whole."""
_LARGEST_USD = Decimal(1_000_000)
_LONGEST_MODEL = 256
_PICO_PER_USD = 1_000_000_000_000
_PICO_PER_USD_PER_MILLION = 1_000_000


class TenantPrice(Struct, frozen=True, kw_only=True):
    """What a tenant pays for the models that `model` names, from `valid_from` until the next one begins.

    `model` is a provider's own name for it, or the beginning of several, followed by `*`. Prices are US
    dollars per million tokens, `per_call` US dollars for each call. Cached input and input written to a cache
    cost as other input unless they have a price of their own.
    """

    provider: str
    model: str
    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    per_call: Decimal = Decimal(0)
    currency: str = "USD"
    valid_from: datetime
    updated_at: datetime
    updated_by: str

    @property
    def price(self) -> Price:
        """The same in the units costs are computed in."""
        taken = _pico_per_token(self.input)
        return Price(
            Rates(
                input=taken,
                cached=taken if self.cached is None else _pico_per_token(self.cached),
                cache_write=taken if self.cache_write is None else _pico_per_token(self.cache_write),
                output=_pico_per_token(self.output),
            ),
            per_call=int(self.per_call * _PICO_PER_USD),
        )


class TenantPrices:
    """A tenant's prices, ready to be looked up. The most exact name wins, then the latest valid price."""

    def __init__(self, prices: Sequence[TenantPrice] = (), unknown_rule: UnknownRule | None = None) -> None:
        self.unknown_rule = unknown_rule
        """What the tenant wants of calls whose price nobody knows, where that is stricter."""
        self._exact: dict[tuple[str, str], list[tuple[datetime, Price]]] = {}
        self._beginnings: dict[str, dict[str, list[tuple[datetime, Price]]]] = {}
        for said in sorted(prices, key=lambda price: price.valid_from):
            if said.model.endswith("*"):
                of_provider = self._beginnings.setdefault(said.provider, {})
                history = of_provider.setdefault(said.model[:-1], [])
            else:
                history = self._exact.setdefault((said.provider, said.model), [])
            history.append((said.valid_from, said.price))

    def find(self, provider: str, model: str, at: datetime) -> Price | None:
        """What the tenant has set for `model` at that moment, if anything."""
        found = _valid(self._exact.get((provider, model), ()), at)
        if found is not None:
            return found
        beginnings = self._beginnings.get(provider, {})
        for beginning in sorted(beginnings, key=len, reverse=True):
            if model.startswith(beginning):
                found = _valid(beginnings[beginning], at)
                if found is not None:
                    return found
        return None

    def changes(self, provider: str, model: str) -> list[datetime]:
        """The moments at which a price of the tenant's begins that may hold for `model`, ascending."""
        histories = [self._exact.get((provider, model), [])]
        for beginning, history in self._beginnings.get(provider, {}).items():
            if model.startswith(beginning):
                histories.append(history)
        return sorted({begins for history in histories for begins, _ in history})


def read_usd(text: str, param: str, places: int = 6) -> Decimal:
    """An amount of dollars as written. Raises InvalidPrice for anything else."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InvalidPrice(f'{param} is no amount. Write dollars as "0.15".', param=param) from None
    if not amount.is_finite() or not 0 <= amount <= _LARGEST_USD:
        raise InvalidPrice(f"{param} must be between 0 and {_LARGEST_USD} dollars.", param=param)
    if round(amount, places) != amount:
        raise InvalidPrice(f"{param} may have up to {places} digits after the point.", param=param)
    return amount.normalize()


def check_name(provider: str, model: str) -> str:
    """The provider's own name in the catalogue. Raises InvalidPrice unless both can have a price."""
    row = find_provider(provider)
    if row is None:
        raise InvalidPrice(
            f"There is no provider {provider!r}. `GET /providers` lists them.", param="provider"
        )
    is_name = bool(model) and len(model) <= _LONGEST_MODEL and model.isprintable()
    if not is_name or "*" in model[:-1]:
        raise InvalidPrice(
            f"A model is 1 to {_LONGEST_MODEL} printable characters; a * may stand at the end of it.",
            param="model",
        )
    return row.name


def _valid(history: Sequence[tuple[datetime, Price]], at: datetime) -> Price | None:
    following = bisect_right(history, at, key=lambda entry: entry[0])
    return history[following - 1][1] if following else None


def _pico_per_token(usd_per_million: Decimal) -> int:
    return int(usd_per_million * _PICO_PER_USD_PER_MILLION)
