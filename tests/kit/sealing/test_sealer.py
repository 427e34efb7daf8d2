"""The ring of sealing keys: one for the installation, in the database, and useless without the secret."""

import asyncio

import pytest
from sqlalchemy import text

from officium.kit.database import ALL_TENANTS, Database
from officium.kit.sealing import KeyRing, Place, SealBroken, SealingStore, SecretChanged, SecretWrapper
from officium.kit.secrets import Secret, ServerSecret
from tests.support.clock import HandClock

SECRET = ServerSecret(b"the secret of this installation, long enough")
OTHER = ServerSecret(b"another secret, from another installation ...")
PLACE = Place("ten_1", "llm_configs", "llc_1", "api_key")


def a_ring(database: Database, secret: ServerSecret = SECRET, *previous: ServerSecret) -> KeyRing:
    older = [SecretWrapper(one) for one in previous]
    return KeyRing(SealingStore(database), SecretWrapper(secret), HandClock(), *older)


async def sealed(database: Database, ring: KeyRing, secret: str = "sk-ant-1") -> str:
    async with database.writing(PLACE.tenant_id) as connection:
        return await ring.seal(connection, PLACE, Secret(secret))


async def test_every_process_with_the_secret_opens_what_one_sealed(database: Database):
    envelope = await sealed(database, a_ring(database))

    assert (await a_ring(database).open(PLACE, envelope)).reveal() == "sk-ant-1"


async def test_processes_that_seal_for_the_first_time_together_make_one_key(database: Database):
    rings = [a_ring(database) for _ in range(8)]

    envelopes = await asyncio.gather(*(sealed(database, ring, f"sk-{n}") for n, ring in enumerate(rings)))

    assert len(await SealingStore(database).list_keys_for_all_tenants()) == 1
    opened = [await a_ring(database).open(PLACE, envelope) for envelope in envelopes]
    assert [secret.reveal() for secret in opened] == [f"sk-{n}" for n in range(8)]


async def test_value_is_not_sealed_when_its_transaction_fails(database: Database):
    ring = a_ring(database)

    async def fail() -> None:
        async with database.writing(PLACE.tenant_id) as connection:
            await ring.seal(connection, PLACE, Secret("sk-ant-1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    assert await SealingStore(database).list_keys_for_all_tenants() == []
    assert (await ring.open(PLACE, await sealed(database, ring))).reveal() == "sk-ant-1"


async def test_another_secret_opens_nothing_and_says_what_to_do(database: Database):
    envelope = await sealed(database, a_ring(database))

    with pytest.raises(SecretChanged, match="OFFICIUM_SECRET_KEY_PREVIOUS"):
        await a_ring(database, OTHER).open(PLACE, envelope)
    with pytest.raises(SecretChanged):
        await sealed(database, a_ring(database, OTHER))


async def test_previous_secret_still_opens(database: Database):
    envelope = await sealed(database, a_ring(database))

    assert (await a_ring(database, OTHER, SECRET).open(PLACE, envelope)).reveal() == "sk-ant-1"


async def test_envelope_of_a_key_that_is_not_in_the_ring_is_broken(database: Database):
    envelope = await sealed(database, a_ring(database))
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(text("DELETE FROM sealing_keys"))

    with pytest.raises(SealBroken):
        await a_ring(database).open(PLACE, envelope)


async def test_wrapped_key_that_was_changed_is_not_believed(database: Database):
    envelope = await sealed(database, a_ring(database))
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(text("UPDATE sealing_keys SET wrapped = 's1.wrapper.AAAA.AAAA'"))

    with pytest.raises(SecretChanged, match="same backup"):
        await a_ring(database).open(PLACE, envelope)


class Vault:
    """A key management service: what it wrapped only it unwraps."""

    id = "vault:1"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def wrap(self, key_id: str, key: bytes) -> str:
        self.kept[key_id] = key
        return f"in the vault: {key_id}"

    async def unwrap(self, key_id: str, wrapped: str) -> bytes:
        assert wrapped == f"in the vault: {key_id}"
        return self.kept[key_id]


async def test_key_management_service_can_keep_the_keys(database: Database):
    vault = Vault()
    envelope = await sealed(database, KeyRing(SealingStore(database), vault, HandClock()))

    opened = await KeyRing(SealingStore(database), vault, HandClock()).open(PLACE, envelope)

    assert opened.reveal() == "sk-ant-1"
    assert len(vault.kept) == 1


async def test_ring_shows_no_key(database: Database):
    ring = a_ring(database)
    await sealed(database, ring)
    (key,) = await SealingStore(database).list_keys_for_all_tenants()

    assert repr(ring) == f"KeyRing({key.id})"
    assert repr(key) == f"SealingKey({key.id}, active)"
