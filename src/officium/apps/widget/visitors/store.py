"""Loading and saving what visitors say, and how it was answered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct, convert, to_builtins
from sqlalchemy import RowMapping, Update, and_, case, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.widget.visitors.conversation import (
    Citation,
    Status,
    VisitorConversation,
    VisitorMessage,
)
from officium.apps.widget.visitors.request_log import GivenAnswer, LoggedRequest, ProviderSummary
from officium.apps.widget.visitors.tables import (
    llm_request_logs,
    widget_answer_counts,
    widget_conversations,
    widget_leads,
    widget_messages,
    widget_visitors,
)
from officium.core.tenancy import Caller
from officium.core.usage.contents.tables import request_contents
from officium.kit.database import Database

_PARTS_OF_LOG = tuple(LoggedRequest.__struct_fields__)


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to add. `answer` is there for what a widget says."""

    conversation_id: int
    speaker: Literal["visitor", "widget", "agent"]
    text: str
    author: str | None = None
    answer: GivenAnswer | None = None


class AnswerRecord(Struct, frozen=True, kw_only=True):
    """What is written down of an answer besides its message: `question` and `response` are masked.

    `day` is that of the client's time zone.
    """

    request_id: str
    visitor_id: str
    question: str
    response: str
    day: date


class Lead(Struct, frozen=True, kw_only=True):
    """What a visitor left, so that somebody can come back to them."""

    id: int
    widget_id: int
    conversation_id: int | None
    name: str | None
    email: str | None
    phone: str | None
    message: str | None
    created_at: datetime


