"""The clockwork: each job in its turn, in one process at a time, whatever becomes of the others."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from officium.jobs import Clockwork, Job, JobMetrics, LeaseStore
from officium.kit.database import Database
from tests.support.clock import HandClock


class Counting:
    """Work that counts how often it was done. `wait` holds it back, `error` makes it fail."""

    def __init__(self, wait: asyncio.Event | None = None, error: Exception | None = None) -> None:
        self.done = 0
        self.broken_off = 0
        self.begun = asyncio.Event()
        self.wait = wait
        self.error = error

    async def __call__(self) -> None:
        self.begun.set()
        if self.error is not None:
            raise self.error
        try:
            if self.wait is not None:
                await self.wait.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        self.done += 1


class Process:
    """A process of its own, on the same database and by the same clock."""

    def __init__(self, database: Database, clock: HandClock, *jobs: Job, **how: Any) -> None:
        self.registry = CollectorRegistry()
        self.clockwork = Clockwork(jobs, LeaseStore(database), clock, JobMetrics(self.registry), **how)

    def runs(self, job: str, outcome: str) -> float | None:
        return self.registry.get_sample_value("officium_job_runs_total", {"job": job, "outcome": outcome})


def every(seconds: float, work: Callable[[], Awaitable[None]], name: str = "count") -> Job:
    return Job(name, seconds, work)


async def test_job_is_done_every_so_many_seconds(sqlite_database: Database) -> None:
    clock, work = HandClock(), Counting()
    process = Process(sqlite_database, clock, every(10, work))

    done = []
    for _ in range(7):
        await process.clockwork.run_due()
        done.append(work.done)
        clock.advance(5)

    assert done == [1, 1, 2, 2, 3, 3, 4]
    assert process.runs("count", "done") == 4


async def test_job_is_done_once_by_many_processes(database: Database) -> None:
    clock, work = HandClock(), Counting()
    processes = [Process(database, clock, every(10, work)) for _ in range(3)]

    for _ in range(4):
        await asyncio.gather(*(process.clockwork.run_due() for process in processes))
        clock.advance(10)

    assert work.done == 4


async def test_job_that_takes_long_is_not_begun_again(sqlite_database: Database) -> None:
    clock, release = HandClock(), asyncio.Event()
    work = Counting(wait=release)
    first, second = (Process(sqlite_database, clock, every(10, work)) for _ in range(2))
    under_way = asyncio.create_task(first.clockwork.run_due())
    await work.begun.wait()

    clock.advance(20)
    await first.clockwork.run_due()
    await second.clockwork.run_due()
    release.set()
    await under_way

    assert work.done == 1


async def test_job_that_raises_is_logged_and_done_again(sqlite_database: Database) -> None:
    clock, work, other = HandClock(), Counting(error=ValueError("broken")), Counting()
    process = Process(sqlite_database, clock, every(10, work, "bad"), every(10, other, "good"))

    with capture_logs() as logs:
        await process.clockwork.run_due()
    work.error = None
    clock.advance(10)
    await process.clockwork.run_due()

    assert [(line["event"], line["job"]) for line in logs] == [("job.failed", "bad")]
    assert (work.done, other.done) == (1, 2)
    assert process.runs("bad", "failed") == 1


async def test_job_goes_on_after_the_database_was_away(sqlite_database: Database) -> None:
    clock, work = HandClock(), Counting()

    class Away(LeaseStore):
        is_away = True

        async def take_for_all_tenants(self, *args: Any, **kwargs: Any) -> bool:
            if self.is_away:
                raise ConnectionError("gone")
            return await super().take_for_all_tenants(*args, **kwargs)

    leases = Away(sqlite_database)
    clockwork = Clockwork([every(10, work)], leases, clock, JobMetrics(CollectorRegistry()))
    await clockwork.run_due()

    leases.is_away = False
    clock.advance(10)
    await clockwork.run_due()

    assert work.done == 1


async def test_close_waits_for_a_job_that_ends_soon(sqlite_database: Database) -> None:
    release = asyncio.Event()
    work = Counting(wait=release)
    process = Process(sqlite_database, HandClock(), every(10, work), tick_s=0.01)
    process.clockwork.start()
    await work.begun.wait()

    closing = asyncio.create_task(process.clockwork.close())
    release.set()
    await closing

    assert (work.done, work.broken_off) == (1, 0)


async def test_close_breaks_off_a_job_that_goes_on_and_another_process_takes_it(
    sqlite_database: Database,
) -> None:
    clock, work = HandClock(), Counting(wait=asyncio.Event())
    process = Process(sqlite_database, clock, every(10, work), tick_s=0.01)
    process.clockwork.start()
    await work.begun.wait()

    await process.clockwork.close(grace_s=0.01)
    clock.advance(10)
    again = Counting()
    await Process(sqlite_database, clock, every(10, again)).clockwork.run_due()

    assert (work.done, work.broken_off, again.done) == (0, 1, 1)


async def test_lease_of_a_long_job_is_kept(sqlite_database: Database) -> None:
    clock, release = HandClock(), asyncio.Event()
    work = Counting(wait=release)
    process = Process(sqlite_database, clock, every(1, work), lease_s=0.06)
    under_way = asyncio.create_task(process.clockwork.run_due())
    await work.begun.wait()

    # The hands have moved past the first lease, and only its keeper knows the new end.
    clock.advance(0.07)
    await asyncio.sleep(0.05)
    other = Counting()
    clock.advance(0.05)
    await Process(sqlite_database, clock, every(0.01, other), lease_s=0.06).clockwork.run_due()
    release.set()
    await under_way

    assert (work.done, other.done) == (1, 0)


async def test_job_whose_lease_was_taken_is_broken_off(sqlite_database: Database) -> None:
    clock, work = HandClock(), Counting(wait=asyncio.Event())
    process = Process(sqlite_database, clock, every(1, work), lease_s=0.03)
    under_way = asyncio.create_task(process.clockwork.run_due())
    await work.begun.wait()
    clock.advance(60)
    assert await LeaseStore(sqlite_database).take_for_all_tenants(
        "count", "another", now=clock.now(), last_start=clock.now(), lease_s=60
    )

    await asyncio.wait_for(under_way, 5)

    assert (work.done, work.broken_off) == (0, 1)
    assert process.runs("count", "failed") == 1


@pytest.mark.parametrize("jobs", [0, 3])
async def test_clockwork_that_was_never_started_can_be_closed(sqlite_database: Database, jobs: int) -> None:
    work = Counting()
    process = Process(
        sqlite_database, HandClock(), *(every(1, work, f"job-{number}") for number in range(jobs))
    )

    await process.clockwork.close()

    assert work.done == 0
