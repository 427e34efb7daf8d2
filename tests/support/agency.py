"""An agency with clients and widgets, on a test's database."""

from dataclasses import dataclass, field

from officium.apps.widget import Client, ClientService, Widget, WidgetSettings, WidgetStore
from officium.core.tenancy import Caller
from officium.core.usage.ledger.budget import Budget, Period, Subject, Unit
from officium.core.usage.reports import ReportService, ReportStore
from officium.core.usage.tallies import TallyStore
from officium.kit.clock import SystemClock
from officium.kit.database import Database
from tests.support.budgets import Purse
from tests.support.clock import HandClock


@dataclass
class Agency:
    """Clients of new tenants. Its clock stands at the real time, by which the database's view goes."""

    database: Database
    clock: HandClock = field(default_factory=lambda: HandClock(SystemClock().now()))

    def __post_init__(self) -> None:
        self.purse = Purse(self.database, self.clock)
        self.reports = ReportService(
            ReportStore(self.database), TallyStore(self.database), self.purse.tenants, self.clock
        )
        self.store = WidgetStore(self.database)
        self.service = ClientService(self.store, self.purse.service, self.reports, self.clock)

    async def an_admin(self) -> Caller:
        """The administrator of a new tenant."""
        return await self.purse.tenancy.an_admin()

    async def a_client(self, caller: Caller, name: str = "Bakery", time_zone: str = "UTC") -> Client:
        return await self.service.create_client(caller, name, time_zone)

    async def a_widget(self, caller: Caller, client: Client, name: str = "Shop") -> Widget:
        return await self.service.create_widget(caller, client.id, WidgetSettings(name=name))

    async def budgets_of(self, caller: Caller, subject: Subject) -> dict[tuple[Unit, Period], Budget]:
        """The budgets of a subject, by what they count."""
        found = await self.purse.store.list_budgets(caller, [subject], "", 50)
        return {(budget.unit, budget.period): budget for budget in found}

    async def use(self, caller: Caller, widget: Widget, tokens: int, requests: int = 1) -> None:
        """Let a widget have used so much in all its running periods, and its client by it."""
        for subject in (widget.subject, Subject("client", str(widget.client_id))):
            for (unit, _), budget in (await self.budgets_of(caller, subject)).items():
                await self.purse.count(budget, tokens if unit == "tokens" else requests)
