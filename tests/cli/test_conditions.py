"""conditions check, explain, format."""

from pathlib import Path

from tests.cli.conftest import Run

CONDITION = "$metrics.cpu>80 and $status==running"


def test_a_condition_is_said_in_words(run: Run):
    assert run("conditions", "check", CONDITION).out == (
        "metrics.cpu is above 80 and status is running\nreads: metrics.cpu, status\n"
    )
    assert run("conditions", "check", CONDITION, "--json").json["tree"]["op"] == "and"


def test_a_condition_is_explained_for_the_facts_of_a_file(run: Run, tmp_path: Path):
    facts = tmp_path / "facts.json"
    facts.write_text('{"metrics": {"cpu": 12}}')

    told = run("conditions", "explain", CONDITION, "--facts", str(facts))
    tree = run("conditions", "explain", CONDITION, "--facts", str(facts), "--json")

    assert told.out == "Does not hold: metrics.cpu is not above 80 (it is 12).\n"
    assert (tree.json["result"], tree.json["deciding"][0]["position"]) == (False, 0)


def test_a_condition_is_written_in_its_canonical_form(run: Run):
    assert run("conditions", "format", CONDITION).out == "$metrics.cpu > 80 AND $status == running\n"


def test_a_mistake_is_pointed_at(run: Run):
    outcome = run("conditions", "check", "$cpu => 80")

    assert outcome.status == 1
    assert outcome.err == "$cpu => 80\n     ^\nError: => is no operator. Write >= for 'at least'.\n"


def test_facts_that_cannot_be_read_are_explained(run: Run, tmp_path: Path):
    facts = tmp_path / "facts.json"
    facts.write_text("[1]")

    assert "JSON object" in run("conditions", "explain", CONDITION, "--facts", str(facts)).err
    assert "cannot be read" in run("conditions", "explain", CONDITION, "--facts", str(tmp_path / "no")).err
