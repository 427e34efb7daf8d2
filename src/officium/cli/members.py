"""Members: create, list, give a password, disable, enable, disconnect."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from officium.cli.keys import TenantOption
from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.cli.installation import Installation
    from officium.core.tenancy import Caller, Member
    from officium.core.tenancy.sign_in import NewMember, Role

_T = TypeVar("_T")
MemberArgument = Annotated[str, typer.Argument(metavar="MEMBER", help="Their e-mail address or id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="member", help="The people who sign in to the console.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("set-password")(set_password)
    group.command("disable")(disable)
    group.command("enable")(enable)
    group.command("disconnect")(disconnect)
    app.add_typer(group)


def create(
    email: Annotated[str, typer.Argument(help="Their e-mail address, with which they sign in.")],
    name: Annotated[str | None, typer.Option(help="What they are called.", show_default=False)] = None,
    role: Annotated[str, typer.Option(help="owner, admin, member, viewer or client.")] = "member",
    client: Annotated[
        str | None,
        typer.Option(
            help="With the role client: the id or name of the client they belong to.", show_default=False
        ),
    ] = None,
    tenant: TenantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a member, with a password for the first sign-in. It is shown this once."""

    async def work(installation: "Installation", caller: "Caller") -> "NewMember":
        found = await installation.find_client(caller, client) if client is not None else None
        return await installation.members.create_member(
            caller,
            email,
            name=name,
            role=cast("Role", role),
            client_id=found.id if found is not None else None,
        )

    _show(_run(work, tenant, data), as_json)


def list_all(tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List a tenant's members."""

    async def work(installation: "Installation", caller: "Caller") -> "list[Member]":
        found: list[Member] = []
        while page := await installation.members.list_members(caller, after=found[-1].id if found else ""):
            found += page
        return found

    members = _run(work, tenant, data)
    if as_json:
        say_json(members)
        return
    say_table(
        ("id", "e-mail", "name", "role", "created", "state"),
        [
            (
                member.id,
                member.email or member.external_id,
                member.name or "",
                member.role,
                f"{member.created_at:%Y-%m-%d}",
                "disabled" if member.disabled_at else "active",
            )
            for member in members
        ],
    )


def set_password(
    member: MemberArgument, tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Give a member a new password for the next sign-in, and end their sessions. It is shown this once."""

    async def work(installation: "Installation", caller: "Caller") -> "NewMember":
        return await installation.members.set_password(caller, member)

    _show(_run(work, tenant, data), as_json)


def disable(
    member: MemberArgument, tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Refuse a member from now on, however they sign in. Nothing is deleted."""

    async def work(installation: "Installation", caller: "Caller") -> "Member":
        return await installation.members.disable_member(caller, member)

    _show_state(_run(work, tenant, data), as_json)


def enable(
    member: MemberArgument, tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Let a disabled member in again."""

    async def work(installation: "Installation", caller: "Caller") -> "Member":
        return await installation.members.enable_member(caller, member)

    _show_state(_run(work, tenant, data), as_json)


def disconnect(
    member: MemberArgument, tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Forget who a member is at the identity provider, and end their sessions."""

    async def work(installation: "Installation", caller: "Caller") -> "Member":
        return await installation.members.disconnect_member(caller, member)

    found = _run(work, tenant, data)
    if as_json:
        say_json(found)
    else:
        say(f"{found.email or found.id} is connected to no identity provider any more.")


def _run(work: "Callable[[Installation, Caller], Awaitable[_T]]", tenant: str | None, data: DataOption) -> _T:
    from officium.cli.installation import opened
    from officium.settings import load_settings

    async def inside() -> _T:
        async with opened(load_settings(data_dir=data)) as installation:
            return await work(installation, await installation.operator_of(tenant))

    return asyncio.run(inside())


def _show(made: "NewMember", as_json: bool) -> None:
    import msgspec

    if as_json:
        say_json({**msgspec.to_builtins(made.member), "password": made.password})
        return
    say(f"Sign in:   {made.member.email or made.member.external_id}")
    say(f"Password:  {made.password}")
    note("Keep it: it is shown this once. It is exchanged at the first sign-in.")


def _show_state(member: "Member", as_json: bool) -> None:
    if as_json:
        say_json(member)
    else:
        say(f"{member.email or member.id} is {'disabled' if member.disabled_at else 'active'}.")
