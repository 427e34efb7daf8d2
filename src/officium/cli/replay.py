"""Replaying captured provider traffic through the dialects."""

from typing import Annotated

import typer

from officium.cli.terminal import say


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(replay)


def replay(
    file: Annotated[
        typer.FileText,
        typer.Argument(
            metavar="FILE.jsonl",
            help="One exchange a line; - for standard input.",
            encoding="utf-8",
            errors="replace",
        ),
    ],
    split: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Feed streams N bytes at a time.", show_default=False),
    ] = None,
) -> None:
    """Read captured exchanges and print what each means, one JSON object a line. Asks no provider."""
    from officium.core.llm.replay import replay_lines

    for line in replay_lines(file, split):
        say(line)
