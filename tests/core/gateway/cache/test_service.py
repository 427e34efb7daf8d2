"""What is found in the cache, what is kept there, and what it saves."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from officium.core.gateway.cache import CachedStream, MemoryShelf, RememberedStream, ResponseCache, as_hit
from officium.core.gateway.call import Answer, CallContext
from officium.core.gateway.metrics import CacheMetrics, GatewayMetrics
from officium.core.llm.completion import Completion, CompletionRequest, Delta, NativeBody, TokenLogprob
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import Reasoning, Refusal, Text, ToolCall, user
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy import Caller
from officium.core.usage.prices import PriceBook, UnknownPrices
from officium.core.usage.prices.tenant_price import TenantPrice
from officium.kit.database import DatabaseUnavailable
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.records import a_record

MINE = Caller("ten_mine", "key:ak_1", frozenset({"inference"}))
THEIRS = Caller("ten_theirs", "key:ak_2", frozenset({"inference"}))
REQUEST = CompletionRequest(model="fast", messages=(user("Hello"),))
DEPLOYMENT = Deployment(
    provider=PROVIDERS["openai"], model="gpt-6-luna", base_url="https://api.openai.com/v1", api_key="sk-1"
)
SPARE = replace(DEPLOYMENT, model="gpt-6-sol")
USAGE = TokenUsage(input_tokens=1000, cached_tokens=None, output_tokens=100)
COMPLETION = Completion(
    parts=(Reasoning("Hm.", signature="sig"), Text("Hello")),
    finish_reason="stop",
    finish_reason_raw="stop",
    usage=USAGE,
    logprobs=(TokenLogprob("Hello", -0.1, (("Hi", -2.0),)),),
    id="chatcmpl-1",
    model="gpt-6-luna",
    raw=b'{"id": "chatcmpl-1", "\xc3\xa9": 1}',
    notes=("gpt-6-luna does not accept `temperature`: left out.",),
)
ANSWER = Answer(completion=COMPLETION, deployment=DEPLOYMENT, dialect="openai-chat")


class Bench:
    """A cache with a clock to turn; `prices` are the tenant's own, or an error in their place."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        self.prices: list[TenantPrice] | Exception = []
        self.shelf = MemoryShelf(self.clock, 100_000)
        self.cache = ResponseCache(
            self.shelf,
            self.clock,
            CacheMetrics(self.registry),
            PriceBook(self, self.clock, LocalNotices()),
            **{"ttl_s": 60.0, **options},
        )

    async def list_prices(self, caller: Caller) -> list[TenantPrice]:
        if isinstance(self.prices, Exception):
            raise self.prices
        return self.prices

    async def find_unknown_rule(self, caller: Caller) -> None:
        return None

    async def find(
        self,
        request: CompletionRequest = REQUEST,
        caller: Caller = MINE,
        deployments: tuple[Deployment, ...] = (DEPLOYMENT,),
        wish: Any = "default",
    ):
        context = CallContext(request_id="req_1", cache=wish)
        return await self.cache.find(caller, request, context, deployments)

    async def keep(self, answer: Answer = ANSWER, **how: Any):
        """Look for an answer, then keep this one; what the header says."""
        lookup = await self.find(**how)
        return await self.cache.store(how.get("caller", MINE), lookup, answer)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_kept_answer_is_found_as_it_was(bench: Bench) -> None:
    kept = await bench.keep()

    lookup = await bench.find()

    assert (kept, lookup.outcome) == ("stored", "hit")
    assert lookup.hit.answer == replace(ANSWER, cache="hit")


