"""What may be done with conversations."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import structlog

from officium.core.conversations.conversation import (
    Conversation,
    MessageTokens,
    checked_title,
    clean,
    title_from,
)
from officium.core.conversations.errors import (
    AnswerFinished,
    ConversationNotFound,
    InvalidConversation,
    MessageNotFound,
)
from officium.core.conversations.export import (
    JSON_END,
    ExportFormat,
    json_head,
    json_of,
    markdown_head,
    markdown_of,
)
from officium.core.conversations.message import (
    LONGEST_ANSWER,
    LONGEST_FEEDBACK,
    Draft,
    Feedback,
    Message,
    Metadata,
    Rating,
    Role,
    ShownMessage,
    Status,
    checked_metadata,
    checked_question,
    in_order,
    last_turns,
)
from officium.core.conversations.owner import owner_of
from officium.core.conversations.page import Page, page_of, read_cursor
from officium.core.conversations.search import LONGEST_SEARCH, Found, fold
from officium.core.conversations.store import ConversationStore, Wanted
from officium.core.conversations.tree import Tree
from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.tenancy.caller import require_operator
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 200
MOST_DAYS = 3650
DEFAULT_DAYS = 30
DEFAULT_TURNS = 5
_LOOKED_AT_PER_TURN = 6
_BATCH = 100
_LARGEST_ID = (1 << 63) - 1
_EVERYTHING = Wanted(is_archived=None)

_log = structlog.get_logger("conversations")


class ConversationService:
    """Conversations of people and keys; each has their own. Everything needs `inference` unless it says so.

    A key with `admin` that speaks for nobody may do with all conversations of its tenant what their owners
    may. What a caller may not see counts as not there.
    """

    def __init__(self, store: ConversationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create_conversation(
        self, caller: Caller, app: str, persona: str | None = None, title: str | None = None
    ) -> Conversation:
        """Begin a conversation. Without a title it is named after its first question.

        Raises InvalidConversation.
        """
        require(caller, "inference")
        kept = checked_title(title) if title is not None else ""
        return await self._store.add_conversation(caller, app, persona, kept, self._clock.now())

    async def get_conversation(self, caller: Caller, conversation_id: int) -> Conversation:
        """A conversation of the caller's. Raises ConversationNotFound."""
        require(caller, "inference")
        found = await self._store.find_conversation(caller, _checked_id(conversation_id))
        if found is None:
            raise _no_conversation()
        return found

    async def list_conversations(
        self,
        caller: Caller,
        wanted: Wanted = Wanted(),  # noqa: B008  it is frozen
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Conversation]:
        """A page of conversations, those with the latest words first. Raises InvalidRequest."""
        require(caller, "inference")
        after = read_cursor(cursor)
        found = await self._store.list_conversations(caller, wanted, after, _checked_limit(limit) + 1)
        return page_of(found, limit, lambda conversation: conversation)

    async def search(
        self,
        caller: Caller,
        words: str,
        wanted: Wanted = _EVERYTHING,
        *,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Found]:
        """A page of the conversations with these words in a title or message, whatever their case.

        The archive is searched, too, unless `wanted` says otherwise. Raises InvalidRequest.
        """
        require(caller, "inference")
        if not words.strip() or len(words) > LONGEST_SEARCH:
            raise InvalidRequest(f"Search for 1 to {LONGEST_SEARCH} characters.", param="q")
        after, folded = read_cursor(cursor), fold(words.strip())
        found = await self._store.search(caller, folded, wanted, after, _checked_limit(limit) + 1)
        return page_of(found, limit, lambda one: one.conversation)

    async def rename(self, caller: Caller, conversation_id: int, title: str) -> Conversation:
        """Give a conversation another title. Raises InvalidConversation and ConversationNotFound."""
        require(caller, "inference")
        kept = checked_title(title)
        return _found(await self._store.update_conversation(caller, _checked_id(conversation_id), title=kept))

    async def set_archived(self, caller: Caller, conversation_id: int, *, is_archived: bool) -> Conversation:
        """Put a conversation away, or take it out again. Raises ConversationNotFound."""
        require(caller, "inference")
        moment = self._clock.now() if is_archived else None
        return _found(
            await self._store.update_conversation(caller, _checked_id(conversation_id), archived_at=moment)
        )

    async def delete_conversation(self, caller: Caller, conversation_id: int) -> None:
        """Delete a conversation with its messages; nothing of them is left. Raises ConversationNotFound."""
        require(caller, "inference")
        if not await self._store.delete_conversation(caller, _checked_id(conversation_id)):
            raise _no_conversation()
        _log.info("conversation.deleted", tenant=caller.tenant_id, conversation=conversation_id)

    async def export(self, caller: Caller, conversation_id: int, form: ExportFormat) -> AsyncIterator[str]:
        """A conversation as a text, in pieces: the branch that is shown as Markdown, the whole tree as JSON.

        Raises ConversationNotFound at once, before the first piece.
        """
        conversation = await self.get_conversation(caller, conversation_id)
        links = await self._store.list_links(caller, conversation_id)
        path = Tree(links).path_to(conversation.leaf_id)
        ids = path if form == "markdown" else sorted(id for id, _ in links)
        read = self._read_markdown if form == "markdown" else self._read_json
        return read(caller, conversation, ids)

    async def list_messages(
        self,
        caller: Caller,
        conversation_id: int,
        *,
        leaf_id: int | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[ShownMessage]:
        """The last messages of a branch, oldest first; with `before_id` the last ones before that message.

        The branch is the one that ends with `leaf_id`, else the current one. Raises ConversationNotFound,
        MessageNotFound and InvalidRequest.
        """
        _checked_limit(limit)
        tree, path = await self._read_branch(caller, conversation_id, leaf_id)
        if before_id is not None:
            if before_id not in path:
                raise _no_message()
            path = path[: path.index(before_id)]
        ids = path[-limit:]
        messages = in_order(await self._store.list_messages(caller, ids), ids)
        thought = {one.message_id: one for one in await self._store.list_feedback(caller, ids)}
        return [
            ShownMessage(
                message=message, sibling_ids=tree.siblings_of(message.id), feedback=thought.get(message.id)
            )
            for message in messages
        ]

    async def history(
        self, caller: Caller, conversation_id: int, *, leaf_id: int | None = None, turns: int = DEFAULT_TURNS
    ) -> list[Message]:
        """The last `turns` questions of a branch and their answers, oldest first: what a prompt should know.

        A question at its end, which has no answer yet, is not among them. The branch is the one that ends
        with `leaf_id`, else the current one. Raises ConversationNotFound and MessageNotFound.
        """
        _, path = await self._read_branch(caller, conversation_id, leaf_id)
        ids = path[-_LOOKED_AT_PER_TURN * turns :] if turns > 0 else []
        return last_turns(in_order(await self._store.list_messages(caller, ids), ids), turns)

    async def get_message(self, caller: Caller, message_id: int) -> Message:
        """A message of one of the caller's conversations. Raises MessageNotFound."""
        require(caller, "inference")
        found = await self._store.find_message(caller, _checked_id(message_id))
        if found is None:
            raise _no_message()
        return found

    async def ask(
        self, caller: Caller, conversation_id: int, content: str, *, metadata: Metadata | None = None
    ) -> Message:
        """Add a question at the end of the current branch.

        Raises InvalidConversation, ConversationFull and ConversationNotFound.
        """
        require(caller, "inference")
        draft = Draft(
            conversation_id=_checked_id(conversation_id),
            role="user",
            content=checked_question(content),
            status="complete",
            metadata=checked_metadata(metadata or {}),
        )
        return await self._add(caller, draft)

    async def edit(self, caller: Caller, message_id: int, content: str) -> Message:
        """Ask a question in other words: a new message beside the old one, and the end of the current branch.

        Raises InvalidConversation, ConversationFull and MessageNotFound.
        """
        asked = await self._get_message_of(caller, message_id, "user")
        draft = Draft(
            conversation_id=asked.conversation_id,
            parent_id=asked.parent_id,
            role="user",
            content=checked_question(content),
            status="complete",
        )
        return await self._add(caller, draft)

    async def begin_answer(self, caller: Caller, question_id: int) -> Message:
        """Add an answer to a question, still empty and `partial`: to be written with `save_answer`.

        Raises InvalidConversation where it is no question, ConversationFull and MessageNotFound.
        """
        question = await self._get_message_of(caller, question_id, "user")
        return await self._add(caller, _empty_answer(question.conversation_id, question.id))

    async def regenerate(self, caller: Caller, answer_id: int) -> Message:
        """Add another answer beside this one, as `begin_answer` does. Its `parent_id` is the question.

        Raises InvalidConversation where it is no answer, ConversationFull and MessageNotFound.
        """
        answer = await self._get_message_of(caller, answer_id, "assistant")
        return await self._add(caller, _empty_answer(answer.conversation_id, answer.parent_id))

    async def save_answer(
        self, caller: Caller, answer_id: int, content: str, *, status: Status, metadata: Metadata
    ) -> Message:
        """Write an answer as far as it is: with the status `partial` to be written again, else for good.

        `metadata` is that of `answer_metadata`. Raises AnswerFinished and MessageNotFound.
        """
        require(caller, "inference")
        kept = clean(content[:LONGEST_ANSWER])
        saved = await self._store.save_answer(
            caller, _checked_id(answer_id), kept, status, checked_metadata(metadata), self._clock.now()
        )
        if saved is None:
            await self.get_message(caller, answer_id)
            raise AnswerFinished("This answer is finished. Regenerate it to have another one.")
        return saved

    async def select_branch(self, caller: Caller, message_id: int) -> Conversation:
        """Show the branch through a message from now on, with what was said last behind it.

        Raises MessageNotFound.
        """
        message = await self.get_message(caller, message_id)
        tree = Tree(await self._store.list_links(caller, message.conversation_id))
        if message.id not in tree:
            raise _no_message()
        return _found(
            await self._store.update_conversation(
                caller, message.conversation_id, leaf_id=tree.newest_leaf(message.id)
            )
        )

    async def give_feedback(
        self, caller: Caller, answer_id: int, rating: Rating, text: str | None = None
    ) -> Feedback:
        """Say what one thinks of an answer; each member or key has one opinion, the last one.

        Raises InvalidConversation where it is no answer, or the text is too long, and MessageNotFound.
        """
        await self._get_message_of(caller, answer_id, "assistant")
        if text is not None and len(text) > LONGEST_FEEDBACK:
            raise InvalidConversation(f"The text has at most {LONGEST_FEEDBACK:,} characters.", param="text")
        now = self._clock.now()
        feedback = Feedback(
            message_id=answer_id,
            author=owner_of(caller),
            rating=rating,
            text=clean(text) if text is not None else None,
            created_at=now,
            updated_at=now,
        )
        return await self._store.put_feedback(caller, feedback)

    async def withdraw_feedback(self, caller: Caller, answer_id: int) -> None:
        """Take back what one thought of an answer, if one had said so. Raises MessageNotFound."""
        await self.get_message(caller, answer_id)
        await self._store.delete_feedback(caller, answer_id)

    async def get_tokens(self, caller: Caller, days: int = DEFAULT_DAYS) -> MessageTokens:
        """The tokens of the tenant's last `days` of messages. Needs `usage:read`. Raises InvalidRequest."""
        require(caller, "usage:read")
        return await self._store.read_tokens(caller, self._clock.now() - _span(days))

    async def list_tokens(
        self, caller: Caller, days: int = DEFAULT_DAYS, *, after: str = "", limit: int = 100
    ) -> list[MessageTokens]:
        """A page of all tenants with the tokens of their messages in the last `days`, behind the id `after`.

        For the operator alone: raises PermissionDenied.
        """
        require_operator(caller)
        return await self._store.read_tokens_for_all_tenants(
            self._clock.now() - _span(days), after, _checked_limit(limit)
        )

    async def get_retention(self, caller: Caller) -> int | None:
        """How many days the tenant keeps conversations in which nothing is said; `None` for ever."""
        require(caller, "inference")
        return await self._store.find_retention(caller)

    async def set_retention(self, caller: Caller, days: int | None, *, request_id: str | None = None) -> None:
        """Delete the tenant's conversations when nothing was said in them for so many days; `None`: never.

        Needs `admin`. Raises InvalidConversation.
        """
        require(caller, "admin")
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise InvalidConversation(f"Keep conversations for 1 to {MOST_DAYS} days.", param="days")
        entry = AuditEntry(
            at=self._clock.now(),
            action="conversation_retention.changed",
            thing="conversation_retention",
            thing_id=caller.tenant_id,
            before={"days": await self._store.find_retention(caller)},
            after={"days": days},
            member_id=caller.member_id,
            request_id=request_id,
        )
        await self._store.put_retention(caller, days, entry)

    async def sweep(self) -> None:
        """Delete the conversations that their tenants no longer want to keep."""
        now, after = self._clock.now(), ""
        while found := await self._store.list_retentions_for_all_tenants(after, _BATCH):
            for retention in found:
                job = Caller(retention.tenant_id, "job:conversations", frozenset())
                since = now - timedelta(days=retention.days)
                while await self._store.delete_silent(job, since, _BATCH) == _BATCH:
                    pass
            after = found[-1].tenant_id

    async def _add(self, caller: Caller, draft: Draft) -> Message:
        title = title_from(draft.content) if draft.role == "user" else ""
        message = await self._store.add_message(caller, draft, title, self._clock.now())
        if message is None:
            raise _no_conversation()
        return message

    async def _get_message_of(self, caller: Caller, message_id: int, role: Role) -> Message:
        message = await self.get_message(caller, message_id)
        if message.role != role:
            is_asked = "a question" if role == "user" else "an answer"
            raise InvalidConversation(f"This message is not {is_asked}.", param="message_id")
        return message

    async def _read_branch(
        self, caller: Caller, conversation_id: int, leaf_id: int | None
    ) -> tuple[Tree, list[int]]:
        conversation = await self.get_conversation(caller, conversation_id)
        tree = Tree(await self._store.list_links(caller, conversation_id))
        if leaf_id is not None and leaf_id not in tree:
            raise _no_message()
        return tree, tree.path_to(conversation.leaf_id if leaf_id is None else leaf_id)

    async def _read_markdown(
        self, caller: Caller, conversation: Conversation, ids: Sequence[int]
    ) -> AsyncIterator[str]:
        yield markdown_head(conversation)
        async for message in self._read_in_batches(caller, ids):
            yield markdown_of(message, conversation)

    async def _read_json(
        self, caller: Caller, conversation: Conversation, ids: Sequence[int]
    ) -> AsyncIterator[str]:
        yield json_head(conversation)
        is_first = True
        async for message in self._read_in_batches(caller, ids):
            yield json_of(message, is_first=is_first)
            is_first = False
        yield JSON_END

    async def _read_in_batches(self, caller: Caller, ids: Sequence[int]) -> AsyncIterator[Message]:
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            for message in in_order(await self._store.list_messages(caller, batch), batch):
                yield message


def _empty_answer(conversation_id: int, question_id: int | None) -> Draft:
    return Draft(
        conversation_id=conversation_id,
        parent_id=question_id,
        role="assistant",
        content="",
        status="partial",
    )


def _span(days: int) -> timedelta:
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"Ask for 1 to {MOST_DAYS} days.", param="days")
    return timedelta(days=days)


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit


def _checked_id(id: int) -> int:
    """The id, if the databases can look for it: what is larger is nobody's."""
    return id if 0 <= id <= _LARGEST_ID else 0


def _found(conversation: Conversation | None) -> Conversation:
    if conversation is None:
        raise _no_conversation()
    return conversation


def _no_conversation() -> ConversationNotFound:
    return ConversationNotFound("You have no such conversation. List your conversations to see their ids.")


def _no_message() -> MessageNotFound:
    return MessageNotFound("There is no such message in your conversations.")
