"""Tenants: create, list, suspend, resume, export, delete, reopen."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.core.tenancy import Tenant
    from officium.core.tenancy.erasure import ErasedTenant

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
    group.command("export")(export)
    group.command("delete")(delete)
    group.command("reopen")(reopen)
    group.command("erased")(list_erased)
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
                _state(tenant),
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


def export(
    tenant: ReferenceArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    data: DataOption = None,
) -> None:
    """Write all that a tenant has into one ZIP file, of any size. It holds what people keep to themselves."""
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy import operator_of
    from officium.kit.errors import Conflict, InvalidRequest
    from officium.kit.secrets import load_server_secret
    from officium.main import build_exports
    from officium.settings import load_settings

    settings = load_settings(data_dir=data)

    async def work() -> int:
        async with opened(settings) as installation:
            found = await installation.tenants.get_tenant(OPERATOR, tenant)
            secret = load_server_secret(settings.secret_key_text, settings.data_dir)
            exports = build_exports(installation.database, installation.clock, secret)
            if out.exists():
                raise Conflict(f"There is a file {out} already. Choose another name.")
            unfinished = out.with_name(f"{out.name}.part")
            try:
                with _open_for_oneself(unfinished) as file:
                    async for piece in exports.write_export(operator_of(found.id)):
                        file.write(piece)
                unfinished.replace(out)
            except OSError as error:
                raise InvalidRequest(f"{out} cannot be written ({error.strerror}).", param="out") from error
            finally:
                unfinished.unlink(missing_ok=True)
            return out.stat().st_size

    say(f"{out}: {asyncio.run(work()) / 1e6:,.1f} MB.")


def _open_for_oneself(path: Path) -> BinaryIO:
    """A new file, or an emptied one, that nobody else may read."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def delete(
    tenant: ReferenceArgument,
    days: Annotated[int, typer.Option(help="For so long it can be opened again.")] = 30,
    now: Annotated[bool, typer.Option("--now", help="Erase it at once. Nothing brings it back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for its name.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a tenant at once, and erase all that is in it some days later.

    Its keys and widgets are refused, its people signed out. `officium tenant reopen` takes that back.
    """
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy import operator_of
    from officium.core.tenancy.erasure import NameNotRepeated
    from officium.settings import load_settings

    async def work() -> "Tenant":
        async with opened(load_settings(data_dir=data)) as installation:
            found = await installation.tenants.get_tenant(OPERATOR, tenant)
            if not yes:
                typed = typer.prompt(f"Type its name to delete {found.name} ({found.id})", err=True)
                if typed.strip() != found.name.strip():
                    raise NameNotRepeated("That is not its name. Nothing was changed.", param="name")
            operator = operator_of(found.id)
            await installation.erasures.close_tenant(operator, grace_days=0 if now else days)
            closed = await installation.tenants.get_tenant(OPERATOR, found.id)
            if now:
                note("Erasing. It goes on where it was, when this is broken off and run again ...")
                await installation.erasures.erase_tenant(operator)
            return closed

    gone = asyncio.run(work())
    if as_json:
        say_json(gone)
    elif now:
        say(f"Tenant {gone.id} is erased. `officium tenant erased` says what it came to.")
    else:
        say(
            f"Tenant {gone.id} is closed, and erased on {gone.erase_at:%Y-%m-%d}. "
            f"Until then: officium tenant reopen {gone.id}"
        )


def reopen(tenant: ReferenceArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Let a closed tenant in again, before it is erased. Its people sign in anew."""
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy import operator_of
    from officium.settings import load_settings

    async def work() -> "Tenant":
        async with opened(load_settings(data_dir=data)) as installation:
            found = await installation.tenants.get_tenant(OPERATOR, tenant)
            await installation.erasures.reopen_tenant(operator_of(found.id))
            return await installation.tenants.get_tenant(OPERATOR, found.id)

    opened_again = asyncio.run(work())
    if as_json:
        say_json(opened_again)
    else:
        say(f"Tenant {opened_again.id} is {_state(opened_again)}.")


def list_erased(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List what is left of erased tenants: when they went, how many rows, and what each month came to."""
    from officium.cli.installation import OPERATOR, opened
    from officium.settings import load_settings

    async def work() -> "list[ErasedTenant]":
        found: list[ErasedTenant] = []
        async with opened(load_settings(data_dir=data)) as installation:
            while page := await installation.erasures.list_erased(
                OPERATOR, after=found[-1].id if found else ""
            ):
                found += page
        return found

    erased = asyncio.run(work())
    if as_json:
        say_json(erased)
        return
    say_table(
        ("id", "created", "closed", "by", "erased", "rows", "requests", "USD"),
        [
            (
                one.id,
                f"{one.created_at:%Y-%m-%d}",
                f"{one.closed_at:%Y-%m-%d}",
                one.closed_by,
                f"{one.erased_at:%Y-%m-%d}" if one.erased_at else "under way",
                f"{sum(one.rows.values())}",
                f"{sum(int(month['requests']) for month in one.months)}",
                f"{sum(int(month['cost_nano_usd']) for month in one.months) / 1e9:.2f}",
            )
            for one in erased
        ],
    )


def _state(tenant: "Tenant") -> str:
    if tenant.erase_at is not None:
        return f"closed, erased on {tenant.erase_at:%Y-%m-%d}"
    return "suspended" if tenant.suspended_at else "active"


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
