"""Who may do what with configurations; one default; nothing for others."""

import asyncio
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from officium.core.config import CONFIG_CHANGED, ConfigChanged, ConfigNotFound, InvalidConfig, NoDefaultConfig
from officium.core.config import store as store_module
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from officium.kit.sealing import SealBroken
from tests.support.configs import KEY, Configs, a_change, a_draft


@pytest.fixture
def configs(database: Database) -> Configs:
    return Configs(database)


@pytest.fixture
async def admin(configs: Configs) -> Caller:
    return await configs.an_admin()


def a_person(tenant_of: Caller, id: str = "mem_1", *scopes: str) -> Caller:
    return Caller(tenant_of.tenant_id, f"member:{id}", frozenset(scopes or ("inference",)), member_id=id)


def a_key(tenant_of: Caller, *scopes: str) -> Caller:
    return Caller(tenant_of.tenant_id, "key:ak_1", frozenset(scopes), key_id="ak_1")


async def test_what_was_made_can_be_read(configs: Configs, admin: Caller):
    made = await configs.a_config(admin, api_url="https://proxy.example", temperature=0.7, is_default=True)

    assert await configs.service.get_config(admin, made.id) == made
    assert await configs.service.get_default(admin) == made
    assert await configs.service.list_configs(admin) == [made]


async def test_pages_follow_each_other(configs: Configs, admin: Caller):
    made = [await configs.a_config(admin, max_tokens=number) for number in range(1, 6)]

    first = await configs.service.list_configs(admin, limit=2)
    second = await configs.service.list_configs(admin, after=first[-1].id, limit=2)
    third = await configs.service.list_configs(admin, after=second[-1].id, limit=2)

    assert [*first, *second, *third] == made


@pytest.mark.parametrize("limit", [0, -1, 101])
async def test_page_has_a_size(configs: Configs, admin: Caller, limit: int):
    with pytest.raises(InvalidRequest):
        await configs.service.list_configs(admin, limit=limit)


async def test_there_is_no_default_until_one_is_made(configs: Configs, admin: Caller):
    await configs.a_config(admin)

    with pytest.raises(NoDefaultConfig, match="No default LLM configuration found"):
        await configs.service.get_default(admin)


async def test_one_that_is_switched_off_is_kept_and_never_answers(configs: Configs, admin: Caller):
    made = await configs.a_config(admin, is_default=True)

    off = await configs.change(admin, made.id, is_enabled=False, version=1)
    with pytest.raises(ConfigChanged):
        await configs.change(admin, made.id, is_enabled=True, version=1)
    opened = await configs.opened_keys(admin)
    with pytest.raises(NoDefaultConfig):
        await configs.service.get_default(admin)
    on = await configs.change(admin, made.id, is_enabled=True, version=2)

    assert (off.is_enabled, off.is_default, off.version) == (False, True, 2)
    assert opened == []
    assert await configs.opened_keys(admin) == [KEY]
    assert await configs.service.get_default(admin) == on
    versions = await configs.service.list_versions(admin, made.id)
    assert [version.changes for version in versions[:2]] == [
        {"is_enabled": (False, True)},
        {"is_enabled": (True, False)},
    ]
    entry = (await configs.audit.list_entries(admin))[0]
    assert (entry.action, entry.before["is_enabled"], entry.after["is_enabled"]) == (
        "llm_config.updated",
        False,
        True,
    )


async def test_tenants_default_answers_while_ones_own_is_switched_off(configs: Configs, admin: Caller):
    person = a_person(admin)
    shared = await configs.a_config(admin, is_default=True)
    own = await configs.a_config(person, "mem_1", is_default=True)

    await configs.change(person, own.id, "mem_1", is_enabled=False)

    assert (await configs.service.get_default(person, "mem_1")).id == shared.id
    with pytest.raises(PermissionDenied):
        await configs.change(person, shared.id, "mem_1", is_enabled=False)


async def test_nobody_switches_another_tenants_off(configs: Configs, admin: Caller):
    made = await configs.a_config(admin)
    other = await configs.an_admin()

    with pytest.raises(ConfigNotFound):
        await configs.change(other, made.id, is_enabled=False)


async def test_new_default_takes_the_place_of_the_old(configs: Configs, admin: Caller):
    first = await configs.a_config(admin, is_default=True)
    second = await configs.a_config(admin, is_default=True)
    third = await configs.a_config(admin)

    assert (await configs.service.get_default(admin)).id == second.id
    await configs.change(admin, third.id, is_default=True)

    listed = await configs.service.list_configs(admin)
    assert [config.is_default for config in listed] == [False, False, True]
    assert [config.version for config in listed] == [2, 2, 2]
    assert listed[0].id == first.id


