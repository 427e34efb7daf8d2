"""Each call sets credits aside before it is made and books what it used, however it ends."""

import asyncio

import pytest
from msgspec.structs import replace

from officium.core.gateway.keeper import StreamKeeper
from officium.core.llm.deployment import RequestDefaults
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import LLMError
from officium.core.llm.provider_call import Attempt
from officium.core.llm.token_usage import TokenUsage
from officium.core.usage.ledger import Amounts, OutOfCredits
from officium.core.usage.prices import PriceBook, PriceService, PriceStore, PriceUnknown, UnknownPrices
from officium.kit.database import Database
from officium.kit.errors import ServiceUnavailable
from officium.kit.notices import LocalNotices
from officium.testing import Act, ScriptedTransport
from tests.support.gateway import CALLER, CONTEXT, GatewayBench, a_request
from tests.support.tenancy import Tenancy


def bench_of(*acts: Act | str, **options: object) -> GatewayBench:
    return GatewayBench(ScriptedTransport(acts), **options)


async def test_whole_answer_is_settled_with_what_its_record_says():
    bench = bench_of("Bonjour")

    await bench.complete(a_request("groq/openai/gpt-oss-20b"))

    (record,), ((hold_id, spent, source),) = bench.records, bench.ledger.settled
    assert hold_id == bench.ledger.holds[0].id
    assert spent == Amounts(tokens=record.total_tokens, requests=1, nano_usd=record.cost_nano_usd)
    assert record.cost_nano_usd > 0
    assert source == "provider"


async def test_hold_covers_what_is_spent():
    bench = bench_of("Bonjour " * 50)

    await bench.complete(a_request("groq/openai/gpt-oss-20b", max_tokens=400))

    granted, spent = bench.ledger.holds[0].granted, bench.ledger.settled[0][1]
    assert granted.tokens >= spent.tokens
    assert granted.nano_usd >= spent.nano_usd


async def test_hold_says_which_call_it_is_for():
    bench = bench_of("Bonjour")

    await bench.complete(a_request("mock"), app="widget", client_id=3, widget_id=7)

    label = bench.ledger.holds[0].label
    assert (label.request_id, label.actor, label.app) == ("req_1", "key:ak_1", "widget")
    assert (label.model, label.client_id, label.widget_id) == ("mock", 3, 7)


async def test_refused_call_is_recorded_and_nobody_is_asked():
    bench = bench_of("Bonjour")

    async def refuse(*_: object, **__: object) -> None:
        raise OutOfCredits("The budget is used up.")

    bench.ledger.hold = refuse

    with pytest.raises(OutOfCredits):
        await bench.complete()

    (record,) = bench.records
    assert (record.attempt, record.status, record.error_code) == (0, "refused", "out_of_credits")
    assert not bench.transport.requests
    assert bench.ledger.settled == []


async def test_failed_call_gives_its_hold_back():
    bench = bench_of(Act(status=400), max_retries=0)

    with pytest.raises(LLMError):
        await bench.complete()

    assert [spent for _, spent, _ in bench.ledger.settled] == [Amounts()]


async def test_a_retried_call_is_one_request():
    bench = bench_of(Act(status=503), "Bonjour")

    await bench.complete()

    ((_, spent, _),) = bench.ledger.settled
    assert len(bench.records) == 2
    assert spent.requests == 1


async def test_stream_given_up_is_settled_with_what_was_streamed():
    bench = bench_of("One two three four five six")

    await bench.stream(read=2)

    ((_, spent, source),) = bench.ledger.settled
    assert (spent.tokens, spent.requests) == (bench.records[0].total_tokens, 1)
    assert source == "estimated"


async def test_provider_is_told_what_the_credits_allow():
    bench = bench_of("Bonjour")
    bench.ledger.most_output_tokens = 77

    answer = await bench.service.complete(CALLER, a_request(max_tokens=500), CONTEXT)

    assert bench.transport.requests[0].body["max_tokens"] == 77
    assert "at most 77 tokens" in answer.completion.notes[0]


async def test_answer_without_limit_gets_one_where_a_budget_counts_it():
    bench = bench_of("Bonjour")
    bench.ledger.most_output_tokens = 1_000_000

    answer = await bench.service.complete(CALLER, a_request(), CONTEXT)

    assert bench.transport.requests[0].body["max_tokens"] == 4096
    assert answer.completion.notes == ()


async def test_answer_without_limit_has_none_where_no_budget_counts_it():
    bench = bench_of("Bonjour")

    await bench.complete(a_request())

    assert "max_tokens" not in bench.transport.requests[0].body


async def test_shrunk_stream_says_so():
    bench = bench_of("Bonjour")
    bench.ledger.most_output_tokens = 77

    stream = await bench.service.open_stream(CALLER, a_request(max_tokens=500, stream=True), CONTEXT)
    await stream.aclose()

    assert "at most 77 tokens" in stream.notes[0]


