"""serve, migrate, bootstrap, version."""

import asyncio
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import officium
from officium.core.tenancy.key import is_well_formed
from officium.kit import schema
from officium.kit.database import Database
from tests.cli.conftest import Run


def test_version_is_printed(run: Run):
    assert run("version").out.strip() == officium.__version__


def test_help_is_quick_and_imports_little():
    script = (
        "import sys; sys.argv = ['officium', '--help']\n"
        "from officium.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'fastapi', 'aiohttp', 'alembic', 'redis', 'pydantic'}\n"
        "print('HEAVY', heavy & set(sys.modules))\n"
    )

    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30).stdout

    assert "HEAVY set()" in output
    assert "bootstrap" in output


def test_bootstrap_makes_everything_from_nothing(run: Run):
    outcome = run("bootstrap", "--data", "some/where", "--tenant", "Acme", "--json")

    assert outcome.status == 0
    assert set(outcome.json) == {"tenant_id", "api_key", "email", "password"}
    assert is_well_formed(outcome.json["api_key"])
    assert stat.S_IMODE(Path("some/where/secret.key").stat().st_mode) == 0o600
    (tenant,) = run("tenant", "list", "--data", "some/where", "--json").json
    assert (tenant["id"], tenant["name"]) == (outcome.json["tenant_id"], "Acme")
    (key,) = run("key", "list", "--data", "some/where", "--json").json
    assert key["scopes"] == ["admin"]


def test_bootstrap_a_second_time_makes_nothing_and_says_so(run: Run, installed: dict[str, str]):
    outcome = run("bootstrap")

    assert (outcome.status, outcome.out) == (1, "")
    assert "nothing was made" in outcome.err
    assert len(run("key", "list", "--json").json) == 1


def test_with_json_an_error_is_json_on_standard_error(run: Run, installed: dict[str, str]):
    import json

    outcome = run("bootstrap", "--json")

    assert (outcome.status, outcome.out) == (1, "")
    assert json.loads(outcome.err)["error"]["code"] == "conflict"


def test_bootstrap_works_on_postgresql(run: Run, postgres_server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OFFICIUM_DATABASE_URL", postgres_server.create_database())

    assert run("bootstrap", "--json").status == 0
    assert run("bootstrap", "--json").status == 1
    assert [row["name"] for row in run("tenant", "list", "--json").json] == ["Default"]


def test_migrate_from_nothing_and_again(run: Run):
    first, second = run("migrate"), run("migrate")

    assert first.out.strip() == f"Applied: {', '.join(schema.revisions())}."
    assert "up to date" in second.out


def test_migrate_back_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch):
    run("migrate")
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115

    refused = run("migrate", "--to", "base")
    done = run("migrate", "--to", "base", "--yes")

    assert refused.status == 1
    assert done.out.startswith("Undone: ")
    assert asyncio.run(schema.current_revision(Database.open("sqlite:///data/officium.db"))) is None


def test_migrate_can_write_sql_instead(run: Run):
    outcome = run("migrate", "--sql")

    assert "CREATE TABLE tenants" in outcome.out
    assert not Path("data").exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(run: Run):
    Path("file").touch()

    outcome = run("bootstrap", "--data", "file/data")

    assert outcome.status == 1
    assert outcome.err.startswith("Error: The folder file/data cannot be made")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("OFFICIUM_PORT", "x", "Error: OFFICIUM_PORT: input should be a valid integer"),
        ("OFFICIUM_DATABASE_URL", "mysql://h/d", "Error: Officium cannot use a database of the kind 'mysql'"),
        ("OFFICIUM_SECRET_KEY", "short", "Error: The server's secret is shorter"),
        ("OFFICIUM_DATABASE_URL", "postgresql://u:pw@127.0.0.1:1/d", "Error: The database cannot be reached"),
    ],
    ids=["port", "database-kind", "secret", "database-away"],
)
def test_a_bad_setting_is_a_sentence_and_no_traceback(run: Run, monkeypatch, variable, value, sentence):
    monkeypatch.setenv(variable, value)

    outcome = run("bootstrap")

    assert outcome.status == 1
    assert outcome.err.startswith(sentence)
    assert "Traceback" not in outcome.err
    assert "pw" not in outcome.err


def test_serve_answers_and_ends_cleanly(run: Run, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "officium.cli", "serve", "--bootstrap", "--port", str(port)]

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_it_answers(url, process)
        refused = run("chat", "--url", url, "--key", "wrong", "--once", "Hello")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode == 0, errors
    assert refused.status == 1
    assert re.search(r"^Key: +ofc_\w+$", output, re.MULTILINE)
    assert f"curl -N {url}/v1/chat/completions" in output


def _wait_until_it_answers(url: str, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server does not answer")
