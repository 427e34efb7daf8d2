"""Which models a tenant, its keys and its members may use: set, list, remove."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from officium.cli.keys import TenantOption
from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from pathlib import Path

    from officium.core.gateway.policies import PolicyService
    from officium.core.gateway.policy import ModelPolicy
    from officium.core.tenancy import Caller

SubjectArgument = Annotated[
    str, typer.Argument(help="operator (which the tenant cannot change), tenant, key:ID or member:ID.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="policy", help="Who may use which models.", no_args_is_help=True)
    group.command("set")(set_policy)
    group.command("list")(list_all)
    group.command("remove")(remove)
    app.add_typer(group)


def set_policy(
    subject: SubjectArgument,
    allowed: Annotated[list[str], typer.Argument(help="provider/model, where * stands for any characters.")],
    tenant: TenantOption = None,
    data: DataOption = None,
) -> None:
    """Let a subject use these models and no others."""

    async def work() -> "ModelPolicy":
        async with _policies(data, tenant) as (policies, caller):
            return await policies.set_policy(caller, subject, allowed)

    policy = asyncio.run(work())
    say(f"{subject} may use {', '.join(policy.allowed)} and nothing else.")


def list_all(tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List who may use which models."""

    async def work() -> "list[ModelPolicy]":
        async with _policies(data, tenant) as (policies, caller):
            return await policies.list_policies(caller)

    policies = asyncio.run(work())
    if as_json:
        say_json(policies)
    else:
        rows = [(policy.subject, ", ".join(policy.allowed) or "nothing") for policy in policies]
        say_table(("who", "may use"), rows)


def remove(subject: SubjectArgument, tenant: TenantOption = None, data: DataOption = None) -> None:
    """Lift a policy."""

    async def work() -> None:
        async with _policies(data, tenant) as (policies, caller):
            await policies.delete_policy(caller, subject)

    asyncio.run(work())
    say(f"The policy about {subject} is lifted.")


@asynccontextmanager
async def _policies(data: "Path | None", tenant: str | None) -> "AsyncIterator[tuple[PolicyService, Caller]]":
    from officium.cli.installation import opened
    from officium.core.gateway.policies import PolicyService
    from officium.core.gateway.store import PolicyStore
    from officium.settings import load_settings

    async with opened(load_settings(data_dir=data)) as installation:
        store = PolicyStore(installation.database)
        policies = PolicyService(store, installation.clock, installation.notices)
        yield policies, await installation.operator_of(tenant)
