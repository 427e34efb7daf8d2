"""Exchanging the sealing key: interrupted anywhere, written to meanwhile, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from sqlalchemy import text

from officium.core.config import SEALED_COLUMNS
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.sealing import KeyRotation, SealingStore, rotation
from officium.kit.secrets import ServerSecret
from tests.support.configs import Configs

NEW_SECRET = ServerSecret(b"the secret that comes after the first one")
KEYS = ["sk-ant-0123456789-aaaa", "sk-ant-0123456789-bbbb", "sk-ant-0123456789-cccc"]


class Killed(BaseException):
    """The process is gone."""


class MortalDatabase:
    """A database whose process dies at its n-th transaction, before it is committed or right after."""

    def __init__(self, database: Database, at: int, *, is_committed: bool) -> None:
        self._database = database
        self._left = at
        self._is_committed = is_committed
        self.dialect = database.dialect
        self.reading = database.reading

    @asynccontextmanager
    async def writing(self, tenant_id: str) -> AsyncIterator[Any]:
        self._left -= 1
        async with self._database.writing(tenant_id) as connection:
            yield connection
            if self._left == 0 and not self._is_committed:
                raise Killed
        if self._left == 0:
            raise Killed


async def a_full_house(database: Database) -> tuple[Configs, Caller]:
    configs = Configs(database)
    admin = await configs.an_admin()
    for key in KEYS:
        await configs.a_config(admin, api_key=key)
    await configs.a_config(admin, provider="ollama", model="llama3", api_key=None)
    return configs, admin


async def envelopes(database: Database) -> list[str]:
    async with database.reading(ALL_TENANTS) as connection:
        query = text("SELECT api_key FROM llm_configs WHERE api_key IS NOT NULL ORDER BY id")
        return list((await connection.execute(query)).scalars())


async def assert_all_is_well(configs: Configs, admin: Caller, keys: list[str]) -> None:
    """One active key, the others gone; everything sealed with it, and opening in a new process."""
    ring = await configs.sealing.list_keys_for_all_tenants()
    (active,) = [key.id for key in ring if key.state == "active"]
    assert {key.state for key in ring} <= {"active", "retired"}
    assert all(key.wrapped is None for key in ring if key.state == "retired")
    assert all(envelope.startswith(f"s1.{active}.") for envelope in await envelopes(configs.database))
    assert await configs.elsewhere().opened_keys(admin) == [*keys, None]


async def test_rotation_seals_everything_anew(database: Database):
    configs, admin = await a_full_house(database)
    before = await envelopes(database)

    done = await configs.rotation.rotate()

    assert (done.is_new, done.resealed, len(done.retired), done.kept, done.broken) == (True, 3, 1, (), ())
    assert not set(before) & set(await envelopes(database))
    await assert_all_is_well(configs, admin, KEYS)


async def test_server_that_runs_meanwhile_needs_not_be_told(database: Database):
    configs, admin = await a_full_house(database)
    server = configs.elsewhere()
    await server.a_config(admin, api_key="sk-ant-0123456789-dddd")

    await configs.rotation.rotate()
    await server.a_config(admin, api_key="sk-ant-0123456789-eeee")

    added = ["sk-ant-0123456789-dddd", "sk-ant-0123456789-eeee"]
    assert await server.opened_keys(admin) == [*KEYS, None, *added]
    assert len({envelope.split(".")[1] for envelope in await envelopes(database)}) == 1


class InterruptedStore(SealingStore):
    """Somebody sets a key anew between the rotation's reading and its writing."""

    def __init__(self, configs: Configs, admin: Caller, config_id: str) -> None:
        super().__init__(configs.database)
        self._change = lambda: configs.elsewhere().change(admin, config_id, api_key="sk-ant-newer-one-0000")

    async def replace_for_all_tenants(self, column: Any, changes: Any) -> int:
        await self._change()
        return await super().replace_for_all_tenants(column, changes)


async def test_key_that_was_set_anew_meanwhile_is_not_overwritten(database: Database):
    configs, admin = await a_full_house(database)
    first = (await configs.service.list_configs(admin))[0]
    store = InterruptedStore(configs, admin, first.id)

    done = await KeyRotation(store, configs.ring, SEALED_COLUMNS, configs.clock).rotate()

    assert done.resealed == 2
    await assert_all_is_well(configs, admin, ["sk-ant-newer-one-0000", *KEYS[1:]])


