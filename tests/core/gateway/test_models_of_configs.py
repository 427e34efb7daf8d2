"""Configurations and policies as they reach the next request, on this replica and on the others."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from officium.core.config import CONFIG_CHANGED, ConfigNotFound, OpenedConfig
from officium.core.gateway import (
    AliasStore,
    ModelDirectory,
    ModelService,
    PolicyService,
    PolicyStore,
    ProviderAccess,
)
from officium.core.gateway.errors import (
    ConfigFetchFailed,
    InvalidModelPolicy,
    ModelNotAllowed,
    PolicyNotFound,
)
from officium.core.gateway.models import ALIASES_LIVE_S
from officium.core.llm.dispatch import Dispatcher
from officium.core.tenancy import Caller, operator_of
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices, Notices
from officium.kit.secrets import Secret
from officium.testing import ScriptedTransport
from tests.support.configs import Configs

ACCESS = {
    "openai": ProviderAccess(base_url="https://openai.corp/v1", api_key="env-openai", default_model="gpt-e"),
    "groq": ProviderAccess(base_url="https://groq.corp/v1", api_key="env-groq", default_model="llama-e"),
}


class Desk:
    """An installation of two processes on one database: `service` and `replica`, which hears no notices."""

    def __init__(self, database: Database) -> None:
        self.configs = Configs(database)
        self.clock = self.configs.clock
        self.notices = self.configs.notices
        self.policies = PolicyService(PolicyStore(database), self.clock, self.notices)
        self.service = self.a_service(self.notices)
        self.replica = self.a_service(LocalNotices())

    def a_service(self, notices: Notices, **more: Any) -> ModelService:
        database = self.configs.database
        return ModelService(
            ACCESS,
            AliasStore(database),
            self.clock,
            configs=self.configs.elsewhere().service,
            policies=PolicyStore(database),
            notices=notices,
            **more,
        )

    async def key(self, caller: Caller, name: str, service: ModelService | None = None) -> str | None:
        """The provider's key that a request for this name would carry."""
        [found] = await (service or self.service).resolve(caller, name)
        return found.api_key


@pytest.fixture
async def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
async def lone_desk(sqlite_database: Database) -> Desk:
    """For what does not depend on the database."""
    return Desk(sqlite_database)


def a_member(admin: Caller, id: str = "mem_1") -> Caller:
    return Caller(admin.tenant_id, f"member:{id}", frozenset({"inference"}), member_id=id)