class VisitorStore:
    """Visitors with their conversations, and the log of how these were answered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_conversation(
        self,
        caller: Caller,
        widget_id: int,
        visitor_id: str,
        conversation_id: int | None,
        language: str | None,
        page_url: str | None,
        now: datetime,
    ) -> VisitorConversation:
        """The visitor's own conversation with this id, else a new one."""
        whose = {"tenant_id": caller.tenant_id, "widget_id": widget_id}
        async with self._database.writing(caller.tenant_id) as connection:
            if conversation_id is not None:
                query = _of_visitor(caller, widget_id, visitor_id).where(
                    widget_conversations.c.id == conversation_id
                )
                found = (await connection.execute(query)).mappings().first()
                if found is not None:
                    return _conversation(found)
            await self._keep_visitor(caller, connection, widget_id, visitor_id, now)
            values = {
                **whose,
                "visitor_id": visitor_id,
                "status": "bot",
                "language": language,
                "page_url": page_url,
                "assigned_to": None,
                "tokens": 0,
                "nano_usd": 0,
                "created_at": now,
                "updated_at": now,
            }
            made = await connection.execute(insert(widget_conversations).values(values))
            return VisitorConversation(id=_new_id(made), **values)  # type: ignore[arg-type]

    async def find_conversation(
        self, caller: Caller, widget_id: int, conversation_id: int, visitor_id: str | None = None
    ) -> VisitorConversation | None:
        """A conversation of the widget; with `visitor_id` only where it is theirs."""
        query = select(widget_conversations).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
            widget_conversations.c.id == conversation_id,
        )
        if visitor_id is not None:
            query = query.where(widget_conversations.c.visitor_id == visitor_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _conversation(row)

    async def list_messages(
        self, caller: Caller, conversation_id: int, *, after: int = 0, limit: int = 200
    ) -> list[VisitorMessage]:
        """A page of messages, oldest first, behind the id `after`."""
        query = _messages_of(caller, conversation_id).where(widget_messages.c.id > after)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = await connection.execute(query.order_by(widget_messages.c.id).limit(limit))
            return [_message(row) for row in rows.mappings()]

    async def list_recent(self, caller: Caller, conversation_id: int, most: int) -> list[VisitorMessage]:
        """The last messages, oldest first."""
        query = _messages_of(caller, conversation_id).order_by(widget_messages.c.id.desc()).limit(most)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_message(row) for row in reversed(rows)]

    async def add_message(
        self, caller: Caller, widget_id: int, message: NewMessage, now: datetime, status: Status | None = None
    ) -> VisitorMessage:
        """Add what was said; with `status` the conversation becomes that."""
        async with self._database.writing(caller.tenant_id) as connection:
            return await self._insert_message(caller, connection, widget_id, message, now, status)

    async def add_answer(
        self, caller: Caller, widget_id: int, message: NewMessage, record: AnswerRecord, now: datetime
    ) -> VisitorMessage:
        """Add an answer with its row in the log, and count it."""
        answer = message.answer
        assert answer is not None
        async with self._database.writing(caller.tenant_id) as connection:
            added = await self._insert_message(caller, connection, widget_id, message, now, None)
            row = _log_row(caller, widget_id, answer, record, now)
            row |= {"conversation_id": message.conversation_id, "message_id": added.id}
            await connection.execute(insert(llm_request_logs).values(row))
            await self._count(caller, connection, widget_id, record.day, answer.answer_source)
            if answer.total_tokens or answer.cost_nano_usd:
                id = message.conversation_id
                await connection.execute(_spend(caller, id, answer.total_tokens, answer.cost_nano_usd))
        return added

    async def add_spent(self, caller: Caller, conversation_id: int, tokens: int, nano_usd: int) -> None:
        """Count what a model was paid for an answer nobody waited for."""
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(_spend(caller, conversation_id, tokens, nano_usd))

    async def rate(
        self,
        caller: Caller,
        widget_id: int,
        visitor_id: str,
        message_id: int,
        rating: Literal["up", "down"] | None,
        feedback: str | None,
    ) -> bool:
        """What the visitor thinks of an answer in one of their conversations; whether there is one."""
        own = select(widget_conversations.c.id).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
            widget_conversations.c.visitor_id == visitor_id,
        )
        said = (
            update(widget_messages)
            .where(
                widget_messages.c.tenant_id == caller.tenant_id,
                widget_messages.c.id == message_id,
                widget_messages.c.speaker != "visitor",
                widget_messages.c.conversation_id.in_(own),
            )
            .values(rating=rating, feedback=feedback)
        )
        noted = (
            update(llm_request_logs)
            .where(
                llm_request_logs.c.tenant_id == caller.tenant_id,
                llm_request_logs.c.widget_id == widget_id,
                llm_request_logs.c.message_id == message_id,
            )
            .values(rating=rating)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(said)).rowcount == 0:
                return False
            await connection.execute(noted)
        return True

    async def add_lead(
        self,
        caller: Caller,
        widget_id: int,
        visitor_id: str,
        conversation_id: int | None,
        said: Mapping[str, str | None],
        now: datetime,
    ) -> int:
        """Keep what a visitor left; gives its id."""
        values = {
            "tenant_id": caller.tenant_id,
            "widget_id": widget_id,
            "visitor_id": visitor_id,
            "conversation_id": conversation_id,
            "created_at": now,
            **said,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            await self._keep_visitor(caller, connection, widget_id, visitor_id, now)
            return _new_id(await connection.execute(insert(widget_leads).values(values)))

    async def list_leads(self, caller: Caller, widget_id: int, before: int | None, limit: int) -> list[Lead]:
        """A page of leads, newest first."""
        query = select(*(widget_leads.c[name] for name in Lead.__struct_fields__)).where(
            widget_leads.c.tenant_id == caller.tenant_id, widget_leads.c.widget_id == widget_id
        )
        if before is not None:
            query = query.where(widget_leads.c.id < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = await connection.execute(query.order_by(widget_leads.c.id.desc()).limit(limit))
            return [Lead(**row) for row in rows.mappings()]

    async def set_consent(self, caller: Caller, widget_id: int, visitor_id: str, now: datetime) -> None:
        """Note that the visitor agreed."""
        query = (
            update(widget_visitors)
            .where(
                widget_visitors.c.tenant_id == caller.tenant_id,
                widget_visitors.c.widget_id == widget_id,
                widget_visitors.c.id == visitor_id,
            )
            .values(consented_at=now, updated_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await self._keep_visitor(caller, connection, widget_id, visitor_id, now)
            await connection.execute(query)

    async def export_visitor(self, caller: Caller, widget_id: int, visitor_id: str) -> dict[str, Any]:
        """All that is kept of a visitor, in JSON's types."""
        theirs = and_(
            widget_visitors.c.tenant_id == caller.tenant_id,
            widget_visitors.c.widget_id == widget_id,
            widget_visitors.c.id == visitor_id,
        )
        leads = select(*(widget_leads.c[name] for name in Lead.__struct_fields__)).where(
            widget_leads.c.tenant_id == caller.tenant_id,
            widget_leads.c.widget_id == widget_id,
            widget_leads.c.visitor_id == visitor_id,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            visitor = (await connection.execute(select(widget_visitors).where(theirs))).mappings().first()
            threads = (await connection.execute(_of_visitor(caller, widget_id, visitor_id))).mappings().all()
            said = []
            for thread in threads:
                query = _messages_of(caller, thread["id"]).order_by(widget_messages.c.id)
                messages = [_message(row) for row in (await connection.execute(query)).mappings()]
                kept = to_builtins(_conversation(thread))
                del kept["tenant_id"], kept["assigned_to"]
                said.append({**kept, "messages": to_builtins(messages)})
            left = [Lead(**row) for row in (await connection.execute(leads)).mappings()]
        return {
            "visitor_id": visitor_id,
            "first_seen_at": None if visitor is None else visitor["created_at"].isoformat(),
            "consented_at": visitor["consented_at"].isoformat()
            if visitor and visitor["consented_at"]
            else None,
            "conversations": said,
            "leads": to_builtins(left),
        }

    async def forget_visitor(self, caller: Caller, widget_id: int, visitor_id: str) -> bool:
        """Delete a visitor with all they said; of the log only figures stay. Whether there was anything."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _empty_logs(caller, connection, widget_id, llm_request_logs.c.visitor_id == visitor_id)
            await _drop_contents(caller, connection, widget_id, request_contents.c.visitor_id == visitor_id)
            gone = delete(widget_visitors).where(
                widget_visitors.c.tenant_id == caller.tenant_id,
                widget_visitors.c.widget_id == widget_id,
                widget_visitors.c.id == visitor_id,
            )
            return (await connection.execute(gone)).rowcount > 0

    async def forget_before(self, caller: Caller, widget_id: int, moment: datetime) -> int:
        """Delete the visitors of whom nothing was heard since, and what they said; how many there were."""
        still = select(widget_conversations.c.visitor_id).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
        )
        gone = delete(widget_visitors).where(
            widget_visitors.c.tenant_id == caller.tenant_id,
            widget_visitors.c.widget_id == widget_id,
            widget_visitors.c.updated_at < moment,
            widget_visitors.c.id.not_in(still),
        )
        old = delete(widget_conversations).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
            widget_conversations.c.updated_at < moment,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await _empty_logs(caller, connection, widget_id, llm_request_logs.c.created_at < moment)
            await _drop_contents(caller, connection, widget_id, request_contents.c.created_at < moment)
            await connection.execute(old)
            return (await connection.execute(gone)).rowcount

    async def list_requests(
        self, caller: Caller, widget_id: int, before: int | None, limit: int
    ) -> list[LoggedRequest]:
        """A page of the request log, newest first."""
        query = select(*(llm_request_logs.c[name] for name in _PARTS_OF_LOG)).where(
            llm_request_logs.c.tenant_id == caller.tenant_id, llm_request_logs.c.widget_id == widget_id
        )
        if before is not None:
            query = query.where(llm_request_logs.c.id < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = await connection.execute(query.order_by(llm_request_logs.c.id.desc()).limit(limit))
            return [LoggedRequest(**row) for row in rows.mappings()]

    async def count_answers(self, caller: Caller, widget_id: int, since: date) -> dict[str, int]:
        """How many answers came from each source since a day."""
        counts = widget_answer_counts.c
        query = (
            select(counts.answer_source, func.sum(counts.answers))
            .where(counts.tenant_id == caller.tenant_id, counts.widget_id == widget_id, counts.day >= since)
            .group_by(counts.answer_source)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row[0]: int(row[1]) for row in await connection.execute(query)}

    async def count_answers_of(
        self, caller: Caller, widget_ids: Collection[int], since: date
    ) -> dict[int, dict[str, int]]:
        """How many answers of each of these widgets came from each source since a day."""
        counts = widget_answer_counts.c
        query = (
            select(counts.widget_id, counts.answer_source, func.sum(counts.answers))
            .where(
                counts.tenant_id == caller.tenant_id,
                counts.widget_id.in_(widget_ids),
                counts.day >= since,
            )
            .group_by(counts.widget_id, counts.answer_source)
        )
        found: dict[int, dict[str, int]] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for widget_id, source, answers in await connection.execute(query):
                found.setdefault(widget_id, {})[source] = int(answers)
        return found

    async def list_answer_days(
        self, caller: Caller, widget_id: int, first: date
    ) -> list[tuple[date, str, int]]:
        """How many answers came from each source on each day from `first` on, first day first."""
        counts = widget_answer_counts.c
        query = (
            select(counts.day, counts.answer_source, counts.answers)
            .where(counts.tenant_id == caller.tenant_id, counts.widget_id == widget_id, counts.day >= first)
            .order_by(counts.day, counts.answer_source)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [(row[0], row[1], int(row[2])) for row in await connection.execute(query)]

    async def summarize(
        self, caller: Caller, widget_id: int, since: datetime
    ) -> tuple[list[ProviderSummary], dict[str, int]]:
        """What came of asking each provider since a moment, and how many answers got which rating."""
        log = llm_request_logs.c
        mine = and_(log.tenant_id == caller.tenant_id, log.widget_id == widget_id, log.created_at >= since)
        was = {
            status: func.count(case((log.status == status, 1)))
            for status in ("success", "failed", "credits_exhausted")
        }
        by_provider = (
            select(
                log.llm_provider,
                func.count(),
                func.coalesce(func.sum(log.total_tokens), 0),
                func.avg(case((log.status == "success", log.response_time_ms))),
                *was.values(),
            )
            .where(mine, log.llm_provider.is_not(None))
            .group_by(log.llm_provider)
            .order_by(log.llm_provider)
        )
        by_rating = select(log.rating, func.count()).where(mine, log.rating.is_not(None)).group_by(log.rating)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(by_provider)).all()
            ratings = {row[0]: int(row[1]) for row in await connection.execute(by_rating)}
        return [
            ProviderSummary(
                llm_provider=row[0],
                total_requests=row[1],
                total_tokens=int(row[2]),
                avg_response_time=None if row[3] is None else round(float(row[3]), 1),
                successful_requests=row[4],
                failed_requests=row[5],
                credits_exhausted_count=row[6],
            )
            for row in rows
        ], ratings

    async def _keep_visitor(
        self, caller: Caller, connection: AsyncConnection, widget_id: int, visitor_id: str, now: datetime
    ) -> None:
        """The visitor's row, as of now."""
        values = {
            "id": visitor_id,
            "tenant_id": caller.tenant_id,
            "widget_id": widget_id,
            "created_at": now,
            "updated_at": now,
        }
        query = self._upsert(caller)(widget_visitors).values(values)
        await connection.execute(query.on_conflict_do_update(index_elements=["id"], set_={"updated_at": now}))

    async def _count(
        self, caller: Caller, connection: AsyncConnection, widget_id: int, day: date, source: str
    ) -> None:
        values = {
            "tenant_id": caller.tenant_id,
            "widget_id": widget_id,
            "day": day,
            "answer_source": source,
            "answers": 1,
        }
        query = self._upsert(caller)(widget_answer_counts).values(values)
        await connection.execute(
            query.on_conflict_do_update(
                index_elements=["widget_id", "day", "answer_source"],
                set_={"answers": widget_answer_counts.c.answers + 1},
            )
        )

    def _upsert(self, caller: Caller) -> Any:
        assert caller.tenant_id
        return sqlite_insert if self._database.dialect == "sqlite" else postgresql_insert

    async def _insert_message(
        self,
        caller: Caller,
        connection: AsyncConnection,
        widget_id: int,
        message: NewMessage,
        now: datetime,
        status: Status | None,
    ) -> VisitorMessage:
        answer = message.answer
        values: dict[str, Any] = {
            "conversation_id": message.conversation_id,
            "speaker": message.speaker,
            "text": message.text,
            "author": message.author,
            "answer_source": answer.answer_source if answer else None,
            "confidence": answer.confidence if answer else None,
            "confidence_source": answer.confidence_source if answer else None,
            "citations": to_builtins(answer.citations) if answer else [],
            "suggestions": list(answer.suggestions) if answer else [],
            "rating": None,
            "feedback": None,
            "created_at": now,
        }
        whose = {"tenant_id": caller.tenant_id, "widget_id": widget_id}
        made = await connection.execute(insert(widget_messages).values({**whose, **values}))
        touched: dict[str, Any] = {"updated_at": now} | ({"status": status} if status else {})
        await connection.execute(
            update(widget_conversations)
            .where(
                widget_conversations.c.tenant_id == caller.tenant_id,
                widget_conversations.c.id == message.conversation_id,
            )
            .values(**touched)
        )
        return _message({"id": _new_id(made), **values})


async def _empty_logs(caller: Caller, connection: AsyncConnection, widget_id: int, which: Any) -> None:
    """Take the words out of the log, and whose they were."""
    query = (
        update(llm_request_logs)
        .where(
            llm_request_logs.c.tenant_id == caller.tenant_id,
            llm_request_logs.c.widget_id == widget_id,
            llm_request_logs.c.visitor_id.is_not(None),
            which,
        )
        .values(prompt_text="", response_text="", visitor_id=None)
    )
    await connection.execute(query)


async def _drop_contents(caller: Caller, connection: AsyncConnection, widget_id: int, which: Any) -> None:
    """Delete what the request log keeps of prompts and answers."""
    query = delete(request_contents).where(
        request_contents.c.tenant_id == caller.tenant_id,
        request_contents.c.widget_id == widget_id,
        which,
    )
    await connection.execute(query)


def _of_visitor(caller: Caller, widget_id: int, visitor_id: str) -> Any:
    return (
        select(widget_conversations)
        .where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
            widget_conversations.c.visitor_id == visitor_id,
        )
        .order_by(widget_conversations.c.id)
    )


def _messages_of(caller: Caller, conversation_id: int) -> Any:
    return select(widget_messages).where(
        widget_messages.c.tenant_id == caller.tenant_id,
        widget_messages.c.conversation_id == conversation_id,
    )


def _spend(caller: Caller, conversation_id: int, tokens: int, nano_usd: int) -> Update:
    conversations = widget_conversations.c
    return (
        update(widget_conversations)
        .where(conversations.tenant_id == caller.tenant_id, conversations.id == conversation_id)
        .values(tokens=conversations.tokens + tokens, nano_usd=conversations.nano_usd + nano_usd)
    )


def _log_row(
    caller: Caller, widget_id: int, answer: GivenAnswer, record: AnswerRecord, now: datetime
) -> dict[str, Any]:
    return {
        "tenant_id": caller.tenant_id,
        "widget_id": widget_id,
        "created_at": now,
        "request_id": record.request_id,
        "visitor_id": record.visitor_id,
        "llm_provider": answer.llm_provider,
        "llm_model": answer.llm_model,
        "prompt_text": record.question,
        "response_text": record.response,
        "total_tokens": answer.total_tokens,
        "response_time_ms": answer.response_time_ms,
        "status": answer.status,
        "error_code": answer.error_code,
        "answer_source": answer.answer_source,
        "confidence": answer.confidence,
        "confidence_source": answer.confidence_source,
        "entry_id": answer.citations[0].entry_id if answer.citations else None,
    }


def _conversation(row: Mapping[str, Any] | RowMapping) -> VisitorConversation:
    return VisitorConversation(**{name: row[name] for name in VisitorConversation.__struct_fields__})


def _message(row: Mapping[str, Any] | RowMapping) -> VisitorMessage:
    values = {name: row[name] for name in VisitorMessage.__struct_fields__}
    citations: Sequence[Citation] = convert(row["citations"], list[Citation])
    return VisitorMessage(
        **values | {"citations": tuple(citations), "suggestions": tuple(row["suggestions"])}
    )


def _new_id(made: Any) -> int:
    number: int = made.inserted_primary_key[0]
    return number
