"""What is kept of every request: one line in the log and its place in the metrics."""

from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class AccessRecorder:
    """Counts requests and logs `request.completed`: who, which route, how long; never what was said."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = 0
        self._log = structlog.get_logger().bind()
        self._requests = Counter(
            "officium_http_requests", "Answered requests.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "officium_http_request_duration_seconds", "From the first byte to the end of the answer.",
            ("route",), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        Gauge("officium_http_requests_running", "Requests being answered.", registry=registry).set_function(
            lambda: self.running
        )
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._timers: dict[str, Any] = {}

    def record(
        self,
        *,
        method: str,
        route: str,
        status: int,
        duration_s: float,
        request_id: str,
        tenant: str | None = None,
        error: str | None = None,
    ) -> None:
        """Take note of an answered request. `route` is a template, `status` 0 means no answer was begun."""
        if method not in _METHODS:
            method = "OTHER"
        counter = self._counters.get((method, route, status))
        if counter is None:
            labels = (method, route, f"{status // 100}xx")
            counter = self._counters[method, route, status] = self._requests.labels(*labels)
            self._timers[route] = self._seconds.labels(route)
        counter.inc()
        self._timers[route].observe(duration_s)
        self._log.info(
            "request.completed",
            method=method,
            route=route,
            status=status,
            duration_ms=round(duration_s * 1000, 2),
            request_id=request_id,
            tenant=tenant,
            error=error,
        )