async def test_embeddings_are_settled():
    bench = GatewayBench()

    await bench.service.embed(CALLER, EmbeddingRequest(model="mock", inputs=("Hello",)), CONTEXT)

    ((_, spent, _),) = bench.ledger.settled
    assert spent == Amounts(tokens=bench.records[0].total_tokens, requests=1)


async def test_nobody_is_admitted_while_the_ledger_is_full():
    bench = bench_of("Bonjour")
    bench.ledger.has_no_room = True

    with pytest.raises(ServiceUnavailable):
        await bench.complete()


async def test_keeper_notes_what_an_open_stream_has_used():
    bench = bench_of("One two three four five six")
    keeper = StreamKeeper(bench.accountant)
    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)
    await anext(aiter(stream))
    keeper.watch(stream)

    await keeper.look()

    assert bench.ledger.holds[0].streamed.tokens > 0
    await stream.aclose()
    await keeper.look()


@pytest.mark.parametrize("has_room", [True, False])
async def test_stream_beyond_its_hold_goes_on_only_with_credit(has_room: bool):
    bench = bench_of("one two three four " * 100)
    bench.ledger.extension = has_room
    keeper = StreamKeeper(bench.accountant)
    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)
    stream.call.hold.granted = Amounts(tokens=1, requests=1)
    reader = aiter(stream)
    await anext(reader)
    keeper.watch(stream)

    await keeper.look()

    rest = [delta async for batch in reader for delta in batch]
    reasons = [delta.finish_reason for delta in rest if delta.finish_reason]
    assert reasons == (["stop"] if has_room else ["length"])
    assert (len(rest) > 5) is has_room
    await stream.aclose()
    assert len(bench.ledger.settled) == 1


async def test_tenants_own_price_is_what_a_call_costs(database: Database):
    prices = PriceStore(database)
    caller = await Tenancy(database).an_admin()
    bench = bench_of("Bonjour", database=database)
    await PriceService(prices, bench.clock, LocalNotices()).set_price(
        caller, "groq", "a-model", {"input": "1", "output": "2"}
    )
    bench.accountant._prices = PriceBook(prices, bench.clock, LocalNotices())

    await bench.service.complete(caller, a_request("groq/a-model"), CONTEXT)

    (record,) = bench.records
    assert record.price_source == "tenant"
    assert record.cost_nano_usd == record.input_tokens * 1000 + record.output_tokens * 2000
    assert bench.ledger.settled[0][1].nano_usd == record.cost_nano_usd


async def test_model_without_a_price_is_refused_where_that_is_the_rule():
    bench = bench_of("Bonjour")
    bench.accountant._unknown_prices = UnknownPrices("refuse")

    with pytest.raises(PriceUnknown):
        await bench.complete(a_request("groq/a-model"))

    assert not bench.transport.requests
    assert bench.records[0].error_code == "price_unknown"


async def test_configuration_speaks_where_the_request_is_silent():
    bench = bench_of("Bonjour", "Bonjour")
    defaults = RequestDefaults(temperature=0.3, max_tokens=77)
    (deployment,) = await bench.models.resolve(CALLER, "groq/a-model")
    found = (replace(deployment, defaults=defaults),)
    bench.service._models.resolve = lambda *_: asyncio.sleep(0, found)

    await bench.complete(a_request("groq/a-model"))
    await bench.complete(a_request("groq/a-model", temperature=1.0, max_tokens=9))

    first, second = (asked.body for asked in bench.transport.requests)
    assert (first["temperature"], first["max_tokens"]) == (0.3, 77)
    assert (second["temperature"], second["max_tokens"]) == (1.0, 9)


@pytest.mark.parametrize(("is_unknown_held", "is_stream"), [(False, True), (True, False)])
async def test_operator_chooses_what_a_stream_costs_whose_process_died(
    is_unknown_held: bool, is_stream: bool
):
    bench = bench_of("Bonjour")
    bench.accountant._is_unknown_held = is_unknown_held

    await bench.stream()

    assert bench.ledger.are_streams == [is_stream]


async def test_what_failed_before_is_logged_and_not_billed():
    bench = bench_of("Bonjour")
    call = bench.accountant.open(CALLER, a_request("groq/a-model"), CONTEXT)
    deployments = await bench.models.resolve(CALLER, "groq/a-model")
    await bench.accountant.hold(call, deployments)
    said = TokenUsage(input_tokens=500, output_tokens=0)
    for status, usage in (("failed", said), ("success", TokenUsage(input_tokens=500, output_tokens=7))):
        attempt = Attempt(
            number=len(call.attempts) + 1, deployment=deployments[0], started=0.0, duration_s=0.1
        )
        attempt.status, attempt.usage = status, usage
        call.attempts.append(attempt)

    call.close()

    assert [record.total_tokens for record in bench.records] == [500, 507]
    ((_, spent, _),) = bench.ledger.settled
    assert spent.tokens == 507
