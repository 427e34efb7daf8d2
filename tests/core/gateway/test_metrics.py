"""What Prometheus is told of each record."""

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from officium.core.gateway import GatewayMetrics
from officium.core.gateway import metrics as metrics_module
from officium.testing import Act, ScriptedTransport
from tests.support.gateway import GatewayBench, a_request
from tests.support.records import a_record

RECORD = a_record(
    provider="groq",
    model="a-model",
    is_stream=True,
    input_tokens=100,
    output_tokens=50,
    total_tokens=150,
    cost_nano_usd=2_500_000,
    ttft_ms=200,
    duration_ms=2000,
)
MODEL = {"provider": "groq", "model": "a-model"}
NOBODY = {"provider": "none", "model": "none"}


class Board:
    """Metrics and a look at them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = GatewayMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def models(self) -> set[str]:
        """The models that have series of any kind."""
        return {
            sample.labels["model"]
            for family in self.registry.collect()
            for sample in family.samples
            if "model" in sample.labels
        }


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        pytest.param(
            "officium_attempts_total", {**MODEL, "status": "success", "error": ""}, 2.0, id="attempts"
        ),
        pytest.param("officium_tokens_total", {**MODEL, "type": "input"}, 200.0, id="input-tokens"),
        pytest.param("officium_tokens_total", {**MODEL, "type": "output"}, 100.0, id="output-tokens"),
        pytest.param("officium_tenant_tokens_total", {"tenant": "ten_1"}, 300.0, id="tokens-of-the-tenant"),
        pytest.param("officium_cost_usd_total", MODEL, 0.005, id="cost"),
        pytest.param("gen_ai_client_operation_duration_seconds_sum", MODEL, 4.0, id="duration"),
        pytest.param(
            "gen_ai_client_operation_time_to_first_chunk_seconds_sum", MODEL, 0.4, id="time-to-first-chunk"
        ),
        pytest.param("officium_output_tokens_per_second_sum", MODEL, 50.0, id="speed"),
    ],
)
def test_records_add_up(name: str, labels: dict[str, str], expected: float):
    board = Board()

    board.metrics.observe(RECORD)
    board.metrics.observe(RECORD)

    assert board.value(name, **labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"cost_nano_usd": None}, "officium_cost_usd_total", id="cost-unknown"),
        pytest.param(
            {"is_stream": False},
            "gen_ai_client_operation_time_to_first_chunk_seconds_count",
            id="whole-answer-has-no-first-chunk",
        ),
        pytest.param({"duration_ms": 0}, "officium_output_tokens_per_second_count", id="no-time-no-speed"),
        pytest.param({"output_tokens": None}, "officium_output_tokens_per_second_count", id="no-tokens"),
    ],
)
def test_what_is_not_known_is_not_counted(changes: dict[str, object], name: str):
    board = Board()

    board.metrics.observe(
        a_record(**{**{n: getattr(RECORD, n) for n in RECORD.__struct_fields__}, **changes})
    )

    assert board.value(name, **MODEL) == 0.0


def test_errors_are_counted_by_code():
    board = Board()
    board.metrics.observe(RECORD)

    for _ in range(3):
        board.metrics.observe(replace(RECORD, status="failed", error_code="provider_rate_limited"))

    labels = {**MODEL, "status": "failed", "error": "provider_rate_limited"}
    assert board.value("officium_attempts_total", **labels) == 3.0


def test_refused_call_is_counted_and_measured_nowhere_else():
    board = Board()

    board.metrics.observe(
        replace(RECORD, attempt=0, provider=None, model=None, status="refused", error_code="model_not_found")
    )

    labels = {**NOBODY, "status": "refused", "error": "model_not_found"}
    assert board.value("officium_attempts_total", **labels) == 1.0
    assert (
        board.value("gen_ai_client_operation_duration_seconds_count", provider="none", model="none") is None
    )


def test_model_that_never_answered_has_no_series_of_its_own():
    board = Board()

    for number in range(50):
        board.metrics.observe(
            a_record(
                provider="groq", model=f"made-up-{number}", status="failed", error_code="model_not_found"
            )
        )

    assert board.models() == {"other"}
    labels = {"provider": "groq", "model": "other", "status": "failed", "error": "model_not_found"}
    assert board.value("officium_attempts_total", **labels) == 50.0


def test_number_of_models_with_series_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics_module, "MOST_MODELS", 3)
    board = Board()

    for number in [*range(10), *range(10)]:
        board.metrics.observe(a_record(provider="mock", model=f"mock/{number}"))

    assert board.models() == {"mock/0", "mock/1", "mock/2", "other"}
    assert board.value("officium_tokens_total", provider="mock", model="other", type="input") == 140.0


async def test_every_attempt_of_a_call_is_counted():
    bench = GatewayBench(ScriptedTransport(["First", Act(status=503), "Second"]))
    bench.wire.seconds_each = 0.5

    await bench.complete(a_request("groq/a-model"))
    await bench.complete(a_request("groq/a-model"))

    def count(status: str, error: str) -> float | None:
        return bench.registry.get_sample_value(
            "officium_attempts_total", {**MODEL, "status": status, "error": error}
        )

    assert count("success", "") == 2.0
    assert count("failed", "provider_unavailable") == 1.0
    assert bench.registry.get_sample_value("gen_ai_client_operation_duration_seconds_count", MODEL) == 3.0
