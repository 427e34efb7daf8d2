"""The operator's commands. Each imports what it needs when it runs, so that `officium --help` is quick."""

import sys

import typer

from officium.cli import (
    aliases,
    budgets,
    cashflow,
    chat,
    conditions,
    doctor,
    keys,
    knowledge,
    members,
    models,
    policies,
    prompts,
    providers,
    replay,
    sealing,
    server,
    tenants,
    usage,
    verify,
)
from officium.cli.terminal import report

app = typer.Typer(
    name="officium",
    help="One self-hosted server for everything a business runs on language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
model_app = typer.Typer(name="model", help="The models callers may ask for.", no_args_is_help=True)

server.add_to(app)
tenants.add_to(app)
keys.add_to(app)
members.add_to(app)
sealing.add_to(app)
aliases.add_to(model_app)
policies.add_to(model_app)
app.add_typer(model_app)
prompts.add_to(app)
models.add_to(app)
chat.add_to(app)
conditions.add_to(app)
providers.add_to(app)
doctor.add_to(app)
budgets.add_to(app)
usage.add_to(app)
verify.add_to(app)
replay.add_to(app)
cashflow.add_to(app)
knowledge.add_to(app)


def main() -> None:
    """Run the command in `sys.argv`. What went wrong is a sentence on standard error, and status 1."""
    from officium.kit.errors import OfficiumError

    try:
        app()
    except OfficiumError as error:
        report(error, as_json="--json" in sys.argv)
        raise SystemExit(1) from None
