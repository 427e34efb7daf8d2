"""Every call to a model ends in the usage log: one record an attempt, however it ends."""

import asyncio
from typing import Any

import pytest

from officium.core.gateway.errors import ProviderNotConfigured, UnknownModel
from officium.core.gateway.service import GatewayStream
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import LLMAuthenticationError, LLMError, LLMRequestError, LLMUnavailableError
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.tenancy import Caller
from officium.core.usage import UsageRecord
from officium.kit.database import Database
from officium.kit.errors import OfficiumError, PermissionDenied, ServiceUnavailable
from officium.testing import Act, Script, ScriptedTransport
from tests.support.gateway import ACCESS, CALLER, CONTEXT, GatewayBench, a_request
from tests.support.tenancy import Tenancy

ADMIN = frozenset({"inference", "config:write"})


def playing(*acts: Act | str) -> ScriptedTransport:
    return ScriptedTransport(acts)


def used(record: UsageRecord) -> tuple[int | None, int | None, int | None, str]:
    return record.input_tokens, record.output_tokens, record.total_tokens, record.usage_source


async def test_whole_answer_leaves_one_record():
    bench = GatewayBench(playing("Bonjour"))
    bench.wire.seconds_each = 0.25

    assert await bench.complete(a_request("groq/a-model"), app="writer", user="ada") == "Bonjour"

    (record,) = bench.records
    assert (record.tenant_id, record.actor, record.user, record.app) == ("ten_1", "key:ak_1", "ada", "writer")
    assert (record.request_id, record.attempt, record.is_last) == ("req_1", 1, True)
    assert (record.provider, record.requested_model, record.model) == ("groq", "groq/a-model", "a-model")
    assert (record.status, record.finish_reason, record.error_code) == ("success", "stop", None)
    assert (record.is_stream, record.ttft_ms, record.duration_ms) == (False, 250, 250)
    assert record.created_at == bench.clock.now()
    assert used(record)[3] == "provider"
    assert record.total_tokens == record.input_tokens + record.output_tokens


async def test_stream_read_to_its_end_leaves_one_record():
    bench = GatewayBench(playing("One two three"))
    bench.wire.seconds_each = 0.25

    assert await bench.stream(a_request(stream=True)) == "One two three"

    (record,) = bench.records
    assert bench.story == [(1, "mock", "success", True)]
    assert (record.is_stream, record.ttft_ms, record.finish_reason) == (True, 250, "stop")
    assert used(record)[3] == "provider"
    assert record.output_tokens == estimate_tokens("One two three")


async def test_stream_is_not_recorded_before_it_is_over():
    bench = GatewayBench(playing("One two three"))

    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)
    await anext(aiter(stream))
    assert bench.records == []
    await stream.aclose()

    assert len(bench.records) == 1


async def test_closing_a_stream_twice_accounts_for_it_once():
    bench = GatewayBench(playing("One two three"))
    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)

    await asyncio.gather(stream.aclose(), stream.aclose())
    await stream.aclose()

    assert bench.story == [(1, "mock", "cancelled", True)]


async def test_stream_closed_early_is_recorded_as_what_was_streamed():
    bench = GatewayBench(playing(Act(words=400)))
    request = a_request(text="Tell me a long story, please.", stream=True)

    text = await bench.stream(request, read=100)

    (record,) = bench.records
    expected = estimate_tokens(text)
    assert (record.status, record.error_code, record.finish_reason) == ("cancelled", None, None)
    assert used(record) == (
        estimate_request_tokens(request),
        expected,
        estimate_request_tokens(request) + expected,
        "estimated",
    )
    assert expected > 50


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(Act(words=50, error_after=20), "provider_unavailable", id="provider-reports-an-error"),
        pytest.param(Act(words=50, cut_after=20), "provider_unreachable", id="connection-breaks"),
    ],
)
async def test_stream_that_fails_midway_is_recorded_with_its_error_and_what_came(act: Act, code: str):
    bench = GatewayBench(playing(act))

    text = await bench.stream()

    (record,) = bench.records
    assert bench.story == [(1, "mock", "failed", True)]
    assert record.error_code == code
    assert record.usage_source == "estimated"
    assert record.output_tokens == estimate_tokens(text)
    assert text


async def test_retries_leave_a_record_each():
    bench = GatewayBench(playing(Act(status=503), Act(status=429, retry_after=2), "At last"))
    bench.wire.seconds_each = 1.0

    await bench.complete()

    assert bench.story == [
        (1, "mock", "failed", False),
        (2, "mock", "failed", False),
        (3, "mock", "success", True),
    ]
    assert [record.error_code for record in bench.records] == [
        "provider_unavailable",
        "provider_rate_limited",
        None,
    ]
    assert [used(record) for record in bench.records[:2]] == [(None, None, None, "none")] * 2
    assert [(record.cost_nano_usd, record.price_source) for record in bench.records[:2]] == [(0, "none")] * 2
    assert {record.request_id for record in bench.records} == {"req_1"}


