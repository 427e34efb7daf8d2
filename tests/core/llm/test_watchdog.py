"""Waits that end in time, and waits that do not."""

import asyncio
from collections.abc import Callable

import pytest

from officium.core.llm.errors import LLMTimeoutError
from officium.core.llm.http import Timeouts
from officium.core.llm.watchdog import Watchdog


def nobody(error: LLMTimeoutError) -> None:
    raise AssertionError(error)


def a_watchdog(
    *, idle: float = 0.1, total: float = 5.0, on_expiry: Callable[[LLMTimeoutError], None] = nobody
) -> Watchdog:
    return Watchdog(Timeouts(idle=idle, total=total), on_expiry)


async def test_quick_wait_is_left_alone() -> None:
    watchdog = a_watchdog()

    for _ in range(3):
        with watchdog.guard("idle", 1.0):
            await asyncio.sleep(0)
    watchdog.stop()


async def test_long_wait_ends_in_a_timeout() -> None:
    watchdog = a_watchdog()

    with pytest.raises(LLMTimeoutError) as raised, watchdog.guard("idle", 0.03):
        await asyncio.sleep(2)

    assert raised.value.fields == {"phase": "idle", "limit_s": 0.03}
    assert raised.value.is_retryable
    assert isinstance(raised.value.__cause__, asyncio.CancelledError)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    watchdog.stop()


async def test_each_guard_starts_anew() -> None:
    watchdog = a_watchdog()

    for _ in range(4):
        with watchdog.guard("idle", 0.06):
            await asyncio.sleep(0.03)
    watchdog.stop()


async def test_shorter_guard_after_a_longer_one_is_kept() -> None:
    watchdog = a_watchdog()
    with watchdog.guard("first_byte", 3.0):
        await asyncio.sleep(0)

    with pytest.raises(LLMTimeoutError, match=r"0\.03 s"), watchdog.guard("idle", 0.03):
        await asyncio.sleep(2)
    watchdog.stop()


async def test_total_ends_a_row_of_short_waits() -> None:
    watchdog = a_watchdog(total=0.1)

    async def wait_on_and_on() -> None:
        while True:
            with watchdog.guard("idle", 1.0):
                await asyncio.sleep(0.02)

    with pytest.raises(LLMTimeoutError) as raised:
        await wait_on_and_on()

    assert raised.value.fields["phase"] == "total"
    assert not raised.value.is_retryable
    watchdog.stop()


async def test_total_is_told_while_nobody_waits() -> None:
    errors: list[LLMTimeoutError] = []
    watchdog = a_watchdog(idle=0.01, total=0.05, on_expiry=errors.append)
    with watchdog.guard("idle", 0.02):
        await asyncio.sleep(0)

    await asyncio.sleep(0.1)

    assert [error.fields["phase"] for error in errors] == ["total"]


async def test_time_between_guards_does_not_count() -> None:
    watchdog = a_watchdog(idle=0.02)
    with watchdog.guard("idle", 0.02):
        await asyncio.sleep(0)

    await asyncio.sleep(0.06)

    with watchdog.guard("idle", 0.02):
        await asyncio.sleep(0.01)
    watchdog.stop()


async def test_cancellation_from_outside_stays_a_cancellation() -> None:
    watchdog = a_watchdog()

    async def wait() -> None:
        with watchdog.guard("idle", 1.0):
            await asyncio.sleep(2)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    watchdog.stop()


async def test_cancellation_from_outside_has_precedence_over_the_timeout() -> None:
    watchdog = a_watchdog()

    async def wait() -> None:
        with watchdog.guard("idle", 0.02):
            try:
                await asyncio.sleep(2)
            finally:
                await asyncio.shield(asyncio.sleep(0.05))

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.04)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    watchdog.stop()


async def test_guard_may_move_to_another_task() -> None:
    watchdog = a_watchdog()

    async def wait(limit_s: float) -> None:
        with watchdog.guard("idle", limit_s):
            await asyncio.sleep(0.05)

    await asyncio.create_task(wait(1.0))
    with pytest.raises(LLMTimeoutError):
        await asyncio.create_task(wait(0.01))
    watchdog.stop()


async def test_stopped_watchdog_never_rings() -> None:
    watchdog = a_watchdog(total=0.02)
    with watchdog.guard("idle", 1.0):
        await asyncio.sleep(0)

    watchdog.stop()

    await asyncio.sleep(0.05)
