"""`/api/chat-widget/widgets/{widgetId}`: the inbox, ready answers, and gaps of the knowledge."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from officium.apps.widget.gaps import Gap
from officium.apps.widget.handover import CannedAnswer, InboxConversation
from officium.apps.widget.knowledge import KnowledgeEntry
from officium.apps.widget.visitors import VisitorMessage
from officium.core.tenancy.caller import Caller
from officium.web.api.chat_widget import After, Asked, PageSize, WidgetId
from officium.web.api.widget_knowledge import ShownEntry
from officium.web.api.widget_visitors import ConversationId, ShownMessage, shown_message
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_WIDGET = "/api/chat-widget/widgets/{widgetId}"
_LARGEST_ID = 2**63 - 1
Status = Literal["bot", "waiting", "human", "closed"]


class Inbox(Protocol):
    """Knows the conversations that people answer."""

    async def list_inbox(
        self,
        caller: Caller,
        widget_id: int,
        *,
        status: Status | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[InboxConversation]: ...

    async def read(
        self, caller: Caller, widget_id: int, conversation_id: int, *, after: int = 0
    ) -> tuple[InboxConversation, Sequence[VisitorMessage]]: ...

    async def assign(
        self, caller: Caller, widget_id: int, conversation_id: int, assignee: str | None
    ) -> InboxConversation: ...

    async def set_status(
        self, caller: Caller, widget_id: int, conversation_id: int, status: Status
    ) -> InboxConversation: ...

    async def reply(
        self, caller: Caller, widget_id: int, conversation_id: int, text: str
    ) -> VisitorMessage: ...

    async def list_canned(self, caller: Caller, widget_id: int) -> Sequence[CannedAnswer]: ...

    async def add_canned(self, caller: Caller, widget_id: int, title: str, text: str) -> CannedAnswer: ...

    async def delete_canned(self, caller: Caller, widget_id: int, answer_id: int) -> None: ...


class Gaps(Protocol):
    """Knows what visitors ask in vain."""

    async def list_gaps(self, caller: Caller, widget_id: int) -> tuple[Sequence[Gap], Mapping[int, int]]: ...

    async def draft(
        self,
        caller: Caller,
        widget_id: int,
        phrasings: Sequence[str],
        request_ids: Sequence[int],
        answer: str | None = None,
    ) -> tuple[KnowledgeEntry, int]: ...


class ChangedConversation(Asked):
    """What is to become of a conversation. What is left out stays as it is."""

    status: Status | None = Field(None, description="human, closed, or bot: the widget answers again.")
    assigned_to: str | None = Field(None, max_length=128, description="Who answers it; null for nobody.")


class NewReply(Asked):
    """What a person answers."""

    text: str = Field(min_length=1, max_length=4000, examples=["Hello, this is Ada. How can I help?"])


class NewCanned(Asked):
    """An answer to keep ready."""

    title: str = Field(min_length=1, max_length=100, examples=["Hello"])
    text: str = Field(min_length=1, max_length=4000, examples=["Hello, this is Ada. How can I help?"])


class NewDraft(Asked):
    """An entry to write for a gap."""

    phrasings: list[str] = Field(min_length=1, max_length=200, examples=[["Do you have gift cards?"]])
    request_ids: list[Annotated[int, Field(strict=True, ge=1, le=_LARGEST_ID)]] = Field(
        min_length=1, max_length=2000, description="As the gap names them.", examples=[[1]]
    )
    answer: str | None = Field(None, description="With it the entry is live at once, else a draft.")


class ShownInboxConversation(BaseModel):
    """A conversation in the inbox."""

    id: int
    widget_id: int
    visitor_id: str
    status: str = Field(description="bot, waiting, human or closed")
    language: str | None
    page_url: str | None
    assigned_to: str | None
    waiting_since: datetime | None
    created_at: datetime
    updated_at: datetime


class ShownInbox(BaseModel):
    """A page of conversations, newest first."""

    conversations: list[ShownInboxConversation]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


class ReadConversation(ShownInboxConversation):
    """A conversation with a page of its messages, oldest first."""

    messages: list[ShownMessage]


class ShownCanned(BaseModel):
    """An answer that is kept ready."""

    id: int
    title: str
    text: str
    created_at: datetime


class ShownCannedAnswers(BaseModel):
    """All answers that are ready, by title."""

    canned_answers: list[ShownCanned]


class ShownGap(BaseModel):
    """Questions that ask for the same, and got no good answer."""

    question: str
    phrasings: list[str]
    count: int = Field(description="How often it was asked.")
    disliked: int = Field(description="How often an answer to it was rated down.")
    last_asked_at: datetime
    request_ids: list[int]


class ClosedGap(BaseModel):
    """A live entry that was written for a gap, and how many questions it was."""

    entry_id: int
    questions: int


class ShownGaps(BaseModel):
    """The gaps of the last 30 days, those asked most often first."""

    gaps: list[ShownGap]
    closed: list[ClosedGap]


class MadeDraft(BaseModel):
    """The entry, and how many questions it was written for."""

    entry: ShownEntry
    questions: int


AnswerId = Annotated[int, Path(alias="answerId", ge=1, le=_LARGEST_ID)]
Before = Annotated[int | None, Query(description="Those before the one with this id.", ge=1, le=_LARGEST_ID)]


def widget_inbox_router(inbox: Inbox, gaps: Gaps, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "chat widget inbox")
    _add_inbox(router, inbox)
    _add_canned(router, inbox)
    _add_gaps(router, gaps)
    return router


def _add_inbox(router: APIRouter, inbox: Inbox) -> None:
    @router.get(f"{_WIDGET}/inbox", summary="A widget's conversations")
    async def list_inbox(
        caller: KnownCaller,
        widget_id: WidgetId,
        status: Annotated[Status | None, Query()] = None,
        before: Before = None,
        limit: PageSize = 50,
    ) -> ShownInbox:
        found = await inbox.list_inbox(caller, widget_id, status=status, before=before, limit=limit)
        return ShownInbox(
            conversations=[_shown(each) for each in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    @router.get(f"{_WIDGET}/inbox/{{conversationId}}", summary="A conversation")
    async def read(
        caller: KnownCaller, widget_id: WidgetId, conversation_id: ConversationId, after: After = 0
    ) -> ReadConversation:
        found, messages = await inbox.read(caller, widget_id, conversation_id, after=after)
        return ReadConversation(
            **_shown(found).model_dump(), messages=[shown_message(each) for each in messages]
        )

    @router.put(f"{_WIDGET}/inbox/{{conversationId}}", summary="Assign, take over, close or give back")
    async def change(
        caller: KnownCaller,
        widget_id: WidgetId,
        conversation_id: ConversationId,
        asked: ChangedConversation,
    ) -> ShownInboxConversation:
        found, _ = await inbox.read(caller, widget_id, conversation_id)
        if "assigned_to" in asked.model_fields_set:
            found = await inbox.assign(caller, widget_id, conversation_id, asked.assigned_to)
        if asked.status is not None:
            found = await inbox.set_status(caller, widget_id, conversation_id, asked.status)
        return _shown(found)

    @router.post(f"{_WIDGET}/inbox/{{conversationId}}/replies", summary="Answer as a person", status_code=201)
    async def reply(
        caller: KnownCaller, widget_id: WidgetId, conversation_id: ConversationId, asked: NewReply
    ) -> ShownMessage:
        return shown_message(await inbox.reply(caller, widget_id, conversation_id, asked.text))


def _add_canned(router: APIRouter, inbox: Inbox) -> None:
    @router.get(f"{_WIDGET}/canned-answers", summary="Answers that are kept ready")
    async def list_canned(caller: KnownCaller, widget_id: WidgetId) -> ShownCannedAnswers:
        found = await inbox.list_canned(caller, widget_id)
        return ShownCannedAnswers(
            canned_answers=[ShownCanned(**msgspec.structs.asdict(each)) for each in found]
        )

    @router.post(f"{_WIDGET}/canned-answers", summary="Keep an answer ready", status_code=201)
    async def add_canned(caller: KnownCaller, widget_id: WidgetId, asked: NewCanned) -> ShownCanned:
        made = await inbox.add_canned(caller, widget_id, asked.title, asked.text)
        return ShownCanned(**msgspec.structs.asdict(made))

    @router.delete(
        f"{_WIDGET}/canned-answers/{{answerId}}", summary="Keep an answer ready no more", status_code=204
    )
    async def delete_canned(caller: KnownCaller, widget_id: WidgetId, answer_id: AnswerId) -> None:
        await inbox.delete_canned(caller, widget_id, answer_id)


def _add_gaps(router: APIRouter, gaps: Gaps) -> None:
    @router.get(f"{_WIDGET}/gaps", summary="What visitors asked in vain")
    async def list_gaps(caller: KnownCaller, widget_id: WidgetId) -> ShownGaps:
        found, closed = await gaps.list_gaps(caller, widget_id)
        return ShownGaps(
            gaps=[ShownGap(**_lists(msgspec.structs.asdict(gap))) for gap in found],
            closed=[ClosedGap(entry_id=id, questions=count) for id, count in sorted(closed.items())],
        )

    @router.post(f"{_WIDGET}/gaps/drafts", summary="Write an entry for a gap", status_code=201)
    async def draft(caller: KnownCaller, widget_id: WidgetId, asked: NewDraft) -> MadeDraft:
        entry, questions = await gaps.draft(
            caller, widget_id, asked.phrasings, asked.request_ids, asked.answer
        )
        shown = ShownEntry(**{name: getattr(entry, name) for name in ShownEntry.model_fields})
        return MadeDraft(entry=shown, questions=questions)


def _lists(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _shown(found: InboxConversation) -> ShownInboxConversation:
    return ShownInboxConversation(**msgspec.structs.asdict(found))
