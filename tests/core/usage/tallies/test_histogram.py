"""Percentiles from buckets: near the true ones, on both databases, and each tenant's own."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from officium.core.tenancy import Caller, TenantStore, operator_of
from officium.core.usage import UsageStore
from officium.core.usage.tallies import OverviewService, TallyStore
from officium.core.usage.tallies.histogram import BOUNDS, bucket_of, spread_of
from officium.core.usage.tallies.tables import usage_histograms
from officium.kit import schema
from officium.kit.database import ALL_TENANTS, Database
from tests.support.clock import HandClock
from tests.support.records import a_record
from tests.support.tenancy import Tenancy

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(("middle", "width"), [(7.0, 0.6), (5.0, 1.2), (9.5, 0.3)])
def test_percentiles_are_near_those_of_the_times_themselves(middle: float, width: float) -> None:
    dice = random.Random(11)
    times = [round(dice.lognormvariate(middle, width)) for _ in range(5000)]
    counts: dict[int, int] = {}
    for ms in times:
        counts[bucket_of(ms)] = counts.get(bucket_of(ms), 0) + 1

    found = spread_of("answer", counts)

    for level, ms in ((50, found.p50), (95, found.p95), (99, found.p99)):
        assert ms == pytest.approx(float(np.percentile(times, level)), rel=0.1)
    assert found.count == 5000


@pytest.mark.parametrize("ms", [0, 1, 2, 3, 7, 1000, 1_048_575, 1_048_576, 10**9, -5])
def test_every_time_lies_in_the_bucket_that_says_so(ms: int) -> None:
    bucket = bucket_of(ms)

    assert bucket == 0 or BOUNDS[bucket - 1] <= ms
    assert bucket == len(BOUNDS) or ms < BOUNDS[bucket]


def test_without_times_there_are_no_percentiles_and_one_time_is_all_of_them() -> None:
    nothing, same = spread_of("answer", {}), spread_of("answer", {bucket_of(3): 10})

    assert (nothing.count, nothing.p50, nothing.p99) == (0, None, None)
    assert (same.p50, same.p95, same.p99) == (3, 3, 3)


async def test_overview_has_the_percentiles_of_its_period_and_tenant(database: Database) -> None:
    tenancy = Tenancy(database, HandClock(NOW))
    acme, other = await tenancy.a_tenant("Acme"), await tenancy.a_tenant("Other")
    log, tenants = UsageStore(database), TenantStore(database)
    overviews = OverviewService(TallyStore(database), tenants, tenancy.clock)
    reader = Caller(acme.id, "key:ak_1", frozenset({"usage:read"}))
    ours = [
        a_record(tenant_id=acme.id, created_at=NOW - timedelta(days=n % 6), duration_ms=100 * n,
                 ttft_ms=10 * n, queued_ms=n)
        for n in range(1, 101)
    ]  # fmt: skip
    left_out = [
        a_record(tenant_id=acme.id, created_at=NOW, status="failed", duration_ms=900_000, ttft_ms=None),
        a_record(tenant_id=acme.id, created_at=NOW - timedelta(days=20), duration_ms=900_000),
        a_record(tenant_id=other.id, created_at=NOW, duration_ms=900_000, queued_ms=900_000),
    ]
    for batch in (ours[:40], ours[40:], left_out):
        await log.append_for_all_tenants(batch)

    answer, first, queued = (await overviews.get_overview(reader, "7-days")).spreads

    assert (answer.measure, first.measure, queued.measure) == ("answer", "first_token", "queued")
    assert (answer.count, first.count, queued.count) == (100, 100, 100)
    assert answer.p50 == pytest.approx(5000, rel=0.1)
    assert answer.p99 == pytest.approx(9900, rel=0.1)
    assert first.p95 == pytest.approx(950, rel=0.1)
    assert queued.p50 == pytest.approx(50, rel=0.1)


async def test_migration_counts_what_the_log_has_already(database: Database) -> None:
    operator = operator_of("")
    tenant = await Tenancy(database, HandClock(NOW)).tenants.create_tenant(operator, "Acme")
    dice = random.Random(5)
    await UsageStore(database).append_for_all_tenants(
        [
            a_record(
                tenant_id=tenant.id,
                created_at=NOW - timedelta(minutes=dice.randrange(5000)),
                duration_ms=round(dice.lognormvariate(5, 2)),
                ttft_ms=dice.choice([None, 0, 1, 2, 250]),
                status=dice.choice(["success", "failed"]),
            )
            for _ in range(200)
        ]
    )
    written = await _counts(database)

    steps = schema.revisions()
    await schema.downgrade(database, steps[steps.index("0040") - 1])
    await schema.upgrade(database)

    assert len(written) > 50
    assert await _counts(database) == written


async def _counts(database: Database) -> set[tuple[object, ...]]:
    async with database.reading(ALL_TENANTS) as connection:
        return {tuple(row) for row in await connection.execute(select(usage_histograms))}