async def test_record_of_an_attempt_is_dated_when_the_attempt_ended():
    bench = GatewayBench(playing(Act(status=429, retry_after=20), "At last"))
    bench.wire.seconds_each = 1.0
    began = bench.clock.now()

    await bench.complete()

    passed = [(record.created_at - began).total_seconds() for record in bench.records]
    assert passed == pytest.approx([1.0, 22.0])
    assert [record.duration_ms for record in bench.records] == [1000, 1000]


async def test_call_that_fails_for_good_leaves_a_record_of_each_try():
    bench = GatewayBench(ScriptedTransport(Script().when(lambda body: True, Act(status=503))))

    with pytest.raises(LLMUnavailableError):
        await bench.complete()

    assert bench.story == [(number, "mock", "failed", number == 4) for number in (1, 2, 3, 4)]


async def test_stream_that_never_begins_leaves_a_record_of_each_try():
    bench = GatewayBench(playing(Act(offline=True), Act(empty=True)), max_retries=1)

    with pytest.raises(LLMError):
        await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)

    assert bench.story == [(1, "mock", "failed", False), (2, "mock", "failed", True)]
    assert [record.error_code for record in bench.records] == ["provider_unreachable", "provider_garbled"]


async def _with_alias(database: Database, transport: ScriptedTransport, *targets: str) -> tuple[Any, Caller]:
    tenant = await Tenancy(database).a_tenant()
    caller = Caller(tenant.id, "key:ak_1", ADMIN)
    bench = GatewayBench(transport, database=database)
    await bench.models.set_alias(caller, "fast", targets)
    return bench, caller


@pytest.mark.parametrize("is_stream", [pytest.param(False, id="whole"), pytest.param(True, id="streamed")])
async def test_fallback_leaves_a_record_of_every_deployment_asked(sqlite_database: Database, is_stream: bool):
    bench, caller = await _with_alias(
        sqlite_database, playing(Act(status=401), "From the second"), "groq/a", "gemini/b", "openrouter/c"
    )
    request = a_request("fast", stream=is_stream)

    if is_stream:
        stream = await bench.service.open_stream(caller, request, CONTEXT)
        assert stream.deployment.name == "openrouter/c"
        assert [batch async for batch in stream]
        await stream.aclose()
    else:
        answer = await bench.service.complete(caller, request, CONTEXT)
        assert answer.deployment.name == "openrouter/c"

    assert bench.story == [(1, "groq", "failed", False), (2, "openrouter", "success", True)]
    assert [record.model for record in bench.records] == ["a", "c"]
    assert {record.requested_model for record in bench.records} == {"fast"}


async def test_mistake_of_the_caller_is_not_tried_elsewhere(sqlite_database: Database):
    bench, caller = await _with_alias(sqlite_database, playing(Act(status=400)), "groq/a", "openrouter/c")

    with pytest.raises(LLMRequestError):
        await bench.service.complete(caller, a_request("fast"), CONTEXT)

    assert bench.story == [(1, "groq", "failed", True)]


@pytest.mark.parametrize(
    ("caller", "model", "error"),
    [
        pytest.param(CALLER, "nobody/knows", UnknownModel, id="unknown-model"),
        pytest.param(CALLER, "gemini/x", ProviderNotConfigured, id="not-configured"),
        pytest.param(
            Caller("ten_1", "key:ak_1", frozenset({"usage:read"})), "mock", PermissionDenied, id="no-scope"
        ),
    ],
)
@pytest.mark.parametrize("verb", ["complete", "open_stream", "embed"])
async def test_call_refused_before_any_attempt_leaves_one_record(
    caller: Caller, model: str, error: type[OfficiumError], verb: str
):
    bench = GatewayBench()
    request = EmbeddingRequest(model=model, inputs=("x",)) if verb == "embed" else a_request(model)

    with pytest.raises(error):
        await getattr(bench.service, verb)(caller, request, CONTEXT)

    (record,) = bench.records
    assert bench.story == [(0, None, "refused", True)]
    assert (record.requested_model, record.model, record.error_code) == (model, None, error.code)
    assert used(record) == (None, None, None, "none")
    assert (record.cost_nano_usd, record.price_source) == (0, "none")
    assert bench.transport.total == 0


