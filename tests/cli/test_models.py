"""models."""

import pytest
import time_machine

from tests.cli.conftest import Run

NOVEMBER_21 = time_machine.travel("2026-11-21T12:00:00Z", tick=True)


@pytest.fixture(autouse=True)
def november_21():
    with NOVEMBER_21:
        yield


def test_models_in_use_are_listed_with_their_state_and_price(
    run: Run, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("GEMINI_API_KEY", "g-1")
    monkeypatch.setenv("GEMINI_MODEL", "gemini-pro")
    run("model", "alias", "set", "fast", "openai/gpt-4o", "mock/mock")

    outcome = run("models", "--json")

    rows = {row["model"]: row for row in outcome.json}
    assert outcome.status == 0
    assert list(rows) == ["gemini/gemini-pro", "openai/gpt-4o", "openai/gpt-6-luna"]
    assert rows["gemini/gemini-pro"]["state"] == "retired"
    assert rows["openai/gpt-4o"] == {
        "model": "openai/gpt-4o",
        "used_by": "alias fast",
        "tenant": "Default",
        "state": "deprecated",
        "ends": "2027-01-14",
        "is_reported": False,
        "successor": "gpt-6-luna",
        "input_usd": "2.5",
        "output_usd": "10",
        "price_source": "price-list",
    }
    assert rows["openai/gpt-6-luna"]["used_by"] == "the default of OpenAI"


def test_what_is_broken_today_is_said_with_status_1(
    run: Run, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GROQ_API_KEY", "gsk-1")
    monkeypatch.setenv("GROQ_MODEL", "mixtral-8x7b-32768")
    run("model", "alias", "set", "fast", "openai/gpt-4o")

    outcome = run("models", "--breaking")

    assert outcome.status == 1
    assert "groq/mixtral-8x7b-32768" in outcome.out
    assert "2025-03-20" in outcome.out
    assert "gpt-4o" not in outcome.out


def test_what_breaks_later_is_said_with_status_0(run: Run, installed: dict[str, str]):
    run("model", "alias", "set", "fast", "openai/gpt-4o", "openai/gpt-6-luna")

    today, later = run("models", "--breaking"), run("models", "--breaking", "--by", "2027-01-14")

    assert (today.status, today.out) == (0, "Nothing in use will break by 2026-11-21.\n")
    assert later.status == 0
    assert "openai/gpt-4o " in later.out
    assert "luna" not in later.out.replace("gpt-6-luna  ", "")


def test_environment_is_judged_before_there_is_a_database(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4")

    outcome = run("models", "--breaking", "--json")

    assert (outcome.status, [row["model"] for row in outcome.json]) == (1, ["openai/gpt-4"])
    assert "no database" in outcome.err


def test_day_that_is_none_is_refused(run: Run, installed: dict[str, str]):
    outcome = run("models", "--breaking", "--by", "soon")

    assert outcome.status == 2
    assert "2027-01-31" in outcome.err
