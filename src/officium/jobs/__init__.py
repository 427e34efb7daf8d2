"""The clock: work that is started by time instead of a request."""

from officium.jobs.clockwork import Clockwork
from officium.jobs.job import Job
from officium.jobs.metrics import JobMetrics
from officium.jobs.store import LeaseStore

__all__ = ["Clockwork", "Job", "JobMetrics", "LeaseStore"]
