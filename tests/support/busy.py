"""An agency that has worked for a month: clients with widgets, what they used, budgets, and who is told."""

from datetime import timedelta

from sqlalchemy import update

from officium.apps.widget import Client, Widget
from officium.apps.widget.visitors import VisitorStore
from officium.core.tenancy import Caller
from officium.core.usage import UsageStore
from officium.core.usage.budgets import Terms
from officium.core.usage.ledger.budget import THE_TENANT, Subject
from officium.core.usage.ledger.tables import budgets
from officium.main import Parts
from tests.support.agency import Agency
from tests.support.records import a_record

_DAYS = 30
_LOOK_BACK = 9
_CLIENTS = (
    # name, time zone, tokens on an usual day, of which used today
    ("Bakery Kassel", "Europe/Berlin", 4_300, 4_200),
    ("Harbour Hotel", "Europe/Lisbon", 1_900, 900),
    ("Northwind Dental", "America/New_York", 3_700, 5_000),
    ("Old Mill Museum", "UTC", 0, 0),
)


async def a_busy_agency(parts: Parts, caller: Caller) -> list[Client]:
    """Let the tenant of an administrator have done all this."""
    agency = Agency(parts.database)
    made = [await agency.a_client(caller, name, zone) for name, zone, _, _ in _CLIENTS]
    for client, (_, _, usual, today) in zip(made, _CLIENTS, strict=True):
        widgets = [await agency.a_widget(caller, client, name) for name in ("Shop", "Help page")]
        await _age(agency, caller)
        if usual:
            await _work(agency, caller, client, widgets, usual, today)
    await _set_budgets(parts, agency, caller, made[0])
    return made


async def _work(
    agency: Agency, caller: Caller, client: Client, widgets: list[Widget], usual: int, today: int
) -> None:
    visitors, records = VisitorStore(agency.database), []
    for ago in range(_DAYS):
        at = agency.clock.now() - timedelta(days=ago)
        tokens = today if ago == 0 else usual * (70 + ago * 37 % 60) // 100
        records.append(
            a_record(
                tenant_id=caller.tenant_id,
                created_at=at,
                request_id=f"req_{client.id}_{ago}",
                app="widget",
                client_id=client.id,
                widget_id=widgets[0].id,
                input_tokens=tokens * 3 // 4,
                output_tokens=tokens // 4,
                total_tokens=tokens,
                cost_nano_usd=tokens * 410,
            )
        )
        async with agency.database.writing(caller.tenant_id) as connection:
            for source, every in (("llm", 1), ("knowledge_base", 2), ("default", 5)):
                if ago % every == 0:
                    for widget in widgets:
                        await visitors._count(caller, connection, widget.id, at.date(), source)
    await UsageStore(agency.database).append_for_all_tenants(records)
    for subject in (client.subject, widgets[0].subject):
        for (unit, period), budget in (await agency.budgets_of(caller, subject)).items():
            for ago in range(_LOOK_BACK if period == "day" else 1):
                tokens = today if ago == 0 and period == "day" else usual * (70 + ago * 37 % 60) // 100
                used = tokens if period == "day" else min(usual * 21, 100_000)
                at = agency.clock.now() - timedelta(days=ago)
                await agency.purse.count(budget, used if unit == "tokens" else used // 400, at=at)


async def _age(agency: Agency, caller: Caller) -> None:
    """Let the budgets be as old as what they counted."""
    long_ago = agency.clock.now() - timedelta(days=_DAYS)
    query = update(budgets).where(budgets.c.tenant_id == caller.tenant_id).values(created_at=long_ago)
    async with agency.database.writing(caller.tenant_id) as connection:
        await connection.execute(query)


async def _set_budgets(parts: Parts, agency: Agency, caller: Caller, client: Client) -> None:
    (key, *_) = await parts.keys.list_keys(caller)
    of_tenant = await parts.budgets.create_budget(
        caller, THE_TENANT, "nano_usd", "month", Terms(limit=25 * 10**9, alert_at=(50, 80, 100))
    )
    of_key = await parts.budgets.create_budget(
        caller, Subject("key", key.id), "tokens", "day", Terms(limit=200_000, is_hard=False)
    )
    await parts.budgets.create_budget(
        caller, client.subject, "nano_usd", "total", Terms(limit=40 * 10**9, alert_at=())
    )
    await _age(agency, caller)
    await agency.purse.count(of_tenant.budget, 17_350_000_000, held=420_000_000)
    await agency.purse.count(of_key.budget, 61_000)
