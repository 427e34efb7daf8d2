"""What a call costs: dated prices per kind of token, and exact sums over them.

Prices come from the `genai-prices` package (bundled data, no network). Importing it takes about a third of
a second and 27 MB, so it happens at the first price asked for: a server calls `load_prices` before it takes
requests. Afterwards a cost is a few integer multiplications.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from officium.core.llm.providers.catalog import find_provider
from officium.core.llm.token_usage import TokenUsage

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelPrice

COST_PER_1K_TOKENS = 0.002
"""US dollars per 1,000 tokens of a model whose price nobody knows, unless its provider is in `FLAT_RATES`."""
FLAT_RATES = {"gemini": Decimal("0.00025"), "groq": Decimal("0.00027"), "anthropic": Decimal("0.00025")}
"""US dollars per 1,000 tokens of a provider's models whose price nobody knows."""

CostSource = Literal[
    "tenant", "price-list", "reported", "local", "scripted", "cache", "flat", "ceiling", "none", "unknown"
]

_PACKAGE_NAMES = {"gemini": "google", "vertex": "google", "xai": "x-ai"}
_KNOWN_LIMIT = 4096
_LARGEST_CREDIBLE = 1_000_000
"""US dollars for one call. More is a provider's mistake and is treated as not said."""
_ALWAYS = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Rates(Struct, frozen=True):
    """Picodollars (1e-12 US dollars) for one token of each kind; published prices are whole in this unit."""

    input: int
    cached: int
    cache_write: int
    output: int


class Price(Struct, frozen=True):
    """What a model costs during some time.

    `steps` are the rates that hold above a number of input tokens, for the whole call, ascending;
    `per_call` is in picodollars, like the rates.
    """

    rates: Rates
    steps: tuple[tuple[int, Rates], ...] = ()
    per_call: int = 0

    def of(self, usage: TokenUsage) -> Decimal:
        """The cost of `usage` in US dollars; a count nobody said is taken as 0."""
        taken = usage.input_tokens or 0
        cached = min(usage.cached_tokens or 0, taken)
        written = min(usage.cache_write_tokens or 0, taken - cached)
        rates = self.rates
        for above, step in self.steps:
            if taken > above:
                rates = step
        return Decimal(
            self.per_call
            + (taken - cached - written) * rates.input
            + cached * rates.cached
            + written * rates.cache_write
            + (usage.output_tokens or 0) * rates.output
        ).scaleb(-12)


class Cost(Struct, frozen=True):
    """What a call cost in US dollars (`None`: unknown, 0: free) and how that is known."""

    amount: Decimal | None
    source: CostSource


_FREE = Price(Rates(0, 0, 0, 0))
_UNKNOWN = Cost(None, "unknown")
_LOCAL = Cost(Decimal(0), "local")
_SCRIPTED = Cost(Decimal(0), "scripted")


class _Known(Struct, frozen=True):
    """A price that was looked up, and when it holds: from `since` until just before `until`."""

    price: Price | None
    since: datetime
    until: datetime


_known: dict[tuple[str, str], _Known] = {}


def load_prices() -> None:
    """Read the price list now, so that no request waits for it. May run in a thread."""
    _look_up("openai", "gpt-4o-mini", datetime.now(UTC))


def price_of(provider: str, model: str, at: datetime) -> Price | None:
    """What `model` costs at `provider` at that moment; `None` where nobody knows. Local models are free."""
    row = find_provider(provider)
    if row is not None:
        if row.is_local:
            return _FREE
        provider = row.name
    known = _known.get((provider, model))
    if known is None or not known.since <= at < known.until:
        known = _look_up(provider, model, at)
        if len(_known) >= _KNOWN_LIMIT:
            _known.clear()
        _known[provider, model] = known
    return known.price


def listed_span(provider: str, model: str, at: datetime) -> tuple[datetime | None, datetime | None]:
    """Since when and until when the price list's price of that moment holds; `None` where it says no end."""
    if price_of(provider, model, at) is None:
        return None, None
    row = find_provider(provider)
    known = _known.get((row.name if row is not None else provider, model))
    if known is None:  # a local model is on no list
        return None, None
    return (
        None if known.since == _NEVER else known.since,
        None if known.until == _ALWAYS else known.until,
    )


def cost_of(
    usage: TokenUsage, provider: str, model: str, at: datetime, *, reported: Decimal | None = None
) -> Cost:
    """What a call cost. `reported` is the provider's own figure, which wins (OpenRouter sends one)."""
    if reported is not None:
        return Cost(reported, "reported")
    price = price_of(provider, model, at)
    if price is None:
        return _UNKNOWN
    if price is _FREE:
        return _SCRIPTED if provider == "mock" else _LOCAL
    return Cost(price.of(usage), "price-list")


