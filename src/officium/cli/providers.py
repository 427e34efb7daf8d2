"""Which providers are configured, and from where."""

from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from officium.cli.terminal import JsonOption, say_json, say_table

if TYPE_CHECKING:
    from officium.settings import Settings


class ProviderRow(Struct, frozen=True, kw_only=True):
    """What the operator wants to know of a provider. `source` is a variable's name, never its value."""

    name: str
    dialect: str
    is_configured: bool
    default_model: str | None
    source: str


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(providers)


def providers(as_json: JsonOption = False) -> None:
    """List the providers and how each is configured."""
    from officium.settings import load_settings

    rows = provider_rows(load_settings())
    if as_json:
        say_json(rows)
        return
    say_table(
        ("name", "dialect", "configured", "default model", "by"),
        [
            (row.name, row.dialect, "yes" if row.is_configured else "no", row.default_model or "", row.source)
            for row in rows
        ],
    )


def provider_rows(settings: "Settings") -> list[ProviderRow]:
    """Every provider of the catalogue, in its order."""
    from officium.core.llm.providers import PROVIDERS
    from officium.main import provider_access
    from officium.settings import provider_variables

    access = provider_access(settings)
    rows = []
    for name, row in PROVIDERS.items():
        found, said = access.get(name), settings.providers.get(name)
        variables = provider_variables(row)
        if not variables:
            source = "OFFICIUM_MOCK"
        elif said is not None and said.api_key is not None:
            source = variables["api_key"]
        elif found is not None:
            source = variables["base_url"]
        else:
            source = f"set {variables['base_url' if row.is_local else 'api_key']}"
            source += f" and {variables['base_url']}" if row.base_url is None else ""
        rows.append(
            ProviderRow(
                name=name,
                dialect=row.dialect,
                is_configured=found is not None,
                default_model=found.default_model if found else row.default_model,
                source=source,
            )
        )
    return rows
