"""Budgets: set, list."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from officium.cli.keys import TenantOption
from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from pathlib import Path

    from officium.core.tenancy import Caller
    from officium.core.usage.budgets import BudgetBalance, BudgetService
    from officium.core.usage.ledger import Subject, Unit

SubjectOption = Annotated[
    str,
    typer.Option(
        "--subject", help="Whose use: tenant, or key:ID, member:ID, client:ID, widget:ID.", metavar="SUBJECT"
    ),
]
_PAGE = 100


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="budget", help="What may be used.", no_args_is_help=True)
    group.command("set")(set_budget)
    group.command("list")(list_all)
    app.add_typer(group)


def set_budget(
    limit: Annotated[str, typer.Option(help="How much; dollars for usd, `none` only counts.")],
    unit: Annotated[Literal["tokens", "requests", "usd"], typer.Option(help="Of what.")] = "tokens",
    period: Annotated[Literal["day", "month", "total"], typer.Option(help="For how long.")] = "month",
    subject: SubjectOption = "tenant",
    soft: Annotated[
        bool | None,
        typer.Option(
            "--soft/--hard", help="Only alert, or refuse; a new budget refuses.", show_default=False
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Whose days and months; a new budget's are the tenant's.", show_default=False),
    ] = None,
    tenant: TenantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a budget, or change the one there is; the running period follows at once."""
    from officium.core.usage.budgets import BudgetChanges, Terms

    async def work() -> "BudgetBalance":
        async with _budgets(data, tenant) as (budgets, caller):
            whose, counted = _read_subject(subject), _counted(unit)
            known = await budgets.list_balances(caller, [whose])
            found = next(
                (one for one in known if (one.budget.unit, one.budget.period) == (counted, period)), None
            )
            terms = _terms(counted, limit, is_soft=soft, time_zone=time_zone)
            if found is not None:
                return await budgets.update_budget(caller, found.budget.id, BudgetChanges(**terms))
            return await budgets.create_budget(caller, whose, counted, period, Terms(**terms))

    balance = asyncio.run(work())
    if as_json:
        say_json(_as_row(balance))
    else:
        say(f"Budget {balance.budget.id}: {_sentence(balance)}.")


def list_all(
    subject: Annotated[
        str | None, typer.Option("--subject", help="Of this subject alone.", show_default=False)
    ] = None,
    tenant: TenantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a tenant's budgets, and where they stand."""

    async def work() -> "list[BudgetBalance]":
        found: list[BudgetBalance] = []
        whose = _read_subject(subject) if subject else None
        async with _budgets(data, tenant) as (budgets, caller):
            after = ""
            while page := await budgets.list_budgets(caller, subject=whose, after=after, limit=_PAGE):
                found += page
                after = page[-1].budget.id
        return found

    balances = asyncio.run(work())
    if as_json:
        say_json([_as_row(balance) for balance in balances])
        return
    say_table(
        ("id", "subject", "limit", "used", "held", "left", "begins anew", "runs out", "kind"),
        [_cells(balance) for balance in balances],
    )


@asynccontextmanager
async def _budgets(data: "Path | None", tenant: str | None) -> "AsyncIterator[tuple[BudgetService, Caller]]":
    from officium.cli.installation import opened
    from officium.core.tenancy import TenantStore
    from officium.core.usage.budgets import BudgetService, BudgetStore
    from officium.core.usage.ledger import LedgerService, LedgerStore
    from officium.settings import load_settings

    async with opened(load_settings(data_dir=data)) as installation:
        database, clock = installation.database, installation.clock
        ledger = LedgerService(LedgerStore(database), clock)
        budgets = BudgetService(
            BudgetStore(database), TenantStore(database), ledger, clock, installation.notices
        )
        yield budgets, await installation.operator_of(tenant)


def _read_subject(text: str) -> "Subject":
    """The subject meant by `tenant` or `key:ak_1`. Raises InvalidBudget."""
    from officium.core.usage.budgets.terms import check_subject
    from officium.core.usage.ledger import Subject

    kind, _, id = text.partition(":")
    kinds: dict[str, Any] = {name: name for name in ("tenant", "member", "key", "client", "widget")}
    subject = Subject(kinds.get(kind, "run"), id)
    check_subject(subject)
    return subject


def _counted(unit: str) -> "Unit":
    return "nano_usd" if unit == "usd" else "requests" if unit == "requests" else "tokens"


def _terms(unit: "Unit", limit: str, *, is_soft: bool | None, time_zone: str | None) -> dict[str, Any]:
    """Those of a budget's terms that the command names. Raises InvalidBudget."""
    from officium.core.usage.ledger import InvalidBudget
    from officium.kit.money import nano_of_usd

    terms: dict[str, Any] = {"limit": None}
    try:
        if limit != "none":
            terms["limit"] = nano_of_usd(limit) if unit == "nano_usd" else int(limit)
    except ValueError as error:
        reason = str(error) if unit == "nano_usd" else f"{limit!r} is no whole number; `none` only counts."
        raise InvalidBudget(reason, param="limit") from error
    if is_soft is not None:
        terms["is_hard"] = not is_soft
    if time_zone is not None:
        terms["time_zone"] = time_zone
    return terms


def _as_row(balance: "BudgetBalance") -> Any:
    import msgspec

    return msgspec.to_builtins(balance, order="deterministic")


def _sentence(balance: "BudgetBalance") -> str:
    budget = balance.budget
    if balance.remaining is None:
        return f"counts the {_of_what(balance)} of {_who(balance)}, without limit"
    return (
        f"{_who(balance)} may use {_amount(balance, budget.limit or 0)} {_of_what(balance)}, "
        f"and has {_amount(balance, balance.remaining)} left"
    )


def _of_what(balance: "BudgetBalance") -> str:
    budget = balance.budget
    what = "dollars" if budget.unit == "nano_usd" else budget.unit
    return f"{what} {'in total' if budget.period == 'total' else f'a {budget.period}'}"


def _who(balance: "BudgetBalance") -> str:
    subject = balance.budget.subject
    return "the tenant" if subject.kind == "tenant" else f"{subject.kind} {subject.id}"


def _cells(balance: "BudgetBalance") -> tuple[str, ...]:
    budget, runs_out_at = balance.budget, balance.forecast.runs_out_at
    limit = "none" if budget.limit is None else _amount(balance, budget.limit)
    return (
        budget.id,
        _who(balance),
        f"{limit} {_of_what(balance)}",
        _amount(balance, balance.used),
        _amount(balance, balance.held),
        "" if balance.remaining is None else _amount(balance, balance.remaining),
        f"{balance.ends_at:%Y-%m-%d %H:%M}" if balance.ends_at else "never",
        f"{runs_out_at:%Y-%m-%d}" if runs_out_at else "",
        "hard" if budget.is_hard else "soft",
    )


def _amount(balance: "BudgetBalance", number: int) -> str:
    """Tokens in thousands, dollars to the cent; what is less is shown whole."""
    from officium.kit.money import usd_of_nano

    if balance.budget.unit != "nano_usd":
        return f"{number:,}"
    whole, _, places = usd_of_nano(number).partition(".")
    return f"{int(whole):,}.{places[:2]}{places[2:].rstrip('0')}"