def estimate_cost(tokens: int) -> float:
    """The flat estimate for `tokens` in US dollars, where nothing better is known."""
    return tokens / 1000 * COST_PER_1K_TOKENS


def flat_cost(tokens: int) -> Cost:
    """`estimate_cost` as exact money, marked as what it is."""
    return Cost(tokens * Decimal(str(COST_PER_1K_TOKENS)) / 1000, "flat")


def flat_price(provider: str) -> Price:
    """The flat rate for models of `provider` whose price nobody knows: the same for every kind of token."""
    row = find_provider(provider)
    dollars_per_1k = FLAT_RATES.get(row.name if row else provider, Decimal(str(COST_PER_1K_TOKENS)))
    rate = int(dollars_per_1k * 1_000_000_000)
    return Price(Rates(rate, rate, rate, rate))


class _SaidDetails(Struct):
    upstream_inference_cost: Decimal | None = None


class _SaidUsage(Struct):
    cost: Decimal | None = None
    is_byok: bool = False
    cost_details: _SaidDetails | None = None


class _SaidAnswer(Struct):
    usage: _SaidUsage | None = None


_decode_answer = msgspec.json.Decoder(_SaidAnswer).decode


def reported_cost(raw: bytes) -> Decimal | None:
    """The `usage.cost` that a provider wrote into its JSON answer or into the event of a stream, if any.

    Where OpenRouter asked with a key of our own (`is_byok`), that is its fee alone, and what the key's
    provider charges beside it is added.
    """
    start = raw.find(b"{")
    if b'"cost"' not in raw or start < 0:
        return None
    try:
        answer = _decode_answer(raw[start:].rstrip())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    said = answer.usage
    if said is None or said.cost is None:
        return None
    cost = said.cost
    if said.is_byok and said.cost_details is not None:
        cost += said.cost_details.upstream_inference_cost or 0
    return cost if cost.is_finite() and 0 <= cost <= _LARGEST_CREDIBLE else None


def _look_up(provider: str, model: str, at: datetime) -> _Known:
    from genai_prices.data_snapshot import get_snapshot

    at = at.astimezone(UTC)
    package_name = _PACKAGE_NAMES.get(provider, provider)
    try:
        _, found = get_snapshot().find_provider_model(model, None, package_name, None)
    except LookupError:
        return _Known(None, _NEVER, _ALWAYS)
    since, until = _validity(found.prices, at)
    return _Known(_price_from(found.get_prices(at)), since, until)


def _validity(prices: "ModelPrice | list[ConditionalPrice]", at: datetime) -> tuple[datetime, datetime]:
    """The span around `at` in which no constraint of the price list begins or ends."""
    if not isinstance(prices, list):
        return _NEVER, _ALWAYS
    changes = sorted(moment for price in prices for moment in _changes(price.constraint, at.date()))
    after = bisect_right(changes, at)
    return (
        changes[after - 1] if after > 0 else _NEVER,
        changes[after] if after < len(changes) else _ALWAYS,
    )


def _changes(constraint: Any, day: date) -> Iterator[datetime]:
    if constraint is None:
        return
    if (start_date := getattr(constraint, "start_date", None)) is not None:
        yield datetime.combine(start_date, time(), UTC)
        return
    for bound in (constraint.start_time, constraint.end_time):
        for offset in (-2, -1, 0, 1, 2):
            moment = datetime.combine(day + timedelta(days=offset), bound)
            yield moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _price_from(listed: "ModelPrice") -> Price | None:
    said = {name: value for name, value in vars(listed).items() if value is not None}
    if "input_mtok" not in said:
        return None
    starts = sorted({tier.start for value in said.values() for tier in getattr(value, "tiers", ())})
    return Price(
        rates=_rates_from(said, 0),
        steps=tuple((start, _rates_from(said, start + 1)) for start in starts),
        per_call=_pico(said.get("requests_kcount", Decimal(0)) * 1000),
    )


def _rates_from(said: dict[str, Any], input_tokens: int) -> Rates:
    """The rates of a call with this many input tokens. A kind without a price of its own costs as input."""

    def rate(name: str, otherwise: int) -> int:
        value = said.get(name)
        if value is None:
            return otherwise
        if isinstance(value, Decimal):
            return _pico(value)
        price = value.base
        for tier in value.tiers:
            if input_tokens > tier.start:
                price = tier.price
        return _pico(price)

    taken = rate("input_mtok", 0)
    return Rates(
        taken, rate("cache_read_mtok", taken), rate("cache_write_mtok", taken), rate("output_mtok", 0)
    )


def _pico(dollars_per_million: Decimal) -> int:
    return round(dollars_per_million * 1_000_000)
