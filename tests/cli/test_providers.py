"""providers."""

from officium.core.llm.providers import PROVIDERS
from tests.cli.conftest import Run


def test_every_provider_is_listed_with_how_it_is_configured(run: Run, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk-s3cret")
    monkeypatch.setenv("GROQ_MODEL", "openai/gpt-oss-120b")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://gpu:11434/v1")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "s3cret")

    outcome = run("providers", "--json")
    rows = {row["name"]: row for row in outcome.json}

    assert list(rows) == list(PROVIDERS)
    assert "s3cret" not in outcome.out
    assert rows["groq"] == {
        "name": "groq",
        "dialect": "openai-chat",
        "is_configured": True,
        "default_model": "openai/gpt-oss-120b",
        "source": "GROQ_API_KEY",
    }
    assert (rows["ollama"]["is_configured"], rows["ollama"]["source"]) == (True, "OLLAMA_BASE_URL")
    assert (rows["openai"]["is_configured"], rows["openai"]["source"]) == (False, "set OPENAI_API_KEY")
    assert rows["mock"]["is_configured"]
    assert not rows["azure"]["is_configured"]


def test_a_key_in_env_file_counts(run: Run, tmp_path):
    (tmp_path / ".env").write_text("GROQ_API_KEY=gsk\nOFFICIUM_MOCK=false\n")

    rows = {row["name"]: row["is_configured"] for row in run("providers", "--json").json}

    assert [name for name, is_configured in rows.items() if is_configured] == ["groq"]


def test_people_get_a_table(run: Run):
    lines = run("providers").out.splitlines()

    assert lines[0].split() == ["name", "dialect", "configured", "default", "model", "by"]
    assert len(lines) == len(PROVIDERS) + 1
