"""Answers that go on without their readers, are read again, and are produced once."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import func, select

from officium.core.conversations import ConversationNotFound, ConversationService
from officium.core.conversations.live import AnswerNotFound, AnswerStore, Event, LiveAnswers, NumberedEvent
from officium.core.conversations.live import answer as answers_in_memory
from officium.core.conversations.live.answer import LiveAnswer
from officium.core.conversations.live.tables import answer_events, live_answers
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable
from officium.kit.errors import InvalidRequest, ServiceUnavailable
from officium.kit.notices import LocalNotices, Notices
from tests.core.conversations.conftest import People
from tests.support.clock import HandClock

SAID: list[Event] = [("delta", f'"{word}"') for word in ("The", "answer", "is", "forty", "two")]


class Producer:
    """Says what the test tells it to, and notes that it was let go."""

    def __init__(self, *said: Event) -> None:
        self._lines: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.was_started = False
        self.was_closed = False
        for event in said:
            self.say(event)

    def say(self, event: Event | Exception | None) -> None:
        """Say this next: an event, an error that is raised, or that it is the end."""
        self._lines.put_nowait(event)

    async def run(self) -> AsyncIterator[Event]:
        self.was_started = True
        try:
            while (event := await self._lines.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            await asyncio.sleep(0)
            self.was_closed = True


def whole(*said: Event) -> Producer:
    producer = Producer(*said)
    producer.say(None)
    return producer


def numbered(said: list[Event]) -> list[NumberedEvent]:
    return [NumberedEvent(id, name, data) for id, (name, data) in enumerate(said, 1)]


async def until(is_so: Callable[[], object]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to that")


async def read(
    live: LiveAnswers, who: Caller, id: str = "a", after: int = 0, most: int = 1000
) -> list[NumberedEvent]:
    """What a reader gets who hangs up after `most` events."""
    found: list[NumberedEvent] = []
    if most == 0:
        return found
    async with aclosing(await live.attach(who, id, after)) as events:
        async for event in events:
            found.append(event)
            if len(found) == most:
                break
    return found


async def rows(database: Database) -> tuple[int, int]:
    async with database.reading(ALL_TENANTS) as connection:
        return (
            (await connection.execute(select(func.count()).select_from(live_answers))).scalar_one(),
            (await connection.execute(select(func.count()).select_from(answer_events))).scalar_one(),
        )


@pytest.fixture
def replica(database: Database, clock: HandClock) -> Callable[..., LiveAnswers]:
    """Makes processes on the same database. They write down when they are told to."""

    def make(notices: Notices | None = None, **how: Any) -> LiveAnswers:
        return LiveAnswers(AnswerStore(database), clock, notices or LocalNotices(), poll_every_s=0.002, **how)

    return make


@pytest.fixture
def live(replica: Callable[..., LiveAnswers]) -> LiveAnswers:
    return replica()


async def test_reader_gets_what_is_said(live: LiveAnswers, people: People):
    assert await live.start(people.ada, "a", whole(*SAID).run())

    assert await read(live, people.ada) == numbered(SAID)


async def test_answer_cut_anywhere_and_read_on_is_the_same_whole(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    other = replica()

    for cut in range(len(SAID) + 1):
        first = await read(live, people.ada, most=cut)
        assert first == numbered(SAID)[:cut]
    producer.say(None)
    for cut in range(len(SAID) + 1):
        assert await read(live, people.ada, after=cut) == numbered(SAID)[cut:]
    await live.tick()
    assert live.running == 0
    for cut in range(len(SAID) + 2):
        assert await read(live, people.ada, after=cut) == numbered(SAID)[cut:]
        assert await read(other, people.ada, after=cut) == numbered(SAID)[cut:]


async def test_other_process_follows_while_the_answer_is_given(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    producer = Producer()
    await live.start(people.ada, "a", producer.run())
    following = asyncio.create_task(read(replica(), people.ada))

    for event in SAID:
        producer.say(event)
        await asyncio.sleep(0.003)
        await live.tick()
    producer.say(None)
    await until(lambda: producer.was_closed)
    await live.tick()

    assert await following == numbered(SAID)


async def test_reader_ahead_of_the_database_is_told_nothing_twice(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    producer = Producer(*SAID[:2])
    await live.start(people.ada, "a", producer.run())
    await read(live, people.ada, most=2)
    await live.tick()
    following = asyncio.create_task(read(replica(), people.ada, after=4))

    for event in (*SAID[2:], None):
        producer.say(event)
        await asyncio.sleep(0.002)
        await live.tick()
    await until(lambda: producer.was_closed)
    await live.tick()

    assert await following == numbered(SAID)[4:]


async def test_many_readers_get_the_same(live: LiveAnswers, people: People):
    producer = Producer()
    await live.start(people.ada, "a", producer.run())
    readers = [asyncio.create_task(read(live, people.ada)) for _ in range(5)]

    for event in (*SAID, None):
        producer.say(event)
        await asyncio.sleep(0)

    assert await asyncio.gather(*readers) == [numbered(SAID)] * 5


async def test_slow_reader_holds_up_nobody(live: LiveAnswers, people: People):
    producer = whole(*SAID)
    await live.start(people.ada, "a", producer.run())
    slow = await live.attach(people.ada, "a")
    first = await anext(slow)

    await until(lambda: producer.was_closed)
    await live.tick()

    assert live.running == 0
    assert [first, *[event async for event in slow]] == numbered(SAID)


async def test_answer_is_produced_once(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    first, *others = (whole(*SAID) for _ in range(5))
    assert await live.start(people.ada, "a", first.run())
    assert not await live.start(people.ada, "a", others[0].run())
    assert not await replica().start(people.ada, "a", others[1].run())
    await until(lambda: first.was_closed)
    await live.tick()
    assert not await live.start(people.ada, "a", others[2].run())

    assert [producer.was_started for producer in others] == [False] * 4
    assert await read(live, people.ada) == numbered(SAID)


async def test_of_many_who_start_it_at_once_one_does(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    producers = [whole(*SAID) for _ in range(6)]
    processes = [live, live, live, replica(), replica(), replica()]

    begun = await asyncio.gather(
        *(
            process.start(people.ada, "a", producer.run())
            for process, producer in zip(processes, producers, strict=True)
        )
    )
    await asyncio.sleep(0.005)

    assert sorted(begun) == [False] * 5 + [True]
    assert [producer.was_started for producer in producers] == begun


async def test_what_is_anothers_is_not_there(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    await live.tick()

    for who in (people.bob, people.key, people.boss, people.admin, people.stranger, people.other_admin):
        for process in (live, replica()):
            with pytest.raises(AnswerNotFound):
                await process.attach(who, "a")
            with pytest.raises(AnswerNotFound):
                await process.stop(who, "a")
    assert await live.start(people.stranger, "a", whole(("other", "1")).run())
    assert await read(live, people.stranger) == numbered([("other", "1")])
    assert await read(live, people.ada, most=5) == numbered(SAID)


@pytest.mark.parametrize("id", ["", "x" * 65, "ä", "a\n", "\0"])
async def test_id_that_is_none_is_refused(live: LiveAnswers, people: People, id: str):
    producer = Producer()
    with pytest.raises(InvalidRequest):
        await live.start(people.ada, id, producer.run())
    with pytest.raises(InvalidRequest):
        await live.attach(people.ada, id)


async def test_event_id_of_nowhere_is_harmless(live: LiveAnswers, people: People):
    await live.start(people.ada, "a", whole(*SAID).run())
    assert await read(live, people.ada, after=-5) == numbered(SAID)
    assert await read(live, people.ada, after=10**30) == []
    await live.tick()

    assert await read(live, people.ada, after=-5) == numbered(SAID)
    assert await read(live, people.ada, after=10**30) == []


async def test_stopped_answer_ends_at_once_and_says_so(live: LiveAnswers, people: People):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    await read(live, people.ada, most=5)

    assert await live.stop(people.ada, "a")

    assert producer.was_closed
    expected = numbered([*SAID, ("stopped", "{}")])
    assert await read(live, people.ada) == expected
    assert not await live.stop(people.ada, "a")
    await live.tick()
    assert await read(live, people.ada) == expected
    assert not await live.stop(people.ada, "a")


async def test_stop_reaches_another_process_by_notice(replica: Callable[..., LiveAnswers], people: People):
    notices = LocalNotices()
    one, other = replica(notices), replica(notices)
    producer = Producer(*SAID)
    await one.start(people.ada, "a", producer.run())
    await read(one, people.ada, most=5)

    assert await other.stop(people.ada, "a")

    await until(lambda: producer.was_closed)


async def test_stop_reaches_another_process_without_any_notice(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, clock: HandClock
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    await live.tick()

    assert await replica().stop(people.ada, "a")
    clock.advance(5)
    await live.tick()

    await until(lambda: producer.was_closed)
    await live.tick()
    assert (await read(replica(), people.ada))[-1].name == "stopped"


async def test_answer_nobody_reads_is_stopped_after_its_time_of_grace(
    live: LiveAnswers, people: People, clock: HandClock
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    clock.advance(59)
    await live.tick()
    await read(live, people.ada, most=2)
    clock.advance(59)
    await live.tick()
    assert not producer.was_closed

    clock.advance(1)
    await live.tick()

    await until(lambda: producer.was_closed)
    await live.tick()
    last = NumberedEvent(6, "interrupted", '{"reason":"abandoned"}')
    assert await read(live, people.ada) == [*numbered(SAID), last]


async def test_reader_keeps_an_answer_going(live: LiveAnswers, people: People, clock: HandClock):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    async with aclosing(await live.attach(people.ada, "a")) as events:
        await anext(events)
        clock.advance(600)
        await live.tick()
        assert not producer.was_closed

    clock.advance(60)
    await live.tick()
    await until(lambda: producer.was_closed)


async def test_reader_at_another_process_keeps_an_answer_going(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, clock: HandClock
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    await live.tick()
    following = asyncio.create_task(read(replica(), people.ada))

    for _ in range(20):
        clock.advance(4)
        await live.tick()
        await asyncio.sleep(0.01)
    assert not producer.was_closed
    following.cancel()
    for _ in range(20):
        clock.advance(4)
        await live.tick()

    await until(lambda: producer.was_closed)


async def test_answer_of_a_process_that_died_ends_with_a_word(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, clock: HandClock
):
    producer = Producer(*SAID[:3])
    await live.start(people.ada, "a", producer.run())
    await read(live, people.ada, most=3)
    await live.tick()
    producer.say(SAID[3])
    seen = await read(live, people.ada, most=4)
    other = replica()
    waiting = asyncio.create_task(read(other, people.ada))
    await asyncio.sleep(0.01)
    assert not waiting.done()

    clock.advance(16)

    last = ("interrupted", '{"reason":"crashed"}')
    assert await waiting == numbered([*SAID[:3], last])
    assert await read(other, people.ada, after=seen[-1].id) == [NumberedEvent(5, *last)]
    assert not await other.start(people.ada, "a", whole(*SAID).run())


async def test_process_that_was_believed_dead_stops(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, clock: HandClock
):
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run())
    reading = asyncio.create_task(read(live, people.ada))
    await asyncio.sleep(0.002)
    clock.advance(16)
    elsewhere = await read(replica(), people.ada)

    await live.tick()

    await until(lambda: producer.was_closed)
    assert (await reading)[-1].data == elsewhere[-1].data == '{"reason":"crashed"}'
    assert live.running == 0


async def test_producer_that_fails_interrupts_the_answer(live: LiveAnswers, people: People):
    producer = Producer(*SAID[:1])
    producer.say(ValueError("a mistake"))
    await live.start(people.ada, "a", producer.run())

    assert await read(live, people.ada) == numbered([SAID[0], ("interrupted", '{"reason":"failed"}')])


async def test_answer_without_end_is_cut(live: LiveAnswers, people: People, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answers_in_memory, "LARGEST_BYTES", 300)
    producer = Producer(*SAID * 10)
    await live.start(people.ada, "a", producer.run())

    events = await read(live, people.ada)

    assert events[-1].data == '{"reason":"too_large"}'
    assert len(events) < 6
    assert producer.was_closed


async def test_answers_are_waited_for_at_the_end_and_then_stopped(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People
):
    done, endless = whole(*SAID), Producer(*SAID)
    await live.start(people.ada, "done", done.run())
    await live.start(people.ada, "endless", endless.run())

    await live.close(drain_s=0.02)

    assert (done.was_closed, endless.was_closed, live.running) == (True, True, 0)
    after = replica()
    assert await read(after, people.ada, "done") == numbered(SAID)
    last = ("interrupted", '{"reason":"restarted"}')
    assert await read(after, people.ada, "endless") == numbered([*SAID, last])
    with pytest.raises(ServiceUnavailable):
        await live.start(people.ada, "late", Producer().run())


async def test_answer_begins_though_whoever_asked_has_gone(live: LiveAnswers, people: People):
    asking = asyncio.create_task(live.start(people.ada, "a", whole(*SAID).run()))
    await asyncio.sleep(0)
    asking.cancel()

    await until(lambda: live.running)

    assert await read(live, people.ada) == numbered(SAID)


async def test_deleted_conversation_takes_its_answers_along(
    live: LiveAnswers,
    replica: Callable[..., LiveAnswers],
    chats: ConversationService,
    people: People,
    database: Database,
):
    chat = await chats.create_conversation(people.ada, "personas")
    producer = Producer(*SAID)
    await live.start(people.ada, "a", producer.run(), conversation_id=chat.id)
    await read(live, people.ada, most=5)
    await live.tick()
    assert await rows(database) == (1, 1)

    await chats.delete_conversation(people.ada, chat.id)
    producer.say(SAID[0])
    await asyncio.sleep(0.002)
    await live.tick()

    assert await rows(database) == (0, 0)
    await until(lambda: producer.was_closed)
    with pytest.raises(AnswerNotFound):
        await replica().attach(people.ada, "a")
    with pytest.raises(ConversationNotFound):
        await live.start(people.ada, "b", producer.run(), conversation_id=chat.id)


async def test_answer_in_anothers_conversation_does_not_begin(
    live: LiveAnswers, chats: ConversationService, people: People
):
    chat = await chats.create_conversation(people.stranger, "personas")

    with pytest.raises(ConversationNotFound):
        await live.start(people.ada, "a", Producer().run(), conversation_id=chat.id)


async def test_old_answers_are_forgotten_and_running_ones_are_not(
    live: LiveAnswers, people: People, clock: HandClock, database: Database
):
    await live.start(people.ada, "old", whole(*SAID).run())
    await read(live, people.ada, "old")
    await live.tick()
    producer = Producer(*SAID)
    await live.start(people.ada, "running", producer.run())
    async with aclosing(await live.attach(people.ada, "running")) as events:
        await anext(events)
        clock.advance(86_000)
        await live.tick()
        await live.sweep()
        assert await rows(database) == (2, 2)

        clock.advance(500)
        await live.tick()
        await live.sweep()

    assert await rows(database) == (1, 1)
    with pytest.raises(AnswerNotFound):
        await live.attach(people.ada, "old")


async def test_answers_wait_while_the_database_is_away(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, monkeypatch: pytest.MonkeyPatch
):
    await live.start(people.ada, "a", whole(*SAID).run())
    await read(live, people.ada)

    async def fail(*_: object) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(live._store, "save_for_all_tenants", fail)
        await live.tick()
        assert live.running == 1
    await live.tick()

    assert live.running == 0
    assert await read(replica(), people.ada) == numbered(SAID)


async def test_answer_the_database_refuses_keeps_back_no_other(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, monkeypatch: pytest.MonkeyPatch
):
    poison = Producer(("bad", "1"))
    await live.start(people.ada, "bad", poison.run())
    await live.start(people.ada, "good", whole(*SAID).run())
    await read(live, people.ada, "good")
    save = live._store.save_for_all_tenants

    async def refuse(progress: Any, *how: Any) -> Any:
        if any(one.key.answer_id == "bad" for one in progress):
            raise ValueError
        return await save(progress, *how)

    monkeypatch.setattr(live._store, "save_for_all_tenants", refuse)
    await live.tick()

    assert await read(replica(), people.ada, "good") == numbered(SAID)
    await until(lambda: poison.was_closed)


async def test_what_was_written_though_nobody_knew_is_written_again(
    live: LiveAnswers, replica: Callable[..., LiveAnswers], people: People, monkeypatch: pytest.MonkeyPatch
):
    producer = Producer(*SAID[:2])
    await live.start(people.ada, "a", producer.run())
    await read(live, people.ada, most=2)
    save = live._store.save_for_all_tenants

    async def lose_the_reply(*how: Any) -> None:
        await save(*how)
        raise DatabaseUnavailable("the connection broke after the commit")

    with monkeypatch.context() as broken:
        broken.setattr(live._store, "save_for_all_tenants", lose_the_reply)
        await live.tick()
    for event in (*SAID[2:], None):
        producer.say(event)
    await until(lambda: producer.was_closed)
    await live.tick()

    assert await read(replica(), people.ada) == numbered(SAID)


async def test_nothing_is_left_of_an_answer_but_its_rows(live: LiveAnswers, people: People, clock: HandClock):
    async def tasks() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks()}

    before = await tasks()
    left: list[weakref.ref[LiveAnswer]] = []
    for number in range(3):
        await live.start(people.ada, f"{number}", Producer(*SAID).run())
        left += [weakref.ref(answer) for answer in live._answers.values()]
        await read(live, people.ada, f"{number}", most=3)
    await live.stop(people.ada, "0")
    clock.advance(100)
    await live.tick()
    await asyncio.sleep(0.01)
    await live.tick()
    gc.collect()

    assert live.running == 0
    assert [one() for one in left] == [None] * len(left)
    assert await tasks() == before


async def test_open_process_writes_by_itself(
    replica: Callable[..., LiveAnswers], people: People, database: Database
):
    live = replica(save_every_s=0.002)
    live.open()
    await live.start(people.ada, "a", whole(*SAID).run())

    await until(lambda: not live.running)
    await live.close()

    assert await read(replica(), people.ada) == numbered(SAID)