async def test_user_then_tenant_then_environment(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    member, other = a_member(admin), a_member(admin, "mem_2")
    before = await desk.key(member, "openai/gpt-x")
    await desk.configs.a_config(admin, provider="openai", api_key="key-of-the-tenant")
    shared = await desk.key(member, "openai/gpt-x")
    await desk.configs.a_config(member, "mem_1", provider="openai", api_key="key-of-the-member")

    assert before == "env-openai"
    assert shared == "key-of-the-tenant"
    assert await desk.key(member, "openai/gpt-x") == "key-of-the-member"
    assert await desk.key(other, "openai/gpt-x") == "key-of-the-tenant"
    assert await desk.key(admin, "openai/gpt-x") == "key-of-the-tenant"
    assert await desk.key(member, "groq/llama") == "env-groq"


async def test_while_one_is_switched_off_the_next_level_answers(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    member = a_member(admin)
    tenants = await desk.configs.a_config(admin, provider="openai", api_key="of-the-tenant", is_default=True)
    own = await desk.configs.a_config(
        member, "mem_1", provider="openai", api_key="of-the-member", is_default=True
    )
    keys = []

    async def look() -> None:
        keys.append((await desk.key(member, "openai/gpt-x"), await desk.key(member, "default")))

    await look()
    await desk.configs.change(member, own.id, "mem_1", is_enabled=False)
    await look()
    by_tenant = await desk.service.find_answering(admin, "default")
    await desk.configs.change(admin, tenants.id, is_enabled=False)
    await look()
    by_environment = await desk.service.find_answering(admin, "default")
    with pytest.raises(ConfigNotFound, match="switched off"):
        await desk.service.resolve(admin, f"config:{tenants.id}")
    await desk.configs.change(member, own.id, "mem_1", is_enabled=True)
    await look()
    desk.clock.advance(ALIASES_LIVE_S)
    elsewhere = await desk.key(admin, "openai/gpt-x", desk.replica)

    assert keys == [
        ("of-the-member", "of-the-member"),
        ("of-the-tenant", "of-the-tenant"),
        ("env-openai", "env-openai"),
        ("of-the-member", "of-the-member"),
    ]
    assert elsewhere == "env-openai"
    assert (by_tenant.config_id, by_environment.config_id) == (tenants.id, None)
    assert (by_tenant.model, by_environment.model) == (tenants.model, "gpt-e")


async def test_what_answers_everybody_leaves_out_who_has_one_of_their_own(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    member = a_member(admin)
    await lone_desk.configs.a_config(member, "mem_1", provider="openai", is_default=True)

    found = await lone_desk.service.find_answering(member, "default")

    assert (found.provider.name, found.config_id) == ("openai", None)


async def test_configuration_of_a_key_is_its_own(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    other = Caller(admin.tenant_id, "key:ak_2", admin.scopes, key_id="ak_2")
    await lone_desk.configs.a_config(admin, "ak_admin", provider="openai", api_key="key-of-a-key")

    assert await lone_desk.key(admin, "openai/gpt-x") == "key-of-a-key"
    assert await lone_desk.key(other, "openai/gpt-x") == "env-openai"


async def test_another_tenants_configuration_is_never_used(desk: Desk) -> None:
    mine, theirs = await desk.configs.an_admin(), await desk.configs.an_admin()
    await desk.configs.a_config(theirs, provider="openai", api_key="key-of-the-others", is_default=True)

    assert await desk.key(mine, "openai/gpt-x") == "env-openai"
    assert await desk.key(mine, "default") == "env-openai"
    assert await desk.key(theirs, "default") == "key-of-the-others"


async def test_change_is_used_at_once_where_the_notice_comes_and_soon_where_it_does_not(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    made = await desk.configs.a_config(
        admin, provider="openai", api_key="the-first-key-of-all", is_default=True
    )
    first = [await desk.key(admin, "default", at) for at in (desk.service, desk.replica)]

    changed = await desk.configs.service.update_config(
        admin, made.id, _draft(api_key="the-second-key-of-all", model="gpt-2")
    )
    here, there = await desk.key(admin, "default"), await desk.key(admin, "default", desk.replica)
    desk.clock.advance(ALIASES_LIVE_S)
    later = await desk.key(admin, "default", desk.replica)

    assert first == ["the-first-key-of-all"] * 2
    assert changed.version == 2
    assert (here, there, later) == ("the-second-key-of-all", "the-first-key-of-all", "the-second-key-of-all")
    assert ALIASES_LIVE_S <= 5


def _draft(**said: Any) -> Any:
    from officium.core.config import ConfigDraft

    return ConfigDraft(**{**said, "api_key": Secret(said["api_key"])})


async def test_deleted_configuration_leaves_the_environment(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    made = await desk.configs.a_config(admin, provider="openai", is_default=True)
    await desk.key(admin, "default")

    await desk.configs.service.delete_config(admin, made.id)

    assert await desk.key(admin, "default") == "env-openai"


async def test_change_while_configurations_are_read_is_not_overlooked(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    reading, may_end = asyncio.Event(), asyncio.Event()

    class SlowConfigs:
        async def load_for_gateway(self, caller: Caller) -> Sequence[OpenedConfig]:
            found = await lone_desk.configs.service.load_for_gateway(caller)
            reading.set()
            await may_end.wait()
            return found

    service = lone_desk.a_service(lone_desk.notices)
    service._configs = SlowConfigs()
    early = asyncio.create_task(lone_desk.key(admin, "openai/gpt-x", service))
    await reading.wait()
    await lone_desk.configs.a_config(admin, provider="openai", api_key="key-of-the-tenant")
    may_end.set()
    await early

    assert await lone_desk.key(admin, "openai/gpt-x", service) == "key-of-the-tenant"


async def test_many_requests_at_once_read_the_tenant_once(
    lone_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await lone_desk.configs.an_admin()
    asked: list[Caller] = []
    original = PolicyStore.list_policies

    async def counted(store: PolicyStore, caller: Caller) -> Any:
        asked.append(caller)
        return await original(store, caller)

    monkeypatch.setattr(PolicyStore, "list_policies", counted)

    await asyncio.gather(*(lone_desk.key(admin, "groq") for _ in range(20)))

    assert len(asked) == 1


async def test_who_hangs_up_while_the_tenant_is_read_spoils_nothing(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    first = asyncio.create_task(lone_desk.key(admin, "groq"))
    await asyncio.sleep(0)
    second = asyncio.create_task(lone_desk.key(admin, "groq"))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == "env-groq"


async def test_alias_leads_through_configurations(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    await lone_desk.configs.a_config(admin, provider="anthropic", model="claude-m")
    await lone_desk.service.set_alias(admin, "fast", ["anthropic", "groq"])

    names = [found.name for found in await lone_desk.service.resolve(admin, "fast")]

    assert names == ["anthropic/claude-m", "groq/llama-e"]


@pytest.mark.parametrize("has_config", [False, True])
async def test_default_of_the_environment_may_be_an_alias(lone_desk: Desk, has_config: bool) -> None:
    admin = await lone_desk.configs.an_admin()
    service = lone_desk.a_service(lone_desk.notices, default_model="house")
    await service.set_alias(admin, "house", ["groq/llama-x", "openai"])
    if has_config:
        await lone_desk.configs.a_config(admin, provider="anthropic", model="claude-m", is_default=True)

    names = [found.name for found in await service.resolve(admin, "default")]

    assert names == (["anthropic/claude-m"] if has_config else ["groq/llama-x", "openai/gpt-e"])


async def test_alias_called_default_is_what_the_tenant_says(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    await lone_desk.service.set_alias(admin, "default", ["groq"])

    assert await lone_desk.key(admin, "default") == "env-groq"


class Remote:
    """Another server's default."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def get_config(self, caller: Caller) -> OpenedConfig:
        if self.error is not None:
            raise self.error
        return OpenedConfig(
            id="remote", owner_id=None, provider="openai", model="gpt-r", temperature=0.3, max_tokens=9,
            is_default=True, api_key=Secret("key-of-the-remote"), api_url=None, version=1,
        )  # fmt: skip


async def test_default_of_another_server_stands_between_tenant_and_environment(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    remote = Remote()
    service = lone_desk.a_service(lone_desk.notices, remote=remote)
    fetched = await lone_desk.key(admin, "default", service)
    await lone_desk.configs.a_config(admin, provider="openai", api_key="key-of-the-tenant", is_default=True)
    own = await lone_desk.key(admin, "default", service)

    remote.error = ConfigFetchFailed("Failed to fetch LLM config")
    service.forget(admin.tenant_id)

    assert (fetched, own) == ("key-of-the-remote", "key-of-the-tenant")
    assert await lone_desk.key(admin, "default", service) == "key-of-the-tenant"


async def test_default_that_cannot_be_fetched_is_an_error_for_those_who_need_it(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    remote = Remote()
    remote.error = ConfigFetchFailed("Failed to fetch LLM config")
    service = lone_desk.a_service(lone_desk.notices, remote=remote)

    with pytest.raises(ConfigFetchFailed):
        await service.resolve(admin, "default")
    assert await lone_desk.key(admin, "openai/gpt-x", service) == "env-openai"


# Who may use what


async def test_policy_holds_for_the_next_request_here_and_soon_elsewhere(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    for at in (desk.service, desk.replica):
        await at.resolve(admin, "groq")

    await desk.policies.set_policy(admin, "tenant", ["openai/gpt-*"])

    with pytest.raises(ModelNotAllowed):
        await desk.service.resolve(admin, "groq")
    assert await desk.key(admin, "openai/gpt-x") == "env-openai"
    desk.clock.advance(ALIASES_LIVE_S)
    with pytest.raises(ModelNotAllowed):
        await desk.replica.resolve(admin, "groq")
    await desk.policies.delete_policy(admin, "tenant")
    assert await desk.key(admin, "groq") == "env-groq"


async def test_policy_of_one_key_does_not_bind_another(desk: Desk) -> None:
    admin = await desk.configs.an_admin()
    other = Caller(admin.tenant_id, "key:ak_2", admin.scopes, key_id="ak_2")
    await desk.policies.set_policy(admin, "key:ak_2", ["groq/*"])

    assert await desk.key(admin, "openai") == "env-openai"
    with pytest.raises(ModelNotAllowed):
        await desk.service.resolve(other, "openai")


async def test_policies_of_another_tenant_are_neither_seen_nor_changed(desk: Desk) -> None:
    mine, theirs = await desk.configs.an_admin(), await desk.configs.an_admin()
    await desk.policies.set_policy(theirs, "tenant", ["groq/*"])

    assert await desk.policies.list_policies(mine) == []
    assert await desk.key(mine, "openai") == "env-openai"
    with pytest.raises(PolicyNotFound):
        await desk.policies.delete_policy(mine, "tenant")
    assert len(await desk.policies.list_policies(theirs)) == 1


async def test_what_the_operator_allows_the_tenant_cannot_change(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    await lone_desk.policies.set_policy(operator_of(admin.tenant_id), "operator", ["groq/*"])
    await lone_desk.policies.set_policy(admin, "tenant", ["*"])

    for change in (
        lone_desk.policies.set_policy(admin, "operator", ["*"]),
        lone_desk.policies.delete_policy(admin, "operator"),
    ):
        with pytest.raises(PermissionDenied):
            await change
    with pytest.raises(ModelNotAllowed):
        await lone_desk.service.resolve(admin, "openai")
    assert [policy.subject for policy in await lone_desk.policies.list_policies(admin)] == [
        "operator",
        "tenant",
    ]


async def test_fallbacks_that_are_not_allowed_are_left_out(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    await lone_desk.service.set_alias(admin, "fast", ["groq/llama-x", "openai/gpt-x", "groq/other"])
    await lone_desk.policies.set_policy(admin, "tenant", ["*/llama-*", "openai/*"])

    names = [found.name for found in await lone_desk.service.resolve(admin, "fast")]

    assert names == ["groq/llama-x", "openai/gpt-x"]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda policies, caller: policies.list_policies(caller), id="list"),
        pytest.param(lambda policies, caller: policies.set_policy(caller, "tenant", ["*"]), id="set"),
        pytest.param(lambda policies, caller: policies.delete_policy(caller, "tenant"), id="delete"),
    ],
)
async def test_policies_need_an_administrator(
    lone_desk: Desk, act: Callable[[PolicyService, Caller], Any]
) -> None:
    editor = Caller("ten_1", "key:ak_1", frozenset({"config:write", "config:read", "inference"}))

    with pytest.raises(PermissionDenied):
        await act(lone_desk.policies, editor)


async def test_number_of_policies_is_bounded(lone_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("officium.core.gateway.policies.MOST_POLICIES", 2)
    admin = await lone_desk.configs.an_admin()
    for subject in ("tenant", "key:1", "key:1"):
        await lone_desk.policies.set_policy(admin, subject, ["*"])

    with pytest.raises(InvalidModelPolicy):
        await lone_desk.policies.set_policy(admin, "key:2", ["*"])


async def test_listed_are_only_the_models_that_may_be_used(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    transport = ScriptedTransport()
    directory = ModelDirectory(lone_desk.service, Dispatcher(transport), lone_desk.clock)
    await lone_desk.service.set_alias(admin, "fast", ["groq"])
    await lone_desk.service.set_alias(admin, "smart", ["openai"])
    everything = {listing.provider for listing in await directory.list_models(admin)}

    await lone_desk.policies.set_policy(admin, "tenant", ["groq/*"])

    assert everything == {"groq", "openai"}
    assert {listing.provider for listing in await directory.list_models(admin)} == {"groq"}
    assert [listing.id for listing in await lone_desk.service.list_own_models(admin)] == ["fast"]


async def test_listed_are_the_models_that_the_own_key_opens(lone_desk: Desk) -> None:
    admin, other = await lone_desk.configs.an_admin(), await lone_desk.configs.an_admin()
    await lone_desk.configs.a_config(admin, provider="anthropic", model="claude-m")
    directory = ModelDirectory(lone_desk.service, Dispatcher(ScriptedTransport()), lone_desk.clock)

    mine = {listing.provider for listing in await directory.list_models(admin)}

    assert mine == {"groq", "openai", "anthropic"}
    assert {listing.provider for listing in await directory.list_models(other)} == {"groq", "openai"}
    assert {listing.provider for listing in await directory.list_models()} == {"groq", "openai"}


async def test_notice_of_another_tenant_forgets_nothing_of_mine(lone_desk: Desk) -> None:
    admin = await lone_desk.configs.an_admin()
    await lone_desk.service.resolve(admin, "groq")

    lone_desk.notices.publish(CONFIG_CHANGED, "ten_other")

    assert admin.tenant_id in lone_desk.service._tenants
