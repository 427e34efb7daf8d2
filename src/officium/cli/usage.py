"""What was used: how many tokens by whom, and do the counters agree with the ledger?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from officium.cli.terminal import DataOption, JsonOption, note, say, say_json, say_table

if TYPE_CHECKING:
    from officium.cli.installation import Installation
    from officium.core.tenancy import Tenant
    from officium.core.usage.reconciliation import Difference
    from officium.core.usage.reports import TenantTokens

_PAGE = 100
_REPAIR_LEASE_S = 3600.0


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(name="usage", help="What was used.", no_args_is_help=True)
    group.command("tokens")(tokens)
    group.command("reconcile")(reconcile)
    app.add_typer(group)


def tokens(
    days: Annotated[int, typer.Option(help="How many days back from now.", min=1, max=366)] = 30,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tokens every tenant used."""
    from officium.cli.installation import OPERATOR, opened
    from officium.core.tenancy import TenantStore
    from officium.core.usage.reports import ReportService, ReportStore
    from officium.core.usage.tallies import TallyStore
    from officium.settings import load_settings

    async def work() -> "list[TenantTokens]":
        found: list[TenantTokens] = []
        async with opened(load_settings(data_dir=data)) as installation:
            database = installation.database
            reports = ReportService(
                ReportStore(database), TallyStore(database), TenantStore(database), installation.clock
            )
            after = ""
            while page := await reports.list_tokens(OPERATOR, days, after=after, limit=_PAGE):
                found += page
                after = page[-1].tenant_id
        return found

    found = asyncio.run(work())
    if as_json:
        say_json(found)
        return
    say_table(
        ("tenant", "name", "input tokens", "output tokens", "all tokens"),
        [
            (
                one.tenant_id,
                one.name,
                f"{one.input_tokens:,}",
                f"{one.output_tokens:,}",
                f"{one.total_tokens:,}",
            )
            for one in found
        ],
    )


def reconcile(
    tenant: Annotated[
        str | None, typer.Option(help="This tenant alone, by id or external id.", show_default=False)
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the counters say what the ledger says.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every counter with the sum of its lines. Status 1 if one does not agree.

    Servers may go on working meanwhile: nothing is locked.
    """
    from officium.cli.installation import opened
    from officium.settings import load_settings

    async def work() -> "list[tuple[Tenant, list[Difference]]]":
        async with opened(load_settings(data_dir=data)) as installation:
            if not repair:
                return [found async for found in _compare(installation, tenant)]
            async with _alone(installation):
                return [found async for found in _repair(installation, tenant)]

    found = asyncio.run(work())
    differences = [(one, each) for one, each_of in found for each in each_of]
    if as_json:
        say_json([{"tenant_id": one.id, **_fields(each)} for one, each in differences])
    else:
        _show(differences, tenants=len(found))
    if differences and not repair:
        raise typer.Exit(1)
    if differences:
        note("They were repaired. Run the command again to be sure.")


async def _compare(
    installation: "Installation", reference: str | None
) -> "AsyncIterator[tuple[Tenant, list[Difference]]]":
    from officium.core.tenancy.caller import operator_of
    from officium.core.usage.reconciliation import BooksStore, Reconciler

    reconciler = Reconciler(BooksStore(installation.database))
    async for tenant in _tenants(installation, reference):
        yield tenant, await reconciler.compare(operator_of(tenant.id))


async def _repair(
    installation: "Installation", reference: str | None
) -> "AsyncIterator[tuple[Tenant, list[Difference]]]":
    from officium.core.tenancy.caller import operator_of
    from officium.core.usage.reconciliation import BooksStore, Reconciler

    reconciler = Reconciler(BooksStore(installation.database))
    async for tenant, differences in _compare(installation, reference):
        if differences:
            await reconciler.repair(operator_of(tenant.id), differences)
        yield tenant, differences


async def _tenants(installation: "Installation", reference: str | None) -> "AsyncIterator[Tenant]":
    from officium.cli.installation import OPERATOR

    if reference is not None:
        yield await installation.choose_tenant(reference)
        return
    after = ""
    while page := await installation.tenants.list_tenants(OPERATOR, after=after, limit=_PAGE):
        for tenant in page:
            yield tenant
        after = page[-1].id


@asynccontextmanager
async def _alone(installation: "Installation") -> AsyncIterator[None]:
    """Two repairs at once would each add what is missing. Raises Conflict."""
    from officium.jobs import LeaseStore
    from officium.kit.errors import Conflict
    from officium.kit.ids import new_id

    leases, owner, now = LeaseStore(installation.database), new_id("proc"), installation.clock.now()
    is_ours = await leases.take_for_all_tenants(
        "reconcile", owner, now=now, last_start=now, lease_s=_REPAIR_LEASE_S
    )
    if not is_ours:
        until = (now + timedelta(seconds=_REPAIR_LEASE_S)).strftime("%H:%M")
        raise Conflict(f"Another repair is running, or died. Wait until it ends, or until {until} UTC.")
    try:
        yield
    finally:
        await leases.keep_for_all_tenants("reconcile", owner, installation.clock.now())


def _show(differences: "list[tuple[Tenant, Difference]]", *, tenants: int) -> None:
    if differences:
        say_table(
            ("tenant", "budget", "period", "column", "counter", "ledger", "unit"),
            [
                (
                    tenant.name,
                    each.budget_id,
                    each.period_start,
                    each.column,
                    "missing" if each.counter is None else str(each.counter),
                    str(each.lines),
                    each.unit,
                )
                for tenant, each in differences
            ],
        )
    count = len(differences)
    say(f"{count} difference{'' if count == 1 else 's'} in {tenants} tenant{'' if tenants == 1 else 's'}.")


def _fields(difference: "Difference") -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(difference)
