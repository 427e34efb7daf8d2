"""budget set, list."""

import pytest

from tests.cli.conftest import Run


def test_budget_is_set_and_listed(run: Run, installed: dict[str, str]):
    said = run("budget", "set", "--limit", "50000", "--period", "day")

    listed = run("budget", "list")

    assert said.status == 0
    assert "the tenant may use 50,000 tokens a day, and has 50,000 left" in said.out
    assert "50,000 tokens a day" in listed.out
    assert "hard" in listed.out


def test_budget_that_is_set_again_is_changed(run: Run, installed: dict[str, str]):
    first = run("budget", "set", "--limit", "10", "--soft", "--time-zone", "Asia/Riyadh", "--json").json

    second = run("budget", "set", "--limit", "20", "--json").json

    assert second["budget"]["id"] == first["budget"]["id"]
    assert (second["budget"]["limit"], second["remaining"]) == (20, 20)
    assert (second["budget"]["is_hard"], second["budget"]["time_zone"]) == (False, "Asia/Riyadh")
    assert run("budget", "set", "--limit", "20", "--hard", "--json").json["budget"]["is_hard"]
    assert len(run("budget", "list", "--json").json) == 1


def test_money_is_set_in_dollars(run: Run, installed: dict[str, str]):
    run("budget", "set", "--limit", "1250.505", "--unit", "usd")

    (budget,) = run("budget", "list", "--json").json

    assert budget["budget"]["limit"] == 1_250_505_000_000
    assert "1,250.505 dollars a month" in run("budget", "list").out


def test_budget_may_only_count(run: Run, installed: dict[str, str]):
    said = run("budget", "set", "--limit", "none", "--unit", "requests", "--period", "total")

    assert "counts the requests in total of the tenant, without limit" in said.out


def test_budgets_of_one_subject_are_listed(run: Run, installed: dict[str, str]):
    run("budget", "set", "--limit", "10")
    run("budget", "set", "--limit", "5", "--subject", "client:7")

    (budget,) = run("budget", "list", "--subject", "client:7", "--json").json

    assert budget["budget"]["subject"] == {"kind": "client", "id": "7"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["--limit", "many"], "no whole number", id="word"),
        pytest.param(["--limit", "-1"], "not negative", id="negative"),
        pytest.param(["--limit", "1e3", "--unit", "usd"], "decimal number", id="money"),
        pytest.param(["--limit", "1", "--subject", "planet:7"], "member, key", id="kind"),
        pytest.param(["--limit", "1", "--subject", "client:acme"], "is a number", id="id"),
        pytest.param(["--limit", "1", "--time-zone", "Mars"], "Europe/Berlin", id="zone"),
    ],
)
def test_budget_that_cannot_be_is_refused(run: Run, installed: dict[str, str], words: list[str], reason: str):
    outcome = run("budget", "set", *words)

    assert outcome.status == 1
    assert reason in outcome.err
    assert run("budget", "list", "--json").json == []
