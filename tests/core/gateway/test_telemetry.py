"""Spans and metrics as the OpenTelemetry SDK hands them to an exporter."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from officium.core.gateway import CallContext, CallTelemetry
from officium.core.gateway.errors import UnknownModel
from officium.core.llm.embedding import EmbeddingRequest
from officium.testing import Act, ScriptedTransport
from tests.support.gateway import CALLER, CONTEXT, GatewayBench, a_request
from tests.support.records import a_record

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


class Exported:
    """The SDK with exporters that keep everything in memory."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        tracing = TracerProvider(shutdown_on_exit=False)
        tracing.add_span_processor(SimpleSpanProcessor(self._spans))
        metering = MeterProvider([self._metrics], shutdown_on_exit=False)
        self.telemetry = CallTelemetry(tracing.get_tracer("test"), metering.get_meter("test"))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def points(self, name: str) -> list[tuple[Mapping[str, Any], int, float]]:
        """The attributes, count and sum of each series of a histogram."""
        data = self._metrics.get_metrics_data()
        return [
            (dict(point.attributes), point.count, point.sum)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def exported() -> Exported:
    return Exported()


def bench_with(exported: Exported, *acts: Act | str) -> GatewayBench:
    bench = GatewayBench(ScriptedTransport(acts), telemetry=exported.telemetry)
    bench.wire.seconds_each = 0.5
    return bench


async def test_answer_is_a_client_span_in_the_genai_names(exported: Exported):
    bench = bench_with(exported, Act(text="Bonjour", cached_tokens=2))

    await bench.complete(a_request("groq/a-model"))

    (span,) = exported.spans
    (record,) = bench.records
    assert span.name == "chat a-model"
    assert span.kind is SpanKind.CLIENT
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "groq",
        "gen_ai.request.model": "groq/a-model",
        "gen_ai.response.model": "a-model",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": record.input_tokens,
        "gen_ai.usage.output_tokens": record.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "officium.tenant.id": "ten_1",
        "officium.request.id": "req_1",
        "officium.attempt": 1,
        "officium.cost_usd": pytest.approx(record.cost_nano_usd / 1e9),
    }


async def test_span_lasts_as_long_as_its_attempt(exported: Exported):
    bench = bench_with(exported, Act(status=429, retry_after=3), "At last")
    began = bench.clock.now()

    await bench.complete()

    times = [
        (span.start_time / 1e9 - began.timestamp(), span.end_time / 1e9 - began.timestamp())
        for span in exported.spans
    ]
    assert times == [pytest.approx((0.0, 0.5), abs=1e-3), pytest.approx((3.5, 4.0), abs=1e-3)]


async def test_spans_join_the_trace_of_the_caller(exported: Exported):
    bench = bench_with(exported, Act(status=503), "At last")

    await bench.complete(traceparent=f"00-{TRACE_ID}-{PARENT_ID}-01")

    assert len(exported.spans) == 2
    for span in exported.spans:
        assert f"{span.context.trace_id:032x}" == TRACE_ID
        assert f"{span.parent.span_id:016x}" == PARENT_ID


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-{PARENT_ID}-01", "00-é-ü-01"])
async def test_trace_that_makes_no_sense_is_passed_over(exported: Exported, traceparent: str):
    await bench_with(exported).complete(traceparent=traceparent)

    (span,) = exported.spans
    assert span.parent is None


async def test_caller_who_does_not_sample_gets_no_spans(exported: Exported):
    await bench_with(exported).complete(traceparent=f"00-{TRACE_ID}-{PARENT_ID}-00")

    assert exported.spans == []


async def test_failed_attempt_is_a_span_with_its_error(exported: Exported):
    bench = bench_with(exported, Act(status=503), "At last")

    await bench.complete()

    failed, answered = exported.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "provider_unavailable"
    assert failed.attributes["officium.attempt"] == 1
    assert "gen_ai.usage.input_tokens" not in failed.attributes
    assert answered.status.status_code is StatusCode.UNSET
    assert "error.type" not in answered.attributes


async def test_refused_call_is_a_span_without_a_provider(exported: Exported):
    with pytest.raises(UnknownModel):
        await bench_with(exported).complete(a_request("nobody/knows"))

    (span,) = exported.spans
    assert span.name == "chat nobody/knows"
    assert span.attributes["error.type"] == "model_not_found"
    assert "gen_ai.provider.name" not in span.attributes


async def test_embeddings_are_an_operation_of_their_own(exported: Exported):
    bench = bench_with(exported)

    await bench.service.embed(CALLER, EmbeddingRequest(model="mock", inputs=("x",)), CONTEXT)

    (span,) = exported.spans
    assert span.name == "embeddings mock"
    assert span.attributes["gen_ai.operation.name"] == "embeddings"


async def test_contents_never_reach_a_span(exported: Exported):
    bench = bench_with(exported, "The secret answer")

    await bench.complete(a_request(text="The secret question"), user="ada@example.com")

    (span,) = exported.spans
    assert "secret" not in span.to_json()
    assert "ada@" not in span.to_json()


async def test_attempts_are_measured(exported: Exported):
    bench = bench_with(exported, "One two three", Act(status=503), "One two three")
    model = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "groq",
        "gen_ai.request.model": "groq/a-model",
        "gen_ai.response.model": "a-model",
    }

    await bench.stream(a_request("groq/a-model", stream=True))
    await bench.complete(a_request("groq/a-model"))

    failed = {**model, "error.type": "provider_unavailable"}
    durations = exported.points("gen_ai.client.operation.duration")
    assert sorted(durations, key=lambda point: point[1]) == [(failed, 1, 0.5), (model, 2, 1.0)]
    assert exported.points("gen_ai.client.operation.time_to_first_chunk") == [(model, 1, 0.5)]
    records = [record for record in bench.records if record.status == "success"]
    assert exported.points("gen_ai.client.token.usage") == [
        ({**model, "gen_ai.token.type": "input"}, 2, sum(record.input_tokens for record in records)),
        ({**model, "gen_ai.token.type": "output"}, 2, sum(record.output_tokens for record in records)),
    ]


def test_cost_is_told_in_dollars_where_it_is_known(exported: Exported):
    exported.telemetry.record(
        "chat",
        CallContext(request_id="req_1"),
        [a_record(cost_nano_usd=1_250_000), a_record(cost_nano_usd=None), a_record(cost_nano_usd=0)],
    )

    costs = [span.attributes.get("officium.cost_usd") for span in exported.spans]
    assert costs == [0.00125, None, 0.0]
