"""Finding requests in the usage log, on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from officium.core.tenancy import Caller, TenantStore
from officium.core.usage import UsageStore
from officium.core.usage.search import SearchService, SearchStore, Wanted
from officium.core.usage.search import service as service_module
from officium.core.usage.tallies import TallyStore
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.clock import HandClock
from tests.support.records import a_record

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
READER = Caller("ten_1", "key:ak_1", frozenset({"usage:read"}))
OTHER = Caller("ten_2", "key:ak_2", frozenset({"usage:read"}))


@pytest.fixture
def search(database: Database) -> SearchService:
    return SearchService(
        SearchStore(database),
        TallyStore(database),
        UsageStore(database),
        TenantStore(database),
        HandClock(NOON + timedelta(hours=1)),
    )


async def _write(database: Database, *records: dict[str, Any]) -> None:
    await UsageStore(database).append_for_all_tenants(
        [a_record(**{"created_at": NOON, **record}) for record in records]
    )


async def _all(search: SearchService, wanted: Wanted, limit: int = 2) -> list[str]:
    """Every request that is as wanted, read page by page."""
    names, cursor = [], None
    for _ in range(500):
        page = await search.search(READER, wanted, cursor=cursor, limit=limit)
        names += [record.request_id for record in page.requests]
        cursor = page.next_cursor
        if cursor is None:
            return names
    raise AssertionError("It never ends.")


async def test_pages_have_every_request_once_also_those_of_one_moment(
    database: Database, search: SearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_STRETCH", 3)
    names = [f"req_{number}" for number in range(11)]
    moments = [NOON - timedelta(minutes=number // 4) for number in range(11)]
    await _write(database, *({"request_id": n, "created_at": m} for n, m in zip(names, moments, strict=True)))

    found = await _all(search, Wanted())

    assert sorted(found) == sorted(names)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("wanted", "rare"),
    [
        (Wanted(app="widget"), {"app": "widget"}),
        (Wanted(provider="groq"), {"provider": "groq"}),
        (Wanted(provider="groq", model="large"), {"provider": "groq", "model": "large"}),
        (Wanted(model="large"), {"model": "large"}),
        (Wanted(status="failed"), {"status": "failed"}),
        (Wanted(error_code="timeout"), {"error_code": "timeout"}),
        (Wanted(actor="member:m"), {"actor": "member:m"}),
        (Wanted(client_id=7), {"client_id": 7}),
        (Wanted(app="widget", status="failed"), {"app": "widget", "status": "failed"}),
    ],
)
async def test_what_is_wanted_is_found_however_far_it_lies_apart(
    database: Database,
    search: SearchService,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Wanted,
    rare: dict[str, Any],
) -> None:
    monkeypatch.setattr(service_module, "_STRETCH", 7)
    for start in range(0, 240, 60):
        await _write(
            database,
            *(
                {"request_id": f"req_{n}", "created_at": NOON - timedelta(minutes=13 * n)}
                | (rare if n in (3, 100, 101, 239) else {})
                for n in range(start, start + 60)
            ),
        )

    assert await _all(search, wanted) == ["req_3", "req_100", "req_101", "req_239"]


async def test_times_bound_a_search(database: Database, search: SearchService) -> None:
    await _write(
        database, *({"request_id": f"req_{n}", "created_at": NOON - timedelta(hours=n)} for n in range(6))
    )

    wanted = Wanted(since=NOON - timedelta(hours=4), until=NOON - timedelta(hours=1))

    assert await _all(search, wanted) == ["req_2", "req_3", "req_4"]


async def test_request_is_listed_once_and_its_attempts_in_their_order(
    database: Database, search: SearchService
) -> None:
    await _write(
        database,
        {"attempt": 1, "is_last": False, "status": "failed"},
        {"attempt": 2, "created_at": NOON + timedelta(seconds=1)},
        {"request_id": "req_2", "tenant_id": "ten_2"},
    )

    assert await _all(search, Wanted()) == ["req_1"]
    assert [one.attempt for one in await search.list_attempts(READER, "req_1")] == [1, 2]
    assert await search.list_attempts(READER, "req_2") == []
    exported = [one.request_id async for page in await search.export(READER, Wanted()) for one in page]
    assert exported == ["req_1"]


@pytest.mark.parametrize("cursor", ["", "x", "1", "1-", "-1-1", "9999999999999999-99999999999999999999"])
async def test_foreign_cursor_is_refused(search: SearchService, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        await search.search(READER, Wanted(), cursor=cursor)


async def test_whoever_may_not_see_usage_is_refused(search: SearchService) -> None:
    stranger = Caller("ten_1", "key:ak_3", frozenset({"inference"}))

    with pytest.raises(PermissionDenied):
        await search.search(stranger, Wanted())
    with pytest.raises(PermissionDenied):
        await search.list_attempts(stranger, "req_1")
    with pytest.raises(PermissionDenied):
        await search.export(stranger, Wanted())