async def test_nothing_is_asked_while_nothing_can_be_recorded():
    bench = GatewayBench()
    bench.log.has_no_room = True

    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await bench.complete()

    assert bench.transport.total == 0
    assert bench.records == []
    refused = {"provider": "none", "model": "none", "status": "refused", "error": "service_unavailable"}
    assert bench.registry.get_sample_value("officium_attempts_total", refused) == 3


async def test_call_under_way_is_recorded_even_when_the_log_has_filled_up():
    bench = GatewayBench(playing("Hi"))
    stream = await bench.service.open_stream(CALLER, a_request(stream=True), CONTEXT)

    bench.log.has_no_room = True
    await stream.aclose()

    assert bench.story == [(1, "mock", "cancelled", True)]


@pytest.mark.parametrize("verb", ["complete", "open_stream"])
async def test_call_given_up_while_the_provider_thinks_is_recorded(verb: str):
    bench = GatewayBench(playing(Act(hang="headers")))
    request = a_request(text="A question of some length.", stream=verb == "open_stream")
    call = asyncio.create_task(getattr(bench.service, verb)(CALLER, request, CONTEXT))
    await bench.wire.asked.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    (record,) = bench.records
    assert bench.story == [(1, "mock", "cancelled", True)]
    taken = estimate_request_tokens(request)
    assert used(record) == (taken, 0, taken, "estimated")


async def test_call_given_up_between_two_tries_keeps_the_record_of_the_first():
    bench = GatewayBench(playing(Act(status=503)))
    waiting = asyncio.Event()

    async def wait(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    bench.dispatcher._retry = type(bench.dispatcher._retry)(sleep=wait)
    call = asyncio.create_task(bench.complete())
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert bench.story == [(1, "mock", "failed", True)]


class _BrokenAliases:
    """A store that fails, or never answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = asyncio.Event()
        self._error = error

    async def list_aliases(self, caller: Caller) -> list[Any]:
        self.asked.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()
        return []


async def test_call_given_up_before_any_attempt_is_recorded():
    bench = GatewayBench()
    bench.models._store = store = _BrokenAliases()
    call = asyncio.create_task(bench.complete())
    await store.asked.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert bench.story == [(0, None, "cancelled", True)]
    assert bench.records[0].error_code is None


async def test_mistake_of_ours_before_any_attempt_is_recorded_as_one():
    bench = GatewayBench()
    bench.models._store = _BrokenAliases(RuntimeError("a bug"))

    with pytest.raises(RuntimeError):
        await bench.complete()

    assert bench.story == [(0, None, "failed", True)]
    assert bench.records[0].error_code == "internal_error"


async def test_embeddings_count_their_input_alone():
    bench = GatewayBench()
    request = EmbeddingRequest(model="mock", inputs=("overdue invoices", "late payments"))

    answer = await bench.service.embed(CALLER, request, CONTEXT)

    (record,) = bench.records
    taken = sum(map(estimate_tokens, request.inputs))
    assert len(answer.embeddings.vectors) == 2
    assert bench.story == [(1, "mock", "success", True)]
    assert used(record) == (taken, 0, taken, "provider")
    assert (record.is_stream, record.finish_reason) == (False, None)


async def test_failed_embeddings_leave_a_record_of_each_try():
    bench = GatewayBench(playing(Act(status=503), Act(status=401)))

    with pytest.raises(LLMAuthenticationError):
        await bench.service.embed(CALLER, EmbeddingRequest(model="mock", inputs=("x",)), CONTEXT)

    assert bench.story == [(1, "mock", "failed", False), (2, "mock", "failed", True)]


async def test_stream_says_who_answers_and_what_was_left_out():
    bench = GatewayBench(playing("Hi"))

    stream = await bench.service.open_stream(CALLER, a_request("groq", top_k=4, stream=True), CONTEXT)
    await stream.aclose()

    assert isinstance(stream, GatewayStream)
    assert stream.deployment.name == "groq/openai/gpt-oss-20b"
    assert stream.dialect == "openai-chat"
    assert any("top_k" in note for note in stream.notes)


async def test_models_are_listed_with_the_own_names_first(sqlite_database: Database):
    bench, caller = await _with_alias(sqlite_database, ScriptedTransport(), "groq/a")

    listed = [(listing.id, listing.provider) for listing in await bench.service.list_models(caller)]

    assert listed[0] == ("fast", "alias")
    assert ("mock/mock", "mock") in listed
    assert {provider for _, provider in listed[1:]} == set(ACCESS)


async def test_models_are_listed_for_those_who_may_ask_them():
    bench = GatewayBench()

    with pytest.raises(PermissionDenied):
        await bench.service.list_models(Caller("ten_1", "key:ak_1", frozenset({"usage:read"})))
