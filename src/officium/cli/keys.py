"""Keys: create, list, revoke."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.core.tenancy import ApiKey, NewKey

TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", help="Id or external id; not needed while there is one.", show_default=False),
]
_DURATION = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="key", help="Secrets for machines.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("revoke")(revoke)
    app.add_typer(group)


def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    tenant: TenantOption = None,
    scopes: Annotated[
        str,
        typer.Option(
            help="Separated by commas: inference, usage:read, config:read, config:write, insights:write, "
            "act-as, admin."
        ),
    ] = "inference",
    expires: Annotated[
        str | None,
        typer.Option(help="When it ends: 30d, 12h, or a date such as 2027-01-31.", show_default=False),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key. It is shown this once."""
    from officium.cli.installation import opened
    from officium.settings import load_settings

    expires_at = read_expiry(expires, datetime.now(UTC)) if expires else None

    async def work() -> "NewKey":
        async with opened(load_settings(data_dir=data)) as installation:
            return await installation.keys.create_key(
                await installation.operator_of(tenant),
                name,
                scopes=[scope.strip() for scope in scopes.split(",") if scope.strip()],
                expires_at=expires_at,
            )

    made = asyncio.run(work())
    if as_json:
        say_json({"api_key": made.secret, **_as_row(made.key)})
    else:
        say(made.secret)
        note("Keep it: it is shown this once.")


def list_all(tenant: TenantOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List a tenant's keys."""
    from officium.cli.installation import opened
    from officium.settings import load_settings

    async def work() -> "list[ApiKey]":
        found: list[ApiKey] = []
        async with opened(load_settings(data_dir=data)) as installation:
            caller = await installation.operator_of(tenant)
            while page := await installation.keys.list_keys(caller, after=found[-1].id if found else ""):
                found += page
        return found

    keys = asyncio.run(work())
    if as_json:
        say_json([_as_row(key) for key in keys])
        return
    say_table(
        ("id", "name", "key", "scopes", "created", "last used", "state"),
        [
            (
                key.id,
                key.name,
                f"{key.prefix}…",
                ", ".join(sorted(key.scopes)),
                f"{key.created_at:%Y-%m-%d}",
                f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
                _state(key, datetime.now(UTC)),
            )
            for key in keys
        ],
    )


def revoke(
    key: Annotated[str, typer.Argument(help="Its id, or its beginning as `key list` shows it.")],
    tenant: TenantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse a key from now on."""
    from officium.cli.installation import opened
    from officium.settings import load_settings

    async def work() -> "ApiKey":
        async with opened(load_settings(data_dir=data)) as installation:
            caller = await installation.operator_of(tenant)
            return await installation.keys.revoke_key(caller, key.rstrip("…"))

    revoked = asyncio.run(work())
    if as_json:
        say_json(_as_row(revoked))
    else:
        say(f"Key {revoked.id} ({revoked.name}) is revoked. Every server refuses it within five seconds.")


def read_expiry(text: str, now: datetime) -> datetime:
    """The moment meant by `30d` (also m, h, w) from `now`, or by a date or moment; without zone, in UTC.

    Raises InvalidKey.
    """
    from officium.core.tenancy.errors import InvalidKey

    duration = _DURATION.fullmatch(text)
    try:
        if duration:
            return now + timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise InvalidKey(
            f"{text!r} is no time: write 30d, 12h, or a date such as 2027-01-31.", param="expires_at"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as_row(key: "ApiKey") -> dict[str, object]:
    import msgspec

    row: dict[str, object] = msgspec.to_builtins(key, order="deterministic")
    return row


def _state(key: "ApiKey", now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "active"
    return "expired" if key.expires_at <= now else f"until {key.expires_at:%Y-%m-%d}"
