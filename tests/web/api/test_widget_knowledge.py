"""A widget's knowledge over HTTP: files that come and go, and hostile ones."""

from typing import Any

import pytest

from tests.support.house import House, Resident
from tests.web.api.test_chat_widget import a_widget


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Agency")


async def knowledge_of(tenant: Resident) -> str:
    _, widget = await a_widget(tenant)
    return f"{widget}/knowledge"


async def upload(tenant: Resident, path: str, content: bytes, kind: str, **headers: str) -> Any:
    return await tenant.ask("POST", path, content, headers={"content-type": kind, **headers})


ENTRY = {
    "phrasings": ["What are your hours?", "Open|closed?"],
    "answer": "=SUM(A1)\n# 9 to 18",
    "language": "en",
    "tags": ["hours", "shop"],
    "sourceUrl": "https://shop.example/faq",
    "validFrom": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("format", "kind"),
    [("csv", "text/csv"), ("json", "application/json"), ("markdown", "text/markdown")],
)
async def test_what_is_exported_can_be_imported_again(tenant: Resident, format: str, kind: str):
    root = await knowledge_of(tenant)
    made = await tenant.ask("POST", f"{root}/entries", ENTRY)
    assert made.status == 201
    file = await tenant.ask("GET", f"{root}/export?format={format}")
    await tenant.ask("DELETE", f"{root}/entries/{made.json['id']}")

    done = await upload(tenant, f"{root}/import", file.body, kind)

    assert done.status == 200, done.json
    (entry,) = (await tenant.ask("GET", f"{root}/entries")).json["entries"]
    kept = (
        ["phrasings"] if format == "markdown" else ["phrasings", "answer", "tags", "source_url", "valid_from"]
    )
    assert {name: entry[name] for name in kept} == {name: made.json[name] for name in kept}


async def test_faults_of_a_file_are_told_by_row(tenant: Resident):
    root = await knowledge_of(tenant)

    reply = await upload(tenant, f"{root}/import", b"question,answer\nA?,\nB?,1\nC?,\n", "text/csv")

    assert (reply.status, reply.json["error"]["code"]) == (400, "knowledge_import_refused")
    assert [row["row"] for row in reply.json["error"]["rows"]] == [2, 4]
    assert (await tenant.ask("GET", f"{root}/entries")).json["entries"] == []


@pytest.mark.parametrize(
    ("content", "kind", "headers", "status"),
    [
        pytest.param(b"A?,1", "application/zip", {}, 400, id="unknown-kind"),
        pytest.param(b"\x1f\x8b", "text/csv", {"content-encoding": "gzip"}, 400, id="compressed"),
        pytest.param(b"PK\x03\x04", "text/csv", {}, 400, id="zip"),
        pytest.param(b"x" * (21 * 1024**2), "text/csv", {}, 413, id="too-large"),
        pytest.param(b"\xff\xfe\xfd", "text/csv", {}, 400, id="no-text"),
    ],
)
async def test_hostile_uploads_get_a_clear_answer(
    tenant: Resident, content: bytes, kind: str, headers: dict[str, str], status: int
):
    root = await knowledge_of(tenant)

    reply = await upload(tenant, f"{root}/import", content, kind, **headers)

    assert reply.status == status
    assert reply.json["error"]["message"]


async def test_bulk_edit_says_one_thing(tenant: Resident):
    root = await knowledge_of(tenant)
    made = (await tenant.ask("POST", f"{root}/entries", ENTRY)).json

    neither = await tenant.ask("POST", f"{root}/entries/bulk", {"ids": [made["id"]]})
    changed = await tenant.ask(
        "POST",
        f"{root}/entries/bulk",
        {"ids": [made["id"]], "change": {"addTags": ["new"], "language": None}},
    )

    assert (neither.status, changed.json) == (400, {"version": 2})
    entry = (await tenant.ask("GET", f"{root}/entries/{made['id']}")).json
    assert (entry["tags"], entry["language"]) == (["hours", "shop", "new"], None)
