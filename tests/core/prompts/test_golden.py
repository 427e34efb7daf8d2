"""Golden sets: what they find, and that only what passes goes to production."""

from pathlib import Path
from typing import Any

import pytest

from officium.core.prompts import Prompt, PromptDraft, PromptFileInvalid, PromptRegistry, Variable
from officium.core.prompts.errors import GoldenSetFailed, InvalidGoldenSet
from officium.core.prompts.golden import Expectation, GoldenCase, check_version, read_golden_sets
from officium.core.prompts.golden.store import GoldenStore
from officium.core.prompts.prompt import shipped_version
from officium.core.prompts.service import PromptService
from officium.core.prompts.store import PromptStore
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.library import load_golden_sets, load_prompt_registry
from tests.support.tenancy import Tenancy

PROMPT = Prompt(
    name="note.v1",
    variables={"text": Variable(untrusted=True)},
    output_schema={"type": "object", "required": ["summary"], "properties": {"summary": {"type": "string"}}},
    system="Sum up.",
    user="{{ text }}",
)
CASE = GoldenCase(
    id="short",
    variables={"text": "We met Ada."},
    answer={"summary": "We met Ada."},
    expect=Expectation(prompt_has=("Ada", "Sum up"), answer_has=("ADA",), fields={"summary": "We met Ada."}),
)


@pytest.fixture
def prompts(database: Database) -> PromptService:
    tenancy = Tenancy(database)
    registry = PromptRegistry()
    registry.register(PROMPT)
    store = PromptStore(database)
    return PromptService(
        store, registry, tenancy.clock, golden=GoldenStore(database), golden_sets={PROMPT.name: (CASE,)}
    )


@pytest.fixture
async def admin(database: Database) -> Caller:
    return await Tenancy(database).an_admin()


def test_version_that_does_what_is_expected_passes() -> None:
    assert check_version(shipped_version(PROMPT, 1), [CASE]) == []


@pytest.mark.parametrize(
    ("expect", "answer", "problem"),
    [
        ({"prompt_has": ("Grace",)}, None, "the prompt lacks 'Grace'"),
        ({"prompt_lacks": ("Ada",)}, None, "the prompt has 'Ada'"),
        ({"max_prompt_tokens": 3}, None, "more than 3"),
        ({"answer_has": ("Grace",)}, {"summary": "Ada"}, "the answer lacks 'Grace'"),
        ({"answer_lacks": ("ada",)}, {"summary": "Ada"}, "the answer has 'ada'"),
        ({"fields": {"summary": "B"}}, {"summary": "Ada"}, "the answer's summary is 'Ada', not 'B'"),
        ({}, {"summary": 5}, "does not fit the output schema"),
        ({}, "no JSON", "does not fit the output schema"),
    ],
)
def test_version_that_does_not_is_told_why(expect: dict[str, Any], answer: Any, problem: str) -> None:
    case = GoldenCase(id="a", variables={"text": "Ada"}, answer=answer, expect=Expectation(**expect))

    (failure,) = check_version(shipped_version(PROMPT, 1), [case])

    assert failure.case == "a"
    assert problem in failure.problem


def test_case_that_cannot_be_rendered_is_a_failure() -> None:
    (failure,) = check_version(shipped_version(PROMPT, 1), [GoldenCase(id="a")])

    assert "note.v1 needs text" in failure.problem


async def test_only_what_passes_goes_to_production(prompts: PromptService, admin: Caller) -> None:
    good = await prompts.create_version(admin, PromptDraft(name=PROMPT.name, system="Sum up briefly."))
    bad = await prompts.create_version(admin, PromptDraft(name=PROMPT.name, system="Be brief."))

    with pytest.raises(GoldenSetFailed, match="short: the prompt lacks 'Sum up'"):
        await prompts.move_label(admin, PROMPT.name, "production", bad.ref)
    with pytest.raises(GoldenSetFailed):
        await prompts.create_version(
            admin, PromptDraft(name=PROMPT.name, system="Even briefer."), label="production"
        )
    await prompts.move_label(admin, PROMPT.name, "candidate", bad.ref)
    await prompts.move_label(admin, PROMPT.name, "production", good.ref)

    assert (await prompts.resolve(admin, PROMPT.name)).ref == good.ref
    assert len(await prompts.list_versions(admin, PROMPT.name)) == 3


async def test_tenants_own_cases_count_as_well(prompts: PromptService, admin: Caller) -> None:
    own = GoldenCase(id="own", variables={"text": "x"}, expect=Expectation(prompt_has=("kindly",)))
    await prompts.set_golden_set(admin, PROMPT.name, [own])

    version, cases, failures = await prompts.run_golden_set(admin, PROMPT.name)

    assert (version.ref, cases, [one.case for one in failures]) == ("shipped/1", 2, ["own"])
    await prompts.set_golden_set(admin, PROMPT.name, [])
    assert (await prompts.run_golden_set(admin, PROMPT.name))[2] == []


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([GoldenCase(id="a"), GoldenCase(id="a")], id="doubles"),
        pytest.param([GoldenCase(id="No spaces")], id="no id"),
        pytest.param([GoldenCase(id=f"c{number}") for number in range(101)], id="too many"),
        pytest.param([GoldenCase(id="a", variables={"text": "x" * 600_000})], id="too large"),
    ],
)
async def test_golden_sets_have_limits(
    prompts: PromptService, admin: Caller, cases: list[GoldenCase]
) -> None:
    with pytest.raises(InvalidGoldenSet):
        await prompts.set_golden_set(admin, PROMPT.name, cases)


@pytest.mark.parametrize("name", sorted(load_golden_sets()))
def test_shipped_prompts_pass_their_golden_sets(name: str) -> None:
    assert check_version(load_prompt_registry().get(name), load_golden_sets()[name]) == []


def test_every_prompt_of_the_writer_has_a_golden_set() -> None:
    names = {
        name
        for name in load_prompt_registry().names()
        if name.startswith(("deal.", "email.", "reminder.", "notes."))
    }

    assert names <= load_golden_sets().keys()


def test_file_that_is_no_golden_set_names_itself(tmp_path: Path) -> None:
    (tmp_path / "note.v1.json").write_text('[{"id": "a", "surprise": 1}]')

    with pytest.raises(PromptFileInvalid, match=r"note\.v1\.json"):
        read_golden_sets(tmp_path)