@pytest.mark.parametrize("is_committed", [False, True], ids=["before-commit", "after-commit"])
@pytest.mark.parametrize("step", range(1, 6))
async def test_rotation_that_was_killed_is_finished_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: int, is_committed: bool
):
    monkeypatch.setattr(rotation, "BATCH", 1)
    configs, admin = await a_full_house(database)
    mortal = cast("Database", MortalDatabase(database, step, is_committed=is_committed))
    doomed = KeyRotation(SealingStore(mortal), configs.ring, SEALED_COLUMNS, configs.clock)

    with pytest.raises(Killed):
        await doomed.rotate()
    halfway = await configs.elsewhere().opened_keys(admin)
    await configs.elsewhere().rotation.rotate()

    assert halfway == [*KEYS, None]
    await assert_all_is_well(configs, admin, KEYS)


async def test_rotation_has_no_more_steps_than_were_tried(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotation, "BATCH", 1)
    configs, admin = await a_full_house(database)
    mortal = cast("Database", MortalDatabase(database, 6, is_committed=False))

    await KeyRotation(SealingStore(mortal), configs.ring, SEALED_COLUMNS, configs.clock).rotate()

    await assert_all_is_well(configs, admin, KEYS)


async def test_interrupted_rotation_is_finished_without_a_new_key(database: Database):
    configs, _ = await a_full_house(database)
    mortal = cast("Database", MortalDatabase(database, 1, is_committed=True))
    with pytest.raises(Killed):
        await KeyRotation(SealingStore(mortal), configs.ring, SEALED_COLUMNS, configs.clock).rotate()

    done = await configs.rotation.rotate()

    assert (done.is_new, done.resealed) == (False, 3)
    assert len(await configs.rotation.list_keys()) == 2


async def test_configurations_written_meanwhile_are_neither_lost_nor_sealed_with_old_keys(database: Database):
    configs, admin = await a_full_house(database)
    ids = [config.id for config in await configs.service.list_configs(admin)]
    servers = [configs.elsewhere() for _ in range(3)]

    async def write(server: Configs, config_id: str) -> None:
        for number in range(6):
            await server.change(admin, config_id, api_key=f"{config_id}-{number}")

    await asyncio.gather(
        *(write(server, id) for server, id in zip(servers, ids, strict=False)),
        configs.rotation.rotate(),
        configs.elsewhere().rotation.rotate(),
    )
    await configs.rotation.rotate()

    await assert_all_is_well(configs, admin, [f"{id}-5" for id in ids[:3]])


async def spoil(database: Database, config_id: str) -> None:
    """Change a sealed value behind the server's back."""
    change = (
        "UPDATE llm_configs SET api_key = replace(api_key, substr(api_key, 40, 5), '_____') WHERE id = :id"
    )
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(text(change), {"id": config_id})


async def test_value_that_does_not_open_is_named_and_keeps_its_key(database: Database):
    configs, admin = await a_full_house(database)
    victim = (await configs.service.list_configs(admin))[1].id
    await spoil(database, victim)

    done = await configs.rotation.rotate()

    assert [place.row_id for place in done.broken] == [victim]
    assert (done.resealed, len(done.kept), done.retired) == (2, 1, ())


async def test_rotation_goes_on_once_the_broken_value_was_set_again(database: Database):
    configs, admin = await a_full_house(database)
    victim = (await configs.service.list_configs(admin))[1].id
    await spoil(database, victim)
    await configs.rotation.rotate()
    await configs.change(admin, victim, api_key=KEYS[1])

    done = await configs.rotation.rotate()

    assert len(done.retired) == 1
    await assert_all_is_well(configs, admin, KEYS)


async def test_secret_of_the_server_can_be_changed(database: Database):
    configs, admin = await a_full_house(database)
    between = Configs(database, secret=NEW_SECRET, previous=(configs.secret,))

    assert await between.opened_keys(admin) == [*KEYS, None]
    await between.rotation.rotate()

    await assert_all_is_well(Configs(database, secret=NEW_SECRET), admin, KEYS)