async def test_default_can_be_given_up(configs: Configs, admin: Caller):
    made = await configs.a_config(admin, is_default=True)

    await configs.change(admin, made.id, is_default=False)

    with pytest.raises(NoDefaultConfig):
        await configs.service.get_default(admin)


async def test_of_many_who_make_a_default_at_once_one_is_the_last(configs: Configs, admin: Caller):
    present = [await configs.a_config(admin) for _ in range(4)]
    processes = [configs.elsewhere() for _ in range(4)]

    await asyncio.gather(
        *(process.a_config(admin, is_default=True) for process in processes for _ in range(2)),
        *(
            process.change(admin, config.id, is_default=True)
            for process, config in zip(processes, present, strict=True)
        ),
    )

    listed = await configs.service.list_configs(admin)
    assert len(listed) == 12
    assert sum(config.is_default for config in listed) == 1


async def test_database_itself_refuses_a_second_default(configs: Configs, admin: Caller):
    await configs.a_config(admin, is_default=True)
    await configs.a_config(admin)

    async def force() -> None:
        async with configs.database.writing(ALL_TENANTS) as connection:
            await connection.execute(text("UPDATE llm_configs SET is_default = true"))

    with pytest.raises(Exception, match=r"uq_llm_configs_default|UNIQUE"):
        await force()


async def test_user_and_tenant_have_a_default_each(configs: Configs, admin: Caller):
    person = a_person(admin)
    of_all = await configs.a_config(admin, is_default=True)

    before = await configs.service.get_default(person, "mem_1")
    own = await configs.a_config(person, "mem_1", is_default=True)

    assert before.id == of_all.id
    assert (await configs.service.get_default(person, "mem_1")).id == own.id
    assert (await configs.service.get_default(person)).id == of_all.id
    assert (await configs.service.get_default(a_person(admin, "mem_2"), "mem_2")).id == of_all.id


async def test_person_sees_the_tenants_configurations_and_changes_only_their_own(
    configs: Configs, admin: Caller
):
    person = a_person(admin)
    of_all = await configs.a_config(admin)
    own = await configs.a_config(person, "mem_1")

    assert await configs.service.list_configs(person, "mem_1") == [of_all, own]
    assert (await configs.change(person, own.id, "mem_1", temperature=1)).temperature == 1
    for attempt in (
        configs.a_config(person),
        configs.change(person, of_all.id, "mem_1", temperature=1),
        configs.service.delete_config(person, of_all.id, "mem_1"),
    ):
        with pytest.raises(PermissionDenied, match="config:write"):
            await attempt
    await configs.service.delete_config(person, own.id, "mem_1")
    assert await configs.service.list_configs(person, "mem_1") == [of_all]


async def test_person_with_the_scope_changes_what_is_the_tenants(configs: Configs, admin: Caller):
    editor = a_person(admin, "mem_1", "config:write")
    of_all = await configs.a_config(editor)

    assert of_all.owner_id is None
    assert (await configs.change(editor, of_all.id, "mem_1", temperature=1)).temperature == 1


async def test_nobody_sees_or_changes_another_users_configurations(configs: Configs, admin: Caller):
    own = await configs.a_config(a_person(admin), "mem_1")

    for stranger in (a_person(admin, "mem_2", "admin"), admin):
        owner = stranger.member_id
        assert await configs.service.list_configs(stranger, owner) == []
        for attempt in (
            configs.service.get_config(stranger, own.id, owner),
            configs.change(stranger, own.id, owner, temperature=1),
            configs.service.delete_config(stranger, own.id, owner),
            configs.service.list_versions(stranger, own.id, owner),
        ):
            with pytest.raises(ConfigNotFound):
                await attempt
        for reach in (
            configs.service.list_configs(stranger, "mem_1"),
            configs.service.get_config(stranger, own.id, "mem_1"),
            configs.service.get_default(stranger, "mem_1"),
            configs.a_config(stranger, "mem_1"),
            configs.change(stranger, own.id, "mem_1", temperature=1),
            configs.service.delete_config(stranger, own.id, "mem_1"),
        ):
            with pytest.raises(PermissionDenied):
                await reach


