"""Loading and saving conversations. Whoever asks sees their own, and with `admin` those of the tenant."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.conversations.conversation import Conversation, MessageTokens
from officium.core.conversations.errors import ConversationFull
from officium.core.conversations.live.tables import live_answers
from officium.core.conversations.message import Draft, Feedback, Message, Metadata, Status
from officium.core.conversations.owner import owner_of, sees_all
from officium.core.conversations.page import Place
from officium.core.conversations.search import Found, excerpt_around, fold
from officium.core.conversations.tables import (
    conversation_retention,
    conversations,
    message_feedback,
    messages,
)
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.kit.database import ALL_TENANTS, Database, UtcDateTime

MOST_MESSAGES = 5_000
_CONVERSATION = [conversations.c[name] for name in Conversation.__struct_fields__]
_MESSAGE = [messages.c[name] for name in Message.__struct_fields__]
_COUNTS = {name: messages.c.metadata["tokens"][name].as_integer() for name in ("input", "output", "total")}
_TOKENS = [
    *(func.coalesce(func.sum(cast(count, BigInteger)), 0).label(name) for name, count in _COUNTS.items()),
    func.count(_COUNTS["total"]).label("messages"),
]
"""The sums of what the metadata of messages says."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which conversations a list is to have: those in use, or those in the archive, of an app or persona."""

    app: str | None = None
    persona: str | None = None
    is_archived: bool | None = False


class Retention(Struct, frozen=True):
    """How many days a tenant keeps conversations in which nothing is said."""

    tenant_id: str
    days: int


