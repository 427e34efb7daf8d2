"""Runs in the database: how many of them stay."""

from datetime import UTC, date, datetime

import pytest

from officium.apps.cashflow.runs import RunStore
from officium.apps.cashflow.runs import store as run_store
from officium.core.tenancy import Tenant, TenantStore, operator_of
from officium.kit.database import Database


async def test_oldest_runs_of_a_kind_make_room_for_new_ones(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(run_store.MOST_KEPT, "forecast", 3)
    now, runs = datetime.now(UTC), RunStore(database)
    for id in ("ten_a", "ten_b"):
        await TenantStore(database).add_for_all_tenants(Tenant(id=id, name=id, created_at=now))
    ours, theirs = operator_of("ten_a"), operator_of("ten_b")
    other = await runs.add_run(theirs, "forecast", date(2026, 11, 21), {}, {}, now)
    kept = await runs.add_run(ours, "prediction", date(2026, 11, 21), {}, {}, now)

    made = [await runs.add_run(ours, "forecast", date(2026, 11, 21), {}, {}, now) for _ in range(5)]

    assert [run.id for run in await runs.list_runs(ours, None, None, 20)] == [*made[:1:-1], kept]
    assert [run.id for run in await runs.list_runs(theirs, None, None, 20)] == [other]
