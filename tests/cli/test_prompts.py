"""prompts test, on recorded answers and with a model."""

from tests.cli.conftest import Run


def test_shipped_prompts_pass_without_an_installation(run: Run):
    outcome = run("prompts", "test", "--shipped", "--json")

    assert outcome.status == 0
    assert {row["prompt"] for row in outcome.json} >= {"email.followup.v1", "deal.summarize.v1"}
    assert all(row["cases"] and not row["failures"] for row in outcome.json)


def test_prompts_in_use_pass(run: Run, installed: dict[str, str]):
    outcome = run("prompts", "test", "deal.summarize.v1")

    assert outcome.status == 0
    assert "deal.summarize.v1" in outcome.out
    assert "passed" in outcome.out


def test_model_that_says_something_else_fails_with_status_1(run: Run):
    outcome = run("prompts", "test", "email.followup.v1", "--shipped", "--live", "mock/mock", "--json")

    assert outcome.status == 1
    assert any("overdue-deal: the answer lacks" in failure for failure in outcome.json[0]["failures"])


def test_version_that_is_not_there_is_explained(run: Run, installed: dict[str, str]):
    outcome = run("prompts", "test", "deal.summarize.v1", "--version", "own/7")

    assert outcome.status == 1
    assert "own/7" in outcome.err
