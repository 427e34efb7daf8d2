"""A tenancy built on a test's database, with a clock to turn."""

from dataclasses import dataclass, field

from officium.core.tenancy import (
    Authenticator,
    Caller,
    KeyDigester,
    KeyService,
    KeyStore,
    MemberStore,
    SessionVerifier,
    TenancyService,
    Tenant,
    TenantStore,
    operator_of,
)
from officium.kit.database import Database
from officium.kit.notices import LocalNotices, Notices
from officium.kit.secrets import ServerSecret
from tests.support.clock import HandClock

OPERATOR = operator_of("")
SECRET = ServerSecret(b"a secret of at least thirty-two characters")


@dataclass
class Tenancy:
    """Everything about tenants, on one database."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    notices: Notices = field(default_factory=LocalNotices)
    sessions: SessionVerifier | None = None

    def __post_init__(self) -> None:
        self.digester = KeyDigester(SECRET)
        self.key_store = KeyStore(self.database)
        self.member_store = MemberStore(self.database)
        self.tenants = TenancyService(TenantStore(self.database), self.clock, self.notices)
        self.keys = KeyService(self.key_store, self.digester, self.clock, self.notices)
        self.authenticator = self.an_authenticator(self.notices)

    def an_authenticator(self, notices: Notices) -> Authenticator:
        """Another process's authenticator, on the same database."""
        return Authenticator(
            keys=self.key_store,
            tenants=TenantStore(self.database),
            members=self.member_store,
            digester=self.digester,
            clock=self.clock,
            notices=notices,
            sessions=self.sessions,
        )

    async def a_tenant(self, name: str = "Acme", external_id: str | None = None) -> Tenant:
        return await self.tenants.create_tenant(OPERATOR, name, external_id=external_id)

    async def an_admin(self) -> Caller:
        """The administrator of a new tenant."""
        tenant = await self.a_tenant()
        return Caller(tenant.id, "member:admin", frozenset(("admin",)))
