"""Which price holds for a call, and the most that may be charged under it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.llm.price import Price, Rates, price_of
from officium.core.llm.token_usage import TokenUsage
from officium.core.usage.prices import (
    InvalidPrice,
    PriceUnknown,
    Pricing,
    TenantPrice,
    TenantPrices,
    UnknownPrices,
    UpperPrice,
    cost_under,
    price_for,
    span_for,
    upper_price,
)
from officium.core.usage.prices.tenant_price import check_name, read_usd

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
USAGE = TokenUsage(input_tokens=1_000_000, output_tokens=100_000)


def a_price(model: str, taken: str, valid_from: datetime = LONG_AGO, **more: Decimal) -> TenantPrice:
    return TenantPrice(
        provider="openai",
        model=model,
        input=Decimal(taken),
        output=Decimal(taken) * 4,
        valid_from=valid_from,
        updated_at=NOW,
        updated_by="key:ak_1",
        **more,
    )


def _input_usd(prices: TenantPrices, model: str, at: datetime = NOW) -> Decimal | None:
    found = prices.find("openai", model, at)
    return None if found is None else Decimal(found.rates.input).scaleb(-6)


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        pytest.param("gpt-6-luna", "1", id="exact-name"),
        pytest.param("gpt-6-luna-fast", "2", id="longest-beginning"),
        pytest.param("gpt-6-sol", "3", id="shorter-beginning"),
        pytest.param("o9", "4", id="any-model"),
    ],
)
def test_most_exact_name_wins(model: str, usd: str) -> None:
    prices = TenantPrices(
        [a_price("*", "4"), a_price("gpt-6-luna*", "2"), a_price("gpt-6-luna", "1"), a_price("gpt-6*", "3")]
    )

    assert _input_usd(prices, model) == Decimal(usd)


def test_price_holds_from_its_day_until_the_next_begins() -> None:
    day = timedelta(days=1)
    prices = TenantPrices([a_price("m", "2", NOW + day), a_price("m", "1", NOW)])

    found = [_input_usd(prices, "m", at) for at in (NOW - day, NOW, NOW + day - day / 24, NOW + day)]

    assert found == [None, Decimal(1), Decimal(1), Decimal(2)]


def test_span_of_an_own_price_ends_where_the_next_begins() -> None:
    day = timedelta(days=1)
    prices = TenantPrices([a_price("m", "2", NOW + day), a_price("m", "1"), a_price("*", "9", NOW + day / 2)])

    first = span_for("openai", "m", NOW, prices)
    second = span_for("openai", "m", NOW + 2 * day, prices)

    assert first == (None, NOW + day)
    assert second == (NOW + day, None)


def test_span_of_a_listed_price_ends_where_an_own_one_begins() -> None:
    tomorrow = NOW + timedelta(days=1)
    prices = TenantPrices([a_price("gpt-4o*", "1", tomorrow)])

    assert span_for("openai", "gpt-4o-mini", NOW, prices) == (None, tomorrow)
    assert span_for("openai", "gpt-4o-mini", NOW) == (None, None)
    assert span_for("openai", "nobody-knows", NOW) == (None, None)
    assert span_for("ollama", "qwen3", NOW) == (None, None)


def test_price_of_the_future_does_not_hide_the_beginning_that_holds_now() -> None:
    prices = TenantPrices([a_price("gpt-6", "9", NOW + timedelta(days=1)), a_price("gpt*", "1")])

    assert _input_usd(prices, "gpt-6") == Decimal(1)


def test_prices_are_of_one_provider() -> None:
    assert TenantPrices([a_price("*", "1")]).find("groq", "gpt-6-luna", NOW) is None


def test_kinds_of_tokens_without_a_price_cost_as_input() -> None:
    plain = a_price("m", "3").price.rates
    own = a_price("m", "3", cached=Decimal("0.3"), cache_write=Decimal("3.75")).price.rates

    assert (plain.cached, plain.cache_write) == (3_000_000, 3_000_000)
    assert (own.cached, own.cache_write) == (300_000, 3_750_000)


def test_own_price_wins_over_the_list_and_over_what_the_provider_reports() -> None:
    own = TenantPrices([a_price("gpt-6-luna", "1", per_call=Decimal("0.01"))])

    pricing = price_for("openai", "gpt-6-luna", NOW, own)

    assert pricing.source == "tenant"
    cost = cost_under(pricing, USAGE, reported=Decimal("0.5"))
    assert (cost.amount, cost.source) == (Decimal("1.41"), "tenant")


def test_reported_cost_wins_over_the_list() -> None:
    cost = cost_under(price_for("openrouter", "openai/gpt-4o", NOW), USAGE, reported=Decimal("0.5"))

    assert (cost.amount, cost.source) == (Decimal("0.5"), "reported")


def test_listed_price_holds_where_there_is_no_own() -> None:
    pricing = price_for("openai", "gpt-6-luna", NOW, TenantPrices([a_price("o9", "1")]))

    assert pricing == Pricing(price_of("openai", "gpt-6-luna", NOW), "price-list")


@pytest.mark.parametrize(("provider", "source"), [("ollama", "local"), ("mock", "scripted")])
@pytest.mark.parametrize("rule", ["flat", "record", "refuse"])
def test_local_models_are_free_and_say_so(provider: str, source: str, rule) -> None:
    pricing = price_for(provider, "any", NOW, unknown=UnknownPrices(rule))

    assert (cost_under(pricing, USAGE).amount, pricing.source) == (Decimal(0), source)
    assert upper_price(pricing) == UpperPrice()


@pytest.mark.parametrize(
    ("provider", "usd_per_1k"),
    [
        ("openai", "0.002"),
        ("fireworks", "0.002"),
        ("gemini", "0.00025"),
        ("groq", "0.00027"),
        ("claude", "0.00025"),
    ],
)
def test_unknown_price_is_the_documented_flat_rate(provider: str, usd_per_1k: str) -> None:
    pricing = price_for(provider, "made-up", NOW)

    cost = cost_under(pricing, TokenUsage(input_tokens=1500, output_tokens=500))

    assert (cost.amount, cost.source) == (Decimal(usd_per_1k) * 2, "flat")


def test_unknown_price_may_stay_unknown_but_is_never_zero() -> None:
    pricing = price_for("openai", "made-up", NOW, unknown=UnknownPrices("record"))

    assert cost_under(pricing, USAGE).amount is None
    assert pricing.source == "unknown"


def test_unknown_price_may_be_the_ceiling() -> None:
    ceiling = Price(Rates(15_000_000, 15_000_000, 15_000_000, 75_000_000))

    pricing = price_for("openai", "made-up", NOW, unknown=UnknownPrices("ceiling", ceiling))

    assert (cost_under(pricing, USAGE).amount, pricing.source) == (Decimal("22.5"), "ceiling")


def test_unknown_price_may_be_refused_by_the_name_of_the_model() -> None:
    with pytest.raises(PriceUnknown, match="openai/made-up"):
        price_for("openai", "made-up", NOW, unknown=UnknownPrices("refuse"))


def test_own_price_makes_a_model_known() -> None:
    own = TenantPrices([a_price("made-up", "1")])

    assert price_for("openai", "made-up", NOW, own, UnknownPrices("refuse")).source == "tenant"


def test_most_is_of_the_dearest_kind_and_step_rounded_up() -> None:
    price = Price(
        Rates(input=37_500, cached=100, cache_write=46_875, output=300_000),
        steps=((200_000, Rates(input=75_000, cached=200, cache_write=1_000, output=450_001)),),
        per_call=1,
    )

    assert upper_price(Pricing(price, "price-list")) == UpperPrice(per_call=1, input=75, output=451)


_PICO = st.integers(0, 10**9)
_RATES = st.builds(Rates, _PICO, _PICO, _PICO, _PICO)
_TOKENS = st.integers(0, 2_000_000)


@given(
    st.builds(
        Price,
        _RATES,
        st.lists(st.tuples(_TOKENS, _RATES), max_size=2).map(
            lambda steps: tuple(sorted(steps, key=lambda s: s[0]))
        ),
        _PICO,
    ),
    _TOKENS,
    _TOKENS,
    _TOKENS,
    _TOKENS,
)
def test_no_call_costs_more_than_the_most(price, taken, cached, written, answered) -> None:
    usage = TokenUsage(
        input_tokens=taken, cached_tokens=cached, cache_write_tokens=written, output_tokens=answered
    )
    pricing = Pricing(price, "price-list")

    most = upper_price(pricing)

    cost = cost_under(pricing, usage).amount
    assert cost is not None
    assert cost.scaleb(9) <= most.per_call + taken * most.input + answered * most.output


@pytest.mark.parametrize(
    ("text", "amount"), [("0.15", "0.15"), ("0", "0"), ("1e2", "100"), ("2.500000000", "2.5")]
)
def test_amount_is_read_exactly(text: str, amount: str) -> None:
    assert f"{read_usd(text, 'input'):f}" == amount


@pytest.mark.parametrize("text", ["", "cheap", "-1", "NaN", "Infinity", "1e99", "0.0000001", "1e-999999"])
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidPrice) as refused:
        read_usd(text, "output")

    assert refused.value.fields["param"] == "output"


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        amount = read_usd(text, "input")
    except InvalidPrice:
        return
    assert 0 <= amount <= 1_000_000
    assert Decimal(f"{amount:f}") == amount


@pytest.mark.parametrize("model", ["gpt-6", "gpt-*", "*", "accounts/fireworks/models/kimi-k3"])
def test_model_may_be(model: str) -> None:
    assert check_name("claude", model) == "anthropic"


@pytest.mark.parametrize("model", ["", "g*t", "**", "a\nb", "x" * 257])
def test_model_may_not_be(model: str) -> None:
    with pytest.raises(InvalidPrice):
        check_name("openai", model)
