"""`/c-suite/conversations`: what was said to the advisers and by them."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from officium.core.conversations import (
    Conversation,
    ExportFormat,
    Feedback,
    Found,
    MessageTokens,
    Page,
    Rating,
    ShownMessage,
    Wanted,
)
from officium.core.conversations.search import LONGEST_SEARCH
from officium.core.conversations.service import LARGEST_PAGE
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router
from officium.web.spelling import Camel, CamelBody

_LARGEST_ID = 2**63 - 1
_ROOT = "/c-suite/conversations"
_ONE = "/c-suite/conversations/{id}"
_FILES = {"markdown": ("text/markdown", "md"), "json": ("application/json", "json")}


class Conversations(Protocol):
    """Knows the conversations."""

    async def list_conversations(
        self, caller: Caller, wanted: Wanted = ..., *, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]: ...

    async def search(
        self, caller: Caller, words: str, wanted: Wanted = ..., *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]: ...

    async def get_conversation(self, caller: Caller, conversation_id: int) -> Conversation: ...

    async def list_messages(
        self,
        caller: Caller,
        conversation_id: int,
        *,
        leaf_id: int | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[ShownMessage]: ...

    async def rename(self, caller: Caller, conversation_id: int, title: str) -> Conversation: ...

    async def set_archived(
        self, caller: Caller, conversation_id: int, *, is_archived: bool
    ) -> Conversation: ...

    async def delete_conversation(self, caller: Caller, conversation_id: int) -> None: ...

    async def export(
        self, caller: Caller, conversation_id: int, form: ExportFormat
    ) -> AsyncIterator[str]: ...

    async def select_branch(self, caller: Caller, message_id: int) -> Conversation: ...

    async def give_feedback(
        self, caller: Caller, answer_id: int, rating: Rating, text: str | None = None
    ) -> Feedback: ...

    async def withdraw_feedback(self, caller: Caller, answer_id: int) -> None: ...

    async def get_tokens(self, caller: Caller, days: int = 30) -> MessageTokens: ...


class ChangedConversation(CamelBody):
    """What is to change of a conversation. What is left out, or null, stays as it is."""

    title: str | None = None
    archived: bool | None = None


class Opinion(CamelBody):
    """What one thinks of an answer."""

    rating: Literal["up", "down"]
    text: str | None = None


class ShownOpinion(Camel):
    """What you think of an answer."""

    rating: Literal["up", "down"]
    text: str | None
    updated_at: datetime


class ShownConversation(Camel):
    """A conversation with an adviser. `leafId` is the last message of the branch that is shown."""

    id: int
    persona: str | None
    title: str
    leaf_id: int | None
    message_count: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class FoundConversation(ShownConversation):
    """A conversation, and where the words were found in it."""

    message_id: int | None = None
    excerpt: str | None = None


class FoundConversations(Camel):
    """A page of conversations, those with the latest words first."""

    conversations: list[FoundConversation]
    next_cursor: str | None = Field(description="Send it as `cursor` to get the next page; null at the end.")


class ShownTurn(Camel):
    """A message. `siblingIds` are those it can be exchanged for, itself included."""

    id: int
    parent_id: int | None
    role: Literal["user", "assistant"]
    content: str
    status: str
    metadata: Mapping[str, Any]
    created_at: datetime
    sibling_ids: list[int]
    feedback: ShownOpinion | None


class WholeConversation(ShownConversation):
    """A conversation with the last messages of a branch, oldest first."""

    messages: list[ShownTurn]
    next_before: int | None = Field(description="Send it as `before` to get what was said earlier.")


class ShownTokens(Camel):
    """The tokens of the tenant's messages."""

    tenant_id: str
    days: int
    input: int
    output: int
    total: int
    messages: int


ConversationId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
MessageId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
Words = Annotated[
    str | None, Query(description="Only those in which these words were said.", max_length=LONGEST_SEARCH)
]
PersonaName = Annotated[str | None, Query(description="Only those with this persona.", max_length=16)]
Archived = Annotated[bool, Query(description="Those in the archive instead of those in use.")]
Cursor = Annotated[str | None, Query(description="The page after this one.", max_length=64)]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
Leaf = Annotated[
    int | None, Query(description="The branch that ends with this message.", ge=1, le=_LARGEST_ID)
]
BeforeMessage = Annotated[int | None, Query(description="What was said before it.", ge=1, le=_LARGEST_ID)]
Format = Annotated[Literal["markdown", "json"], Query(description="To read, or to process.")]
Days = Annotated[int, Query(description="Of how many days.", ge=1, le=3650)]


def persona_conversations_router(conversations: Conversations, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "advisers")
    _add_lists(router, conversations)
    _add_one(router, conversations)
    _add_messages(router, conversations)
    return router


