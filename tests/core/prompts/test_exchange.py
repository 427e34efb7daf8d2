"""Prompts as files, there and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.prompts import InvalidPrompt, Prompt, PromptDraft, PromptRegistry, Variable
from officium.core.prompts.exchange import PromptFile, PromptFileService, file_of
from officium.core.prompts.file import parse_file
from officium.core.prompts.prompt import shipped_version
from officium.core.prompts.service import PromptService
from officium.core.prompts.store import PromptStore
from officium.kit.database import Database
from officium.library import load_prompt_registry
from tests.support.tenancy import Tenancy

TEXT = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="{}#\0\r\x85\u2028\u2029"), min_size=1
)


@pytest.mark.parametrize("name", load_prompt_registry().names())
def test_every_shipped_prompt_goes_there_and_back(name: str) -> None:
    version = load_prompt_registry().get(name)

    assert parse_file(file_of(version), "a.md").digest == version.digest


@given(TEXT, TEXT)
def test_descriptions_and_defaults_go_there_and_back(description: str, default: str) -> None:
    prompt = Prompt(
        name="a.v1",
        description=description[:500],
        variables={"x": Variable(required=False, default=default)},
        user="{{ x }}",
    )

    assert parse_file(file_of(shipped_version(prompt, 1)), "a.md").prompt == prompt


def test_text_that_would_begin_a_section_cannot_be_a_file() -> None:
    with pytest.raises(InvalidPrompt):
        file_of(shipped_version(Prompt(name="a.v1", user="a\n# user\nb"), 1))


def services(database: Database) -> tuple[Tenancy, PromptService, PromptFileService]:
    tenancy = Tenancy(database)
    prompts = PromptService(PromptStore(database), PromptRegistry(), tenancy.clock)
    return tenancy, prompts, PromptFileService(prompts)


async def test_one_tenant_takes_what_another_exports(database: Database) -> None:
    tenancy, prompts, files = services(database)
    alpha, beta = await tenancy.an_admin(), await tenancy.an_admin()
    said: dict[str, Any] = {
        "variables": {"x": Variable()},
        "system": "Hi.",
        "tier": "fast",
        "temperature": 0.5,
    }
    made = await prompts.create_version(alpha, PromptDraft(name="a.v1", user="{{ x }}", **said))

    exported = await files.export_files(alpha)
    (taken,) = await files.import_files(beta, exported)

    assert [one.name for one in exported] == ["a.v1.md"]
    assert (taken.ref, taken.digest) == ("own/1", made.digest)
    assert await files.export_files(beta) == exported


async def test_nothing_is_published_if_one_file_is_wrong(database: Database) -> None:
    tenancy, prompts, files = services(database)
    admin = await tenancy.an_admin()
    good = PromptFile("a.v1.md", "---\nname: a.v1\n---\n# system\nHi.\n# user\n")

    with pytest.raises(InvalidPrompt, match=r"b\.md:1"):
        await files.import_files(admin, [good, PromptFile("b.md", "nothing")])

    assert await prompts.list_prompts(admin) == []
