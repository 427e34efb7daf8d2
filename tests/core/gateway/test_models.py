"""From the name a caller asks for to the deployments that answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from officium.core.gateway import AliasStore, ModelService, ProviderAccess
from officium.core.gateway import models as models_module
from officium.core.gateway.alias import Alias
from officium.core.gateway.errors import AliasNotFound, ProviderNotConfigured, UnknownModel
from officium.core.gateway.models import ALIASES_LIVE_S
from officium.core.llm.providers import PROVIDERS
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, OfficiumError, PermissionDenied
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

KEYS = {
    "openai": ProviderAccess(base_url="https://openai.test/v1", api_key="sk-o", default_model="gpt-6-luna"),
    "anthropic": ProviderAccess(base_url="https://anthropic.test", api_key="sk-a"),
    "groq": ProviderAccess(
        base_url="https://groq.test/v1", api_key="sk-g", default_model="openai/gpt-oss-20b"
    ),
    "mistral": ProviderAccess(base_url="https://mistral.test/v1", api_key="sk-m"),
}


@dataclass
class Desk:
    """A model service on a database with two tenants; `replica` is another process's."""

    database: Database
    access: Mapping[str, ProviderAccess] = field(default_factory=lambda: KEYS)

    async def open(self) -> "Desk":
        self.clock = HandClock()
        self.service = ModelService(self.access, AliasStore(self.database), self.clock)
        self.replica = ModelService(self.access, AliasStore(self.database), self.clock)
        tenancy = Tenancy(self.database)
        self.mine = _editor(await tenancy.a_tenant("Mine"))
        self.theirs = _editor(await tenancy.a_tenant("Theirs"))
        return self

    async def names(self, name: str, caller: Caller | None = None) -> list[str]:
        """The deployments behind a name."""
        found = await self.service.resolve(caller or self.mine, name)
        return [deployment.name for deployment in found]


def _editor(tenant) -> Caller:
    return Caller(tenant.id, "key:ak_1", frozenset({"inference", "config:write"}))


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk(database).open()


@pytest.fixture
async def lone_desk(sqlite_database: Database) -> Desk:
    """For what does not depend on the database."""
    return await Desk(sqlite_database).open()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("groq/openai/gpt-oss-20b", "groq/openai/gpt-oss-20b", id="provider-and-model"),
        pytest.param("openai/gpt-4o", "openai/gpt-4o", id="provider-not-model-that-begins-like-it"),
        pytest.param("groq", "groq/openai/gpt-oss-20b", id="provider-alone"),
        pytest.param("groq/", "groq/openai/gpt-oss-20b", id="provider-and-a-slash"),
        pytest.param("claude-haiku-5-5", "anthropic/claude-haiku-5-5", id="bare-prefix"),
        pytest.param("gpt-4o", "openai/gpt-4o", id="another-bare-prefix"),
        pytest.param("claude/claude-haiku-5-5", "anthropic/claude-haiku-5-5", id="other-name-of-a-provider"),
        pytest.param("OpenAI/gpt-4o", "openai/gpt-4o", id="capitals"),
    ],
)
async def test_name_means(lone_desk: Desk, name: str, expected: str):
    assert await lone_desk.names(name) == [expected]


async def test_deployment_carries_address_key_and_what_is_known_of_the_model(lone_desk: Desk):
    (deployment,) = await lone_desk.service.resolve(lone_desk.mine, "openai/gpt-6-luna")

    assert deployment.base_url == "https://openai.test/v1"
    assert deployment.api_key == "sk-o"
    assert deployment.traits.wants_max_completion_tokens


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("llama-9", id="bare-name-of-nobody"),
        pytest.param("nobody/llama-9", id="provider-of-nobody"),
        pytest.param("", id="empty"),
        pytest.param("mistral", id="provider-without-a-default-model"),
        pytest.param("x" * 5000, id="very-long"),
    ],
)
async def test_unknown_name_is_an_error_that_names_it(lone_desk: Desk, name: str):
    with pytest.raises(UnknownModel) as raised:
        await lone_desk.names(name)

    assert raised.value.fields["model"] == name


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        pytest.param("gemini/gemini-3.5-flash-lite", "GEMINI_API_KEY", id="key"),
        pytest.param("gemini-3.5-flash-lite", "GEMINI_API_KEY", id="bare-name"),
        pytest.param("ollama/qwen3", "OLLAMA_BASE_URL", id="address-of-a-local-one"),
        pytest.param("mock", "OFFICIUM_MOCK", id="script"),
    ],
)
async def test_provider_without_access_is_an_error_that_says_what_to_set(
    lone_desk: Desk, name: str, variable: str
):
    with pytest.raises(ProviderNotConfigured, match=variable):
        await lone_desk.names(name)


