"""Serving, and what must be there first: the database and a first key."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json

if TYPE_CHECKING:
    from officium.cli.installation import Installation
    from officium.settings import Settings


FIRST_OWNER = "owner@localhost"
"""Under which name the first person signs in."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (serve, migrate, bootstrap, version):
        app.command()(command)


def serve(
    data: DataOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default=False)] = None,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Make a first tenant, key and owner, unless there is one.")
    ] = False,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when the code changes; for development.")
    ] = False,
) -> None:
    """Run the server until it is told to stop (Ctrl+C, SIGTERM)."""
    from officium.kit.logs import configure_logs
    from officium.settings import load_settings

    settings = load_settings(data_dir=data, host=host, port=port)
    if bootstrap:
        _bootstrap_for_server(settings)
    if reload:
        _serve_and_reload(settings)
        return
    configure_logs(settings.log_level, settings.debug or None)
    from officium.main import build_app, server_options
    from officium.web.server import run

    run(build_app(settings), server_options(settings))


def migrate(
    data: DataOption = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Go back to this revision instead (`base`: to nothing)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is lost.")] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL from an empty database on, and change nothing.")
    ] = False,
) -> None:
    """Bring the database to the state this version needs. Servers do so themselves when they start."""
    from officium.kit import schema
    from officium.kit.database import Database
    from officium.settings import load_settings

    settings = load_settings(data_dir=data)
    database = Database.open(settings.resolved_database_url)
    if sql:
        say(schema.upgrade_sql(database.dialect))
        return
    if to is not None and not yes:
        typer.confirm(f"Going back to {to} deletes what later steps hold. Go on?", abort=True, err=True)

    async def change() -> list[str]:
        try:
            return await (schema.upgrade(database) if to is None else schema.downgrade(database, to))
        finally:
            await database.close()

    changed = asyncio.run(change())
    verb = "Applied" if to is None else "Undone"
    say(f"{verb}: {', '.join(changed)}." if changed else "Nothing to do: the database is up to date.")


def bootstrap(
    data: DataOption = None,
    tenant: Annotated[str, typer.Option(help="Name of the first tenant.")] = "Default",
    as_json: JsonOption = False,
) -> None:
    """Make the first tenant, a key that may do everything there, and its owner. Secrets are shown once."""
    from officium.kit.errors import Conflict
    from officium.settings import load_settings

    made = asyncio.run(_make_first(load_settings(data_dir=data), tenant))
    if made is None:
        raise Conflict(
            "There is a tenant already, so nothing was made. `officium key create` makes another key."
        )
    if as_json:
        say_json(made)
    else:
        _show_first(made)


def version() -> None:
    """Print the version."""
    import officium

    say(officium.__version__)


async def _make_first(settings: "Settings", name: str) -> dict[str, str] | None:
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy.caller import operator_of

    async with opened(settings, may_migrate=True) as installation:
        if await installation.tenants.list_tenants(OPERATOR, limit=1):
            return None
        tenant = await installation.tenants.create_tenant(OPERATOR, name)
        made = await installation.keys.create_key(operator_of(tenant.id), "first key", scopes=["admin"])
        owner = await _make_owner(installation, tenant.id)
        return {"tenant_id": tenant.id, "api_key": made.secret, **owner}


async def _make_owner(installation: "Installation", tenant_id: str) -> dict[str, str]:
    from officium.core.tenancy.caller import operator_of

    owner = await installation.members.create_member(
        operator_of(tenant_id), FIRST_OWNER, name="Owner", role="owner"
    )
    return {"email": FIRST_OWNER, "password": owner.password or ""}


async def _make_missing_owner(settings: "Settings") -> dict[str, str] | None:
    """An owner for an installation of one tenant that has nobody yet: it is older than its console."""
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy.caller import operator_of

    async with opened(settings, may_migrate=True) as installation:
        tenants = await installation.tenants.list_tenants(OPERATOR, limit=2)
        if len(tenants) != 1 or await installation.members.list_members(operator_of(tenants[0].id), limit=1):
            return None
        return await _make_owner(installation, tenants[0].id)


def _bootstrap_for_server(settings: "Settings") -> None:
    made = asyncio.run(_make_first(settings, "Default"))
    owner = made or asyncio.run(_make_missing_owner(settings))
    is_here = settings.host in ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104
    say(f"Console:   http://{'localhost' if is_here else settings.host}:{settings.port}/console")
    if made is not None:
        _show_first(made)
        say(
            f"Try it:  curl -N http://{settings.host}:{settings.port}/v1/chat/completions"
            f" -H 'Authorization: Bearer {made['api_key']}' -H 'Content-Type: application/json'"
            """ -d '{"model": "mock", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'"""
        )
    elif owner is not None:
        _show_owner(owner)


def _show_first(made: dict[str, str]) -> None:
    say(f"Tenant:    {made['tenant_id']}")
    say(f"Key:       {made['api_key']}")
    note("Keep the key: it is shown this once.")
    _show_owner(made)


def _show_owner(made: dict[str, str]) -> None:
    say(f"Sign in:   {made['email']}")
    say(f"Password:  {made['password']}")
    note("The password is for the first sign-in, where you choose your own.")


def _serve_and_reload(settings: "Settings") -> None:
    import os

    import uvicorn

    note("Development server: it reloads, and has none of the limits of `officium serve`.")
    # The reloading process starts the app in another, which knows only the environment.
    os.environ["OFFICIUM_DATA_DIR"] = str(settings.data_dir)
    options: dict[str, Any] = {"host": settings.host, "port": settings.port, "ws": "none"}
    uvicorn.run("officium.main:app", reload=True, reload_dirs=[sys.path[0] or "."], **options)
