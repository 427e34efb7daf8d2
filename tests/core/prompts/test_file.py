from pathlib import Path

import pytest

from officium.core.prompts import InvalidPrompt, PromptFileInvalid, Variable
from officium.core.prompts.file import parse_file, parse_variables, read_folder, write_variables

FILE = """---
name: deal.summarize.v1
version: 2
description: Sums up a deal.
tier: fast
temperature: 0.2
max_tokens: 250
language: en
variables:
  title: {description: What it is called.}
  notes: {type: list, untrusted: true}
  since:
    type: date
    required: false
    default: 2026-01-01
output_schema:
  type: object
  properties:
    summary: {type: string}
---

# system

You sum up deals.
Be brief.

# user
{{ title }}:
{% for note in notes %}
- {{ note }}
{% endfor %}
"""


def test_a_file_is_read() -> None:
    version = parse_file(FILE, "x.md")

    prompt = version.prompt
    assert (prompt.name, version.ref, prompt.tier, prompt.max_tokens) == (
        "deal.summarize.v1",
        "shipped/2",
        "fast",
        250,
    )
    assert prompt.system == "You sum up deals.\nBe brief."
    assert prompt.user.startswith("{{ title }}:\n{% for")
    assert prompt.variables["notes"].untrusted
    assert prompt.variables["since"].default == "2026-01-01"
    assert prompt.output_schema == {"type": "object", "properties": {"summary": {"type": "string"}}}


FAULTS = {
    "no front matter": ("---\nname", "name", 1),
    "unclosed front matter": ("\n---\n\n#", "\n\n#", 1),
    "no YAML": ("tier: fast", "tier: [fast", 6),
    "unknown field": ("tier: fast", "teir: fast", 5),
    "unknown tier": ("tier: fast", "tier: quick", 5),
    "wrong type": ("temperature: 0.2", "temperature: warm", 6),
    "out of range": ("temperature: 0.2", "temperature: 3", 6),
    "key twice": ("language: en", "tier: fast", 8),
    "version zero": ("version: 2", "version: 0", 3),
    "name": ("name: deal.summarize.v1", "name: Deal", 2),
    "unknown field of a variable": ("untrusted: true", "trusted: false", 11),
    "type of a variable": ("type: list", "type: array", 11),
    "default of a variable": ("default: 2026-01-01", "default: soon", 12),
    "schema": ("  type: object", "  type: thing", 16),
    "section in the front matter": ("language: en", "system: x", 8),
    "missing section": ("# user", "# usr", 22),
    "section twice": ("Be brief.", "# system", 27),
    "stray text": ("---\n\n# system", "---\nHello\n# system", 21),
    "template": ("- {{ note }}", "- {{ note }", 30),
    "undeclared variable": ("{{ title }}", "{{ titel }}", 28),
    "tag": ("tier: fast", "tier: !!python/object:os.system fast", 5),
}


@pytest.mark.parametrize(("good", "bad", "line"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_placed_by_file_and_line(good: str, bad: str, line: int) -> None:
    assert good in FILE

    with pytest.raises(PromptFileInvalid) as caught:
        parse_file(FILE.replace(good, bad, 1), "deal.md")

    assert caught.value.message.startswith(f"deal.md:{line}: ")


def test_a_folder_is_read_by_file_name(tmp_path: Path) -> None:
    (tmp_path / "deal.summarize.v1@2.md").write_text(FILE)
    (tmp_path / "deal.summarize.v1.md").write_text(FILE.replace("version: 2\n", ""))
    (tmp_path / "notes.txt").write_text("not a prompt")

    assert [version.ref for version in read_folder(tmp_path)] == ["shipped/1", "shipped/2"]


def test_a_file_is_named_for_its_prompt(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(FILE)

    with pytest.raises(PromptFileInvalid, match=r"other\.md:1: "):
        read_folder(tmp_path)


def test_variables_are_written_and_read_again() -> None:
    said = {
        "a": Variable(),
        "notes": Variable(type="list", required=False, untrusted=True, description="x: y"),
    }

    assert parse_variables(write_variables(said)) == said


def test_fault_in_variables_names_its_line() -> None:
    with pytest.raises(InvalidPrompt, match="Line 2: type: Invalid enum value 'foo'") as caught:
        parse_variables("a: {}\nb: {type: foo}")

    assert (caught.value.fields["param"], caught.value.fields["line"]) == ("variables", 2)