async def test_another_tenant_finds_nothing(configs: Configs, admin: Caller):
    made = await configs.a_config(admin, is_default=True)
    other = await configs.an_admin()

    assert await configs.service.list_configs(other) == []
    assert await configs.service.load_for_gateway(other) == []
    assert await configs.audit.list_entries(other, thing="llm_config") == []
    for attempt in (
        configs.service.get_config(other, made.id),
        configs.service.list_versions(other, made.id),
        configs.change(other, made.id, temperature=1),
        configs.service.delete_config(other, made.id),
        configs.service.get_default(other),
    ):
        with pytest.raises((ConfigNotFound, NoDefaultConfig)):
            await attempt
    assert await configs.service.get_config(admin, made.id) == made


@pytest.mark.parametrize(
    ("scopes", "may_read", "may_write"),
    [
        (("inference", "usage:read", "act-as"), False, False),
        (("config:read",), True, False),
        (("config:write",), True, True),
    ],
)
@pytest.mark.parametrize("owner_id", [None, "ak_1"], ids=["tenant", "own"])
async def test_key_does_what_its_scopes_say(
    configs: Configs, admin: Caller, scopes: tuple[str, ...], may_read: bool, may_write: bool, owner_id: Any
):
    made = await configs.a_config(admin, is_default=True)
    key = a_key(admin, *scopes)

    async def is_allowed(attempt: Any) -> bool:
        try:
            await attempt
        except PermissionDenied:
            return False
        return True

    assert await is_allowed(configs.service.list_configs(key, owner_id)) is may_read
    assert await is_allowed(configs.service.get_config(key, made.id, owner_id)) is may_read
    assert await is_allowed(configs.service.get_default(key, owner_id)) is may_read
    assert await is_allowed(configs.service.list_versions(key, made.id, owner_id)) is may_read
    assert await is_allowed(configs.a_config(key, owner_id)) is may_write
    assert await is_allowed(configs.change(key, made.id, owner_id, temperature=1)) is may_write
    assert await is_allowed(configs.service.delete_config(key, made.id, owner_id)) is may_write


async def test_of_two_who_change_the_same_state_the_second_is_told(configs: Configs, admin: Caller):
    made = await configs.a_config(admin)

    results = await asyncio.gather(
        *(configs.change(admin, made.id, version=1, temperature=number / 10) for number in range(5)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, ConfigChanged) for result in results) == 4
    assert (await configs.service.get_config(admin, made.id)).version == 2


async def test_refused_change_changes_nothing(configs: Configs, admin: Caller):
    made = await configs.a_config(admin, is_default=True)

    with pytest.raises(InvalidConfig):
        await configs.change(admin, made.id, temperature=9)

    assert await configs.service.get_config(admin, made.id) == made
    assert len(await configs.audit.list_entries(admin, thing="llm_config")) == 1


async def test_tenant_has_room_for_so_many(configs: Configs, admin: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_module, "MOST_CONFIGS", 2)
    await configs.a_config(admin)
    await configs.a_config(admin)

    with pytest.raises(InvalidConfig, match="at most 2"):
        await configs.a_config(admin)


