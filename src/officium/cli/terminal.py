"""What the commands print: results on standard output, everything else on standard error."""

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from officium.kit.errors import OfficiumError

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the database and the secret.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_UNSEEN_WIDTH = 400


def say(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """Print the result as JSON. Takes structs, moments and sets, too."""
    import msgspec

    say(json.dumps(msgspec.to_builtins(value, order="deterministic"), indent=2, ensure_ascii=False))


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; wide ones are not folded when nobody looks at them in a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=_UNSEEN_WIDTH, highlight=False).print(table)
    for line in text.getvalue().splitlines():
        say(line.rstrip())


def note(text: str) -> None:
    """Tell the person at the terminal something that is not part of the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def report(error: "OfficiumError", *, as_json: bool) -> None:
    """Say what went wrong."""
    if as_json:
        note(json.dumps({"error": {"code": error.code, "message": error.message}}, ensure_ascii=False))
    else:
        note(f"Error: {error.message}")