async def test_hit_says_what_it_saved_and_is_counted(bench: Bench) -> None:
    await bench.keep()

    lookup = await bench.find()

    assert lookup.hit.saved_nano_usd == 150_000
    assert bench.counted("officium_cache_lookups_total", result="hit") == 1
    assert bench.counted("officium_cache_lookups_total", result="miss") == 1
    assert bench.counted("officium_cache_saved_usd_total") == pytest.approx(0.00015)


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        pytest.param(replace(ANSWER, completion=replace(COMPLETION, usage=None)), {}, id="no-usage"),
        pytest.param(ANSWER, {"prices": DatabaseUnavailable("away")}, id="database-away"),
    ],
)
async def test_hit_of_unknown_worth_is_a_hit(bench: Bench, answer: Answer, options: dict[str, Any]) -> None:
    await bench.keep(answer)
    bench.prices = options.get("prices", [])

    lookup = await bench.find()

    assert lookup.hit is not None
    assert lookup.hit.saved_nano_usd is None


async def test_hit_whose_price_would_be_refused_is_a_hit() -> None:
    bench = Bench(unknown=UnknownPrices("refuse"))
    made_up = replace(DEPLOYMENT, model="made-up")
    await bench.keep(replace(ANSWER, deployment=made_up), deployments=(made_up,))

    lookup = await bench.find(deployments=(made_up,))

    assert lookup.hit.saved_nano_usd is None


async def test_answer_of_one_tenant_is_never_another_ones(bench: Bench) -> None:
    await bench.keep()

    assert (await bench.find(caller=THEIRS)).outcome == "miss"
    assert (await bench.find()).outcome == "hit"


async def test_answer_is_forgotten_after_its_time(bench: Bench) -> None:
    await bench.keep()
    bench.clock.advance(60)

    assert (await bench.find()).outcome == "miss"


async def test_answer_is_forgotten_when_the_name_means_something_else(bench: Bench) -> None:
    await bench.keep()

    assert (await bench.find(deployments=(SPARE,))).outcome == "miss"
    assert (await bench.find(deployments=(replace(DEPLOYMENT, api_key="sk-2"),))).outcome == "miss"


async def test_nothing_is_kept_where_the_cache_is_off() -> None:
    bench = Bench(ttl_s=0)

    assert await bench.keep() is None
    assert (await bench.find(wish="on")).outcome is None
    assert bench.shelf.size_bytes == 0


async def test_caller_may_want_none_of_it(bench: Bench) -> None:
    first = await bench.keep(wish="off")
    await bench.keep()

    assert first is None
    assert (await bench.find(wish="off")).outcome is None
    assert (await bench.find(wish="on")).outcome == "hit"


async def test_caller_may_want_a_new_answer_which_is_kept(bench: Bench) -> None:
    await bench.keep()
    newer = replace(ANSWER, completion=replace(COMPLETION, parts=(Text("Hello again"),)))

    looked = await bench.find(wish="refresh")
    kept = await bench.keep(newer, wish="refresh")

    assert (looked.hit, kept) == (None, "stored")
    assert (await bench.find()).hit.answer.completion.text == "Hello again"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"finish_reason": "length"}, id="cut-short"),
        pytest.param({"finish_reason": "content_filter"}, id="filtered"),
        pytest.param({"parts": (Refusal("I would rather not."),)}, id="declined"),
        pytest.param({"parts": ()}, id="without-a-word"),
        pytest.param({"parts": (Text("x"), ToolCall("1", "f"))}, id="tool-call"),
        pytest.param({"parts": (Text("\ud800"),)}, id="no-text-of-this-world"),
        pytest.param({"parts": (Text("x" * 100_001),)}, id="too-large"),
    ],
)
async def test_answer_that_is_not_worth_it_is_not_kept(bench: Bench, change: dict[str, Any]) -> None:
    kept = await bench.keep(replace(ANSWER, completion=replace(COMPLETION, **change)))

    assert kept == "miss"
    assert (await bench.find()).outcome == "miss"


async def test_answer_of_a_fallback_is_not_kept(bench: Bench) -> None:
    deployments = (DEPLOYMENT, SPARE)

    kept = await bench.keep(replace(ANSWER, deployment=SPARE), deployments=deployments)

    assert kept == "miss"
    assert (await bench.find(deployments=deployments)).outcome == "miss"


