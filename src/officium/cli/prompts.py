"""Whether prompts pass their golden sets: on recorded answers, or with a model that is asked."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from officium.cli.keys import TenantOption
from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from pathlib import Path

    from officium.core.prompts import PromptVersion
    from officium.core.prompts.golden import CaseFailure, GoldenCase
    from officium.library import LLMClient

_Work = tuple["PromptVersion", Sequence["GoldenCase"]]


class PromptRow(Struct, frozen=True, kw_only=True):
    """How a version did."""

    prompt: str
    version: str
    cases: int
    failures: list[str]


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    group = typer.Typer(name="prompts", help="The prompts and their golden sets.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command("test")(try_golden_sets)
    app.add_typer(group)


def try_golden_sets(
    name: Annotated[
        str | None, typer.Argument(help="One prompt; all that have a golden set by default.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="A version such as own/2; the one in use by default.")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option("--live", metavar="MODEL", help="Ask this model, with the key in the environment."),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The prompts that come with Officium; needs no installation.")
    ] = False,
    tenant: TenantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try prompts on their golden sets; status 1 if one fails. Asks no model unless --live names one."""
    work = _shipped(name) if shipped else asyncio.run(_of_tenant(data, tenant, name, version))
    rows = asyncio.run(_try_all(work, live))
    if as_json:
        say_json(rows)
    else:
        table = [(row.prompt, row.version, str(row.cases), _verdict(row.failures)) for row in rows]
        say_table(("prompt", "version", "cases", "result"), table)
        for row in rows:
            for failure in row.failures:
                say(f"{row.prompt}: {failure}")
    if any(row.failures for row in rows):
        raise SystemExit(1)


def _verdict(failures: Sequence[str]) -> str:
    return f"{len(failures)} failures" if failures else "passed"


def _shipped(name: str | None) -> list[_Work]:
    from officium.library import load_golden_sets, load_prompt_registry

    registry, sets = load_prompt_registry(), load_golden_sets()
    names = sorted(sets) if name is None else [name]
    return [(registry.get(one), sets.get(one, ())) for one in names]


async def _of_tenant(
    data: "Path | None", tenant: str | None, name: str | None, version: str | None
) -> list[_Work]:
    from officium.cli.installation import opened
    from officium.core.prompts.golden.store import GoldenStore
    from officium.core.prompts.service import PromptService
    from officium.core.prompts.store import PromptStore
    from officium.library import load_golden_sets, load_prompt_registry
    from officium.settings import load_settings

    async with opened(load_settings(data_dir=data)) as installation:
        caller = await installation.operator_of(tenant)
        golden, sets = GoldenStore(installation.database), load_golden_sets()
        prompts = PromptService(
            PromptStore(installation.database),
            load_prompt_registry(),
            installation.clock,
            golden=golden,
            golden_sets=sets,
        )
        names = [name] if name is not None else sorted({*sets, *await golden.list_names(caller)})
        work: list[_Work] = []
        for one in names:
            shipped, own = await prompts.get_golden_set(caller, one)
            if version is not None:
                found = await prompts.get_version(caller, one, version)
            else:
                found = await prompts.resolve(caller, one)
            work.append((found, (*shipped, *own)))
        return work


async def _try_all(work: Sequence[_Work], live: str | None) -> list[PromptRow]:
    from officium.core.prompts.golden import check_version
    from officium.library import LLMClient

    client = LLMClient(model=live) if live is not None else None
    rows = []
    try:
        for version, cases in work:
            failures = check_version(version, cases)
            if client is not None:
                recorded = {failure.case for failure in failures}
                failures += await _ask(client, version, [case for case in cases if case.id not in recorded])
            said = [f"{failure.case}: {failure.problem}" for failure in failures]
            rows.append(
                PromptRow(prompt=version.prompt.name, version=version.ref, cases=len(cases), failures=said)
            )
    finally:
        if client is not None:
            await client.close()
    return rows


async def _ask(
    client: "LLMClient", version: "PromptVersion", cases: Sequence["GoldenCase"]
) -> list["CaseFailure"]:
    """What a model's own answers do wrong."""
    from msgspec.structs import replace

    from officium.core.llm.errors import LLMError
    from officium.core.prompts.golden import CaseFailure
    from officium.core.prompts.golden.case import check_answer
    from officium.core.prompts.render import render

    failures: list[CaseFailure] = []
    for case in cases:
        rendered = render(version, case.variables)
        try:
            answer = await client.generate_structured_completion(
                dict(rendered.output_schema or {"type": "object"}),
                rendered.user,
                rendered.system,
                temperature=rendered.temperature,
                max_tokens=rendered.max_tokens,
            )
        except LLMError as error:
            failures.append(CaseFailure(case.id, error.message))
            continue
        # Exact values are what one answer was recorded to say; another may say the same differently.
        lenient = replace(case, expect=replace(case.expect, fields={}))
        failures += check_answer(rendered, lenient, answer)
    return failures
