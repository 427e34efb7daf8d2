"""A conversation service on each database, and two tenants with people and keys."""

import pytest

from officium.core.conversations import ConversationService, ConversationStore
from officium.core.tenancy import Caller
from officium.kit.database import Database
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

PERSON = frozenset({"inference"})


class People:
    """Who speaks in these tests: of one tenant, and of another."""

    def __init__(self, tenant_id: str, other_id: str) -> None:
        self.ada = Caller(tenant_id, "member:mem_ada", PERSON, member_id="mem_ada")
        self.bob = Caller(tenant_id, "key:ak_app", PERSON, member_id="mem_bob", key_id="ak_app")
        self.key = Caller(tenant_id, "key:ak_app", PERSON, key_id="ak_app")
        self.admin = Caller(tenant_id, "key:ak_admin", frozenset({"admin"}), key_id="ak_admin")
        self.boss = Caller(tenant_id, "member:mem_boss", frozenset({"admin"}), member_id="mem_boss")
        self.reader = Caller(tenant_id, "key:ak_read", frozenset({"usage:read"}), key_id="ak_read")
        self.stranger = Caller(other_id, "member:mem_ada", frozenset({"admin"}), member_id="mem_ada")
        self.other_admin = Caller(other_id, "key:ak_other", frozenset({"admin"}), key_id="ak_other")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def people(database: Database, clock: HandClock) -> People:
    tenancy = Tenancy(database, clock)
    return People((await tenancy.a_tenant("Acme")).id, (await tenancy.a_tenant("Globex")).id)


@pytest.fixture
def chats(database: Database, clock: HandClock) -> ConversationService:
    return ConversationService(ConversationStore(database), clock)
