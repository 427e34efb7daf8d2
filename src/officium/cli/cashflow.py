"""The cash-flow forecast: judged on data sets with known outcomes, and tried on invented deals."""

import asyncio
import csv
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from officium.cli.terminal import DataOption, JsonOption, say, say_json


class Task(StrEnum):
    """What is forecast."""

    PAYMENT = "payment"
    WEEKLY = "weekly"
    STAGE = "stage"
    COLLECT = "collect"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="cashflow", help="The cash-flow forecast.", no_args_is_help=True)
    group.callback()(_group)
    group.command("eval")(evaluate)
    group.command("sample")(sample)
    app.add_typer(group)


def _group() -> None:
    """The cash-flow forecast."""


def sample(
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Its id or external id.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Other seeds give other deals.")] = 0,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import invented deals into a tenant, to try the forecast with."""
    from officium.apps.cashflow.deals import DealService, DealStore, Imported
    from officium.cli.installation import opened
    from officium.core.tenancy.caller import operator_of
    from officium.settings import load_settings

    async def work() -> Imported:
        async with opened(load_settings(data_dir=data)) as installation:
            chosen = await installation.choose_tenant(tenant)
            service = DealService(DealStore(installation.database), installation.clock)
            return await service.import_sample(operator_of(chosen.id), seed=seed)

    done = asyncio.run(work())
    if as_json:
        say_json(done)
    else:
        say(f"{done.added} deals added, {done.updated} brought up to date, {done.unchanged} as they were.")


def evaluate(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder with the data set's files.")],
    task: Annotated[Task, typer.Option(help="What to forecast.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write; standard output by default.", show_default=False),
    ] = None,
) -> None:
    """Write forecasts for a data set as CSV, for its scorer. Needs no installation."""
    from officium.apps.cashflow.evaluation import forecasts_for

    try:
        answers = list(forecasts_for(task.value, data))
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be read: {error.strerror}.") from None
    except KeyError as error:
        raise typer.BadParameter(f"A file in {data} has no column {error}.") from None
    except (ValueError, ArithmeticError, IndexError) as error:
        raise typer.BadParameter(f"A file in {data} is not in the form expected: {error}.") from None
    if not answers:
        raise typer.BadParameter(f"There is nothing to forecast in {data}.")
    target = out.open("w", encoding="utf-8", newline="") if out else sys.stdout
    try:
        writer = csv.DictWriter(target, list(answers[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(answers)
    finally:
        if out:
            target.close()
