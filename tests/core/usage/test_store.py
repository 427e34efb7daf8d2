"""The usage log's table, on both databases."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from officium.core.tenancy import Caller
from officium.core.usage import UsageLog, UsageRecord, UsageService, UsageStore, WrittenRecord
from officium.core.usage import log as log_module
from officium.core.usage.errors import RecordRefused
from officium.core.usage.service import LARGEST_PAGE
from officium.core.usage.tables import usage_log
from officium.kit.database import Database, DatabaseUnavailable
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.records import a_record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
READER = Caller("ten_1", "key:ak_1", frozenset({"usage:read"}))
OTHER = Caller("ten_2", "key:ak_2", frozenset({"usage:read"}))


def names(records: list[WrittenRecord]) -> list[str]:
    return [record.request_id for record in records]


async def written(database: Database, *records: UsageRecord) -> UsageService:
    """A service over a log with these records."""
    store = UsageStore(database)
    await store.append_for_all_tenants(records)
    return UsageService(store)


def a_day(*names: str, **changes: Any) -> list[UsageRecord]:
    """Records of these requests, a minute apart, oldest first."""
    return [
        a_record(request_id=name, created_at=NOON + timedelta(minutes=number), **changes)
        for number, name in enumerate(names)
    ]


FULL = a_record(
    user="ada",
    prompt="brief",
    prompt_version="3",
    is_stream=True,
    cached_tokens=3,
    cache_write_tokens=4,
    reasoning_tokens=2,
    cost_nano_usd=9_000_000_000_000_000,
    input_tokens=1_000_000_000,
    price_source="price-list",
    status="failed",
    error_code="provider_unavailable",
    created_at=NOON + timedelta(microseconds=123456),
)
BARE = UsageRecord(
    created_at=NOON,
    request_id="req_1",
    attempt=0,
    is_last=True,
    tenant_id="ten_1",
    actor="key:ak_1",
    user=None,
    app="gateway",
    prompt=None,
    prompt_version=None,
    requested_model="nobody/knows",
    is_stream=False,
    cost_nano_usd=0,
    duration_ms=1,
    status="refused",
)


@pytest.mark.parametrize("record", [pytest.param(FULL, id="full"), pytest.param(BARE, id="refusal")])
async def test_record_is_read_as_it_was_written(database: Database, record: UsageRecord):
    service = await written(database, record)

    (kept,) = await service.list_records(READER)

    fields = msgspec.structs.asdict(kept)
    assert fields.pop("id") > 0
    assert fields == msgspec.structs.asdict(record)


def test_table_has_a_column_for_every_field_and_no_other():
    columns = {column.name for column in usage_log.columns}

    assert columns == set(WrittenRecord.__struct_fields__)
    assert columns == {*UsageRecord.__struct_fields__, "id"}


async def test_records_are_listed_newest_first(database: Database):
    early, middle, late = a_day("early", "middle", "late")
    service = await written(database, middle, late, early)

    assert names(await service.list_records(READER)) == ["late", "middle", "early"]


async def test_records_of_other_tenants_are_never_listed(database: Database):
    service = await written(database, *a_day("mine", "shared"), *a_day("shared", "theirs", tenant_id="ten_2"))

    mine, theirs = await service.list_records(READER), await service.list_records(OTHER)

    assert (names(mine), names(theirs)) == (["shared", "mine"], ["theirs", "shared"])
    assert {record.tenant_id for record in await service.list_records(READER, request_id="shared")} == {
        "ten_1"
    }
    assert await service.list_records(READER, request_id="theirs") == []


async def test_every_attempt_of_a_request_is_found_by_its_id(database: Database):
    attempts = [a_record(request_id="req_7", attempt=number, is_last=number == 3) for number in (1, 2, 3)]
    service = await written(database, *a_day("a", "b"), *attempts)

    found = await service.list_records(READER, request_id="req_7")

    assert [record.attempt for record in found] == [3, 2, 1]


async def test_pages_follow_each_other_without_gap_or_overlap(database: Database):
    same_moment = [a_record(request_id=f"same_{number}", created_at=NOON) for number in range(5)]
    service = await written(database, *a_day("a", "b", "c", "d"), *same_moment)
    seen: list[WrittenRecord] = []

    while page := await service.list_records(READER, before=seen[-1].id if seen else None, limit=2):
        seen += page

    assert seen == await service.list_records(READER)
    assert len({record.id for record in seen}) == 9


async def test_page_does_not_move_when_newer_records_come(database: Database):
    service = await written(database, *a_day("a", "b", "c"))
    (newest,) = await service.list_records(READER, limit=1)
    await written(database, a_record(request_id="new", created_at=NOON + timedelta(days=1)))

    assert names(await service.list_records(READER, before=newest.id)) == ["b", "a"]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(10**9, id="of-nobody"),
        pytest.param(2**63 - 1, id="largest"),
        pytest.param(1, id="oldest"),
    ],
)
async def test_nothing_comes_before_a_record_that_is_not_there(database: Database, before: int):
    service = await written(database, *a_day("a", "b"))

    assert await service.list_records(READER, before=before) == []


async def test_record_of_another_tenant_is_no_place_to_begin_at(database: Database):
    service = await written(database, *a_day("mine"), *a_day("x", "theirs", tenant_id="ten_2"))
    (theirs,) = await service.list_records(OTHER, request_id="theirs")

    assert await service.list_records(READER, before=theirs.id) == []


@pytest.mark.parametrize("limit", [0, -1, LARGEST_PAGE + 1])
async def test_page_of_impossible_size_is_refused(sqlite_database: Database, limit: int):
    service = await written(sqlite_database, a_record())

    with pytest.raises(InvalidRequest) as raised:
        await service.list_records(READER, limit=limit)

    assert raised.value.fields["param"] == "limit"


@pytest.mark.parametrize(
    ("scopes", "may_read"),
    [
        pytest.param({"usage:read"}, True, id="reader"),
        pytest.param({"admin"}, True, id="administrator"),
        pytest.param({"inference", "config:read", "config:write"}, False, id="all-others"),
    ],
)
async def test_usage_is_read_by_those_who_may(sqlite_database: Database, scopes: set[str], may_read: bool):
    service = await written(sqlite_database, a_record())
    caller = Caller("ten_1", "key:ak_1", frozenset(scopes))

    if may_read:
        assert len(await service.list_records(caller)) == 1
    else:
        with pytest.raises(PermissionDenied, match="usage:read"):
            await service.list_records(caller)


async def test_largest_batch_is_one_transaction(database: Database):
    records = [a_record(request_id=f"req_{number}") for number in range(2000)]

    service = await written(database, *records)

    listed = await service.list_records(READER, limit=LARGEST_PAGE)
    assert names(listed) == [f"req_{number}" for number in reversed(range(1800, 2000))]


async def test_half_a_batch_is_never_written(database: Database):
    store = UsageStore(database)
    broken = msgspec.structs.replace(a_record(), requested_model=None)

    with pytest.raises(RecordRefused):
        await store.append_for_all_tenants([a_record(), broken])

    assert await UsageService(store).list_records(READER) == []


POISONOUS = [
    pytest.param({"user": "a\0b"}, id="nul"),
    pytest.param({"user": "n" * 5000}, id="too-long"),
    pytest.param({"user": "\ud800"}, id="half-a-character"),
    pytest.param({"cost_nano_usd": 2**70}, id="too-large"),
]


@pytest.mark.parametrize("changes", POISONOUS)
async def test_record_the_database_refuses_does_not_take_others_with_it(
    database: Database, changes: dict[str, Any]
):
    log = UsageLog(store := UsageStore(database))
    log.start()

    for record in (
        a_record(request_id="a"),
        a_record(request_id="poison", **changes),
        a_record(request_id="b"),
    ):
        log.append(record)
    await log.close()

    listed = names(await UsageService(store).list_records(READER))
    assert set(listed) - {"poison"} == {"a", "b"}


async def test_database_that_is_away_is_not_the_records_fault(tmp_path: Path):
    missing = Database.open(f"sqlite:///{tmp_path / 'no-such-folder' / 'officium.db'}")

    with pytest.raises(DatabaseUnavailable):
        await UsageStore(missing).append_for_all_tenants([a_record()])
    await missing.close()


async def test_records_wait_while_another_process_holds_the_database(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_module, "_RETRY_WAIT_S", 0.01)
    log = UsageLog(store := UsageStore(sqlite_database))
    other = sqlite3.connect(sqlite_database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.start()

    for name in ("a", "b", "c"):
        log.append(a_record(request_id=name))
    await asyncio.sleep(0.3)
    other.execute("ROLLBACK")
    other.close()
    await log.close()

    assert names(await UsageService(store).list_records(READER)) == ["c", "b", "a"]


async def test_use_of_a_prompt_is_summed_up_by_version(database: Database) -> None:
    store = UsageStore(database)
    said = {"tenant_id": "ten_1", "prompt": "note.v1"}
    await store.append_for_all_tenants(
        [
            a_record(**said, prompt_version="own/1", cost_nano_usd=3, duration_ms=10),
            a_record(**said, prompt_version="own/1", cost_nano_usd=None, duration_ms=20, status="failed"),
            a_record(**said, prompt_version="own/2", cost_nano_usd=5, duration_ms=30),
            a_record(**said, prompt_version="own/1", cost_nano_usd=9, duration_ms=40, is_last=False),
            a_record(**{**said, "prompt": "other.v1"}, prompt_version="own/1", cost_nano_usd=9),
            a_record(**{**said, "tenant_id": "ten_2"}, prompt_version="own/1", cost_nano_usd=9),
        ]
    )
    caller = Caller("ten_1", "key:1", frozenset())
    before, after = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)

    rows = {row["version"]: row for row in await store.sum_by_prompt_version(caller, "note.v1", before, None)}

    assert set(rows) == {"own/1", "own/2"}
    first = rows["own/1"]
    assert (first["calls"], first["failed"], first["costs"]) == (2, 1, 1)
    assert (first["cost"], first["cost_squares"], first["duration"]) == (3, 9, 30)
    assert first["duration_squares"] == 500
    assert await store.sum_by_prompt_version(caller, "note.v1", after, None) == []
    assert await store.sum_by_prompt_version(caller, "note.v1", before, before) == []
