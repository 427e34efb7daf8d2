"""A tenant is stricter than the operator, and never looser."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from officium.core.gateway import AliasStore, ModelRuleService, ModelRuleStore, ModelService, ProviderAccess
from officium.core.gateway.errors import InvalidModelRules
from officium.core.llm.errors import ModelRetired
from officium.core.tenancy import Caller
from officium.core.tenancy.audit.service import AuditService
from officium.core.tenancy.audit.store import AuditStore
from officium.core.usage.prices import PriceBook, PriceStore, PriceUnknown, UnknownPrices, price_for
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

ACCESS = {"groq": ProviderAccess(base_url="https://api.groq.com/openai/v1", api_key="sk-g")}
RETIRED = "groq/llama3-70b"


@dataclass
class Desk:
    """Rules on a database with two tenants, under an operator who says `successor` and `flat`."""

    database: Database

    async def open(self) -> "Desk":
        self.clock, self.notices = HandClock(datetime(2026, 11, 21, tzinfo=UTC)), LocalNotices()
        store = ModelRuleStore(self.database)
        self.unknown = UnknownPrices("flat")
        self.rules = ModelRuleService(store, self.clock, self.notices, unknown=self.unknown)
        self.models = ModelService(
            ACCESS, AliasStore(self.database), self.clock, rules=store, notices=self.notices
        )
        self.book = PriceBook(PriceStore(self.database), self.clock, self.notices)
        tenancy = Tenancy(self.database)
        self.mine = Caller((await tenancy.a_tenant("Mine")).id, "member:m", frozenset({"admin"}))
        self.theirs = Caller((await tenancy.a_tenant("Theirs")).id, "member:t", frozenset({"admin"}))
        return self

    async def source(self, caller: Caller) -> str:
        """Where the price of a model comes from that nobody knows."""
        own = await self.book.load(caller)
        return price_for("fireworks", "nobody-knows", self.clock.now(), own, self.unknown).source


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk(database).open()


@pytest.fixture
async def lone_desk(sqlite_database: Database) -> Desk:
    """For what does not depend on the database."""
    return await Desk(sqlite_database).open()


async def test_stricter_rules_hold_at_once_for_the_tenant_alone(desk: Desk) -> None:
    before = (await desk.models.resolve(desk.mine, RETIRED))[0].model, await desk.source(desk.mine)

    await desk.rules.set_rules(desk.mine, "refuse", "ceiling")

    assert before == ("openai/gpt-oss-120b", "flat")
    with pytest.raises(ModelRetired):
        await desk.models.resolve(desk.mine, RETIRED)
    assert await desk.source(desk.mine) == "ceiling"
    assert (await desk.models.resolve(desk.theirs, RETIRED))[0].model == "openai/gpt-oss-120b"
    assert await desk.source(desk.theirs) == "flat"


async def test_rules_are_replaced_and_given_up(desk: Desk) -> None:
    await desk.rules.set_rules(desk.mine, "refuse", "refuse", request_id="req_1")
    with pytest.raises(PriceUnknown):
        await desk.source(desk.mine)
    await desk.rules.set_rules(desk.mine, None, None)

    found = await desk.rules.get_rules(desk.mine)
    last, first = await AuditService(AuditStore(desk.database)).list_entries(desk.mine, thing="model_rules")
    assert (found.retired, found.unknown_price) == ("successor", "flat")
    assert await desk.source(desk.mine) == "flat"
    assert (first.before, first.request_id) == (None, "req_1")
    assert last.before == first.after == {"retired": "refuse", "unknown_price": "refuse"}


@pytest.mark.parametrize(
    ("retired", "unknown", "param"), [("try", None, "retired"), (None, "record", "unknown_price")]
)
async def test_looser_rule_is_refused(lone_desk: Desk, retired, unknown, param):
    with pytest.raises(InvalidModelRules) as caught:
        await lone_desk.rules.set_rules(lone_desk.mine, retired, unknown)

    assert caught.value.fields["param"] == param
    assert (await lone_desk.rules.get_rules(lone_desk.mine)).own.updated_by is None


async def test_operator_who_becomes_stricter_prevails(lone_desk: Desk) -> None:
    await lone_desk.rules.set_rules(lone_desk.mine, "successor", "ceiling")
    stricter = ModelRuleService(
        ModelRuleStore(lone_desk.database),
        lone_desk.clock,
        lone_desk.notices,
        retired="refuse",
        unknown=UnknownPrices("refuse"),
    )

    found = await stricter.get_rules(lone_desk.mine)

    assert (found.retired, found.unknown_price) == ("refuse", "refuse")
    assert (found.retired_choices, found.unknown_price_choices) == (("refuse",), ("refuse",))


async def test_what_the_operator_says_can_be_kept_from_becoming_looser(lone_desk: Desk) -> None:
    await lone_desk.rules.set_rules(lone_desk.mine, "successor", "flat")
    looser = ModelRuleService(
        ModelRuleStore(lone_desk.database),
        lone_desk.clock,
        lone_desk.notices,
        retired="try",
        unknown=UnknownPrices("record"),
    )

    found = await looser.get_rules(lone_desk.mine)

    assert (found.retired, found.unknown_price) == ("successor", "flat")


async def test_who_may_read_may_not_change(lone_desk: Desk) -> None:
    reader = Caller(lone_desk.mine.tenant_id, "member:r", frozenset({"config:read"}))
    nobody = Caller(lone_desk.mine.tenant_id, "member:n", frozenset({"inference"}))

    assert (await lone_desk.rules.get_rules(reader)).retired == "successor"
    with pytest.raises(PermissionDenied):
        await lone_desk.rules.set_rules(reader, "refuse", None)
    with pytest.raises(PermissionDenied):
        await lone_desk.rules.get_rules(nobody)
