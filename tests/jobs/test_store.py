"""Leases: one statement decides whose turn it is, on both databases."""

import asyncio
from datetime import timedelta

from officium.jobs import LeaseStore
from officium.kit.database import Database
from tests.support.clock import HandClock


async def take(store: LeaseStore, clock: HandClock, owner: str, every_s: float = 60) -> bool:
    now = clock.now()
    return await store.take_for_all_tenants(
        "alerts", owner, now=now, last_start=now - timedelta(seconds=every_s), lease_s=30
    )


async def give_back(store: LeaseStore, clock: HandClock, owner: str) -> bool:
    return await store.keep_for_all_tenants("alerts", owner, clock.now())


async def test_one_of_many_gets_the_lease(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()

    taken = await asyncio.gather(*(take(store, clock, f"proc_{number}") for number in range(20)))

    assert sum(taken) == 1


async def test_job_that_was_done_waits_for_its_next_turn(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()
    await take(store, clock, "a")
    await give_back(store, clock, "a")

    clock.advance(59)
    too_early = await take(store, clock, "b")
    clock.advance(1)
    in_time = await take(store, clock, "b")

    assert (too_early, in_time) == (False, True)


async def test_job_whose_process_died_is_taken_over(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()
    await take(store, clock, "dead", every_s=1)

    clock.advance(29)
    while_held = await take(store, clock, "b", every_s=1)
    clock.advance(1)
    afterwards = await take(store, clock, "b", every_s=1)

    assert (while_held, afterwards) == (False, True)


async def test_lease_that_is_kept_is_not_taken(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()
    await take(store, clock, "a", every_s=1)

    clock.advance(20)
    is_kept = await store.keep_for_all_tenants("alerts", "a", clock.now() + timedelta(seconds=30))
    clock.advance(20)

    assert is_kept
    assert not await take(store, clock, "b", every_s=1)


async def test_only_the_owner_gives_a_lease_back(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()
    await take(store, clock, "a", every_s=1)

    is_mine = await give_back(store, clock, "b")
    clock.advance(5)

    assert not is_mine
    assert not await take(store, clock, "b", every_s=1)


async def test_row_from_a_clock_that_was_years_ahead_stops_nobody(database: Database) -> None:
    store, clock = LeaseStore(database), HandClock()
    ahead = HandClock()
    ahead.advance(365 * 24 * 3600)
    await take(store, ahead, "a")

    assert await take(store, clock, "b")
