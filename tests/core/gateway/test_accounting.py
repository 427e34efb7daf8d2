"""What an attempt used, what it cost, and what the usage log is told of it."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from officium.core.gateway.accounting import known_usage
from officium.core.gateway.call import CallContext
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.llm.completion import CompletionRequest, Tool
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import LLMUnavailableError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.message import user
from officium.core.llm.provider_call import Attempt
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.usage import UsageLog, UsageRecord, UsageStore
from officium.kit.database import Database
from tests.support.gateway import CALLER, CONTEXT, GatewayBench, a_request
from tests.support.recordings import Exchange, a_deployment, load_exchanges

LONG = "What should we focus on this quarter, and why? " * 20
TOOL = Tool("get_weather", "The weather of a city.", {"type": "object", "properties": {"city": {}}})
CHAT = CompletionRequest(model="mock", messages=(user(LONG),), tools=(TOOL,))
VECTORS = EmbeddingRequest(model="mock", inputs=("overdue invoices", "late payments"))
TAKEN = estimate_request_tokens(CHAT)
WRITTEN = "Collect what is overdue."


def an_attempt(usage: TokenUsage | None = None, written: str = "", **fields: Any) -> Attempt:
    defaults = {
        "number": 1,
        "deployment": a_deployment("openai", "gpt-6-luna"),
        "started": 1000.0,
        "duration_s": 0.5,
        "status": "success",
    }
    return Attempt(**{**defaults, **fields}, usage=usage, output_chars=len(written), output_sample=[written])


@pytest.mark.parametrize(
    ("attempt", "expected", "source"),
    [
        pytest.param(
            an_attempt(TokenUsage(input_tokens=7, cached_tokens=3, output_tokens=2), WRITTEN),
            (7, 2),
            "provider",
            id="said-whole",
        ),
        pytest.param(
            an_attempt(TokenUsage(input_tokens=7, output_tokens=0), status="failed"),
            (7, 0),
            "provider",
            id="said-before-it-failed",
        ),
        pytest.param(
            an_attempt(None, WRITTEN), (TAKEN, estimate_tokens(WRITTEN)), "estimated", id="said-nothing"
        ),
        pytest.param(
            an_attempt(TokenUsage(input_tokens=7), WRITTEN, status="cancelled"),
            (7, estimate_tokens(WRITTEN)),
            "estimated",
            id="said-input-alone",
        ),
        pytest.param(
            an_attempt(TokenUsage(output_tokens=2), WRITTEN),
            (TAKEN, 2),
            "estimated",
            id="said-output-alone",
        ),
        pytest.param(
            an_attempt(TokenUsage(input_tokens=7, output_tokens=0), WRITTEN, status="failed"),
            (7, estimate_tokens(WRITTEN)),
            "estimated",
            id="counted-before-the-first-word",
        ),
        pytest.param(
            an_attempt(TokenUsage(input_tokens=7, output_tokens=0), WRITTEN, finish_reason="stop"),
            (7, 0),
            "provider",
            id="said-zero-at-the-end",
        ),
        pytest.param(an_attempt(None, status="cancelled"), (TAKEN, 0), "estimated", id="given-up"),
        pytest.param(an_attempt(None, status="failed"), (None, None), "none", id="failed-at-once"),
        pytest.param(
            an_attempt(None, WRITTEN, status="failed"),
            (TAKEN, estimate_tokens(WRITTEN)),
            "estimated",
            id="failed-midway",
        ),
    ],
)
def test_usage_of_a_completion(attempt: Attempt, expected: tuple[int | None, int | None], source: str):
    usage, said_by = known_usage(CHAT, attempt)

    assert said_by == source
    assert (usage.input_tokens, usage.output_tokens) == expected


@pytest.mark.parametrize(
    ("attempt", "taken", "source"),
    [
        pytest.param(an_attempt(TokenUsage(input_tokens=7)), 7, "provider", id="said-input-alone"),
        pytest.param(an_attempt(TokenUsage(input_tokens=7, output_tokens=0)), 7, "provider", id="said-whole"),
        pytest.param(
            an_attempt(None), sum(map(estimate_tokens, VECTORS.inputs)), "estimated", id="said-nothing"
        ),
    ],
)
def test_usage_of_embeddings_has_no_output(attempt: Attempt, taken: int, source: str):
    usage, said_by = known_usage(VECTORS, attempt)

    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (taken, 0, taken)
    assert said_by == source


def test_estimate_keeps_what_the_provider_did_say():
    said = TokenUsage(input_tokens=7, cached_tokens=3, cache_write_tokens=1)

    usage, _ = known_usage(CHAT, an_attempt(said, WRITTEN, status="cancelled"))

    assert (usage.cached_tokens, usage.cache_write_tokens) == (3, 1)


def settled(
    attempts: list[Attempt],
    request: CompletionRequest | EmbeddingRequest = CHAT,
    context: CallContext = CONTEXT,
    bench: GatewayBench | None = None,
) -> list[UsageRecord]:
    """The records of a call with these attempts."""
    bench = bench or GatewayBench()
    call = bench.accountant.open(CALLER, request, context)
    call.attempts.extend(attempts)
    call.close()
    return bench.records


USAGE = TokenUsage(input_tokens=1000, cached_tokens=400, output_tokens=50)


@pytest.mark.parametrize(
    ("deployment", "fields", "cost", "source"),
    [
        # 600 x 100 + 400 x 10 + 50 x 500 nano-dollars
        pytest.param(a_deployment("openai", "gpt-6-luna"), {}, 89_000, "price-list", id="listed"),
        pytest.param(a_deployment("openai", "made-up-9"), {}, 2_100_000, "flat", id="unlisted"),
        pytest.param(a_deployment("ollama", "qwen3"), {}, 0, "local", id="local"),
        pytest.param(a_deployment("mock", "mock"), {}, 0, "scripted", id="scripted"),
        pytest.param(
            a_deployment("openrouter", "openai/gpt-4o"),
            {"reported_cost": Decimal("0.0000001234567")},
            123,
            "reported",
            id="reported",
        ),
        pytest.param(
            a_deployment("openrouter", "made/up-9"),
            {"reported_cost": Decimal(0)},
            0,
            "reported",
            id="reported-as-free",
        ),
    ],
)
def test_cost_is_in_billionths_of_a_dollar(
    deployment: Deployment, fields: dict[str, Any], cost: int | None, source: str
):
    (record,) = settled([an_attempt(USAGE, deployment=deployment, **fields)])

    assert (record.cost_nano_usd, record.price_source) == (cost, source)


def test_attempt_that_used_nothing_costs_nothing_even_where_no_price_is_known():
    failed = an_attempt(status="failed", deployment=a_deployment("openai", "made-up-9"))

    (record,) = settled([failed])

    assert (record.cost_nano_usd, record.price_source, record.usage_source) == (0, "none", "none")


def test_estimated_tokens_are_priced_like_counted_ones():
    (record,) = settled([an_attempt(None, WRITTEN, status="cancelled")])

    assert record.usage_source == "estimated"
    assert record.cost_nano_usd == record.input_tokens * 100 + record.output_tokens * 500


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"status": "success"}, None, id="success"),
        pytest.param({"status": "cancelled"}, None, id="given-up"),
        pytest.param(
            {"status": "failed", "error": LLMUnavailableError("Down.")}, "provider_unavailable", id="failed"
        ),
        pytest.param({"status": "failed"}, "internal_error", id="failed-by-a-mistake-of-ours"),
    ],
)
def test_error_of_an_attempt_is_recorded_by_its_code(fields: dict[str, Any], code: str | None):
    (record,) = settled([an_attempt(USAGE, **fields)])

    assert (record.status, record.error_code) == (fields["status"], code)


def test_each_attempt_is_dated_when_it_ended():
    bench = GatewayBench()
    now = bench.clock.monotonic()
    first = an_attempt(started=now - 10, duration_s=2.0, status="failed")
    last = an_attempt(USAGE, started=now - 3, duration_s=3.0)

    records = settled([first, last], bench=bench)

    assert [bench.clock.now() - record.created_at for record in records] == [
        timedelta(seconds=8),
        timedelta(0),
    ]


def test_attempt_that_never_ended_is_taken_to_have_lasted_until_now():
    bench = GatewayBench()

    (record,) = settled(
        [an_attempt(started=bench.clock.monotonic() - 4, duration_s=None, status="failed")], bench=bench
    )

    assert (record.duration_ms, record.created_at) == (4000, bench.clock.now())


def test_refused_call_is_recorded_with_the_time_it_took():
    bench = GatewayBench()
    call = bench.accountant.open(CALLER, CHAT, CONTEXT)
    bench.clock.advance(0.125)

    call.close(LLMUnavailableError("Every circuit is open."))
    call.close()

    (record,) = bench.records
    assert (record.attempt, record.status, record.error_code) == (0, "refused", "provider_unavailable")
    assert (record.duration_ms, record.created_at) == (125, bench.clock.now())


def test_record_says_where_the_call_came_from():
    context = CallContext(request_id="req_9", app="writer", user="ada", prompt="brief", prompt_version="3")

    (record,) = settled([an_attempt(USAGE)], context=context)

    assert (record.request_id, record.app, record.user) == ("req_9", "writer", "ada")
    assert (record.prompt, record.prompt_version) == ("brief", "3")


STRANGE = "\0a" * 200 + "ü\ud800" + "n" * 200


@pytest.mark.parametrize(
    "has_attempt", [pytest.param(True, id="answered"), pytest.param(False, id="refused")]
)
async def test_strange_names_reach_the_database(database: Database, has_attempt: bool):
    bench = GatewayBench()
    attempts = [an_attempt(USAGE, deployment=a_deployment("openai", STRANGE))] if has_attempt else []
    request = CompletionRequest(model=STRANGE, messages=())
    (record,) = settled(attempts, request, CallContext(request_id="req_1", user=STRANGE), bench)
    log = UsageLog(store := UsageStore(database))
    log.start()

    log.append(record)
    await log.close()

    (kept,) = await store.list_records(CALLER, request_id=None, before=None, limit=10)
    expected = "a" * 200 + "ü?" + "n" * 54
    assert (kept.user, kept.requested_model) == (expected, expected)
    assert kept.model == (expected if has_attempt else None)


class _Replay:
    """Plays one recorded answer."""

    def __init__(self, exchange: Exchange) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self._body = exchange.data

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        return self

    async def read(self, limit_bytes: int) -> bytes:
        return self._body

    async def chunks(self):
        yield self._body

    def close(self) -> None: ...


def _said_cost(exchange: Exchange) -> Decimal | None:
    """What stands in the recorded answer, read independently: the last `usage` in it."""
    lines = [line.removeprefix("data: ") for line in exchange.body.splitlines() if "{" in line]
    texts = lines if exchange.is_stream else [exchange.body]
    said = [json.loads(text, parse_float=Decimal).get("usage") for text in texts if '"usage"' in text]
    usage = next((usage for usage in reversed(said) if usage), {})
    if usage.get("cost") is None:
        return None
    upstream = (usage.get("cost_details") or {}).get("upstream_inference_cost") or 0
    return Decimal(usage["cost"]) + (upstream if usage.get("is_byok") else 0)


OPENROUTER = [
    exchange
    for exchange in load_exchanges(["openai-chat"], ["openrouter"])
    if not exchange.is_error and "error-mid-stream" not in exchange.tags and _said_cost(exchange) is not None
]


@pytest.mark.parametrize("exchange", OPENROUTER, ids=str)
async def test_recorded_cost_of_openrouter_is_what_the_call_cost(exchange: Exchange):
    bench = GatewayBench()
    bench.dispatcher._transport = _Replay(exchange)

    if exchange.is_stream:
        await bench.stream(a_request("openrouter/a-model", stream=True))
    else:
        await bench.complete(a_request("openrouter/a-model"))

    (record,) = bench.records
    assert record.price_source == "reported"
    assert record.cost_nano_usd == round(_said_cost(exchange) * 1_000_000_000)
    assert record.usage_source == "provider"


async def test_answer_is_not_lost_when_it_cannot_be_measured(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(GatewayMetrics, "observe", fail)
    bench = GatewayBench()

    answer = await bench.service.complete(CALLER, a_request(), CONTEXT)

    assert answer.completion.text
    assert [record.status for record in bench.records] == ["success"]
