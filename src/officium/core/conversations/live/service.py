"""Live answers: produced once, read by whoever comes, as often as they come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta

import structlog
from msgspec import MsgspecError, json

from officium.core.conversations.live.answer import LiveAnswer, close_producer
from officium.core.conversations.live.errors import AnswerNotFound
from officium.core.conversations.live.event import (
    AnswerKey,
    Event,
    NumberedEvent,
    key_of,
    last_words,
)
from officium.core.conversations.live.store import AnswerStore, Progress, SavedAnswer, Wish
from officium.core.tenancy import Caller
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable
from officium.kit.notices import Notices

GRACE_S = 60.0
"""So long an answer goes on that nobody reads."""
ALIVE_S = 15.0
"""So long after its last sign of life a process is believed to live. Clocks must not differ by more."""
KEPT_FOR = timedelta(hours=24)
_BEAT_EVERY_S = 4.0
_SAVE_EVERY_S = 0.25
_POLL_EVERY_S = 0.25
_NOTE_EVERY_S = 5.0
_STOP_WAIT_S = 5.0
_LAST_WORDS_S = 5.0
_LATEST_ID = (1 << 31) - 1
_BATCH = 200
_TOPIC = "live-answer-stop"

_log = structlog.get_logger("conversations")


class LiveAnswers:
    """Produces answers in tasks of its own, so that they do not end with the request that began them.

    What is said is written down four times a second, for all answers together. Readers of this process are
    served from memory, others from the database. An answer belongs to its tenant and to the member or key
    that began it; for everybody else it is not there.
    """

    def __init__(
        self,
        store: AnswerStore,
        clock: Clock,
        notices: Notices,
        *,
        grace_s: float = GRACE_S,
        save_every_s: float = _SAVE_EVERY_S,
        poll_every_s: float = _POLL_EVERY_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self._grace_s = grace_s
        self._save_every_s = save_every_s
        self._poll_every_s = poll_every_s
        self._answers: dict[AnswerKey, LiveAnswer] = {}
        self._leaving: set[LiveAnswer] = set()
        self._beginning: set[asyncio.Task[bool]] = set()
        self._saving = asyncio.Lock()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = notices.subscribe(_TOPIC, self._hear)

    @property
    def running(self) -> int:
        """How many answers this process holds in memory: under way, or not yet written to their end."""
        return len(self._answers)

    def open(self) -> None:
        """Begin to write answers down, on the running loop."""
        self._task = asyncio.create_task(self._tick_on(), name="live-answers")

    async def start(
        self,
        caller: Caller,
        answer_id: str,
        producer: AsyncIterator[Event],
        *,
        conversation_id: int | None = None,
    ) -> bool:
        """Begin an answer; `False` where it has begun before, wherever: then `producer` is closed unused.

        Whoever asks may go away meanwhile, the answer begins all the same. When its conversation is deleted,
        so is the answer. A producer may be cancelled wherever it waits, once: what it must not leave half
        done, it shields. Raises InvalidRequest, ConversationNotFound and ServiceUnavailable.
        """
        try:
            key = key_of(caller, answer_id)
            if self._is_closing:
                raise ServiceUnavailable("This server is being stopped. Ask again in a moment.")
        except OfficiumError:
            await close_producer(producer)
            raise
        beginning = asyncio.create_task(self._begin(caller, key, producer, conversation_id))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._has_begun)
        return await asyncio.shield(beginning)

    async def attach(
        self, caller: Caller, answer_id: str, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]:
        """The events of an answer after the id `after_event_id`, then those to come, until it ends.

        Close the result when reading stops before. It ends with the event `stopped` or `interrupted` where
        the answer did not come to its own end. Raises InvalidRequest and AnswerNotFound.
        """
        key = key_of(caller, answer_id)
        after = min(max(after_event_id, 0), _LATEST_ID)
        answer = self._answers.get(key)
        if answer is not None:
            return answer.read(after)
        saved = await self._find(caller, answer_id, after)
        return self._read_saved(caller, answer_id, after, saved)

    async def stop(self, caller: Caller, answer_id: str) -> bool:
        """Stop an answer, wherever it is produced; whether it was under way.

        An answer of this process has cleaned up afterwards. Raises InvalidRequest and AnswerNotFound.
        """
        key = key_of(caller, answer_id)
        answer = self._answers.get(key)
        if answer is None:
            await self._find(caller, answer_id, _LATEST_ID)
            is_under_way = await self._store.ask_to_stop(caller, answer_id, self._clock.now())
            if is_under_way:
                self._notices.publish(_TOPIC, json.encode(key).decode())
            return is_under_way
        was_under_way = answer.ending is None
        answer.cut("stopped")
        if answer.task is not None:
            await asyncio.wait({answer.task}, timeout=_STOP_WAIT_S)
        return was_under_way

    async def tick(self) -> None:
        """Write down what is new, show signs of life, and stop what nobody wants any more."""
        async with self._saving:
            due = [answer for _, answer in sorted(self._answers.items()) if self._is_due(answer)]
            for start in range(0, len(due), _BATCH):
                await self._save(due[start : start + _BATCH])

    async def sweep(self) -> None:
        """Forget the answers that ended more than a day ago."""
        before = self._clock.now() - KEPT_FOR
        while await self._store.forget_old_for_all_tenants(before, _BATCH) == _BATCH:
            pass

    async def close(self, drain_s: float = 0.0) -> None:
        """Begin nothing more, wait `drain_s` for what is under way, stop the rest, and write it down."""
        self._is_closing = True
        await asyncio.gather(*self._beginning, return_exceptions=True)
        answers = [*self._answers.values(), *self._leaving]
        await _wait_for(answers, drain_s)
        for answer in answers:
            answer.cut("restarted")
        await _wait_for(answers, _LAST_WORDS_S)
        for answer in answers:
            answer.end("restarted")
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._unsubscribe()
        await self.tick()

    async def _begin(
        self, caller: Caller, key: AnswerKey, producer: AsyncIterator[Event], conversation_id: int | None
    ) -> bool:
        now = self._clock.now()
        is_ours = False
        try:
            is_ours = key not in self._answers and await self._store.claim(
                caller, key.answer_id, conversation_id, now, now + timedelta(seconds=ALIVE_S)
            )
        finally:
            if not is_ours:
                await close_producer(producer)
        if is_ours:
            answer = self._answers[key] = LiveAnswer(key, self._clock)
            answer.start(producer)
        return is_ours

    def _has_begun(self, beginning: "asyncio.Task[bool]") -> None:
        self._beginning.discard(beginning)
        if not beginning.cancelled():
            # Asked for, so that an error is not reported as unheard when the asker has gone.
            beginning.exception()

    async def _find(self, caller: Caller, answer_id: str, after: int) -> SavedAnswer:
        saved = await self._store.find(caller, answer_id, after)
        if saved is None:
            raise AnswerNotFound("You have no such answer. Answers can be read again for a day.")
        return saved

    async def _read_saved(
        self, caller: Caller, answer_id: str, after: int, saved: SavedAnswer | None
    ) -> AsyncGenerator[NumberedEvent, None]:
        """An answer of another process, or one that has ended, from the database."""
        next_note = self._clock.monotonic()
        while saved is not None:
            for event in saved.events:
                yield event
                after = event.id
            if saved.ending is not None and saved.ending != "crashed":
                return
            if saved.ending == "crashed":
                break
            if saved.running_until < self._clock.now():
                await self._store.declare_dead(caller, answer_id, self._clock.now())
            else:
                if self._clock.monotonic() >= next_note:
                    next_note = self._clock.monotonic() + _NOTE_EVERY_S
                    until = self._clock.now() + timedelta(seconds=3 * _NOTE_EVERY_S)
                    await self._store.note_reader(caller, answer_id, until)
                await asyncio.sleep(self._poll_every_s)
            saved = await self._store.find(caller, answer_id, after)
        # Told to everyone: a reader may have seen more than could be written down.
        yield NumberedEvent(after + 1, *last_words("crashed"))

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(self._save_every_s)
            try:
                await self.tick()
            except Exception:
                _log.exception("answers.tick_failed")

    def _is_due(self, answer: LiveAnswer) -> bool:
        return answer.has_unsaved or self._clock.monotonic() >= answer.next_beat or self._is_abandoned(answer)

    def _is_abandoned(self, answer: LiveAnswer) -> bool:
        return answer.is_left_since(self._clock.monotonic() - self._grace_s)

    async def _save(self, answers: Sequence[LiveAnswer]) -> None:
        """Write answers down together; one by one where that fails, so that none keeps back the others.

        While the database is away they wait in memory.
        """
        progress = [
            Progress(key=answer.key, events=answer.events[answer.saved :], ending=answer.ending)
            for answer in answers
        ]
        now = self._clock.now()
        running_until = now + timedelta(seconds=ALIVE_S)
        wishes: dict[AnswerKey, Wish] = {}
        try:
            wishes = await self._store.save_for_all_tenants(progress, now, running_until)
        except OfficiumError as error:
            _log.warning("answers.not_saved", waiting=len(answers), reason=error.message)
            return
        except Exception as error:
            _log.error("answers.refused", count=len(answers), reason=type(error).__name__)
            if len(answers) > 1:
                for answer in answers:
                    await self._save([answer])
                return
        for answer, written in zip(answers, progress, strict=True):
            self._heed(answer, written, wishes.get(answer.key))

    def _heed(self, answer: LiveAnswer, written: Progress, wish: Wish | None) -> None:
        """Do what was wished of an answer; without a wish it is no longer there, and ends here, too."""
        if wish is None or written.ending is not None:
            answer.cut("crashed")
            self._let_go(answer)
            return
        answer.saved += len(written.events)
        answer.next_beat = self._clock.monotonic() + _BEAT_EVERY_S
        is_read_elsewhere = wish.read_until is not None and wish.read_until > self._clock.now()
        if wish.is_stop_asked:
            answer.cut("stopped")
        elif self._is_abandoned(answer) and not is_read_elsewhere:
            answer.cut("abandoned")

    def _let_go(self, answer: LiveAnswer) -> None:
        """Forget an answer; its readers here still read it to the end, and its producer cleans up."""
        del self._answers[answer.key]
        if answer.task is not None and not answer.task.done():
            self._leaving.add(answer)
            answer.task.add_done_callback(lambda _: self._leaving.discard(answer))

    def _hear(self, text: str) -> None:
        with suppress(MsgspecError):
            answer = self._answers.get(json.decode(text, type=AnswerKey))
            if answer is not None:
                answer.cut("stopped")


async def _wait_for(answers: Sequence[LiveAnswer], timeout_s: float) -> None:
    tasks = [answer.task for answer in answers if answer.task is not None and not answer.task.done()]
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)
