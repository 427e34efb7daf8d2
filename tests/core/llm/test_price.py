import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from officium.core.llm import price as prices
from officium.core.llm.price import (
    COST_PER_1K_TOKENS,
    cost_of,
    estimate_cost,
    flat_cost,
    load_prices,
    price_of,
    reported_cost,
)
from officium.core.llm.token_usage import TokenUsage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MILLION = 1_000_000


def _usage(**counts):
    return TokenUsage(**counts)


def _per_million(provider, model, at=NOW):
    """Input, cached and output price of a small call, in dollars per million tokens."""
    rates = price_of(provider, model, at).rates
    return tuple(Decimal(rate).scaleb(-6) for rate in (rates.input, rates.cached, rates.output))


@pytest.mark.parametrize(
    ("provider", "model", "taken", "cached", "written"),
    [
        ("openai", "gpt-6-luna", "0.10", "0.01", "0.50"),
        ("openai", "gpt-6.1-terra", "1.00", "0.05", "5.00"),
        ("openai", "gpt-6.1-sol", "2.00", "0.10", "10.00"),
        ("openai", "gpt-6-sol", "2.00", "0.20", "10.00"),
        ("openai", "gpt-6-astra", "10.00", "1.00", "50.00"),
        ("openai", "gpt-5.6-luna", "0.20", "0.02", "1.20"),
        ("openai", "gpt-5.6-terra", "2", "0.20", "12"),
        ("openai", "gpt-5.6-sol", "4", "0.40", "20"),
        ("openai", "gpt-4o-mini", "0.15", "0.075", "0.60"),
        ("anthropic", "claude-haiku-5-5", "0.10", "0.01", "0.50"),
        ("anthropic", "claude-sonnet-5-5", "2.00", "0.10", "10.00"),
        ("claude", "claude-opus-5-5", "4.00", "0.20", "20.00"),
        ("anthropic", "claude-fable-5-2", "8.00", "0.20", "40.00"),
        ("anthropic", "claude-haiku-4-5", "1.00", "0.10", "5.00"),
        ("gemini", "gemini-3.5-flash-lite", "0.30", "0.03", "2.50"),
        ("gemini", "gemini-3.1-pro-preview", "2.00", "0.20", "12.00"),
        ("groq", "openai/gpt-oss-120b", "0.15", "0.075", "0.60"),
        ("groq", "openai/gpt-oss-20b", "0.075", "0.0375", "0.30"),
        ("fireworks", "accounts/fireworks/models/gpt-oss-120b", "0.15", "0.015", "0.60"),
        ("fireworks", "accounts/fireworks/models/glm-5p3", "1.40", "0.26", "4.40"),
        ("fireworks", "accounts/fireworks/models/kimi-k3", "3.00", "0.30", "15.00"),
    ],
)
def test_price_is_the_published_one(provider, model, taken, cached, written):
    assert _per_million(provider, model) == (Decimal(taken), Decimal(cached), Decimal(written))


def test_price_without_cached_rate_takes_the_input_rate():
    taken, cached, _ = _per_million("groq", "qwen/qwen3.8-27b")

    assert taken == cached == Decimal("0.80")


@pytest.mark.parametrize(
    ("model", "first_day", "offer", "usual"),
    [
        (
            "gemini-3.8-flash",
            datetime(2027, 1, 1, tzinfo=UTC),
            ("0.75", "0.075", "3.75"),
            ("1.50", "0.15", "7.50"),
        ),
        ("gemini-4-argon", datetime(2026, 12, 1, tzinfo=UTC), ("2", "0.1", "10"), ("4.00", "0.20", "20.00")),
    ],
)
def test_offer_ends_on_its_day(model, first_day, offer, usual):
    for _ in range(2):
        assert _per_million("gemini", model, first_day - timedelta(seconds=1)) == tuple(map(Decimal, offer))
        assert _per_million("gemini", model, first_day) == tuple(map(Decimal, usual))


def test_price_changes_with_the_time_of_day():
    at_peak, off_peak = datetime(2026, 11, 21, 2, tzinfo=UTC), datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert _per_million("deepseek", "deepseek-v4-flash", at_peak)[0] == Decimal("0.3")
    assert _per_million("deepseek", "deepseek-v4-flash", off_peak)[0] == Decimal("0.15")


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param(272_000, "0.0272", id="up-to-the-step"),
        pytest.param(272_001, "0.0544002", id="above-it-the-whole-call-costs-double"),
    ],
)
def test_step_reprices_the_whole_call(taken, expected):
    cost = cost_of(_usage(input_tokens=taken, output_tokens=0), "openai", "gpt-6-luna", NOW)

    assert cost.amount == Decimal(expected)


def test_cached_and_cache_write_tokens_have_their_own_price():
    usage = _usage(
        input_tokens=MILLION, cached_tokens=500_000, cache_write_tokens=100_000, output_tokens=10_000
    )

    cost = cost_of(usage, "anthropic", "claude-sonnet-5-5", NOW)

    assert cost.amount == Decimal("0.8") + Decimal("0.05") + Decimal("0.25") + Decimal("0.1")
    assert cost.source == "price-list"


