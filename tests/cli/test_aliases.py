"""model alias set, list, remove."""

from tests.cli.conftest import Run


def test_an_alias_is_set_listed_and_removed(run: Run, installed: dict[str, str]):
    run("model", "alias", "set", "fast", "groq/openai/gpt-oss-20b", "mock/mock")
    (alias,) = run("model", "alias", "list", "--json").json
    removed = run("model", "alias", "remove", "fast")

    assert (alias["name"], alias["targets"]) == ("fast", ["groq/openai/gpt-oss-20b", "mock/mock"])
    assert removed.status == 0
    assert run("model", "alias", "list", "--json").json == []


def test_an_alias_that_is_not_there_cannot_be_removed(run: Run, installed: dict[str, str]):
    outcome = run("model", "alias", "remove", "fast")

    assert outcome.status == 1
    assert "'fast'" in outcome.err
