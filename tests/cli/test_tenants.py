"""tenant create, list, suspend, resume."""

import json
import zipfile
from pathlib import Path

from tests.cli.conftest import Run


def test_a_tenant_is_made_suspended_and_resumed(run: Run, installed: dict[str, str]):
    made = run(
        "tenant", "create", "Acme", "--external-id", "org_1", "--time-zone", "Asia/Riyadh", "--json"
    ).json

    suspended = run("tenant", "suspend", "org_1", "--json").json
    resumed = run("tenant", "resume", made["id"], "--json").json

    assert (made["name"], made["external_id"], made["time_zone"]) == ("Acme", "org_1", "Asia/Riyadh")
    assert suspended["suspended_at"] is not None
    assert resumed["suspended_at"] is None


def test_people_get_a_table_and_sentences(run: Run, installed: dict[str, str]):
    made = run("tenant", "create", "Acme [bold]")
    run("tenant", "suspend", installed["tenant_id"])
    listed = run("tenant", "list").out

    assert "officium key create NAME --tenant ten_" in made.out
    assert "Acme [bold]" in listed
    assert "suspended" in listed


def test_what_is_wrong_is_said(run: Run, installed: dict[str, str]):
    for arguments, sentence in [
        (("create", "A", "--time-zone", "Mars"), "no time zone 'Mars'"),
        (("suspend", "nobody"), "no tenant 'nobody'"),
    ]:
        outcome = run("tenant", *arguments)
        assert outcome.status == 1
        assert sentence in outcome.err


def test_a_database_that_was_never_made_says_what_to_run(run: Run):
    from pathlib import Path

    Path("data").mkdir()

    assert "officium migrate" in run("tenant", "list").err


def test_all_pages_are_listed(run: Run, installed: dict[str, str], monkeypatch):
    from officium.core.tenancy.service import TenancyService

    original = TenancyService.list_tenants

    async def two_a_page(self, caller, *, after="", limit=100):
        return await original(self, caller, after=after, limit=2)

    monkeypatch.setattr(TenancyService, "list_tenants", two_a_page)
    for name in "ABCD":
        run("tenant", "create", name)

    assert {row["name"] for row in run("tenant", "list", "--json").json} == {"Default", *"ABCD"}


def test_a_tenant_is_deleted_and_opened_again(run: Run, installed: dict[str, str]):
    run("tenant", "create", "Acme", "--external-id", "org_1")

    closed = run("tenant", "delete", "org_1", "--yes")
    listed = run("tenant", "list").out
    early = run("tenant", "delete", "org_1", "--yes", "--days", "400")
    opened = run("tenant", "reopen", "org_1")
    again = run("tenant", "reopen", "org_1")

    assert "closed, and erased on" in closed.out
    assert "officium tenant reopen ten_" in closed.out
    assert "closed, erased on" in listed
    assert (early.status, again.status) == (1, 1)
    assert "0 to 365" in early.err
    assert "is active" in opened.out
    assert "This tenant is open" in again.err


def test_a_tenant_is_erased_at_once(run: Run, installed: dict[str, str]):
    made = run("tenant", "create", "Acme", "--json").json
    run("key", "create", "shop", "--tenant", made["id"])

    erased = run("tenant", "delete", made["id"], "--now", "--yes")
    left = run("tenant", "erased", "--json").json

    assert "is erased" in erased.out
    assert [(one["id"], one["closed_by"], one["rows"]["api_keys"]) for one in left] == [
        (made["id"], "operator:cli", 1)
    ]
    assert made["id"] in run("tenant", "erased").out
    assert [row["id"] for row in run("tenant", "list", "--json").json] == [installed["tenant_id"]]


def test_its_name_is_asked_for_and_the_last_one_stays(run: Run, installed: dict[str, str], monkeypatch):
    monkeypatch.setattr("typer.prompt", lambda *said, **options: "another name")

    wrong = run("tenant", "delete", installed["tenant_id"])
    last = run("tenant", "delete", installed["tenant_id"], "--yes")

    assert (wrong.status, last.status) == (1, 1)
    assert "not its name" in wrong.err
    assert "only tenant" in last.err


def test_all_of_a_tenant_is_written_into_a_file(run: Run, installed: dict[str, str]):
    run("tenant", "create", "Acme", "--external-id", "org_1")
    run("key", "create", "shop", "--tenant", "org_1")

    written = run("tenant", "export", "org_1", "--out", "acme.zip")
    again = run("tenant", "export", "org_1", "--out", "acme.zip")
    nowhere = run("tenant", "export", "org_1", "--out", "nowhere/acme.zip")

    assert "acme.zip: 0.0 MB" in written.out
    with zipfile.ZipFile("acme.zip") as packed:
        assert packed.testzip() is None
        assert [json.loads(packed.read("data/tenant.jsonl"))["external_id"]] == ["org_1"]
        assert len(packed.read("data/keys.jsonl").splitlines()) == 1
        assert b"export.downloaded" in packed.read("data/audit-log.jsonl")
        manifest = json.loads(packed.read("manifest.json"))
        assert (manifest["requested_by"], manifest["format_version"]) == ("operator:cli", 1)
    assert Path("acme.zip").stat().st_mode & 0o077 == 0
    assert (again.status, nowhere.status) == (1, 1)
    assert "already" in again.err
    assert "cannot be written" in nowhere.err
    assert sorted(path.name for path in Path.cwd().glob("*.zip*")) == ["acme.zip"]
