"""Which models this installation uses, and which of them will break."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.cli.installation import Installation
    from officium.core.gateway.catalogue import CatalogueEntry
    from officium.settings import Settings

_PAGE = 100


class ModelRow(Struct, frozen=True, kw_only=True):
    """What the operator wants to know of a model in use. Prices are US dollars per million tokens."""

    model: str
    used_by: str
    tenant: str | None
    state: str | None
    ends: date | None
    is_reported: bool
    successor: str | None
    input_usd: str | None
    output_usd: str | None
    price_source: str


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(models)


def models(
    breaking: Annotated[
        bool, typer.Option("--breaking", help="Only what is not served by --by; status 1 if today already.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="DATE", help="The day for --breaking, such as 2027-01-31.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the models this installation uses, until when they are served and what they cost."""
    from officium.settings import load_settings

    today = datetime.now(UTC).date()
    day = _read_day(by) if by is not None else today
    rows = asyncio.run(_list_rows(load_settings(data_dir=data)))
    if breaking:
        rows = [row for row in rows if row.ends is not None and row.ends <= day]
    if as_json:
        say_json(rows)
    elif rows:
        _say_rows(rows)
    else:
        say(f"Nothing in use will break by {day}." if breaking else "No provider with a model is set up.")
    if breaking and any(row.ends is not None and row.ends <= today for row in rows):
        raise typer.Exit(1)


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2027-01-31", param_hint="--by") from None


def _say_rows(rows: list[ModelRow]) -> None:
    say_table(
        ("model", "used by", "state", "until", "successor", "$ in / out"),
        [
            (
                row.model,
                f"{row.used_by} of {row.tenant}" if row.tenant else row.used_by,
                row.state or "unknown",
                f"{row.ends}{' (reported)' if row.is_reported else ''}" if row.ends else "",
                row.successor or "",
                f"{row.input_usd} / {row.output_usd} ({row.price_source})" if row.input_usd else "unknown",
            )
            for row in rows
        ],
    )


async def _list_rows(settings: "Settings") -> list[ModelRow]:
    """A row for each place that names a model: the installation's own, then tenant by tenant."""
    from officium.cli.installation import opened
    from officium.core.gateway.catalogue import default_uses, describe_model
    from officium.core.llm.providers import PROVIDERS
    from officium.kit.database import Database
    from officium.main import provider_access, unknown_prices

    access = provider_access(settings)
    providers = [(row, access.get(name)) for name, row in PROVIDERS.items()]
    ours = list(default_uses(providers, settings.default_model))
    now, unknown = datetime.now(UTC), unknown_prices(settings)
    rows = [
        _row(describe_model(use.provider, use.model, now, unknown=unknown), use.used_by, None) for use in ours
    ]
    path = Database.open(settings.resolved_database_url).path
    if path is not None and not path.exists():
        note("There is no database yet, so no tenant's names are listed.")
    else:
        async with opened(settings) as installation:
            rows.extend(await _list_tenants_rows(settings, installation, {use.used_by for use in ours}))
    return sorted(rows, key=lambda row: (row.ends or date.max, row.tenant or "", row.model))


async def _list_tenants_rows(
    settings: "Settings", installation: "Installation", told: set[str]
) -> list[ModelRow]:
    """What the tenants name themselves, at the prices that hold for them."""
    from officium.core.tenancy import operator_of
    from officium.main import build_parts

    parts = build_parts(settings)
    rows: list[ModelRow] = []
    try:
        after = ""
        while page := await installation.tenants.list_tenants(operator_of(""), after=after, limit=_PAGE):
            after = page[-1].id
            for tenant in page:
                for entry in await parts.catalogue.list_models(operator_of(tenant.id)):
                    names = [used_by for used_by in entry.used_by if used_by not in told]
                    rows.extend(_row(entry, used_by, tenant.name) for used_by in names)
    finally:
        await parts.transport.close()
        await parts.database.close()
        if parts.redis is not None:
            await parts.redis.aclose()
    return rows


def _row(entry: "CatalogueEntry", used_by: str, tenant: str | None) -> ModelRow:
    known, price = entry.known, entry.pricing.price
    return ModelRow(
        model=f"{entry.provider}/{entry.model}",
        used_by=used_by,
        tenant=tenant,
        state=entry.state,
        ends=known.ends if known else None,
        is_reported=known.is_reported if known else False,
        successor=entry.successor,
        input_usd=None if price is None else _dollars(price.rates.input),
        output_usd=None if price is None else _dollars(price.rates.output),
        price_source=entry.pricing.source,
    )


def _dollars(pico: int) -> str:
    return f"{Decimal(pico).scaleb(-6).normalize():f}"
