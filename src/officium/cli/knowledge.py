"""Trying how well questions are found in a knowledge base, without a server or a database."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

_NAME = "kb"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name=_NAME, help="How questions are found in knowledge bases.", no_args_is_help=True)
    group.callback()(_of_knowledge_bases)
    group.command()(predict)
    app.add_typer(group)


def _of_knowledge_bases() -> None:
    """How questions are found in knowledge bases."""


def predict(
    entries: Annotated[
        Path,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="JSON lines: id, phrasings, answer."),
    ],
    queries: Annotated[
        Path, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="JSON lines: id, text.")
    ],
    phrasings: Annotated[
        int | None, typer.Option(min=1, help="Read only the first so many of each entry.", show_default=False)
    ] = None,
    calibrator: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Instead of the shipped one.",
            show_default=False,
        ),
    ] = None,
    lexical: Annotated[bool, typer.Option("--lexical", help="By words alone, without an encoder.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of standard output.", show_default=False)
    ] = None,
) -> None:
    """Answer each question as a visitor's would be; print a JSON line for each."""
    from officium.core.knowledge import LocalEncoder
    from officium.core.knowledge.calibrator import Calibrator
    from officium.core.knowledge.trial import answer_all

    encoder = None if lexical else LocalEncoder()
    judge = Calibrator.from_file(calibrator) if calibrator else None
    answers = answer_all(_lines(entries), _lines(queries), phrasings, encoder, judge)
    with out.open("w", encoding="utf-8") if out else nullcontext(sys.stdout) as printed:
        for answer in answers:
            printed.write(json.dumps(answer, ensure_ascii=False) + "\n")


def _lines(file: Path) -> list[dict[str, Any]]:
    from officium.kit.errors import InvalidRequest

    found = []
    for number, line in enumerate(file.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidRequest(f"{file}, line {number} is not JSON.") from error
        if not isinstance(row, dict):
            raise InvalidRequest(f"{file}, line {number} is not an object.")
        found.append(row)
    return found
