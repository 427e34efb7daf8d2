"""Tenants: create, list, suspend, resume."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from officium.core.tenancy import Tenant

ReferenceArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Its id or external id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        name="tenant", help="The isolated customers of this installation.", no_args_is_help=True
    )
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("suspend")(suspend)
    group.command("resume")(resume)
    app.add_typer(group)


def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    external_id: Annotated[
        str | None, typer.Option(help="What your identity provider calls it.", show_default=False)
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Where its days begin and end.")] = "UTC",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a tenant."""
    from officium.cli.installation import OPERATOR, opened
    from officium.settings import load_settings

    async def work() -> "Tenant":
        async with opened(load_settings(data_dir=data)) as installation:
            return await installation.tenants.create_tenant(
                OPERATOR, name, external_id=external_id, time_zone=time_zone
            )

    tenant = asyncio.run(work())
    if as_json:
        say_json(tenant)
    else:
        say(f"Created tenant {tenant.id}. Make a key for it: officium key create NAME --tenant {tenant.id}")


def list_all(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List all tenants."""
    from officium.cli.installation import OPERATOR, opened
    from officium.settings import load_settings

    async def work() -> "list[Tenant]":
        found: list[Tenant] = []
        async with opened(load_settings(data_dir=data)) as installation:
            while page := await installation.tenants.list_tenants(
                OPERATOR, after=found[-1].id if found else ""
            ):
                found += page
        return found

    tenants = asyncio.run(work())
    if as_json:
        say_json(tenants)
        return
    say_table(
        ("id", "name", "external id", "time zone", "created", "state"),
        [
            (
                tenant.id,
                tenant.name,
                tenant.external_id or "",
                tenant.time_zone,
                f"{tenant.created_at:%Y-%m-%d}",
                "suspended" if tenant.suspended_at else "active",
            )
            for tenant in tenants
        ],
    )


def suspend(tenant: ReferenceArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Refuse every key and session of a tenant, until it is resumed. Nothing is deleted."""
    _change("suspend", tenant, data, as_json)


def resume(tenant: ReferenceArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Let a suspended tenant in again."""
    _change("resume", tenant, data, as_json)


def _change(verb: Literal["suspend", "resume"], reference: str, data: DataOption, as_json: bool) -> None:
    from officium.cli.installation import OPERATOR, opened
    from officium.settings import load_settings

    async def work() -> "Tenant":
        async with opened(load_settings(data_dir=data)) as installation:
            if verb == "suspend":
                return await installation.tenants.suspend_tenant(OPERATOR, reference)
            return await installation.tenants.resume_tenant(OPERATOR, reference)

    tenant = asyncio.run(work())
    if as_json:
        say_json(tenant)
    else:
        say(f"Tenant {tenant.id} is {'suspended' if tenant.suspended_at else 'active'}.")
