"""usage tokens."""

import asyncio
from datetime import timedelta
from pathlib import Path

from officium.core.usage import UsageStore
from officium.kit.clock import SystemClock
from officium.kit.database import Database, sqlite_url
from tests.cli.conftest import Run
from tests.support.records import a_record


async def _call(tenant_id: str, *days_ago: int) -> None:
    """Calls of the tenant, of 15 tokens each."""
    database, now = Database.open(sqlite_url(Path("data"))), SystemClock().now()
    await UsageStore(database).append_for_all_tenants(
        [a_record(tenant_id=tenant_id, created_at=now - timedelta(days=days)) for days in days_ago]
    )
    await database.close()


def test_tokens_of_every_tenant_are_listed(run: Run, installed: dict[str, str]):
    other = run("tenant", "create", "Other", "--json").json
    asyncio.run(_call(installed["tenant_id"], 1, 2, 40))

    listed = run("usage", "tokens", "--json").json

    assert {one["tenant_id"]: one["total_tokens"] for one in listed} == {
        installed["tenant_id"]: 30,
        other["id"]: 0,
    }
    assert "Other" in run("usage", "tokens").out


def test_span_is_as_long_as_asked(run: Run, installed: dict[str, str]):
    asyncio.run(_call(installed["tenant_id"], 1, 40))

    (week,) = run("usage", "tokens", "--days", "7", "--json").json
    (quarter,) = run("usage", "tokens", "--days", "90", "--json").json

    assert (week["total_tokens"], quarter["total_tokens"]) == (15, 30)


def test_span_that_makes_no_sense_is_refused(run: Run, installed: dict[str, str]):
    assert run("usage", "tokens", "--days", "0").status != 0
