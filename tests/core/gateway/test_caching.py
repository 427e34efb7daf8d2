"""A question that was answered before is answered again without asking anybody, and costs nothing."""

from prometheus_client import CollectorRegistry

from officium.core.gateway.cache import CacheMetrics, MemoryShelf, ResponseCache
from officium.core.gateway.call import AnswerStream, CallContext
from officium.core.gateway.service import GatewayService
from officium.core.tenancy import Caller
from officium.core.usage.prices import PriceBook
from officium.kit.notices import LocalNotices
from officium.testing import ScriptedTransport
from tests.support.gateway import CALLER, CONTEXT, GatewayBench, a_request

OTHER = Caller("ten_2", "key:ak_2", frozenset({"inference"}))


class NoPrices:
    async def list_prices(self, caller: Caller) -> list:
        return []

    async def find_unknown_rule(self, caller: Caller) -> None:
        return None


def a_bench(*texts: str) -> GatewayBench:
    bench = GatewayBench(ScriptedTransport(texts))
    cache = ResponseCache(
        MemoryShelf(bench.clock, 1_000_000),
        bench.clock,
        CacheMetrics(CollectorRegistry()),
        PriceBook(NoPrices(), bench.clock, LocalNotices()),
        ttl_s=60.0,
    )
    bench.service = GatewayService(
        bench.models, bench.service._directory, bench.dispatcher, bench.accountant, cache
    )
    return bench


async def read(stream: AnswerStream) -> str:
    text = "".join([delta.text async for batch in stream for delta in batch])
    await stream.aclose()
    return text


async def test_second_answer_is_the_first_one_and_free():
    bench = a_bench("First", "Second")
    request = a_request("groq/openai/gpt-oss-20b")

    first = await bench.service.complete(CALLER, request, CONTEXT)
    second = await bench.service.complete(CALLER, request, CONTEXT)

    assert (first.completion.text, first.cache) == ("First", "stored")
    assert (second.completion.text, second.cache) == ("First", "hit")
    paid, free = bench.records
    assert (free.status, free.price_source, free.cost_nano_usd) == ("success", "cache", 0)
    assert (free.provider, free.model, free.total_tokens) == ("groq", "openai/gpt-oss-20b", 0)
    assert free.saved_nano_usd == paid.cost_nano_usd > 0
    assert len(bench.ledger.settled) == 1


async def test_a_stream_is_kept_when_it_was_read_to_its_end():
    bench = a_bench("First", "Second")
    request = a_request(stream=True)

    first = await bench.service.open_stream(CALLER, request, CONTEXT)
    said = await read(first)
    second = await bench.service.open_stream(CALLER, request, CONTEXT)

    assert (said, await read(second), second.cache) == ("First", "First", "hit")
    assert [record.status for record in bench.records] == ["success", "success"]


async def test_a_stream_that_was_given_up_is_not_kept():
    bench = a_bench("First of many words", "Second")
    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)
    reader = aiter(stream)
    await anext(reader)
    await reader.aclose()
    await stream.aclose()

    answer = await bench.service.complete(CALLER, a_request(), CONTEXT)

    assert answer.completion.text == "Second"
    assert [record.status for record in bench.records] == ["cancelled", "success"]


async def test_answers_of_tenants_do_not_meet():
    bench = a_bench("Mine", "Theirs")

    await bench.service.complete(CALLER, a_request(), CONTEXT)
    theirs = await bench.service.complete(OTHER, a_request(), CONTEXT)

    assert theirs.completion.text == "Theirs"


async def test_caller_may_ask_for_a_new_answer():
    bench = a_bench("First", "Second")
    await bench.service.complete(CALLER, a_request(), CONTEXT)

    fresh = await bench.service.complete(
        CALLER, a_request(), CallContext(request_id="req_2", cache="refresh")
    )
    known = await bench.service.complete(CALLER, a_request(), CONTEXT)

    assert (fresh.completion.text, known.completion.text) == ("Second", "Second")
