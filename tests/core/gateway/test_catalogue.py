"""What a tenant is told of models: those that are known, and those in use."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from officium.core.gateway import AliasStore, ModelService, ProviderAccess
from officium.core.gateway.catalogue import CatalogueEntry, ModelCatalogue, ModelUse
from officium.core.llm.known_models import KNOWN_MODELS
from officium.core.tenancy import Caller
from officium.core.usage.prices import PriceBook, PriceService, PriceStore, UnknownPrices
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

ACCESS = {
    "openai": ProviderAccess(
        base_url="https://api.openai.com/v1", api_key="sk-o", default_model="gpt-3.5-turbo"
    ),
    "groq": ProviderAccess(
        base_url="https://groq.test/v1", api_key="sk-g", default_model="mixtral-8x7b-32768"
    ),
    "ollama": ProviderAccess(base_url="http://localhost:11434/v1", default_model="qwen3"),
}


@dataclass
class Desk:
    """A catalogue on a database with two tenants."""

    database: Database

    async def open(self) -> "Desk":
        self.clock = HandClock(datetime(2026, 11, 21, 8, tzinfo=UTC))
        notices = LocalNotices()
        store = PriceStore(self.database)
        self.models = ModelService(ACCESS, AliasStore(self.database), self.clock)
        self.prices = PriceService(store, self.clock, notices)
        self.book = PriceBook(store, self.clock, notices)
        self.catalogue = self.a_catalogue()
        tenancy = Tenancy(self.database)
        self.mine = Caller((await tenancy.a_tenant("Mine")).id, "key:ak_1", frozenset({"admin"}))
        self.theirs = Caller((await tenancy.a_tenant("Theirs")).id, "key:ak_2", frozenset({"admin"}))
        return self

    def a_catalogue(self, **more: object) -> ModelCatalogue:
        return ModelCatalogue(self.models, self.book, self.clock, **more)

    async def entry(self, id: str, caller: Caller | None = None) -> CatalogueEntry:
        """The entry of `provider/model`."""
        listed = await self.catalogue.list_models(caller or self.mine)
        (found,) = [entry for entry in listed if f"{entry.provider}/{entry.model}" == id]
        return found


@pytest.fixture
async def desk(sqlite_database: Database) -> Desk:
    return await Desk(sqlite_database).open()


async def test_every_known_model_is_listed_once(desk: Desk) -> None:
    listed = [(entry.provider, entry.model) for entry in await desk.catalogue.list_models(desk.mine)]

    assert len(listed) == len(set(listed))
    assert {(row.provider, row.name) for row in KNOWN_MODELS} <= set(listed)


async def test_entry_says_what_is_known_of_a_model(desk: Desk) -> None:
    entry = await desk.entry("openai/gpt-4o")

    assert (entry.state, entry.successor, entry.known.ends) == ("deprecated", "gpt-6-luna", date(2027, 1, 14))
    assert entry.known.context_tokens == 128_000
    assert (entry.pricing.source, entry.pricing.price.rates.input) == ("price-list", 2_500_000)
    assert entry.is_available
    assert not (await desk.entry("anthropic/claude-haiku-5-5")).is_available
    assert "temperature" in (await desk.entry("anthropic/claude-haiku-5-5")).refuses


async def test_price_is_the_tenants_own_where_it_has_one(desk: Desk) -> None:
    await desk.prices.set_price(desk.mine, "openai", "gpt-4o", {"input": "1", "output": "2"})

    mine, theirs = await desk.entry("openai/gpt-4o"), await desk.entry("openai/gpt-4o", desk.theirs)

    assert (mine.pricing.source, mine.pricing.price.rates.input) == ("tenant", 1_000_000)
    assert theirs.pricing.source == "price-list"


async def test_model_whose_unknown_price_would_be_refused_is_listed_without_one(desk: Desk) -> None:
    desk.catalogue = desk.a_catalogue(unknown=UnknownPrices("refuse"))

    entry = await desk.entry("groq/llama3-70b")

    assert (entry.pricing.price, entry.pricing.source) == (None, "unknown")


async def test_uses_are_defaults_at_the_providers_own_address_and_targets_of_aliases(desk: Desk) -> None:
    await desk.models.set_alias(desk.mine, "fast", ["groq/openai/gpt-oss-20b", "openai", "ollama/qwen3"])
    desk.catalogue = desk.a_catalogue(default_model="gemini/gemini-2.5-pro")

    mine = await desk.catalogue.list_uses(desk.mine)
    theirs = await desk.catalogue.list_uses(desk.theirs)

    default = ModelUse(provider="openai", model="gpt-3.5-turbo", used_by="the default of OpenAI")
    setting = ModelUse(provider="gemini", model="gemini-2.5-pro", used_by="OFFICIUM_DEFAULT_MODEL")
    alias = ModelUse(provider="groq", model="openai/gpt-oss-20b", used_by="alias fast")
    assert mine == [default, setting, alias]
    assert theirs == [default, setting]


async def test_uses_of_other_kinds_are_asked_for(desk: Desk) -> None:
    use = ModelUse(provider="openai", model="made-up", used_by="configuration llc_1")

    async def configured(caller: Caller) -> list[ModelUse]:
        return [use] if caller == desk.mine else []

    desk.catalogue = desk.a_catalogue(other_uses=[configured])

    entry = await desk.entry("openai/made-up")

    assert (entry.known, entry.state, entry.used_by) == (None, None, ("configuration llc_1",))
    assert entry.pricing.source == "flat"


@pytest.mark.parametrize(
    ("scopes", "sees_aliases"),
    [({"inference"}, False), ({"config:read"}, True), ({"config:write"}, True)],
    ids=["inference", "reader", "writer"],
)
async def test_aliases_are_told_to_those_who_may_read_them(
    desk: Desk, scopes: set[str], sees_aliases: bool
) -> None:
    await desk.models.set_alias(desk.mine, "fast", ["openai/gpt-4o"])
    caller = Caller(desk.mine.tenant_id, "key:ak_3", frozenset(scopes))

    entry = await desk.entry("openai/gpt-4o", caller)

    assert (entry.used_by == ("alias fast",)) == sees_aliases


async def test_catalogue_is_closed_to_other_scopes(desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        await desk.catalogue.list_models(Caller(desk.mine.tenant_id, "key:ak_4", frozenset({"usage:read"})))
