"""Spans and metrics of calls to models, in the OpenTelemetry GenAI names.

Source of the names: https://github.com/open-telemetry/semantic-conventions-genai (in development, so they
are constants here and nowhere else).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from officium.core.gateway.call import CallContext
from officium.core.usage import UsageRecord

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name, no secret
ERROR_TYPE = "error.type"
DURATION_METRIC = "gen_ai.client.operation.duration"
TOKENS_METRIC = "gen_ai.client.token.usage"
FIRST_CHUNK_METRIC = "gen_ai.client.operation.time_to_first_chunk"

_Attributes = dict[str, str | int | float | Sequence[str]]


class CallTelemetry:
    """Makes a span and measurements of each attempt, after the fact: a call pays nothing while it runs."""

    def __init__(self, tracer: "Tracer", meter: "Meter") -> None:
        self._tracer = tracer
        self._duration = meter.create_histogram(DURATION_METRIC, "s", "Duration of GenAI operations.")
        self._tokens = meter.create_histogram(TOKENS_METRIC, "{token}", "Tokens used, by type.")
        self._first_chunk = meter.create_histogram(FIRST_CHUNK_METRIC, "s", "Time to the first chunk.")

    def record(self, operation: str, context: CallContext, records: Sequence[UsageRecord]) -> None:
        """Export each attempt; spans join the caller's own trace where it sent one."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = None
        if context.traceparent:
            parent = TraceContextTextMapPropagator().extract({"traceparent": context.traceparent})
        for record in records:
            end = record.created_at
            start = end - timedelta(milliseconds=record.duration_ms)
            span = self._tracer.start_span(
                f"{operation} {record.model or record.requested_model}",
                context=parent,
                kind=SpanKind.CLIENT,
                start_time=_nanoseconds(start.timestamp()),
                attributes=_span_attributes(operation, record),
            )
            if record.error_code:
                span.set_status(StatusCode.ERROR, record.error_code)
            span.end(_nanoseconds(end.timestamp()))
            self._measure(operation, record)

    def _measure(self, operation: str, record: UsageRecord) -> None:
        attributes = _without_none(
            {
                OPERATION: operation,
                PROVIDER: record.provider,
                REQUEST_MODEL: record.requested_model,
                RESPONSE_MODEL: record.model,
                ERROR_TYPE: record.error_code,
            }
        )
        self._duration.record(record.duration_ms / 1000, attributes)
        if record.ttft_ms is not None and record.is_stream:
            self._first_chunk.record(record.ttft_ms / 1000, attributes)
        for kind, count in (("input", record.input_tokens), ("output", record.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**attributes, TOKEN_TYPE: kind})


def _span_attributes(operation: str, record: UsageRecord) -> _Attributes:
    return _without_none(
        {
            OPERATION: operation,
            PROVIDER: record.provider,
            REQUEST_MODEL: record.requested_model,
            RESPONSE_MODEL: record.model,
            FINISH_REASONS: [record.finish_reason] if record.finish_reason else None,
            INPUT_TOKENS: record.input_tokens,
            OUTPUT_TOKENS: record.output_tokens,
            CACHED_TOKENS: record.cached_tokens,
            ERROR_TYPE: record.error_code,
            "officium.tenant.id": record.tenant_id,
            "officium.request.id": record.request_id,
            "officium.attempt": record.attempt,
            "officium.cost_usd": None if record.cost_nano_usd is None else record.cost_nano_usd / 1e9,
        }
    )


def _without_none(attributes: Mapping[str, str | int | float | Sequence[str] | None]) -> _Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(timestamp_s: float) -> int:
    return int(timestamp_s * 1e9)
