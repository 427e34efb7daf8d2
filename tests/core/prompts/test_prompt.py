from typing import Any

import pytest
from msgspec.structs import replace

from officium.core.prompts import InvalidPrompt, Prompt, Variable
from officium.core.prompts.prompt import check_label, check_name, check_prompt, digest_of, parse_ref

PROMPT = Prompt(name="deal.summarize.v1", system="Summarize.", variables={"title": Variable()})


@pytest.mark.parametrize("name", ["a", "persona.ceo", "deal.order_received_analysis.v1", "x-1.y"])
def test_names_have_parts(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "A", "1a", ".a", "a.", "a..b", "a/b", "a b", "a" * 101, "a\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidPrompt):
        check_name(name)


@pytest.mark.parametrize("label", ["", "Production", "a b", "1", "x" * 33])
def test_labels_are_single_words(label: str) -> None:
    check_label("production")

    with pytest.raises(InvalidPrompt):
        check_label(label)


FAULTS: dict[str, tuple[str, Any]] = {
    "temperature": ("temperature", 2.5),
    "max_tokens": ("max_tokens", 0),
    "language": ("language", "German"),
    "description": ("description", "x" * 3000),
    "output_schema": ("output_schema", {"type": "nonsense"}),
    "address in a schema": ("output_schema", {"$ref": "http://169.254.169.254/x"}),
    "dialect of a schema": ("output_schema", {"$schema": "http://169.254.169.254/x"}),
    "number of variables": ("variables", {f"v{i}": Variable() for i in range(101)}),
}


@pytest.mark.parametrize(("field", "value"), FAULTS.values(), ids=FAULTS)
def test_a_fault_names_its_part(field: str, value: Any) -> None:
    with pytest.raises(InvalidPrompt) as caught:
        check_prompt(replace(PROMPT, **{field: value}))

    assert caught.value.fields["param"] == field


@pytest.mark.parametrize("name", ["loop", "Title", "_x", "self", "a" * 65, "ü"])
def test_variables_have_plain_names(name: str) -> None:
    with pytest.raises(InvalidPrompt):
        check_prompt(replace(PROMPT, variables={name: Variable()}))


def test_a_default_fits_its_variable_and_is_of_use() -> None:
    for variable in (Variable(required=False, default=1), Variable(default="x")):
        with pytest.raises(InvalidPrompt):
            check_prompt(replace(PROMPT, variables={"x": variable}))


def test_a_prompt_has_a_text() -> None:
    with pytest.raises(InvalidPrompt):
        check_prompt(Prompt(name="a"))


def test_digest_is_of_the_contents_alone() -> None:
    assert digest_of(PROMPT) == digest_of(replace(PROMPT))
    assert digest_of(PROMPT) != digest_of(replace(PROMPT, system="Other."))


def test_digests_stay_what_they_are() -> None:
    digest = "626aa80c5ed1abce"
    assert digest_of(PROMPT).startswith(digest)


def test_versions_are_written_with_their_source() -> None:
    assert parse_ref("own/3") == ("own", 3)

    for ref in ("3", "mine/3", "own/", "own/x", "own/-1", "own/9999999999"):
        with pytest.raises(InvalidPrompt):
            parse_ref(ref)
