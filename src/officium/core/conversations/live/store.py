"""Loading and saving live answers, so that other processes can read them, and this one after a restart."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.conversations.errors import ConversationNotFound
from officium.core.conversations.live.event import AnswerKey, Ending, NumberedEvent
from officium.core.conversations.live.tables import answer_events, live_answers
from officium.core.conversations.owner import owner_of
from officium.core.conversations.tables import conversations
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database

_KEY = tuple(live_answers.c[name] for name in AnswerKey.__struct_fields__)


class SavedAnswer(Struct, frozen=True, kw_only=True):
    """What the database knows of an answer, with the events that were asked for."""

    running_until: datetime
    ending: Ending | None
    events: list[NumberedEvent]


class Progress(Struct, frozen=True, kw_only=True):
    """What is new of an answer: events that follow each other, and how it ended, if it did."""

    key: AnswerKey
    events: Sequence[NumberedEvent]
    ending: Ending | None


class Wish(Struct, frozen=True, kw_only=True):
    """What other processes want of an answer: that it is stopped; that it goes on, as it is read there."""

    is_stop_asked: bool
    read_until: datetime | None


class AnswerStore:
    """The answers of the last day, each its owner's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        caller: Caller,
        answer_id: str,
        conversation_id: int | None,
        now: datetime,
        running_until: datetime,
    ) -> bool:
        """Make the answer this process's to produce; `False` where it has begun before.

        Raises ConversationNotFound where the tenant has no such conversation.
        """
        insert_or_not = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        query = (
            insert_or_not(live_answers)
            .values(
                tenant_id=caller.tenant_id,
                owner=owner_of(caller),
                answer_id=answer_id,
                conversation_id=conversation_id,
                started_at=now,
                running_until=running_until,
            )
            .on_conflict_do_nothing(index_elements=list(AnswerKey.__struct_fields__))
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if conversation_id is not None:
                await _hold_conversation(caller, connection, conversation_id)
            return (await connection.execute(query)).rowcount > 0

    async def find(self, caller: Caller, answer_id: str, after: int) -> SavedAnswer | None:
        """An answer of the caller's, with its events after the id `after`."""
        mine = _is(caller, answer_id)
        query = select(live_answers.c.running_until, live_answers.c.ending).where(mine)
        said = (
            select(answer_events.c.first_id, answer_events.c.events)
            .where(
                answer_events.c.tenant_id == caller.tenant_id,
                answer_events.c.owner == owner_of(caller),
                answer_events.c.answer_id == answer_id,
                answer_events.c.last_id > after,
            )
            .order_by(answer_events.c.first_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            # First how it stands, then what was said: nothing is added to an answer that has ended.
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            events = [
                NumberedEvent(id, name, data)
                for batch in await connection.execute(said)
                for id, (name, data) in enumerate(batch.events, batch.first_id)
                if id > after
            ]
        return SavedAnswer(running_until=row.running_until, ending=row.ending, events=events)

    async def note_reader(self, caller: Caller, answer_id: str, until: datetime) -> None:
        """Let the process that produces the answer know that it is read here, and for how long surely."""
        query = update(live_answers).where(_is(caller, answer_id)).values(read_until=until)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def ask_to_stop(self, caller: Caller, answer_id: str, now: datetime) -> bool:
        """Let the process that produces the answer know that it is to be stopped; whether it is under way."""
        query = (
            update(live_answers)
            .where(_is(caller, answer_id), live_answers.c.ending.is_(None))
            .values(stop_asked_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def declare_dead(self, caller: Caller, answer_id: str, now: datetime) -> None:
        """End an answer whose process has given no sign of life; should it live, it may not go on."""
        query = (
            update(live_answers)
            .where(
                _is(caller, answer_id), live_answers.c.ending.is_(None), live_answers.c.running_until < now
            )
            .values(ending="crashed", ended_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def save_for_all_tenants(
        self, progress: Sequence[Progress], now: datetime, running_until: datetime
    ) -> dict[AnswerKey, Wish]:
        """Write what is new of many answers, and that they are alive until then, in one transaction.

        Gives what others want of each. One that is missing was deleted or declared dead, and is not written.
        """
        held = (
            select(*_KEY, live_answers.c.stop_asked_at, live_answers.c.read_until)
            .where(tuple_(*_KEY).in_(_values(progress)), live_answers.c.ending.is_(None))
            .order_by(*_KEY)
            .with_for_update()
        )
        async with self._database.writing(ALL_TENANTS) as connection:
            wishes = {
                AnswerKey(row.tenant_id, row.owner, row.answer_id): Wish(
                    is_stop_asked=row.stop_asked_at is not None, read_until=row.read_until
                )
                for row in await connection.execute(held)
            }
            kept = [one for one in progress if one.key in wishes]
            for ending in {one.ending for one in kept}:
                those = [one for one in kept if one.ending == ending]
                await connection.execute(
                    update(live_answers)
                    .where(tuple_(*_KEY).in_(_values(those)))
                    .values(
                        running_until=running_until, ending=ending, ended_at=None if ending is None else now
                    )
                )
            if rows := [_row(one) for one in kept if one.events]:
                await connection.execute(self._put_events_for_all_tenants(), rows)
        return wishes

    def _put_events_for_all_tenants(self) -> Any:
        """Writes events; those that were written before, though nobody could say so, are written again."""
        insert_or = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        query = insert_or(answer_events)
        return query.on_conflict_do_update(
            index_elements=["tenant_id", "owner", "answer_id", "first_id"],
            set_={"last_id": query.excluded.last_id, "events": query.excluded.events},
        )

    async def forget_old_for_all_tenants(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` answers that were under way before that time and no longer; how many."""
        old = select(*_KEY).where(live_answers.c.running_until < before).limit(limit)
        async with self._database.writing(ALL_TENANTS) as connection:
            keys = [tuple(row) for row in await connection.execute(old)]
            if keys:
                await connection.execute(delete(live_answers).where(tuple_(*_KEY).in_(keys)))
        return len(keys)


def _is(caller: Caller, answer_id: str) -> ColumnElement[bool]:
    return (
        (live_answers.c.tenant_id == caller.tenant_id)
        & (live_answers.c.owner == owner_of(caller))
        & (live_answers.c.answer_id == answer_id)
    )


async def _hold_conversation(caller: Caller, connection: AsyncConnection, conversation_id: int) -> None:
    query = (
        select(conversations.c.id)
        .where(conversations.c.tenant_id == caller.tenant_id, conversations.c.id == conversation_id)
        .with_for_update(read=True, key_share=True)
    )
    if (await connection.execute(query)).first() is None:
        raise ConversationNotFound("You have no such conversation: it may have been deleted meanwhile.")


def _values(progress: Iterable[Progress]) -> list[tuple[str, str, str]]:
    return [(one.key.tenant_id, one.key.owner, one.key.answer_id) for one in progress]


def _row(progress: Progress) -> dict[str, object]:
    return {
        "tenant_id": progress.key.tenant_id,
        "owner": progress.key.owner,
        "answer_id": progress.key.answer_id,
        "first_id": progress.events[0].id,
        "last_id": progress.events[-1].id,
        "events": [[event.name, event.data] for event in progress.events],
    }