class ConversationStore:
    """Conversations with their messages. What changes one of them holds its row meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_conversation(
        self, caller: Caller, app: str, persona: str | None, title: str, now: datetime
    ) -> Conversation:
        """Insert a conversation without messages."""
        values: dict[str, Any] = {
            "tenant_id": caller.tenant_id,
            "owner": owner_of(caller),
            "app": app,
            "persona": persona,
            "title": title,
            "leaf_id": None,
            "message_count": 0,
            "created_at": now,
            "updated_at": now,
            "archived_at": None,
        }
        query = insert(conversations).values(**values, folded_title=fold(title))
        async with self._database.writing(caller.tenant_id) as connection:
            made: Any = await connection.execute(query)
        return Conversation(id=made.inserted_primary_key[0], **values)

    async def find_conversation(self, caller: Caller, conversation_id: int) -> Conversation | None:
        """The conversation with this id, if the caller may see it."""
        query = select(*_CONVERSATION).where(_is_seen(caller), conversations.c.id == conversation_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Conversation(**row) if row is not None else None

    async def list_conversations(
        self, caller: Caller, wanted: Wanted, after: Place | None, limit: int
    ) -> list[Conversation]:
        """At most `limit` conversations, those with the latest words first, beginning behind `after`."""
        query = select(*_CONVERSATION).where(_is_seen(caller), *_are_wanted(caller, wanted, after))
        query = query.order_by(conversations.c.updated_at.desc(), conversations.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [Conversation(**row) for row in (await connection.execute(query)).mappings()]

    async def search(
        self, caller: Caller, words: str, wanted: Wanted, after: Place | None, limit: int
    ) -> list[Found]:
        """At most `limit` conversations with the folded words in them, in the order of a list."""
        said = (
            select(messages.c.id)
            .where(
                messages.c.tenant_id == caller.tenant_id,
                messages.c.conversation_id == conversations.c.id,
                messages.c.folded.contains(words, autoescape=True),
            )
            .order_by(messages.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        found = (
            select(*_CONVERSATION, said.label("message_id"))
            .where(_is_seen(caller), *_are_wanted(caller, wanted, after))
            .where(or_(conversations.c.folded_title.contains(words, autoescape=True), said.is_not(None)))
            .order_by(conversations.c.updated_at.desc(), conversations.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(found)).mappings().all()
            ids = [row["message_id"] for row in rows if row["message_id"] is not None]
            texts = {one.id: one.content for one in await _read_messages(caller, connection, ids)}
        return [_found(row, texts, words) for row in rows]

    async def update_conversation(
        self,
        caller: Caller,
        conversation_id: int,
        *,
        title: str | UnsetType = UNSET,
        archived_at: datetime | UnsetType | None = UNSET,
        leaf_id: int | UnsetType = UNSET,
    ) -> Conversation | None:
        """Change what is named; `None` where there is no such conversation."""
        values: dict[str, Any] = {"title": title, "archived_at": archived_at, "leaf_id": leaf_id}
        values = {name: value for name, value in values.items() if value is not UNSET}
        if isinstance(title, str):
            values["folded_title"] = fold(title)
        query = (
            update(conversations)
            .where(_is_seen(caller), conversations.c.id == conversation_id)
            .values(values)
            .returning(*_CONVERSATION)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Conversation(**row) if row is not None else None

    async def delete_conversation(self, caller: Caller, conversation_id: int) -> bool:
        """Delete a conversation with everything in it; whether there was one."""
        query = select(conversations.c.id).where(_is_seen(caller), conversations.c.id == conversation_id)
        async with self._database.writing(caller.tenant_id) as connection:
            return await _delete(caller, connection, query) > 0

    async def delete_silent(self, caller: Caller, since: datetime, limit: int) -> int:
        """Delete at most `limit` of the tenant's conversations in which nothing was said since; how many."""
        query = (
            select(conversations.c.id)
            .where(conversations.c.tenant_id == caller.tenant_id, conversations.c.updated_at < since)
            .order_by(conversations.c.id)
            .limit(limit)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return await _delete(caller, connection, query)

    async def add_message(self, caller: Caller, draft: Draft, title: str, now: datetime) -> Message | None:
        """Add a message, which ends the current branch from now on; `None` without such a conversation.

        `title` is for a conversation that has none. Raises ConversationFull.
        """
        query = (
            select(*_CONVERSATION)
            .where(_is_seen(caller), conversations.c.id == draft.conversation_id)
            .with_for_update()
        )
        async with self._database.writing(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            conversation = Conversation(**row)
            if conversation.message_count >= MOST_MESSAGES:
                raise ConversationFull(
                    f"A conversation has at most {MOST_MESSAGES:,} messages. Begin a new one.",
                )
            message = await _insert_message(caller, connection, conversation, draft, now)
            changed: dict[str, Any] = {
                "leaf_id": message.id,
                "message_count": conversation.message_count + 1,
                "updated_at": max(now, conversation.updated_at),
            }
            if title and not conversation.title:
                changed |= {"title": title, "folded_title": fold(title)}
            await _change(caller, connection, conversation.id, **changed)
        return message

    async def save_answer(
        self,
        caller: Caller,
        message_id: int,
        content: str,
        status: Status,
        metadata: Metadata,
        now: datetime,
    ) -> Message | None:
        """Write an answer under way as far as it is; `None` where it is finished, or gone."""
        query = (
            update(messages)
            .where(
                messages.c.tenant_id == caller.tenant_id,
                messages.c.id == message_id,
                messages.c.status == "partial",
                messages.c.conversation_id.in_(select(conversations.c.id).where(_is_seen(caller))),
            )
            .values(content=content, folded=fold(content), status=status, metadata=dict(metadata))
            .returning(*_MESSAGE)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            await _change(caller, connection, row["conversation_id"], updated_at=now)
        return Message(**row)

    async def find_message(self, caller: Caller, message_id: int) -> Message | None:
        """The message with this id, if the caller may see it."""
        query = (
            select(*_MESSAGE)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(_is_seen(caller), messages.c.tenant_id == caller.tenant_id, messages.c.id == message_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Message(**row) if row is not None else None

    async def list_links(self, caller: Caller, conversation_id: int) -> list[tuple[int, int | None]]:
        """Each message of a conversation with the one it follows; nothing where the caller may not see it."""
        query = (
            select(messages.c.id, messages.c.parent_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(_is_seen(caller), messages.c.conversation_id == conversation_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [(row.id, row.parent_id) for row in await connection.execute(query)]

    async def list_messages(self, caller: Caller, ids: Sequence[int]) -> list[Message]:
        """The messages with these ids, of conversations the caller may see, by id."""
        async with self._database.reading(caller.tenant_id) as connection:
            return await _read_messages(caller, connection, ids)

    async def put_feedback(self, caller: Caller, feedback: Feedback) -> Feedback:
        """Keep what the caller thinks of an answer, in the place of what it thought before."""
        insert_or = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {name: getattr(feedback, name) for name in Feedback.__struct_fields__}
        changed = {name: values[name] for name in ("rating", "text", "updated_at")}
        query = (
            insert_or(message_feedback)
            .values(**values, tenant_id=caller.tenant_id)
            .on_conflict_do_update(index_elements=["message_id", "author"], set_=changed)
            .returning(*(message_feedback.c[name] for name in Feedback.__struct_fields__))
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return Feedback(**(await connection.execute(query)).mappings().one())

    async def delete_feedback(self, caller: Caller, message_id: int) -> bool:
        """Forget what the caller thought of an answer; whether it had said so."""
        query = delete(message_feedback).where(
            message_feedback.c.tenant_id == caller.tenant_id,
            message_feedback.c.message_id == message_id,
            message_feedback.c.author == owner_of(caller),
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def list_feedback(self, caller: Caller, message_ids: Sequence[int]) -> list[Feedback]:
        """What the caller thinks of these messages."""
        query = select(*(message_feedback.c[name] for name in Feedback.__struct_fields__)).where(
            message_feedback.c.tenant_id == caller.tenant_id,
            message_feedback.c.author == owner_of(caller),
            message_feedback.c.message_id.in_(message_ids),
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [Feedback(**row) for row in (await connection.execute(query)).mappings()]

    async def read_tokens(self, caller: Caller, since: datetime) -> MessageTokens:
        """The tokens of the tenant's messages since then."""
        query = select(*_TOKENS).where(
            messages.c.tenant_id == caller.tenant_id, messages.c.created_at >= since
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().one()
        return MessageTokens(tenant_id=caller.tenant_id, **row)

    async def read_tokens_for_all_tenants(
        self, since: datetime, after: str, limit: int
    ) -> list[MessageTokens]:
        """A page of all tenants with the tokens of their messages since then, behind the id `after`."""
        page = select(tenants.c.id).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit).subquery()
        theirs = and_(messages.c.tenant_id == page.c.id, messages.c.created_at >= since)
        query = (
            select(page.c.id.label("tenant_id"), *_TOKENS)
            .select_from(page)
            .outerjoin(messages, theirs)
            .group_by(page.c.id)
            .order_by(page.c.id)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [MessageTokens(**row) for row in (await connection.execute(query)).mappings()]

    async def find_retention(self, caller: Caller) -> int | None:
        """How many days the tenant keeps silent conversations; `None` for ever."""
        query = select(conversation_retention.c.days).where(
            conversation_retention.c.tenant_id == caller.tenant_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            days: int | None = (await connection.execute(query)).scalar_one_or_none()
        return days

    async def put_retention(self, caller: Caller, days: int | None, entry: AuditEntry) -> None:
        """Keep silent conversations so many days from now on, and say so in the audit log."""
        is_theirs = conversation_retention.c.tenant_id == caller.tenant_id
        hold = select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update(key_share=True)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(hold)
            await connection.execute(delete(conversation_retention).where(is_theirs))
            if days is not None:
                await connection.execute(
                    insert(conversation_retention).values(tenant_id=caller.tenant_id, days=days)
                )
            await record(caller, connection, entry)

    async def list_retentions_for_all_tenants(self, after: str, limit: int) -> list[Retention]:
        """A page of the tenants that do not keep conversations for ever, beginning behind the id `after`."""
        query = (
            select(conversation_retention.c.tenant_id, conversation_retention.c.days)
            .where(conversation_retention.c.tenant_id > after)
            .order_by(conversation_retention.c.tenant_id)
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [Retention(row.tenant_id, row.days) for row in await connection.execute(query)]


def _is_seen(caller: Caller) -> ColumnElement[bool]:
    """Conversations the caller may see."""
    in_tenant = conversations.c.tenant_id == caller.tenant_id
    return in_tenant if sees_all(caller) else and_(in_tenant, conversations.c.owner == owner_of(caller))


def _are_wanted(caller: Caller, wanted: Wanted, after: Place | None) -> Iterable[ColumnElement[bool]]:
    yield conversations.c.tenant_id == caller.tenant_id
    if wanted.app is not None:
        yield conversations.c.app == wanted.app
    if wanted.persona is not None:
        yield conversations.c.persona == wanted.persona
    if wanted.is_archived is not None:
        is_archived = conversations.c.archived_at.is_not(None)
        yield is_archived if wanted.is_archived else ~is_archived
    if after is not None:
        place = tuple_(conversations.c.updated_at, conversations.c.id)
        yield place < tuple_(
            literal(after.updated_at, UtcDateTime), literal(after.id, conversations.c.id.type)
        )


def _found(row: RowMapping, texts: dict[int, str], words: str) -> Found:
    text = texts.get(row["message_id"])
    return Found(
        conversation=Conversation(**{name: row[name] for name in Conversation.__struct_fields__}),
        message_id=row["message_id"],
        excerpt=excerpt_around(text, words) if text is not None else None,
    )


async def _insert_message(
    caller: Caller, connection: AsyncConnection, conversation: Conversation, draft: Draft, now: datetime
) -> Message:
    values: dict[str, Any] = {
        "tenant_id": caller.tenant_id,
        "conversation_id": conversation.id,
        "parent_id": conversation.leaf_id if draft.parent_id is UNSET else draft.parent_id,
        "role": draft.role,
        "content": draft.content,
        "status": draft.status,
        "metadata": dict(draft.metadata),
        "created_at": now,
    }
    made: Any = await connection.execute(insert(messages).values(**values, folded=fold(draft.content)))
    return Message(id=made.inserted_primary_key[0], **values)


async def _change(
    caller: Caller, connection: AsyncConnection, conversation_id: int, **values: object
) -> None:
    await connection.execute(
        update(conversations)
        .where(conversations.c.tenant_id == caller.tenant_id, conversations.c.id == conversation_id)
        .values(values)
    )


async def _read_messages(caller: Caller, connection: AsyncConnection, ids: Sequence[int]) -> list[Message]:
    query = (
        select(*_MESSAGE)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(_is_seen(caller), messages.c.tenant_id == caller.tenant_id, messages.c.id.in_(ids))
        .order_by(messages.c.id)
    )
    return [Message(**row) for row in (await connection.execute(query)).mappings()]


async def _delete(caller: Caller, connection: AsyncConnection, chosen: Any) -> int:
    """Delete the chosen conversations; the database takes their messages and live answers along."""
    ids = list((await connection.execute(chosen.with_for_update())).scalars())
    # In the order in which running answers are written: otherwise the two might wait for each other.
    answers = select(live_answers.c.answer_id).where(
        live_answers.c.tenant_id == caller.tenant_id, live_answers.c.conversation_id.in_(ids)
    )
    in_order = answers.order_by(live_answers.c.owner, live_answers.c.answer_id).with_for_update()
    await connection.execute(in_order)
    await connection.execute(
        delete(conversations).where(
            conversations.c.tenant_id == caller.tenant_id, conversations.c.id.in_(ids)
        )
    )
    return len(ids)
