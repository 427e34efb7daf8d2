"""model policy set, list, remove."""

from tests.cli.conftest import Run


def test_a_policy_is_set_listed_and_removed(run: Run, installed: dict[str, str]):
    made = run("model", "policy", "set", "operator", "claude/*", "groq/llama-*")
    (policy,) = run("model", "policy", "list", "--json").json
    shown = run("model", "policy", "list").out
    removed = run("model", "policy", "remove", "operator")

    assert made.out == "operator may use anthropic/*, groq/llama-* and nothing else.\n"
    assert (policy["subject"], policy["allowed"]) == ("operator", ["anthropic/*", "groq/llama-*"])
    assert "anthropic/*, groq/llama-*" in shown
    assert removed.status == 0
    assert run("model", "policy", "list", "--json").json == []


def test_a_policy_that_is_not_there_cannot_be_removed(run: Run, installed: dict[str, str]):
    outcome = run("model", "policy", "remove", "tenant")

    assert outcome.status == 1
    assert "'tenant'" in outcome.err


def test_a_pattern_that_fits_no_model_is_explained(run: Run, installed: dict[str, str]):
    outcome = run("model", "policy", "set", "tenant", "gpt-4o")

    assert outcome.status == 1
    assert "provider/model" in outcome.err
