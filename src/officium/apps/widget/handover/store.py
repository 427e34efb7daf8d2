"""Loading and saving what the inbox shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from officium.apps.widget.handover.errors import InvalidReply
from officium.apps.widget.handover.inbox import MOST_CANNED, CannedAnswer, InboxConversation, Waiting
from officium.apps.widget.handover.tables import widget_canned_answers
from officium.apps.widget.visitors.conversation import Status
from officium.apps.widget.visitors.tables import widget_conversations
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database

_SHOWN = tuple(InboxConversation.__struct_fields__)


class HandoverStore:
    """The conversations of a widget as its agency sees them, and the answers it keeps ready."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_inbox(
        self, caller: Caller, widget_id: int, status: Status | None, before: int | None, limit: int
    ) -> list[InboxConversation]:
        """A page of conversations, newest first."""
        query = select(*(widget_conversations.c[name] for name in _SHOWN)).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
        )
        if status is not None:
            query = query.where(widget_conversations.c.status == status)
        if before is not None:
            query = query.where(widget_conversations.c.id < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = await connection.execute(query.order_by(widget_conversations.c.id.desc()).limit(limit))
            return [InboxConversation(**row) for row in rows.mappings()]

    async def find_conversation(
        self, caller: Caller, widget_id: int, conversation_id: int
    ) -> InboxConversation | None:
        """A conversation of the widget."""
        query = select(*(widget_conversations.c[name] for name in _SHOWN)).where(
            widget_conversations.c.tenant_id == caller.tenant_id,
            widget_conversations.c.widget_id == widget_id,
            widget_conversations.c.id == conversation_id,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else InboxConversation(**row)

    async def change(
        self, caller: Caller, widget_id: int, conversation_id: int, values: dict[str, Any]
    ) -> bool:
        """Set fields of a conversation; whether there is one."""
        query = (
            update(widget_conversations)
            .where(
                widget_conversations.c.tenant_id == caller.tenant_id,
                widget_conversations.c.widget_id == widget_id,
                widget_conversations.c.id == conversation_id,
            )
            .values(**values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def list_untold_for_all_tenants(self, limit: int, postponed: Sequence[int]) -> list[Waiting]:
        """Those who wait and of whom not everybody was told, oldest first, but for the `postponed`."""
        talks = widget_conversations.c
        query = (
            select(talks.tenant_id, talks.widget_id, talks.id, talks.waiting_since)
            .where(
                talks.status == "waiting",
                talks.told_at.is_(None),
                talks.waiting_since.is_not(None),
                talks.id.not_in(postponed),
            )
            .order_by(talks.waiting_since)
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [
                Waiting(tenant_id=row[0], widget_id=row[1], conversation_id=row[2], since=row[3])
                for row in await connection.execute(query)
            ]

    async def note_told(self, caller: Caller, conversation_id: int, now: datetime) -> None:
        """Nothing more is to be told of a conversation."""
        query = (
            update(widget_conversations)
            .where(
                widget_conversations.c.tenant_id == caller.tenant_id,
                widget_conversations.c.id == conversation_id,
            )
            .values(told_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def list_canned(self, caller: Caller, widget_id: int) -> list[CannedAnswer]:
        """All answers that are ready, by title."""
        canned = widget_canned_answers.c
        query = (
            select(*(canned[name] for name in CannedAnswer.__struct_fields__))
            .where(canned.tenant_id == caller.tenant_id, canned.widget_id == widget_id)
            .order_by(canned.title, canned.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [CannedAnswer(**row) for row in (await connection.execute(query)).mappings()]

    async def add_canned(
        self, caller: Caller, widget_id: int, title: str, text: str, now: datetime
    ) -> CannedAnswer:
        """Keep an answer ready. Raises InvalidReply where there are too many."""
        canned = widget_canned_answers
        counting = select(func.count()).where(
            canned.c.tenant_id == caller.tenant_id, canned.c.widget_id == widget_id
        )
        values = {
            "tenant_id": caller.tenant_id,
            "widget_id": widget_id,
            "title": title,
            "text": text,
            "created_at": now,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(counting)).scalar_one() >= MOST_CANNED:
                raise InvalidReply(f"A widget has at most {MOST_CANNED} answers ready.", param="title")
            made = await connection.execute(insert(canned).values(values))
            number: int = made.inserted_primary_key[0]  # type: ignore[index]
        return CannedAnswer(id=number, title=title, text=text, created_at=now)

    async def delete_canned(self, caller: Caller, widget_id: int, answer_id: int) -> bool:
        """Whether there was one."""
        canned = widget_canned_answers
        query = delete(canned).where(
            canned.c.tenant_id == caller.tenant_id,
            canned.c.widget_id == widget_id,
            canned.c.id == answer_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0