@pytest.mark.parametrize(
    "word", ["\ud800", 10**400, {1, 2}, float("nan")], ids=["surrogate", "huge", "set", "nan"]
)
async def test_request_that_cannot_be_written_down_is_no_harm(bench: Bench, word: Any) -> None:
    request = replace(REQUEST, native=NativeBody("openai-chat", {"messages": word}))

    assert (await bench.find(request)).hit is None


async def test_what_another_version_has_kept_is_a_miss(bench: Bench) -> None:
    lookup = await bench.find()
    await bench.shelf.put(MINE, lookup.key, b'{"completion": 7}', 60)

    assert (await bench.find()).outcome == "miss"


async def test_kept_answer_is_streamed_in_one_piece_that_is_not_relayed(bench: Bench) -> None:
    await bench.keep()
    stream = CachedStream((await bench.find()).hit.answer)

    (batch,) = [batch async for batch in stream]
    await stream.aclose()

    assert "".join(delta.text for delta in batch) == "Hello"
    assert (batch[-1].finish_reason, batch[-1].usage) == ("stop", USAGE)
    assert not stream.deployment.provider.is_faithful
    assert (stream.cache, stream.notes) == ("hit", COMPLETION.notes)


class FakeStream:
    """A stream of these batches."""

    deployment = DEPLOYMENT
    dialect = "openai-chat"
    notes = ("A note.",)
    cache = None
    closed = 0

    def __init__(self, *batches: list[Delta]) -> None:
        self.batches = batches

    async def __aiter__(self):
        for batch in self.batches:
            yield batch

    async def aclose(self) -> None:
        self.closed += 1


BATCHES = (
    [Delta(text="Hel", raw=b"1", model="gpt-6-luna")],
    [Delta(text="lo", raw=b"2")],
    [Delta(finish_reason="stop", usage=USAGE)],
)


async def test_stream_that_came_to_its_end_is_kept(bench: Bench) -> None:
    inner = FakeStream(*BATCHES)
    stream = RememberedStream(inner, bench.cache, MINE, await bench.find())

    read = [batch async for batch in stream]
    await stream.aclose()

    hit = (await bench.find()).hit
    assert (read, inner.closed, stream.cache) == (list(BATCHES), 1, "miss")
    assert (hit.answer.completion.text, hit.answer.completion.usage) == ("Hello", USAGE)
    assert hit.answer.completion.raw == b""
    assert hit.answer.completion.notes == ("A note.",)


async def test_stream_that_was_left_or_broke_off_is_not_kept(bench: Bench) -> None:
    left = RememberedStream(FakeStream(*BATCHES), bench.cache, MINE, await bench.find())
    async for _ in left:
        break
    broken = RememberedStream(FakeStream(*BATCHES[:2]), bench.cache, MINE, await bench.find())
    async for _ in broken:
        pass

    assert (await bench.find()).outcome == "miss"


async def test_hit_is_recorded_without_cost_and_is_no_attempt(bench: Bench) -> None:
    await bench.keep()
    refused = a_record(
        attempt=0, provider=None, model=None, status="cancelled", price_source="none", ttft_ms=None
    )

    record = as_hit(refused, (await bench.find()).hit)

    assert (record.status, record.attempt, record.is_last) == ("success", 0, True)
    assert (record.provider, record.model) == ("openai", "gpt-6-luna")
    assert (record.cost_nano_usd, record.price_source, record.saved_nano_usd) == (0, "cache", 150_000)
    assert (record.total_tokens, record.usage_source) == (0, "none")
    GatewayMetrics(bench.registry).observe(record)
    assert (
        bench.counted(
            "officium_attempts_total", provider="openai", model="gpt-6-luna", status="success", error=""
        )
        == 0
    )
