"""Model aliases: set, list, remove."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from officium.cli.keys import TenantOption
from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from pathlib import Path

    from officium.core.gateway.alias import Alias
    from officium.core.gateway.models import ModelService
    from officium.core.tenancy import Caller


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="alias", help="A tenant's own names for models.", no_args_is_help=True)
    group.command("set")(set_alias)
    group.command("list")(list_all)
    group.command("remove")(remove)
    app.add_typer(group)


def set_alias(
    name: Annotated[str, typer.Argument(help="The name callers ask for.")],
    targets: Annotated[list[str], typer.Argument(help="provider/model, the next one if one fails.")],
    tenant: TenantOption = None,
    data: DataOption = None,
) -> None:
    """Create an alias, or replace what it stands for."""

    async def work() -> None:
        async with _models(data, tenant) as (models, caller):
            await models.set_alias(caller, name, targets)

    asyncio.run(work())
    say(f"{name} stands for {', then '.join(targets)}.")


def list_all(tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List a tenant's aliases."""

    async def work() -> "list[Alias]":
        async with _models(data, tenant) as (models, caller):
            return await models.list_aliases(caller)

    aliases = asyncio.run(work())
    if as_json:
        say_json(aliases)
    else:
        say_table(("name", "stands for"), [(alias.name, ", then ".join(alias.targets)) for alias in aliases])


def remove(
    name: Annotated[str, typer.Argument(help="The name callers ask for.")],
    tenant: TenantOption = None,
    data: DataOption = None,
) -> None:
    """Remove an alias."""

    async def work() -> None:
        async with _models(data, tenant) as (models, caller):
            await models.delete_alias(caller, name)

    asyncio.run(work())
    say(f"{name} is removed.")


@asynccontextmanager
async def _models(data: "Path | None", tenant: str | None) -> "AsyncIterator[tuple[ModelService, Caller]]":
    from officium.cli.installation import opened
    from officium.core.gateway.models import ModelService
    from officium.core.gateway.store import AliasStore
    from officium.settings import load_settings

    async with opened(load_settings(data_dir=data)) as installation:
        store = AliasStore(installation.database)
        models = ModelService({}, store, installation.clock, notices=installation.notices)
        yield models, await installation.operator_of(tenant)
