"""A tenant's data in one file: all of it, nobody else's, no secret, for owners alone, and for a day."""

import asyncio
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from officium.core.gateway.tables import model_aliases
from officium.core.tenancy import AuditService, AuditStore, Caller, MemberStore
from officium.core.tenancy.export import (
    Export,
    ExportNotFound,
    ExportNotReady,
    ExportService,
    ExportStore,
    ExportUnderWay,
    ExportUnreadable,
)
from officium.core.tenancy.export.contents import FILES, LEFT_OUT
from officium.core.tenancy.tables import members
from officium.core.usage.tables import usage_log
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable
from officium.kit.errors import PermissionDenied
from tests.support.rows import a_row, fill_all
from tests.support.tenancy import Tenancy

SECRET = bytes(range(32))


@dataclass
class Archive:
    """What was taken along, unpacked."""

    files: dict[str, list[dict[str, Any]]]
    manifest: dict[str, Any]
    raw: dict[str, bytes]

    @classmethod
    def of(cls, content: bytes) -> "Archive":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            assert packed.testzip() is None
            raw = {name: packed.read(name) for name in packed.namelist()}
        return cls(
            files={
                name.removeprefix("data/").removesuffix(".jsonl"): [
                    json.loads(line) for line in content.splitlines()
                ]
                for name, content in raw.items()
                if name.startswith("data/")
            },
            manifest=json.loads(raw["manifest.json"]),
            raw=raw,
        )