def test_more_cached_than_input_tokens_never_cost_less_than_nothing():
    cost = cost_of(
        _usage(input_tokens=10, cached_tokens=500, output_tokens=0), "anthropic", "claude-sonnet-5-5", NOW
    )

    assert cost.amount == Decimal("0.000001")


def test_documented_call_costs_exactly():
    """1,200 in and 350 out at 3 and 15 dollars a million."""
    cost = cost_of(
        _usage(input_tokens=1200, output_tokens=350), "fireworks", "accounts/fireworks/models/kimi-k3", NOW
    )

    assert cost.amount == Decimal("0.00885")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("groq", "llama3-70b"),
        ("fireworks", "accounts/fireworks/models/qwen2p5-72b-instruct"),
        ("no-such-provider", "gpt-4o"),
    ],
)
def test_unknown_price_is_never_zero(provider, model):
    assert cost_of(_usage(input_tokens=1, output_tokens=1), provider, model, NOW) == prices.Cost(
        None, "unknown"
    )


@pytest.mark.parametrize(
    ("provider", "source"),
    [("ollama", "local"), ("llamacpp", "local"), ("vllm", "local"), ("mock", "scripted")],
)
def test_local_models_are_free_and_say_so(provider, source):
    assert cost_of(_usage(input_tokens=5, output_tokens=5), provider, "any", NOW) == prices.Cost(
        Decimal(0), source
    )


def test_reported_cost_wins():
    cost = cost_of(_usage(input_tokens=5), "openrouter", "openai/gpt-4o", NOW, reported=Decimal("0.5"))

    assert cost == prices.Cost(Decimal("0.5"), "reported")


@pytest.mark.parametrize(
    ("raw", "cost"),
    [
        pytest.param(
            b'{"id": "gen-1", "usage": {"prompt_tokens": 3, "cost": 0.0000123}}', "0.0000123", id="whole"
        ),
        pytest.param(b'data: {"choices": [], "usage": {"cost": 0.25}}\n\n', "0.25", id="event"),
        pytest.param(
            b'{"usage": {"cost": 0.01, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.2}}}',
            "0.21",
            id="own-key-upstream",
        ),
        pytest.param(
            b'{"usage": {"cost": 0.2, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.2}}}',
            "0.2",
            id="own-key-of-theirs",
        ),
        pytest.param(
            b'{"usage": {"cost": 0, "is_byok": true, "cost_details": null}}', "0", id="own-key-free"
        ),
        pytest.param(b'{"usage": {"cost": 1e30}}', None, id="incredible"),
        pytest.param(b'{"usage": {"prompt_tokens": 3}}', None, id="silent"),
        pytest.param(b'{"usage": {"cost": -1}}', None, id="negative"),
        pytest.param(b'{"usage": {"cost": "free"}}', None, id="no-number"),
        pytest.param(b'{"cost": 3, "usage": null}', None, id="elsewhere"),
        pytest.param(b'"cost" <html>', None, id="no-json"),
    ],
)
def test_reported_cost_is_read_from_the_answer(raw, cost):
    assert reported_cost(raw) == (None if cost is None else Decimal(cost))


def test_flat_estimate_is_the_documented_one():
    assert COST_PER_1K_TOKENS == 0.002
    assert estimate_cost(1000) == 0.002
    assert estimate_cost(373) == pytest.approx(0.000746)
    assert flat_cost(373) == prices.Cost(Decimal("0.000746"), "flat")


def test_known_prices_stay_bounded(monkeypatch):
    monkeypatch.setattr(prices, "_KNOWN_LIMIT", 10)

    for number in range(50):
        price_of("openai", f"made-up-{number}", NOW)

    assert len(prices._known) <= 10


def test_known_price_is_quick():
    usage = _usage(input_tokens=1200, cached_tokens=100, output_tokens=350)
    load_prices()
    cost_of(usage, "openai", "gpt-6-luna", NOW)

    best = min(_seconds_for(lambda: cost_of(usage, "openai", "gpt-6-luna", NOW)) for _ in range(5))

    assert best < 10e-6  # 1.5 to 3 microseconds on the machine it was written on


def _seconds_for(call, rounds=2_000):
    started = time.perf_counter()
    for _ in range(rounds):
        call()
    return (time.perf_counter() - started) / rounds


def test_price_list_is_imported_at_the_first_price():
    script = (
        "import sys; import officium.core.llm.price as p; assert 'genai_prices' not in sys.modules;"
        "from datetime import datetime, UTC; from officium.core.llm.token_usage import TokenUsage;"
        "p.cost_of(TokenUsage(), 'ollama', 'x', datetime.now(UTC)); assert 'genai_prices' not in sys.modules;"
        "p.load_prices(); assert 'genai_prices' in sys.modules"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
