"""doctor."""

import asyncio
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from officium.kit.row_security import TAKE_ROLE_AWAY
from tests.cli.conftest import Outcome, Run
from tests.support.database import PostgresServer


def verdicts(outcome: Outcome) -> dict[str, str]:
    return {finding["part"]: finding["verdict"] for finding in outcome.json["findings"]}


def test_a_new_machine_is_ready_and_nothing_is_made(run: Run):
    outcome = run("doctor", "--json")

    assert outcome.status == 0
    assert outcome.json["ok"]
    assert "broken" not in verdicts(outcome).values()
    assert not Path("data").exists()


def test_an_installation_is_ready(run: Run, installed: dict[str, str], monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk-s3cret")

    outcome = run("doctor", "--json")

    assert verdicts(outcome)["database"] == verdicts(outcome)["provider groq"] == "ok"
    assert "s3cret" not in outcome.out


def test_people_get_plain_words(run: Run, installed: dict[str, str]):
    outcome = run("doctor")

    assert (
        "Only the scripted provider answers. Set the key of a provider, such as FIREWORKS_API_KEY."
        in outcome.out
    )
    assert outcome.out.strip().endswith("Ready to serve.")


@pytest.mark.parametrize(
    ("variable", "value", "part", "verdict"),
    [
        ("OFFICIUM_PORT", "x", "settings", "broken"),
        ("OFFICIUM_PROT", "1", "settings", "warning"),
        ("OFFICIUM_SECRET_KEY", "short", "secret", "broken"),
        ("OFFICIUM_DATABASE_URL", "mysql://h/d", "database", "broken"),
        ("OFFICIUM_DATABASE_URL", "postgresql://u:p@127.0.0.1:1/d", "database", "broken"),
        ("OFFICIUM_REDIS_URL", "redis://127.0.0.1:1", "redis", "warning"),
        ("OFFICIUM_REDIS_URL", "nonsense", "redis", "broken"),
        ("OFFICIUM_MOCK", "false", "providers", "broken"),
    ],
    ids=[
        "bad",
        "misspelt",
        "short-secret",
        "no-database",
        "database-away",
        "redis-away",
        "no-redis",
        "nobody-answers",
    ],
)
def test_what_is_wrong_is_found_with_what_to_do(run: Run, monkeypatch, variable, value, part, verdict):
    monkeypatch.setenv(variable, value)

    outcome = run("doctor", "--json")

    findings = [
        found for found in outcome.json["findings"] if (found["part"], found["verdict"]) == (part, verdict)
    ]
    assert findings
    assert all(found["what"] for found in findings)
    assert outcome.status == (1 if verdict == "broken" else 0)


def test_a_secret_others_may_read_is_a_warning(run: Run, installed: dict[str, str]):
    Path("data/secret.key").chmod(0o644)

    assert verdicts(run("doctor", "--json"))["secret"] == "warning"


def test_a_database_behind_is_a_warning(run: Run, installed: dict[str, str]):
    run("migrate", "--to", "0001", "--yes")

    assert verdicts(run("doctor", "--json"))["database"] == "warning"


def test_on_sqlite_the_server_alone_keeps_tenants_apart(run: Run, installed: dict[str, str]):
    assert verdicts(run("doctor", "--json"))["isolation"] == "off"


@pytest.mark.parametrize(
    ("damage", "verdict", "said"),
    [
        ("SELECT 1", "ok", "The database keeps tenants apart"),
        ("ALTER TABLE members DISABLE ROW LEVEL SECURITY", "warning", "all tenants: members."),
        (TAKE_ROLE_AWAY, "warning", "ignores row-level security"),
    ],
    ids=["whole", "a-table-is-open", "the-user-ignores-it"],
)
def test_on_postgresql_the_database_is_asked_whether_it_keeps_tenants_apart(
    run: Run, postgres_server: PostgresServer, monkeypatch, damage: str, verdict: str, said: str
):
    url = postgres_server.create_database()
    monkeypatch.setenv("OFFICIUM_DATABASE_URL", url)
    run("migrate")

    asyncio.run(PostgresServer(url).execute(damage))

    found = {finding["part"]: finding for finding in run("doctor", "--json").json["findings"]}
    assert found["isolation"]["verdict"] == verdict
    assert said in found["isolation"]["what"]


def test_a_folder_that_cannot_be_written_is_broken(run: Run):
    Path("file").touch()

    assert verdicts(run("doctor", "--data", "file/data", "--json"))["data folder"] == "broken"


def test_redis_that_answers_is_fine(run: Run, redis_url: str, monkeypatch):
    monkeypatch.setenv("OFFICIUM_REDIS_URL", redis_url)

    assert verdicts(run("doctor", "--json"))["redis"] == "ok"


def test_probing_asks_each_configured_provider(run: Run, httpserver: HTTPServer, monkeypatch):
    httpserver.expect_request("/good/models").respond_with_json({"data": [{"id": "a"}, {"id": "b"}]})
    httpserver.expect_request("/bad/models").respond_with_json({"error": {"message": "no"}}, status=401)
    httpserver.expect_request("/ill/models").respond_with_json({"error": {"message": "no"}}, status=500)
    for name, path in (("GROQ", "good"), ("OPENAI", "bad"), ("MISTRAL", "ill")):
        monkeypatch.setenv(f"{name}_API_KEY", "s3cret-key")
        monkeypatch.setenv(f"{name}_BASE_URL", httpserver.url_for(f"/{path}"))

    outcome = run("doctor", "--probe", "--json")

    found = {finding["part"]: finding for finding in outcome.json["findings"]}
    assert found["provider groq"]["what"] == "It answers and offers 2 models."
    assert (found["provider openai"]["verdict"], found["provider openai"]["advice"]) == (
        "broken",
        "Replace the key.",
    )
    assert found["provider mistral"]["verdict"] == "warning"
    assert found["provider mock"]["verdict"] == "ok"
    assert "s3cret-key" not in outcome.out
    assert outcome.status == 1
