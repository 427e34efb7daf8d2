"""Conditions at the terminal: is it one, does it hold, how is it written. Needs no installation."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from officium.cli.terminal import JsonOption, note, say, say_json

if TYPE_CHECKING:
    from officium.apps.rules.conditions import Condition

TextArgument = Annotated[str, typer.Argument(help="The condition, in quotes of the shell.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="conditions", help="The conditions of rules.", no_args_is_help=True)
    group.command("check")(check)
    group.command("explain")(explain)
    group.command("format")(format_text)
    app.add_typer(group)


def check(text: TextArgument, as_json: JsonOption = False) -> None:
    """Say in words what a condition means, and which paths it reads."""
    from officium.apps.rules.conditions import condition_to_json, describe_condition, paths_in

    condition = _read(text)
    if as_json:
        say_json(
            {
                "words": describe_condition(condition),
                "paths": paths_in(condition),
                "tree": condition_to_json(condition),
            }
        )
        return
    say(describe_condition(condition))
    say(f"reads: {', '.join(paths_in(condition)) or 'nothing'}")


def explain(
    text: TextArgument,
    facts: Annotated[Path, typer.Option("--facts", metavar="FILE", help="The facts, a JSON object.")],
    as_json: JsonOption = False,
) -> None:
    """Say whether a condition holds for some facts, and why."""
    from officium.apps.rules.conditions import explain_condition, explanation_to_json

    explanation = explain_condition(_read(text), _facts(facts))
    if as_json:
        say_json(explanation_to_json(explanation))
    else:
        say(explanation.sentence)


def format_text(text: TextArgument) -> None:
    """Write a condition in its canonical form."""
    from officium.apps.rules.conditions import format_condition

    say(format_condition(_read(text)))


def _read(text: str) -> "Condition":
    """The condition; where it is none, point at the place first."""
    from officium.apps.rules.conditions import ConditionSyntaxError, parse_condition

    try:
        return parse_condition(text)
    except ConditionSyntaxError as error:
        if error.reason == "syntax":
            line = text.split("\n")[error.line - 1]
            note(f"{line}\n{' ' * (error.column - 1)}^")
        if error.suggestion is not None:
            error.message = f"{error.message} {error.suggestion}"
        raise


def _facts(file: Path) -> dict[str, Any]:
    from officium.kit.errors import InvalidRequest

    try:
        facts = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InvalidRequest(f"{file} cannot be read as JSON: {problem}.") from problem
    if not isinstance(facts, dict):
        raise InvalidRequest(f"{file} must hold a JSON object.")
    return facts
