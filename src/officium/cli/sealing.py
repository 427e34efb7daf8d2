"""The keys that seal what is stored: list, rotate."""

import asyncio
from typing import TYPE_CHECKING

import typer

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.kit.sealing import Rotation, SealingKey


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        name="keys",
        help="What seals the secrets in the database. (A tenant's keys: key.)",
        no_args_is_help=True,
    )
    group.command("list")(list_all)
    group.command("rotate")(rotate)
    app.add_typer(group)


def list_all(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the sealing keys, also those that are retired."""
    from officium.cli.installation import opened
    from officium.main import build_key_rotation
    from officium.settings import load_settings

    async def work() -> "list[SealingKey]":
        settings = load_settings(data_dir=data)
        async with opened(settings) as installation:
            rotation = build_key_rotation(settings, installation.database, installation.clock)
            return await rotation.list_keys()

    keys = asyncio.run(work())
    if as_json:
        say_json([_as_row(key) for key in keys])
        return
    say_table(
        ("id", "state", "made", "retired"),
        [
            (
                key.id,
                key.state,
                f"{key.created_at:%Y-%m-%d}",
                f"{key.retired_at:%Y-%m-%d}" if key.retired_at else "",
            )
            for key in keys
        ],
    )


def rotate(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Make a new sealing key, seal everything anew, retire the old key. The server may run meanwhile."""
    from officium.cli.installation import opened
    from officium.main import build_key_rotation
    from officium.settings import load_settings

    async def work() -> "Rotation":
        settings = load_settings(data_dir=data)
        async with opened(settings) as installation:
            return await build_key_rotation(settings, installation.database, installation.clock).rotate()

    done = asyncio.run(work())
    if as_json:
        say_json(done)
    else:
        say(f"Sealed {done.resealed} values anew with {done.active}; retired {len(done.retired)} older keys.")
    if not done.is_new:
        note("This finished a rotation that was interrupted. Run it again for a new key.")
    for place in done.broken:
        note(f"Does not open, so its old key is kept: {place}, tenant {place.tenant_id}. Set it again.")
    if done.broken:
        raise typer.Exit(1)


def _as_row(key: "SealingKey") -> dict[str, object]:
    return {
        "id": key.id,
        "state": key.state,
        "created_at": key.created_at,
        "retired_at": key.retired_at,
        "wrapped_by": key.wrapped_by,
    }
