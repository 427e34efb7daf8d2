"""Proving on this machine that the ledger holds."""

import asyncio
from typing import Annotated

import typer

from officium.cli.terminal import say


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("verify-ledger")(verify_ledger)


def verify_ledger(
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, under a minute.")] = False,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A PostgreSQL server to try, too; databases are made there and dropped. "
            "OFFICIUM_DATABASE_URL, unless you say.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Try to make the ledger lose, double or overspend a token, with real servers that are killed.

    Nothing of an installation is touched. The last line is the verdict, and so is the status.
    """
    from officium.kit.logs import configure_logs
    from officium.settings import load_settings
    from officium.testing.ledger_trial import FULL, QUICK, run_trial

    configure_logs("CRITICAL")
    url = database_url or load_settings().resolved_database_url
    server_url = url if url.startswith("postgres") else None
    verdict = asyncio.run(run_trial(say, QUICK if quick else FULL, server_url))
    say(verdict.summary())
    if not verdict.is_good:
        raise typer.Exit(1)
