"""A business whose advisers are told what a test says, on a test's database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from officium.apps.personas.business import BusinessContextService, BusinessStore, ContextCache, Snapshot
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

DAY = datetime(2026, 11, 20, tzinfo=UTC)
FIGURES = Snapshot(as_of=DAY, sessions=1500, users=450, conversions=23, revenue=12500.50)


@dataclass
class Business:
    """The service, and another process's on the same database."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    notices: LocalNotices = field(default_factory=LocalNotices)

    def __post_init__(self) -> None:
        self.store = BusinessStore(self.database)
        self.service = self.a_service(self.notices)

    def a_service(self, notices: LocalNotices) -> BusinessContextService:
        """A service that hears these notices."""
        return BusinessContextService(self.store, ContextCache(self.store, self.clock, notices), self.clock)

    async def an_admin(self) -> Caller:
        """The administrator of a new tenant."""
        return await Tenancy(self.database).an_admin()