def test_every_provider_is_listed_with_or_without_access():
    service = ModelService(KEYS, None, HandClock())

    listed = {row.name: access for row, access in service.providers()}

    assert set(listed) == set(PROVIDERS)
    assert {name for name, access in listed.items() if access is not None} == set(KEYS)


async def test_alias_stands_for_its_targets_in_their_order(desk: Desk):
    await desk.service.set_alias(desk.mine, "team/fast", ["groq", "anthropic/claude-haiku-5-5"])

    assert await desk.names("team/fast") == ["groq/openai/gpt-oss-20b", "anthropic/claude-haiku-5-5"]


async def test_alias_goes_before_a_bare_model_name(desk: Desk):
    assert await desk.names("gpt-4o") == ["openai/gpt-4o"]

    await desk.service.set_alias(desk.mine, "gpt-4o", ["groq"])

    assert await desk.names("gpt-4o") == ["groq/openai/gpt-oss-20b"]


async def test_alias_that_is_set_again_has_its_new_targets_only(desk: Desk):
    await desk.service.set_alias(desk.mine, "fast", ["groq", "openai"])
    desk.clock.advance(60)

    alias = await desk.service.set_alias(desk.mine, "fast", ["anthropic/claude-haiku-5-5"])

    assert await desk.service.list_aliases(desk.mine) == [alias]
    assert alias == Alias(
        name="fast",
        targets=("anthropic/claude-haiku-5-5",),
        updated_at=desk.clock.now(),
        updated_by="key:ak_1",
    )
    assert await desk.names("fast") == ["anthropic/claude-haiku-5-5"]


async def test_alias_set_many_times_at_once_is_one_alias(desk: Desk):
    both = [desk.service, desk.replica] * 4

    await asyncio.gather(*(service.set_alias(desk.mine, "fast", ["groq"]) for service in both))

    assert [alias.name for alias in await desk.service.list_aliases(desk.mine)] == ["fast"]


async def test_deleted_alias_is_unknown_at_once(desk: Desk):
    await desk.service.set_alias(desk.mine, "fast", ["groq"])
    assert await desk.names("fast")

    await desk.service.delete_alias(desk.mine, "fast")

    with pytest.raises(UnknownModel):
        await desk.names("fast")
    with pytest.raises(AliasNotFound):
        await desk.service.delete_alias(desk.mine, "fast")


async def test_aliases_are_listed_by_name(desk: Desk):
    for name in ("b", "a/b", "a", "B"):
        await desk.service.set_alias(desk.mine, name, ["groq"])

    listed = [alias.name for alias in await desk.service.list_aliases(desk.mine)]

    assert sorted(listed) == ["B", "a", "a/b", "b"]
    assert listed.index("a") < listed.index("a/b") < listed.index("b")


async def test_alias_of_another_tenant_is_not_seen(desk: Desk):
    await desk.service.set_alias(desk.mine, "fast", ["groq"])
    await desk.service.set_alias(desk.theirs, "gpt-4o", ["groq"])

    assert await desk.service.list_aliases(desk.theirs) != await desk.service.list_aliases(desk.mine)
    assert await desk.names("gpt-4o", desk.mine) == ["openai/gpt-4o"]
    with pytest.raises(UnknownModel):
        await desk.names("fast", desk.theirs)


async def test_alias_of_another_tenant_is_neither_replaced_nor_deleted(desk: Desk):
    await desk.service.set_alias(desk.mine, "fast", ["groq"])

    with pytest.raises(AliasNotFound):
        await desk.service.delete_alias(desk.theirs, "fast")
    await desk.service.set_alias(desk.theirs, "fast", ["openai"])
    await desk.service.delete_alias(desk.theirs, "fast")

    assert await desk.names("fast", desk.mine) == ["groq/openai/gpt-oss-20b"]


async def test_change_on_another_replica_is_noticed_within_three_seconds(desk: Desk):
    await desk.service.set_alias(desk.mine, "fast", ["groq"])
    assert await desk.names("fast") == ["groq/openai/gpt-oss-20b"]

    await desk.replica.set_alias(desk.mine, "fast", ["openai"])
    desk.clock.advance(ALIASES_LIVE_S - 0.1)
    before = await desk.names("fast")
    desk.clock.advance(0.1)
    after = await desk.names("fast")

    assert ALIASES_LIVE_S <= 3
    assert (before, after) == (["groq/openai/gpt-oss-20b"], ["openai/gpt-6-luna"])


