"""What Prometheus is told about calls to models."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from officium.core.usage import UsageRecord

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
_RATES = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
MOST_MODELS = 500
"""As many models have series of their own."""
OTHER_MODEL = "other"


class CacheMetrics:
    """What the cache of answers is worth."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.lookups = Counter(
            "officium_cache_lookups",
            "Requests that were looked up in the cache of answers.",
            ("result",),
            registry=registry,
        )
        self.saved = Counter(
            "officium_cache_saved_usd", "What answers from the cache would have cost.", registry=registry
        )


class _Series:
    """The children of one (provider, model), looked up once."""

    __slots__ = ("cost", "duration", "input_tokens", "output_tokens", "rate", "ttft")

    def __init__(self, metrics: "GatewayMetrics", provider: str, model: str) -> None:
        self.duration = metrics.duration.labels(provider, model)
        self.ttft = metrics.ttft.labels(provider, model)
        self.rate = metrics.rate.labels(provider, model)
        self.input_tokens = metrics.tokens.labels(provider, model, "input")
        self.output_tokens = metrics.tokens.labels(provider, model, "output")
        self.cost = metrics.cost.labels(provider, model)


class GatewayMetrics:
    """Counters and histograms of calls to models, each labelled with provider and model.

    Names and units follow the OpenTelemetry GenAI conventions where these have one. Callers write model
    names as they like, so a model has series of its own from its first success on; before it is `other`.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        by_model = ("provider", "model")
        self.calls = Counter(
            "officium_attempts",
            "Attempts to get an answer.",
            (*by_model, "status", "error"),
            registry=registry,
        )
        self.tokens = Counter("officium_tokens", "Tokens used.", (*by_model, "type"), registry=registry)
        self.tenant_tokens = Counter("officium_tenant_tokens", "Tokens used.", ("tenant",), registry=registry)
        self.cost = Counter("officium_cost_usd", "What providers charge us.", by_model, registry=registry)
        self.duration = Histogram(
            "gen_ai_client_operation_duration_seconds", "From request to end of answer.", by_model,
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.ttft = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds", "Until the first piece.", by_model,
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.rate = Histogram(
            "officium_output_tokens_per_second",
            "Speed of answers.",
            by_model,
            buckets=_RATES,
            registry=registry,
        )
        self._series: dict[tuple[str, str], _Series] = {}
        self._calls: dict[tuple[str, str, str, str], Counter] = {}
        self._tenants: dict[str, Counter] = {}

    def observe(self, record: UsageRecord) -> None:
        """Count one record of the usage log. An answer from the cache is no attempt: see CacheMetrics."""
        if record.price_source == "cache":
            return
        provider, model = record.provider or "none", self._model(record)
        key = (provider, model, record.status, record.error_code or "")
        calls = self._calls.get(key)
        if calls is None:
            calls = self._calls[key] = self.calls.labels(*key)
        calls.inc()
        if record.provider is None:
            return
        series = self._series.get((provider, model))
        if series is None:
            series = self._series[provider, model] = _Series(self, provider, model)
        duration_s = record.duration_ms / 1000
        series.duration.observe(duration_s)
        if record.ttft_ms is not None and record.is_stream:
            series.ttft.observe(record.ttft_ms / 1000)
        if record.input_tokens:
            series.input_tokens.inc(record.input_tokens)
        if record.output_tokens:
            series.output_tokens.inc(record.output_tokens)
            if duration_s > 0:
                series.rate.observe(record.output_tokens / duration_s)
        if record.total_tokens:
            tenant = self._tenants.get(record.tenant_id)
            if tenant is None:
                tenant = self._tenants[record.tenant_id] = self.tenant_tokens.labels(record.tenant_id)
            tenant.inc(record.total_tokens)
        if record.cost_nano_usd:
            series.cost.inc(record.cost_nano_usd / 1e9)

    def _model(self, record: UsageRecord) -> str:
        """The label of the record's model."""
        if record.provider is None or record.model is None:
            return "none"
        if (record.provider, record.model) in self._series:
            return record.model
        has_room = record.status == "success" and len(self._series) < MOST_MODELS
        return record.model if has_room else OTHER_MODEL
