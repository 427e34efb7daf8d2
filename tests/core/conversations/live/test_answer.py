"""An answer in memory: what it says, and how it can be cut."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.conversations.live.answer import LiveAnswer
from officium.core.conversations.live.event import AnswerKey, Event, NumberedEvent
from tests.support.clock import HandClock

KEY = AnswerKey("ten", "member:mem", "a")


class Producer:
    """Says numbers, as many as are asked for; its cleaning up takes a moment."""

    def __init__(self, count: int, *, swallows: bool = False) -> None:
        self._count = count
        self._swallows = swallows
        self.closed = 0

    async def run(self) -> AsyncIterator[Event]:
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                yield "delta", f"{number}"
        except asyncio.CancelledError:
            if not self._swallows:
                raise
            yield "delta", '"I do not hear"'
        finally:
            self.closed += 1
            await asyncio.sleep(0)


def an_answer() -> LiveAnswer:
    return LiveAnswer(KEY, HandClock())


async def read(answer: LiveAnswer, after: int = 0) -> list[NumberedEvent]:
    return [event async for event in answer.read(after)]


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("swallows", [False, True], ids=["obeys", "swallows"])
async def test_answer_cut_at_any_step_says_so_or_is_complete(steps: int, swallows: bool) -> None:
    answer, producer = an_answer(), Producer(3, swallows=swallows)
    answer.start(producer.run())
    for _ in range(steps):
        await asyncio.sleep(0)

    answer.cut("stopped")
    answer.cut("abandoned")

    events = await read(answer)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert answer.ending in ("stopped", "complete")
    assert (events[-1].name == "stopped") == (answer.ending == "stopped")
    assert all(event.data.isdigit() for event in events if event.name == "delta")
    assert producer.closed == (1 if steps or answer.ending == "complete" else 0)
    assert answer.task is not None
    await asyncio.wait({answer.task}, timeout=1)
    assert answer.task.done()


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 12))
def test_readers_who_come_at_any_time_and_place_get_the_rest(places: list[int], count: int) -> None:
    async def all_read() -> None:
        answer = an_answer()
        answer.start(Producer(count).run())
        readers = []
        for place in places:
            readers.append(asyncio.create_task(read(answer, place % (count + 1))))
            await asyncio.sleep(0)

        found = await asyncio.gather(*readers)

        everything = [NumberedEvent(id, "delta", f"{id - 1}") for id in range(1, count + 1)]
        for place, events in zip(places, found, strict=True):
            # Whoever is ahead of what was said begins with what is said next.
            assert events == everything[len(everything) - len(events) :]
            assert len(events) >= count - place % (count + 1)
        assert await read(answer) == everything

    asyncio.run(all_read())


async def test_answer_is_left_when_its_last_reader_goes() -> None:
    clock = HandClock()
    answer = LiveAnswer(KEY, clock)
    answer.start(Producer(100).run())
    one, other = answer.read(0), answer.read(0)
    await anext(one)
    await anext(other)
    clock.advance(10)
    await one.aclose()
    assert not answer.is_left_since(clock.monotonic())

    await other.aclose()

    assert answer.is_left_since(clock.monotonic())
    assert not answer.is_left_since(clock.monotonic() - 1)
    answer.cut("abandoned")
    assert (await read(answer))[-1].name == "interrupted"


async def test_producer_that_fails_at_cleaning_up_ends_all_the_same() -> None:
    class Stubborn:
        def __aiter__(self) -> "Stubborn":
            return self

        async def __anext__(self) -> Event:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise OSError

    answer = an_answer()
    answer.start(Stubborn())

    assert await read(answer) == []
    assert answer.ending == "complete"
