"""The clockwork: does the jobs of the installation when their time has come."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from officium.jobs.job import Job
from officium.jobs.metrics import Outcome
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError
from officium.kit.ids import new_id

LEASE_S = 60.0
"""So long after a process died another one takes over its job."""
GRACE_S = 5.0
"""So long a job under way may go on when the process is stopped."""
_TICK_S = 1.0

_log = structlog.get_logger("jobs")


class Leases(Protocol):
    """Decides between processes whose turn it is."""

    async def take_for_all_tenants(
        self, name: str, owner: str, *, now: datetime, last_start: datetime, lease_s: float
    ) -> bool: ...

    async def keep_for_all_tenants(self, name: str, owner: str, until: datetime) -> bool: ...


class Runs(Protocol):
    """Counts how jobs end."""

    def count(self, job: str, outcome: Outcome) -> None: ...


class Clockwork:
    """Does each job when it is due, unless another process does it; jobs do not wait for each other.

    A job that raises is logged and done again at its next turn. A job whose process dies is done by another
    one as soon as its lease has run out. While it runs the lease is kept; where that fails because another
    process has taken it, the job is broken off.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        leases: Leases,
        clock: Clock,
        runs: Runs,
        *,
        lease_s: float = LEASE_S,
        tick_s: float = _TICK_S,
    ) -> None:
        self._jobs = jobs
        self._leases = leases
        self._clock = clock
        self._runs = runs
        self._lease_s = lease_s
        self._tick_s = tick_s
        self._owner = new_id("proc")
        self._next_try: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._is_closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._tick(), name="clockwork")

    async def run_due(self) -> None:
        """Do what is due now, and wait until it is done."""
        if tasks := self._begin_due():
            await asyncio.wait(tasks)

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Begin nothing more; what is not done after `grace_s` is broken off, for another process to do."""
        self._is_closing.set()
        if self._task is not None:
            await self._task
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        """The first jobs begin a tick after the start: what is asked of a server that starts comes first."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_closing.wait(), self._tick_s)
            if self._is_closing.is_set():
                return
            self._begin_due()

    def _begin_due(self) -> list[asyncio.Task[None]]:
        now = self._clock.monotonic()
        begun = []
        for job in self._jobs:
            if job.name not in self._running and self._next_try.get(job.name, now) <= now:
                self._next_try[job.name] = now + job.every_s
                task = asyncio.create_task(self._do(job), name=f"job-{job.name}")
                self._running[job.name] = task
                begun.append(task)
        return begun

    async def _do(self, job: Job) -> None:
        try:
            if await self._take(job):
                await self._do_leased(job)
        except Exception as error:
            is_known = isinstance(error, OfficiumError)
            _log.error("job.failed", job=job.name, reason=str(error), exc_info=not is_known)
            self._runs.count(job.name, "failed")
        finally:
            del self._running[job.name]

    async def _do_leased(self, job: Job) -> None:
        work = asyncio.ensure_future(job.work())
        keeping = asyncio.create_task(self._keep_lease(job, work))
        try:
            await work
        except asyncio.CancelledError:
            if not keeping.done():
                raise
            self._runs.count(job.name, "failed")
        else:
            self._runs.count(job.name, "done")
        finally:
            keeping.cancel()
            await self._leases.keep_for_all_tenants(job.name, self._owner, self._clock.now())

    async def _take(self, job: Job) -> bool:
        now = self._clock.now()
        return await self._leases.take_for_all_tenants(
            job.name, self._owner, now=now, last_start=job.last_start_before(now), lease_s=self._lease_s
        )

    async def _keep_lease(self, job: Job, work: "asyncio.Future[None]") -> None:
        """Keep the lease while the job runs; break the job off when the lease is another's."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            until = self._clock.now() + timedelta(seconds=self._lease_s)
            try:
                is_ours = await self._leases.keep_for_all_tenants(job.name, self._owner, until)
            except OfficiumError as error:
                _log.warning("job.lease_unsure", job=job.name, reason=str(error))
                continue
            if not is_ours:
                _log.error("job.lease_lost", job=job.name)
                work.cancel()
                return
