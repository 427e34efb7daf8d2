"""Seals values with the active key of the ring, and opens them with the key they were sealed with."""

import asyncio
import os
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.kit.clock import Clock
from officium.kit.ids import new_id
from officium.kit.sealing.envelope import KEY_BYTES, Place, broken, key_id_of, seal, unseal
from officium.kit.sealing.store import SealingKey, SealingStore
from officium.kit.sealing.wrapping import KeyWrapper, choose_wrapper
from officium.kit.secrets import Secret


class SealedAhead(Struct, frozen=True):
    """Envelopes made before their transaction, in the order of their texts, and the key that made them."""

    key_id: str
    envelopes: tuple[str, ...]


class KeyRing:
    """The installation's sealing keys, unwrapped as they are needed and kept in memory.

    `wrapper` wraps new keys; `previous` still unwraps those it wrapped, while the secret is being changed.
    """

    def __init__(self, store: SealingStore, wrapper: KeyWrapper, clock: Clock, *previous: KeyWrapper) -> None:
        self._store = store
        self._wrapper = wrapper
        self._wrappers = (wrapper, *previous)
        self._clock = clock
        self._keys: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    async def seal(self, connection: AsyncConnection, place: Place, secret: Secret) -> str:
        """The envelope of a secret, to be written in the transaction of `connection`.

        The key stays the active one until that transaction ends: that is why a rotation misses nothing. The
        first value ever sealed makes the first key. Raises SecretChanged.
        """
        active = await self._hold_active(connection)
        return seal(await self._unwrapped(active), active.id, place, secret.reveal())

    async def seal_ahead(self, texts: Sequence[tuple[Place, str]]) -> SealedAhead:
        """Envelopes of many or long texts, made in a thread while no transaction is open.

        In the one that writes them ask `is_active`, and seal anew unless it is. Raises SecretChanged.
        """
        active = await self._store.get_active_for_all_tenants(self._hold_active)
        key = await self._unwrapped(active)
        envelopes = await asyncio.to_thread(
            lambda: tuple(seal(key, active.id, place, text) for place, text in texts)
        )
        return SealedAhead(active.id, envelopes)

    async def is_active(self, connection: AsyncConnection, sealed: SealedAhead) -> bool:
        """Whether envelopes were made with the active key, which it stays until the transaction ends."""
        active = await self._store.hold_active_for_all_tenants(connection)
        return active is not None and active.id == sealed.key_id

    async def open(self, place: Place, envelope: str) -> Secret:
        """What was sealed for `place`. Raises SealBroken and SecretChanged."""
        key_id = key_id_of(place, envelope)
        key = self._keys.get(key_id)
        if key is None:
            found = await self._store.find_key_for_all_tenants(key_id)
            if found is None or found.wrapped is None:
                raise broken(place)
            key = await self._unwrapped(found)
        return Secret(unseal(key, place, envelope))

    async def make_key(self) -> SealingKey:
        """A new active key, wrapped, to be put into the ring."""
        key, key_id = os.urandom(KEY_BYTES), new_id("seal")
        return SealingKey(
            id=key_id,
            state="active",
            wrapped=await self._wrapper.wrap(key_id, key),
            wrapped_by=self._wrapper.id,
            created_at=self._clock.now(),
        )

    async def check(self, key: SealingKey) -> None:
        """Raise SecretChanged unless the key, which is not retired, can be unwrapped here."""
        await self._unwrapped(key)

    async def reseal(self, key: SealingKey, place: Place, envelope: str) -> str:
        """The same secret in an envelope made with `key`. Raises SealBroken and SecretChanged."""
        secret = await self.open(place, envelope)
        return seal(await self._unwrapped(key), key.id, place, secret.reveal())

    async def _hold_active(self, connection: AsyncConnection) -> SealingKey:
        active = await self._store.hold_active_for_all_tenants(connection)
        if active is None:
            await self._store.add_first_for_all_tenants(connection, await self.make_key())
            active = await self._store.hold_active_for_all_tenants(connection)
            assert active is not None
        return active

    async def _unwrapped(self, key: SealingKey) -> bytes:
        known = self._keys.get(key.id)
        if known is None:
            wrapper = choose_wrapper(self._wrappers, key.wrapped_by)
            known = self._keys[key.id] = await wrapper.unwrap(key.id, key.wrapped or "")
        return known