def _add_lists(router: APIRouter, conversations: Conversations) -> None:
    @router.get(_ROOT, summary="Your conversations with the advisers; with `q` those in which it was said")
    async def list_conversations(
        caller: KnownCaller,
        q: Words = None,
        persona: PersonaName = None,
        archived: Archived = False,
        cursor: Cursor = None,
        limit: PageSize = 50,
    ) -> FoundConversations:
        wanted = Wanted(app="personas", persona=persona, is_archived=archived)
        if q is None:
            page = await conversations.list_conversations(caller, wanted, cursor=cursor, limit=limit)
            return FoundConversations(
                conversations=[FoundConversation(**_fields(each)) for each in page.items],
                next_cursor=page.next_cursor,
            )
        everywhere = Wanted(app="personas", persona=persona, is_archived=None)
        found = await conversations.search(caller, q, everywhere, cursor=cursor, limit=limit)
        return FoundConversations(
            conversations=[
                FoundConversation(
                    **_fields(each.conversation), message_id=each.message_id, excerpt=each.excerpt
                )
                for each in found.items
            ],
            next_cursor=found.next_cursor,
        )

    @router.get("/c-suite/tokens", summary="How many tokens the messages of the tenant took")
    async def get_tokens(caller: KnownCaller, days: Days = 30) -> ShownTokens:
        found = await conversations.get_tokens(caller, days)
        return ShownTokens(
            tenant_id=found.tenant_id,
            days=days,
            input=found.input,
            output=found.output,
            total=found.total,
            messages=found.messages,
        )


def _add_one(router: APIRouter, conversations: Conversations) -> None:
    @router.get(_ONE, summary="A conversation with its messages")
    async def get_conversation(
        caller: KnownCaller,
        id: ConversationId,
        leaf: Leaf = None,
        before: BeforeMessage = None,
        limit: PageSize = 100,
    ) -> WholeConversation:
        found = await conversations.get_conversation(caller, id)
        messages = await conversations.list_messages(caller, id, leaf_id=leaf, before_id=before, limit=limit)
        return WholeConversation(
            **_fields(found),
            messages=[_shown_turn(each) for each in messages],
            next_before=messages[0].message.id
            if messages and messages[0].message.parent_id is not None
            else None,
        )

    @router.put(_ONE, summary="Rename a conversation, put it into the archive, or take it out")
    async def change_conversation(
        caller: KnownCaller, id: ConversationId, asked: ChangedConversation
    ) -> ShownConversation:
        if asked.title is None and asked.archived is None:
            raise InvalidRequest("Say a `title`, or whether it is `archived`.", param="title")
        changed = await conversations.get_conversation(caller, id)
        if asked.title is not None:
            changed = await conversations.rename(caller, id, asked.title)
        if asked.archived is not None:
            changed = await conversations.set_archived(caller, id, is_archived=asked.archived)
        return ShownConversation(**_fields(changed))

    @router.delete(_ONE, summary="Delete a conversation with its messages", status_code=204)
    async def delete_conversation(caller: KnownCaller, id: ConversationId) -> None:
        await conversations.delete_conversation(caller, id)

    @router.get(
        f"{_ONE}/export",
        summary="A conversation as a file",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/markdown": {}, "application/json": {}}}},
    )
    async def export_conversation(
        caller: KnownCaller, id: ConversationId, format: Format = "markdown"
    ) -> StreamingResponse:
        kind, ending = _FILES[format]
        return StreamingResponse(
            await conversations.export(caller, id, format),
            media_type=f"{kind}; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="conversation-{id}.{ending}"'},
        )


def _add_messages(router: APIRouter, conversations: Conversations) -> None:
    @router.post("/c-suite/messages/{id}/select", summary="Show the branch with this message from now on")
    async def select_branch(caller: KnownCaller, id: MessageId) -> ShownConversation:
        return ShownConversation(**_fields(await conversations.select_branch(caller, id)))

    @router.put("/c-suite/messages/{id}/feedback", summary="Say what you think of an answer")
    async def give_feedback(caller: KnownCaller, id: MessageId, asked: Opinion) -> ShownOpinion:
        return _shown_opinion(await conversations.give_feedback(caller, id, asked.rating, asked.text))

    @router.delete(
        "/c-suite/messages/{id}/feedback", summary="Take back what you said of an answer", status_code=204
    )
    async def withdraw_feedback(caller: KnownCaller, id: MessageId) -> None:
        await conversations.withdraw_feedback(caller, id)


def _fields(conversation: Conversation) -> dict[str, Any]:
    return {name: getattr(conversation, name) for name in ShownConversation.model_fields}


def _shown_turn(shown: ShownMessage) -> ShownTurn:
    message = shown.message
    return ShownTurn(
        id=message.id,
        parent_id=message.parent_id,
        role=message.role,
        content=message.content,
        status=message.status,
        metadata=message.metadata,
        created_at=message.created_at,
        sibling_ids=list(shown.sibling_ids),
        feedback=None if shown.feedback is None else _shown_opinion(shown.feedback),
    )


def _shown_opinion(feedback: Feedback) -> ShownOpinion:
    return ShownOpinion(rating=feedback.rating, text=feedback.text, updated_at=feedback.updated_at)
