"""An installation as the operator's commands see it: its database, tenants and keys, without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from officium.apps.widget import Client, WidgetStore
from officium.apps.widget.errors import ClientNotFound
from officium.core.tenancy import (
    KeyDigester,
    KeyService,
    KeyStore,
    MemberStore,
    TenancyService,
    Tenant,
    TenantStore,
)
from officium.core.tenancy.caller import Caller, operator_of
from officium.core.tenancy.erasure import ErasureService, ErasureStore
from officium.core.tenancy.sign_in import MemberService, PasswordHasher, SignInStore
from officium.core.usage.tallies.store import TallyStore
from officium.kit import schema
from officium.kit.clock import Clock, SystemClock
from officium.kit.database import Database
from officium.kit.errors import OfficiumError
from officium.kit.logs import configure_logs
from officium.kit.notices import Notices, open_notices
from officium.kit.redis import open_redis
from officium.kit.secrets import load_server_secret
from officium.settings import Settings

OPERATOR = operator_of("")
_LONGEST_CLIENT_ID = 18
_MOST_ALIKE = 200


class TenantNotChosen(OfficiumError):
    """There are several tenants, and none was named."""

    code = "tenant_not_chosen"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What the commands work on."""

    clock: Clock
    database: Database
    notices: Notices
    tenants: TenancyService
    keys: KeyService
    members: MemberService
    clients: WidgetStore
    erasures: ErasureService

    async def choose_tenant(self, reference: str | None) -> Tenant:
        """The tenant of that id or external id; the only one where none is named.

        Raises TenantNotFound and TenantNotChosen.
        """
        if reference is not None:
            return await self.tenants.get_tenant(OPERATOR, reference)
        match await self.tenants.list_tenants(OPERATOR, limit=2):
            case [tenant]:
                return tenant
            case []:
                raise TenantNotChosen("There is no tenant yet. Run `officium bootstrap`.")
            case _:
                raise TenantNotChosen(
                    "There are several tenants: name one with --tenant. `officium tenant list` shows them."
                )

    async def operator_of(self, reference: str | None) -> Caller:
        """The operator, acting for the chosen tenant."""
        return operator_of((await self.choose_tenant(reference)).id)

    async def find_client(self, caller: Caller, reference: str) -> Client:
        """The tenant's client of that id or name; an id wins. Raises ClientNotFound."""
        if reference.isdecimal() and len(reference) <= _LONGEST_CLIENT_ID:
            client = await self.clients.find_client(caller, int(reference))
            if client is not None:
                return client
        alike = await self.clients.list_clients(caller, 0, _MOST_ALIKE, reference) if reference else []
        named = [client for client in alike if client.client_name.casefold() == reference.casefold()]
        match named:
            case [client]:
                return client
            case []:
                raise ClientNotFound(f"There is no client {reference!r}. The console lists them.")
            case _:
                ids = ", ".join(str(client.id) for client in named)
                raise ClientNotFound(f"Several clients are called {reference!r}. Name one by its id: {ids}.")


@asynccontextmanager
async def opened(settings: Settings, *, may_migrate: bool = False) -> AsyncIterator[Installation]:
    """Open the installation; its database is brought up to date, or must be.

    Raises SchemaOutdated, SchemaTooNew, SecretUnusable and DatabaseUnavailable.
    """
    configure_logs("WARNING", is_human=True)
    clock = SystemClock()
    database = Database.open(settings.resolved_database_url)
    redis = open_redis(settings.redis_url_text)
    notices = open_notices(redis)
    try:
        await (schema.upgrade(database) if may_migrate else schema.check(database))
        await notices.start()
        digester = KeyDigester(load_server_secret(settings.secret_key_text, settings.data_dir))
        yield Installation(
            clock=clock,
            database=database,
            notices=notices,
            tenants=TenancyService(TenantStore(database), clock, notices),
            keys=KeyService(KeyStore(database), digester, clock, notices),
            members=MemberService(MemberStore(database), SignInStore(database), PasswordHasher(), clock),
            clients=WidgetStore(database),
            erasures=ErasureService(
                ErasureStore(database), MemberStore(database), TallyStore(database), clock, notices
            ),
        )
    finally:
        await notices.close()
        if redis is not None:
            await redis.aclose()
        await database.close()