async def test_user_cannot_fill_the_tenants_room(
    configs: Configs, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_OF_A_USER", 1)
    await configs.a_config(a_person(admin), "mem_1")

    with pytest.raises(InvalidConfig, match="at most 1"):
        await configs.a_config(a_person(admin), "mem_1")
    await configs.a_config(admin)


async def test_gateway_gets_the_tenants_and_the_callers_own_with_their_keys(configs: Configs, admin: Caller):
    of_all = await configs.a_config(admin, is_default=True, api_url="https://proxy.example")
    await configs.a_config(a_person(admin), "mem_1", api_key="sk-ant-0123456789-wxyz")
    await configs.a_config(admin, "ak_admin", provider="ollama", model="llama3", api_key=None)

    for caller, keys in (
        (admin, [KEY, None]),
        (a_person(admin), [KEY, "sk-ant-0123456789-wxyz"]),
        (a_person(admin, "mem_2"), [KEY]),
        (a_key(admin, "inference"), [KEY]),
    ):
        assert await configs.elsewhere().opened_keys(caller) == keys
    first = (await configs.service.load_for_gateway(admin))[0]
    assert (first.id, first.owner_id, first.api_url) == (of_all.id, None, "https://proxy.example")
    assert (first.provider, first.model, first.is_default) == ("anthropic", "claude-haiku-5-5", True)


async def test_key_never_shows_in_what_is_opened(configs: Configs, admin: Caller):
    await configs.a_config(admin)

    opened = await configs.service.load_for_gateway(admin)

    assert KEY not in f"{opened!r} {opened} {opened[0]!r} {opened[0].api_key}"


@pytest.mark.parametrize("what", ["row", "tenant"])
async def test_key_that_was_copied_elsewhere_does_not_open_there(configs: Configs, admin: Caller, what: str):
    source = await configs.a_config(admin)
    thief = admin if what == "row" else await configs.an_admin()
    target = await configs.a_config(thief, api_key="sk-ant-9876543210-wxyz")
    swap = "UPDATE llm_configs SET api_key = (SELECT api_key FROM llm_configs WHERE id = :a) WHERE id = :b"
    async with configs.database.writing(ALL_TENANTS) as connection:
        await connection.execute(text(swap), {"a": source.id, "b": target.id})

    assert target.id in str(await configs.fault_of(thief, target.id))

    await configs.change(thief, target.id, api_key="sk-ant-0000000000-new1")
    assert "sk-ant-0000000000-new1" in await configs.opened_keys(thief)


async def test_whole_row_that_was_moved_to_another_tenant_does_not_open(configs: Configs, admin: Caller):
    made = await configs.a_config(admin)
    thief = await configs.an_admin()
    async with configs.database.writing(ALL_TENANTS) as connection:
        await connection.execute(
            text("UPDATE llm_configs SET tenant_id = :t WHERE id = :id"),
            {"t": thief.tenant_id, "id": made.id},
        )

    other = await configs.a_config(thief, api_key="sk-ant-9876543210-wxyz")
    assert isinstance(await configs.fault_of(thief, made.id), SealBroken)
    assert await configs.fault_of(thief, other.id) is None


async def test_every_change_is_told_to_the_other_parts(configs: Configs, admin: Caller):
    told: list[str] = []
    configs.notices.subscribe(CONFIG_CHANGED, told.append)

    made = await configs.a_config(admin)
    await configs.change(admin, made.id, temperature=1)
    await configs.service.delete_config(admin, made.id)

    assert told == [admin.tenant_id] * 3


async def test_history_says_what_was_changed_by_whom(configs: Configs, admin: Caller):
    made = await configs.a_config(admin)
    await configs.change(admin, made.id, api_key="sk-ant-9876543210-abcd", temperature=1)

    newest, oldest = await configs.service.list_versions(admin, made.id)

    assert (newest.version, newest.change, newest.changed_by) == (2, "updated", "key:ak_admin")
    assert newest.changes == {"temperature": (0.3, 1), "api_key": ("••••abcd", "••••abcd")}
    assert oldest.changes["provider"] == (None, "anthropic")
    assert await configs.service.list_versions(admin, made.id, before=2) == [oldest]


async def test_every_change_stands_in_the_audit_log(configs: Configs, admin: Caller):
    first = await configs.service.create_config(admin, a_draft(is_default=True), request_id="req_1")
    second = await configs.service.create_config(admin, a_draft(is_default=True), request_id="req_2")
    draft = a_change(api_key="sk-ant-9876543210-wxyz")
    await configs.service.update_config(admin, second.id, draft, request_id="req_3")
    await configs.service.delete_config(admin, first.id, request_id="req_4")

    entries = await configs.audit.list_entries(admin, thing="llm_config")

    assert {(entry.request_id, entry.action, entry.thing_id) for entry in entries} == {
        ("req_1", "llm_config.created", first.id),
        ("req_2", "llm_config.updated", first.id),
        ("req_2", "llm_config.created", second.id),
        ("req_3", "llm_config.updated", second.id),
        ("req_4", "llm_config.deleted", first.id),
    }
    replaced = next(entry for entry in entries if entry.request_id == "req_3")
    assert replaced.actor == "key:ak_admin"
    assert replaced.before is not None
    assert replaced.after is not None
    assert (replaced.before["api_key"], replaced.after["api_key"]) == ("••••abcd", "••••wxyz")
    assert replaced.after["api_key_is_new"] is True


async def test_log_tells_of_a_change_and_nothing_of_the_key(configs: Configs, admin: Caller):
    with structlog.testing.capture_logs() as lines:
        made = await configs.a_config(admin)

    assert lines[-1]["event"] == "llm_config.created"
    assert lines[-1]["config"] == made.id
    assert KEY not in repr(lines)