async def test_change_while_aliases_are_read_is_not_overlooked(lone_desk: Desk):
    reading, may_end = asyncio.Event(), asyncio.Event()

    class SlowStore(AliasStore):
        async def list_aliases(self, caller: Caller) -> list[Alias]:
            found = await super().list_aliases(caller)
            if not may_end.is_set() and not reading.is_set():
                reading.set()
                await may_end.wait()
            return found

    service = ModelService(KEYS, SlowStore(lone_desk.database), lone_desk.clock)
    early = asyncio.create_task(service.resolve(lone_desk.mine, "gpt-4o"))
    await reading.wait()
    await service.set_alias(lone_desk.mine, "gpt-4o", ["groq"])
    may_end.set()
    await early

    (deployment,) = await service.resolve(lone_desk.mine, "gpt-4o")

    assert deployment.name == "groq/openai/gpt-oss-20b"


async def test_fallback_passes_over_what_is_not_configured(lone_desk: Desk):
    targets = ["gemini/gemini-3.5-flash-lite", "mistral", "groq", "ollama/qwen3", "openai/gpt-4o"]
    await lone_desk.service.set_alias(lone_desk.mine, "fast", targets)

    assert await lone_desk.names("fast") == ["groq/openai/gpt-oss-20b", "openai/gpt-4o"]


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        pytest.param(["ollama/qwen3", "gemini"], ProviderNotConfigured, id="no-access"),
        pytest.param(["mistral"], UnknownModel, id="no-model"),
    ],
)
async def test_alias_without_any_usable_target_says_why(
    lone_desk: Desk, targets: list[str], error: type[OfficiumError]
):
    await lone_desk.service.set_alias(lone_desk.mine, "fast", targets)

    with pytest.raises(error):
        await lone_desk.names("fast")


async def test_database_is_asked_once_for_many_names(lone_desk: Desk, monkeypatch: pytest.MonkeyPatch):
    asked = []
    original = AliasStore.list_aliases

    async def counted(store: AliasStore, caller: Caller) -> list[Alias]:
        asked.append(caller)
        return await original(store, caller)

    monkeypatch.setattr(AliasStore, "list_aliases", counted)

    for name in ("groq", "openai", "groq", "gpt-4o"):
        await lone_desk.names(name)

    assert len(asked) == 1


async def test_what_is_remembered_of_names_and_tenants_stays_bounded(
    lone_desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(models_module, "_TENANTS_KEPT", 3)

    for number in range(1100):
        await lone_desk.names(f"groq/m-{number}")
    for number in range(10):
        await lone_desk.names("groq", Caller(f"ten_{number}", "key:1", frozenset({"inference"})))

    assert len(lone_desk.service._tenants) <= 3
    tenants = lone_desk.service._tenants.values()
    assert all(len(view.resolved) <= 1000 for tenant in tenants for view in tenant.views.values())


async def test_tenant_has_at_most_so_many_aliases(lone_desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models_module, "MOST_ALIASES", 2)
    for name in ("a", "b"):
        await lone_desk.service.set_alias(lone_desk.mine, name, ["groq"])

    with pytest.raises(InvalidRequest, match="at most 2"):
        await lone_desk.service.set_alias(lone_desk.mine, "c", ["groq"])
    await lone_desk.service.set_alias(lone_desk.mine, "b", ["openai"])
    await lone_desk.service.set_alias(lone_desk.theirs, "c", ["groq"])

    assert await lone_desk.names("b") == ["openai/gpt-6-luna"]


@pytest.mark.parametrize(
    ("scopes", "may_read", "may_write"),
    [
        pytest.param({"inference", "usage:read"}, False, False, id="neither"),
        pytest.param({"config:read"}, True, False, id="reader"),
        pytest.param({"config:write"}, True, True, id="writer"),
        pytest.param({"admin"}, True, True, id="administrator"),
    ],
)
async def test_aliases_are_read_and_changed_by_those_who_may(
    lone_desk: Desk, scopes: set[str], may_read: bool, may_write: bool
):
    caller = Caller(lone_desk.mine.tenant_id, "key:ak_2", frozenset(scopes))
    await lone_desk.service.set_alias(lone_desk.mine, "fast", ["groq"])

    async def is_allowed(work) -> bool:
        try:
            await work
        except PermissionDenied:
            return False
        return True

    assert await is_allowed(lone_desk.service.list_aliases(caller)) == may_read
    assert await is_allowed(lone_desk.service.set_alias(caller, "fast", ["openai"])) == may_write
    assert await is_allowed(lone_desk.service.delete_alias(caller, "fast")) == may_write


async def test_own_names_are_for_those_who_may_ask_models(lone_desk: Desk):
    await lone_desk.service.set_alias(lone_desk.mine, "fast", ["groq"])

    (listing,) = await lone_desk.service.list_own_models(lone_desk.mine)

    assert (listing.id, listing.provider) == ("fast", "alias")
    assert listing.created == int(lone_desk.clock.now().timestamp())
    with pytest.raises(PermissionDenied):
        await lone_desk.service.list_own_models(
            Caller(lone_desk.mine.tenant_id, "key:ak_3", frozenset({"config:write"}))
        )