class Office:
    """Two tenants with an owner each, and the service."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tenancy = Tenancy(database)
        self.clock = self.tenancy.clock
        self.store = ExportStore(database)
        self.service = self.a_service()
        self.audit = AuditService(AuditStore(database))

    def a_service(self, secret: bytes = SECRET, **more: Any) -> ExportService:
        return ExportService(self.store, MemberStore(self.database), self.clock, secret, **more)

    async def a_member(self, tenant_id: str, role: str = "owner") -> Caller:
        """A member of this role; all but owners are given the scopes of an administrator, too."""
        id = f"mem_{tenant_id[-8:]}_{role}"
        row = a_row(members, tenant_id, id) | {"id": id, "role": role, "person_id": None, "client_id": None}
        async with self.database.writing(tenant_id) as connection:
            await connection.execute(insert(members).values(row))
        return Caller(tenant_id, f"member:{id}", frozenset(("admin",)), member_id=id)

    async def an_owner(self, name: str = "Acme") -> Caller:
        return await self.a_member((await self.tenancy.a_tenant(name)).id)

    async def made(self, owner: Caller, service: ExportService | None = None) -> Export:
        """A new export, as it is when the job has run."""
        service = service or self.service
        asked = await service.request_export(owner)
        await service.run()
        return next(export for export in await service.list_exports(owner) if export.id == asked.id)

    async def content(self, owner: Caller, export: Export, service: ExportService | None = None) -> bytes:
        found, pieces = await (service or self.service).open_export(owner, export.id)
        content = b"".join([piece async for piece in pieces])
        assert len(content) == found.size_bytes
        return content


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
def lone_office(sqlite_database: Database) -> Office:
    """For what does not depend on the database."""
    return Office(sqlite_database)


async def test_everything_goes_along_and_nothing_of_others(office: Office) -> None:
    async with office.database.writing(ALL_TENANTS) as connection:
        await fill_all(connection, "ten_mine", "mine", 1)
        await fill_all(connection, "ten_other", "theirs", 2)
    owner = await office.a_member("ten_mine")

    export = await office.made(owner)
    archive = Archive.of(await office.content(owner, export))

    assert (export.state, export.percent, export.failure) == ("ready", 100, None)
    assert set(archive.files) == {file.name for file in FILES}
    empty = [name for name, rows in archive.files.items() if not rows]
    assert empty == []
    everything = b"".join(archive.raw.values())
    assert b"theirs" not in everything
    assert b"ten_other" not in everything
    for file in FILES:
        for row in archive.files[file.name]:
            assert row.get("tenant_id", row["id"] if file.table == "tenants" else None) == owner.tenant_id
            assert set(row) & set(file.leaves_out) == set()
    for column in ("mine-api_key", "mine-password_hash", "mine-person_id"):
        assert column.encode() not in everything


async def test_manifest_tells_what_is_there(office: Office) -> None:
    owner = await office.an_owner()

    archive = Archive.of(await office.content(owner, await office.made(owner)))

    assert (archive.manifest["format"], archive.manifest["format_version"]) == ("officium-export", 1)
    assert archive.manifest["tenant_id"] == owner.tenant_id
    assert archive.manifest["left_out"] == dict(LEFT_OUT)
    assert [file["path"] for file in archive.manifest["files"]] == [file.path for file in FILES]
    for file in archive.manifest["files"]:
        content = archive.raw[file["path"]]
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["rows"] == len(content.splitlines())
        assert file["size_bytes"] == len(content)
    assert archive.files["members"][0]["role"] == "owner"
    assert archive.files["audit-log"][-1]["action"] == "export.requested"


async def test_many_rows_come_once_each_and_in_pieces(office: Office) -> None:
    owner = await office.an_owner()
    service = office.a_service(piece_bytes=1000)
    rows = [
        a_row(usage_log, owner.tenant_id, f"call {number}", number) | {"id": number}
        for number in range(1, 1002)
    ]
    async with office.database.writing(owner.tenant_id) as connection:
        await connection.execute(insert(usage_log), rows)

    export = await office.made(owner, service)
    archive = Archive.of(await office.content(owner, export, service))

    assert [row["id"] for row in archive.files["usage-log"]] == list(range(1, 1002))
    assert export.pieces > 10
    assert export.done_rows == export.total_rows == sum(map(len, archive.files.values()))


async def test_tables_with_keys_of_several_columns_are_read_to_their_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.core.tenancy.export.service._ROWS_AT_ONCE", 2)
    owner = await office.an_owner()
    async with office.database.writing(owner.tenant_id) as connection:
        for number in range(1, 6):
            row = a_row(model_aliases, owner.tenant_id, "alias", number)
            await connection.execute(insert(model_aliases).values(row))

    archive = Archive.of(await office.content(owner, await office.made(owner)))

    assert [row["name"] for row in archive.files["model-aliases"]] == [
        f"alias-name-{number}" for number in range(1, 6)
    ]


@pytest.mark.parametrize("role", ["admin", "member", "viewer", "client"])
async def test_only_owners_get_it(lone_office: Office, role: str) -> None:
    tenant = await lone_office.tenancy.a_tenant()
    owner, member = await lone_office.a_member(tenant.id), await lone_office.a_member(tenant.id, role)
    machine = Caller(tenant.id, "key:ak_1", frozenset(("admin",)), key_id="ak_1")
    export = await lone_office.made(owner)

    for caller in (member, machine):
        for refused in (
            lone_office.service.request_export(caller),
            lone_office.service.list_exports(caller),
            lone_office.service.open_export(caller, export.id),
            lone_office.service.delete_export(caller, export.id),
        ):
            with pytest.raises(PermissionDenied, match="Only an owner"):
                await refused


async def test_nobody_reaches_anothers(office: Office) -> None:
    owner, other = await office.an_owner("Acme"), await office.an_owner("Beta")
    export = await office.made(owner)

    assert await office.service.list_exports(other) == []
    with pytest.raises(ExportNotFound):
        await office.service.open_export(other, export.id)
    with pytest.raises(ExportNotFound):
        await office.service.delete_export(other, export.id)
    assert await office.content(owner, export)


async def test_it_is_gone_after_a_day(office: Office) -> None:
    owner = await office.an_owner()
    export = await office.made(owner)

    office.clock.advance(timedelta(hours=24).total_seconds() + 1)
    hidden = await office.service.list_exports(owner)
    with pytest.raises(ExportNotFound):
        await office.service.open_export(owner, export.id)
    await office.service.run()

    assert hidden == []
    async with office.database.reading(ALL_TENANTS) as connection:
        left = (await connection.execute(text("SELECT count(*) FROM tenant_export_pieces"))).scalar_one()
    assert left == 0


async def test_what_lies_in_the_database_is_sealed_and_bound_to_its_place(office: Office) -> None:
    owner = await office.an_owner()
    export = await office.made(owner)

    sealed = await office.store.read_piece(owner, export.id, 0)
    assert sealed is not None
    assert b"PK" not in sealed[:4]
    with pytest.raises(ExportUnreadable):
        await office.a_service(bytes(32)).open_export(owner, export.id)


async def test_one_is_made_at_a_time_and_three_are_kept(lone_office: Office) -> None:
    owner = await lone_office.an_owner()

    await lone_office.service.request_export(owner)
    with pytest.raises(ExportUnderWay, match="being made"):
        await lone_office.service.request_export(owner)
    await lone_office.service.run()
    kept = [await lone_office.made(owner) for _ in range(2)]
    with pytest.raises(ExportUnderWay, match="Delete one"):
        await lone_office.service.request_export(owner)
    await lone_office.service.delete_export(owner, kept[0].id)

    assert (await lone_office.made(owner)).state == "ready"


async def test_of_two_who_ask_at_once_one_is_second(office: Office) -> None:
    owner = await office.an_owner()

    asked = await asyncio.gather(
        *(office.service.request_export(owner) for _ in range(4)), return_exceptions=True
    )

    assert sum(isinstance(each, Export) for each in asked) == 1
    assert sum(isinstance(each, ExportUnderWay) for each in asked) == 3


async def test_file_that_is_not_ready_cannot_be_taken(lone_office: Office) -> None:
    owner = await lone_office.an_owner()
    export = await lone_office.service.request_export(owner)

    with pytest.raises(ExportNotReady):
        await lone_office.service.open_export(owner, export.id)


async def test_too_large_a_file_is_given_up_and_leaves_nothing(lone_office: Office) -> None:
    owner = await lone_office.an_owner()
    small = lone_office.a_service(largest_bytes=2000, piece_bytes=500)

    export = await lone_office.made(owner, small)

    assert (export.state, export.failure) == ("failed", "too_large")
    assert await lone_office.store.read_piece(owner, export.id, 0) is None


async def test_one_that_was_broken_off_begins_again_and_not_for_ever(
    lone_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await lone_office.an_owner()
    export = await lone_office.service.request_export(owner)

    async def dies(*_: object, **__: object) -> bool:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(lone_office.store, "add_piece", dies)
        with pytest.raises(DatabaseUnavailable):
            await lone_office.service.run()
    [halfway] = await lone_office.service.list_exports(owner)
    await lone_office.service.run()
    [ready] = await lone_office.service.list_exports(owner)
    assert (halfway.state, ready.state) == ("building", "ready")
    assert Archive.of(await lone_office.content(owner, ready)).files["members"]

    await lone_office.service.delete_export(owner, export.id)
    await lone_office.service.request_export(owner)
    with monkeypatch.context() as patched:
        patched.setattr(lone_office.store, "add_piece", dies)
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await lone_office.service.run()
        await lone_office.service.run()
    [given_up] = await lone_office.service.list_exports(owner)
    assert (given_up.state, given_up.failure) == ("failed", "broken")


async def test_one_that_breaks_keeps_no_other_from_being_made(
    lone_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await lone_office.an_owner("Acme"), await lone_office.an_owner("Beta")
    await lone_office.service.request_export(first)
    await lone_office.service.request_export(second)
    read = lone_office.store.read_rows

    async def breaks(caller: Caller, *said: Any, **how: Any) -> list[dict[str, Any]]:
        if caller.tenant_id == first.tenant_id:
            raise ValueError("a row nobody expected")
        return await read(caller, *said, **how)

    monkeypatch.setattr(lone_office.store, "read_rows", breaks)
    await lone_office.service.run()

    states = [(await lone_office.service.list_exports(owner))[0].state for owner in (first, second)]
    assert states == ["failed", "ready"]


async def test_deleting_stops_one_that_is_being_made(
    lone_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await lone_office.an_owner()
    export = await lone_office.service.request_export(owner)
    read = lone_office.store.read_rows

    async def is_deleted_meanwhile(caller: Caller, *said: Any, **how: Any) -> list[dict[str, Any]]:
        if await lone_office.store.find_export(owner, export.id):
            await lone_office.service.delete_export(owner, export.id)
        return await read(caller, *said, **how)

    monkeypatch.setattr(lone_office.store, "read_rows", is_deleted_meanwhile)
    await lone_office.service.run()

    assert await lone_office.service.list_exports(owner) == []
    assert await lone_office.store.read_piece(owner, export.id, 0) is None


async def test_who_asked_took_and_deleted_is_written_down(lone_office: Office) -> None:
    owner = await lone_office.an_owner()
    export = await lone_office.made(owner)
    await lone_office.content(owner, export)
    await lone_office.service.delete_export(owner, export.id)

    entries = await lone_office.audit.list_entries(owner, thing="export")

    assert [(entry.action, entry.thing_id, entry.actor) for entry in entries] == [
        (f"export.{what}", export.id, owner.actor) for what in ("deleted", "downloaded", "requested")
    ]


async def test_process_that_comes_back_late_changes_nothing(office: Office) -> None:
    owner = await office.an_owner()
    export = await office.service.request_export(owner)
    job = Caller(owner.tenant_id, "job:exports", frozenset())

    late = await office.store.begin(job, export.id, 1)
    await office.service.run()
    assert late is not None
    changed = await office.store.add_piece(job, export.id, late, 0, b"old", size_bytes=3)
    await office.store.fail(job, export.id, late, "broken")

    [ready] = await office.service.list_exports(owner)
    assert not changed
    assert ready.state == "ready"
    assert Archive.of(await office.content(owner, ready)).files["members"]


async def test_long_table_is_not_sorted_again_for_each_page(lone_office: Office) -> None:
    owner = await lone_office.an_owner()
    statements: list[str] = []

    async with lone_office.database.reading(owner.tenant_id) as connection:
        engine = connection.engine.sync_engine

    def remember(*said: Any) -> None:
        statements.append(said[2])

    event.listen(engine, "before_cursor_execute", remember)
    after = a_row(usage_log, owner.tenant_id, "call", 1)
    [file] = [file for file in FILES if file.table == "usage_log"]
    await lone_office.store.read_rows(owner, file, after, 250, is_long=True)
    event.remove(engine, "before_cursor_execute", remember)
    [statement] = [each for each in statements if "FROM usage_log" in each]
    async with lone_office.database.reading(owner.tenant_id) as connection:
        found = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", ("", owner.tenant_id, 1, 250, 0)[: statement.count("?")]
        )
        plan = " ".join(row[3] for row in found.all())

    assert "PRIMARY KEY" in plan
    assert "TEMP B-TREE" not in plan


async def test_pages_of_a_long_table_leave_nothing_out(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.core.tenancy.export.service._ROWS_AT_ONCE", 3)
    monkeypatch.setattr("officium.core.tenancy.export.service._PAGES_OF_MANY", 2)
    owner, other = await office.an_owner("Acme"), await office.an_owner("Beta")
    for number in range(1, 41):
        tenant_id = (owner if number % 3 else other).tenant_id
        row = a_row(usage_log, tenant_id, "call", number) | {"id": number}
        async with office.database.writing(tenant_id) as connection:
            await connection.execute(insert(usage_log).values(row))

    archive = Archive.of(await office.content(owner, await office.made(owner)))

    assert [row["id"] for row in archive.files["usage-log"]] == [n for n in range(1, 41) if n % 3]
