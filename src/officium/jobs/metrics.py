"""How often jobs ran, and how it ended."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter

Outcome = Literal["done", "failed"]


class JobMetrics:
    """Counts the runs of each job in this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Counter("officium_job_runs", "Runs of jobs.", ("job", "outcome"), registry=registry)

    def count(self, job: str, outcome: Outcome) -> None:
        """A run has ended."""
        self._runs.labels(job, outcome).inc()
