"""Kept prompts and answers, on both databases: sealed, whose they are, who opened them, and when they go."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from officium.core.llm.completion import Completion, CompletionRequest
from officium.core.llm.message import Text, user
from officium.core.tenancy import AuditService, AuditStore, Caller, Tenant, TenantStore
from officium.core.usage import UsageService, UsageStore
from officium.core.usage.contents import (
    CONTENT_COLUMNS,
    ContentKeeper,
    ContentNotKept,
    ContentService,
    ContentStore,
    InvalidLogTerms,
    LogBounds,
    LogTerms,
    PendingContent,
    TermsBook,
)
from officium.core.usage.contents import keeper as keeper_module
from officium.core.usage.contents.store import ContentRow
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from officium.kit.sealing import KeyRing, KeyRotation, SealBroken, SealingStore, SecretWrapper
from officium.kit.secrets import ServerSecret
from tests.support.clock import HandClock
from tests.support.records import a_record

SECRET_QUESTION = "the quince orchard in Bordeaux"
ADMIN = Caller("ten_1", "member:ada", frozenset({"admin"}), member_id="ada")
OTHER = Caller("ten_2", "member:eve", frozenset({"admin"}), member_id="eve")
VIEWER = Caller("ten_1", "member:vic", frozenset({"usage:read"}), member_id="vic")


class Bench:
    """The parts behind kept contents, for two tenants."""

    def __init__(self, database: Database, bounds: LogBounds | None = None) -> None:
        self.database = database
        self.clock = HandClock()
        self.notices = LocalNotices()
        self.ring = KeyRing(SealingStore(database), SecretWrapper(ServerSecret(b"s" * 32)), self.clock)
        self.store = ContentStore(database, self.ring)
        self.book = TermsBook(self.store, self.clock, self.notices)
        self.keeper = ContentKeeper(self.store, self.book)
        self.service = ContentService(self.store, self.clock, self.notices, bounds or LogBounds())

    async def begin(self) -> "Bench":
        tenants = TenantStore(self.database)
        for number in (1, 2):
            await tenants.add_for_all_tenants(
                Tenant(id=f"ten_{number}", name=f"Tenant {number}", created_at=self.clock.now())
            )
        self.keeper.start()
        return self

    async def keep(self, *pending: PendingContent) -> None:
        for one in pending:
            self.keeper.append(one)
        await self.keeper.flush()

    def asked(self, question: str = SECRET_QUESTION, **more: Any) -> PendingContent:
        fields: dict[str, Any] = {
            "tenant_id": "ten_1",
            "request_id": "req_1",
            "created_at": self.clock.now(),
            "widget_id": None,
            "visitor_id": None,
            "is_masked": True,
            "request": CompletionRequest(model="mock", messages=(user(question),)),
            "answer": Completion(parts=(Text(f"You asked for {question}"),)),
            "finish_reason": "stop",
            "model": "mock/mock",
            "faults": (),
        }
        return PendingContent(**(fields | more))

    async def count(self, table: str) -> int:
        async with self.database.reading(ALL_TENANTS) as connection:
            return (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_content_is_sealed_opened_by_administrators_alone_and_that_is_written_down(
    database: Database,
) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked())

    async with database.reading(ALL_TENANTS) as connection:
        rows = (await connection.execute(text("SELECT * FROM request_contents"))).mappings().all()
    opened = await bench.service.open_content(ADMIN, "req_1", by="req_9")
    audit = await AuditService(AuditStore(database)).list_entries(ADMIN)

    assert len(rows) == 1
    assert "quince" not in str(rows)
    assert rows[0]["request"].startswith("s1.")
    assert opened[0].request.messages[0].parts[0].text == SECRET_QUESTION
    assert opened[0].answer.parts[0].text == f"You asked for {SECRET_QUESTION}"
    assert [(one.action, one.thing_id, one.actor, one.member_id, one.request_id) for one in audit] == [
        ("request_content.opened", "req_1", "member:ada", "ada", "req_9")
    ]
    assert "quince" not in str(audit)
    assert [kept.request_id for kept in await bench.service.list_kept(VIEWER, "req_1")] == ["req_1"]
    with pytest.raises(PermissionDenied):
        await bench.service.open_content(VIEWER, "req_1")
    await bench.keeper.close()


async def test_nobody_opens_what_is_another_tenants_or_not_kept(database: Database) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked())

    with pytest.raises(ContentNotKept):
        await bench.service.open_content(OTHER, "req_1")
    with pytest.raises(ContentNotKept):
        await bench.service.open_content(ADMIN, "req_2")

    assert await bench.service.list_kept(OTHER, "req_1") == []
    assert await bench.service.forget_contents(OTHER) == 0
    assert await bench.count("request_contents") == 1
    audit = AuditService(AuditStore(database))
    assert [one.action for one in await audit.list_entries(OTHER)] == ["request_contents.deleted"]
    assert await audit.list_entries(ADMIN) == []
    await bench.keeper.close()


async def test_envelope_moved_to_another_row_or_tenant_does_not_open(database: Database) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked(), bench.asked("mine", tenant_id="ten_2", request_id="req_2"))

    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(
            text(
                "UPDATE request_contents SET request ="
                " (SELECT request FROM request_contents WHERE tenant_id = 'ten_1') WHERE tenant_id = 'ten_2'"
            )
        )

    with pytest.raises(SealBroken):
        await bench.service.open_content(OTHER, "req_2")
    await bench.keeper.close()


async def test_calls_of_one_request_are_opened_in_their_order(database: Database) -> None:
    bench = await Bench(database).begin()
    for number in range(3):
        bench.clock.advance(0.001)
        await bench.keep(bench.asked(f"question {number}"))

    opened = await bench.service.open_content(ADMIN, "req_1")

    said = [one.request.messages[0].parts[0].text for one in opened]
    assert said == ["question 0", "question 1", "question 2"]
    await bench.keeper.close()


async def test_keys_can_be_exchanged_before_and_between(database: Database) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked())
    rotation = KeyRotation(SealingStore(database), bench.ring, CONTENT_COLUMNS, bench.clock)

    done = await rotation.rotate()
    await bench.keep(bench.asked("after it", request_id="req_2"))

    assert done.resealed == 2
    assert len(done.retired) == 1
    opened = await bench.service.open_content(ADMIN, "req_1")
    assert opened[0].request.messages[0].parts[0].text == SECRET_QUESTION
    assert (await bench.service.open_content(ADMIN, "req_2"))[0].answer.parts[0].text.endswith("after it")
    await bench.keeper.close()


async def test_batch_sealed_with_a_key_that_was_just_retired_is_sealed_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked(request_id="req_0"))
    seal_ahead = bench.ring.seal_ahead
    rotations = [KeyRotation(SealingStore(database), bench.ring, CONTENT_COLUMNS, bench.clock)]

    async def seal_then_rotate(texts: Any) -> Any:
        sealed = await seal_ahead(texts)
        if rotations:
            await rotations.pop().rotate()
        return sealed

    monkeypatch.setattr(bench.ring, "seal_ahead", seal_then_rotate)
    await bench.keep(bench.asked())

    opened = await bench.service.open_content(ADMIN, "req_1")
    assert opened[0].request.messages[0].parts[0].text == SECRET_QUESTION
    await bench.keeper.close()


async def test_terms_are_said_by_administrators_within_what_the_installation_allows(
    database: Database,
) -> None:
    bench = await Bench(database, LogBounds(are_contents_allowed=False, most_log_days=90)).begin()

    with pytest.raises(InvalidLogTerms, match="does not allow"):
        await bench.service.set_terms(ADMIN, LogTerms(contents="all"))
    with pytest.raises(InvalidLogTerms, match="1 to 90 days"):
        await bench.service.set_terms(ADMIN, LogTerms(log_days=91))
    with pytest.raises(InvalidLogTerms, match="365"):
        await bench.service.set_terms(ADMIN, LogTerms(content_days=0))
    with pytest.raises(PermissionDenied):
        await bench.service.set_terms(VIEWER, LogTerms())
    await bench.service.set_terms(ADMIN, LogTerms(log_days=30))

    assert await bench.service.get_terms(VIEWER) == LogTerms(log_days=30)
    assert await bench.service.get_terms(OTHER) == LogTerms()
    [entry] = await AuditService(AuditStore(database)).list_entries(ADMIN)
    assert (entry.action, entry.before, entry.after) == (
        "log_terms.changed",
        {"contents": "off", "content_days": 14, "is_masked": True, "log_days": None},
        {"contents": "off", "content_days": 14, "is_masked": True, "log_days": 30},
    )
    await bench.keeper.close()


async def test_terms_are_at_hand_until_they_change_or_a_moment_has_passed(database: Database) -> None:
    bench = await Bench(database).begin()

    assert bench.book.peek("ten_1") is None
    assert (await bench.book.load(ADMIN)).contents == "off"
    assert bench.book.peek("ten_1") == LogTerms()
    await bench.service.set_terms(ADMIN, LogTerms(contents="all"))
    assert bench.book.peek("ten_1") is None
    assert (await bench.book.load(ADMIN)).contents == "all"
    bench.clock.advance(10)
    assert bench.book.peek("ten_1") is None
    await bench.keeper.close()


async def test_sweep_deletes_what_is_over_and_leaves_tallies_and_other_tenants(database: Database) -> None:
    bench = await Bench(database).begin()
    await bench.service.set_terms(ADMIN, LogTerms(contents="all", content_days=14, log_days=30))
    now = bench.clock.now()
    records = [
        a_record(tenant_id=tenant, request_id=f"req_{age}", created_at=now - timedelta(days=age))
        for tenant in ("ten_1", "ten_2")
        for age in (1, 29, 31, 400)
    ]
    await UsageStore(database).append_for_all_tenants(records)
    tallies = await bench.count("usage_tallies")
    await bench.keep(
        *(
            bench.asked(request_id=f"req_{age}", created_at=now - timedelta(days=age))
            for age in (1, 13, 15, 40)
        )
    )

    await bench.service.sweep()

    usage = UsageService(UsageStore(database))
    mine, others = await usage.list_records(ADMIN), await usage.list_records(OTHER)
    assert [record.request_id for record in mine] == ["req_1", "req_29"]
    assert len(others) == 4
    assert await bench.count("request_contents") == 2
    assert await bench.count("usage_tallies") == tallies
    assert [one.id for age in (1, 13) for one in await bench.service.list_kept(ADMIN, f"req_{age}")]
    await bench.keeper.close()


async def test_installation_shortens_the_log_of_all_tenants_a_few_lines_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.core.usage.contents.service._BATCH", 3)
    bench = await Bench(database, LogBounds(most_log_days=10)).begin()
    await bench.service.set_terms(ADMIN, LogTerms(contents="all", content_days=14, log_days=5))
    now = bench.clock.now()
    ages = [("ten_1", 4), ("ten_1", 6), ("ten_2", 9)] + [("ten_2", age) for age in range(11, 21)]
    ages += [("ten_gone", 11), ("ten_gone", 2)]
    await UsageStore(database).append_for_all_tenants(
        [
            a_record(tenant_id=tenant, request_id=f"{tenant}_{age}", created_at=now - timedelta(days=age))
            for tenant, age in ages
        ]
    )
    await bench.keep(
        *(bench.asked(request_id=f"req_{age}", created_at=now - timedelta(days=age)) for age in (4, 6))
    )

    await bench.service.sweep()

    async with database.reading(ALL_TENANTS) as connection:
        left = (await connection.execute(text("SELECT request_id FROM usage_log"))).scalars().all()
    assert sorted(left) == ["ten_1_4", "ten_2_9", "ten_gone_2"]
    assert await bench.count("request_contents") == 1, "contents go with the lines they belong to"
    await bench.keeper.close()


async def test_contents_go_with_their_tenant(database: Database) -> None:
    bench = await Bench(database).begin()
    await bench.keep(bench.asked(), bench.asked(tenant_id="ten_2"))

    async with database.writing("ten_1") as connection:
        await connection.execute(text("DELETE FROM tenants WHERE id = 'ten_1'"))
    await bench.keep(bench.asked(request_id="req_late"), bench.asked(tenant_id="ten_2"))

    async with database.reading(ALL_TENANTS) as connection:
        left = (await connection.execute(text("SELECT tenant_id FROM request_contents"))).scalars().all()
    assert list(left) == ["ten_2", "ten_2"]
    await bench.keeper.close()


class _DownFor:
    """A sink that is away for the first batches."""

    def __init__(self, sink: ContentStore, times: int) -> None:
        self.times = times
        self.batches: list[int] = []
        self._sink = sink

    async def append_for_all_tenants(self, rows: Sequence[ContentRow]) -> None:
        self.batches.append(len(rows))
        if self.times:
            self.times -= 1
            raise DatabaseUnavailable("It is away.")
        await self._sink.append_for_all_tenants(rows)


async def test_contents_wait_for_a_database_that_is_away_and_are_left_out_where_too_much_waits(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await Bench(sqlite_database).begin()
    monkeypatch.setattr(keeper_module, "_RETRY_WAIT_S", 0.01)
    monkeypatch.setattr(keeper_module, "WAITING_BYTES", 10_000)
    sink = _DownFor(bench.store, 2)
    keeper = ContentKeeper(sink, bench.book)
    keeper.start()

    for number in range(100):
        keeper.append(bench.asked(request_id=f"req_{number}"))
    await keeper.flush()
    keeper.append(bench.asked(request_id="req_later"))
    await keeper.close()

    kept = await bench.count("request_contents")
    assert len(sink.batches) >= 3
    assert 1 < kept < 100
    assert await bench.service.list_kept(ADMIN, "req_0")
    assert await bench.service.list_kept(ADMIN, "req_later"), "what has come before the end is written"
    await bench.keeper.close()


async def test_no_words_stand_in_the_database_file(sqlite_database: Database) -> None:
    bench = await Bench(sqlite_database).begin()
    await bench.keep(bench.asked(is_masked=False))
    path = sqlite_database.path
    assert path is not None

    def bytes_of_all_files() -> bytes:
        return b"".join(file.read_bytes() for file in Path(path.parent).glob(f"{path.name}*"))

    written = await asyncio.to_thread(bytes_of_all_files)

    assert b"req_1" in written
    assert b"quince" not in written
    await bench.keeper.close()
