"""Conversations with the advisers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from officium.apps.personas.adviser import Adviser, Prepared, SpokenAnswer
from officium.apps.personas.errors import InvalidQuestion
from officium.apps.personas.persona import PersonaType, checked_persona
from officium.apps.personas.persona_prompt import MOST_EXCHANGES, checked_question
from officium.apps.personas.prompt_context import HistoryMessage
from officium.core.conversations import (
    Conversation,
    ConversationNotFound,
    ConversationService,
    Message,
    MessageNotFound,
    Status,
    answer_metadata,
    owner_of,
)
from officium.core.conversations.live import Event, LiveAnswers, NumberedEvent
from officium.core.gateway import CallContext
from officium.core.grounding import as_json, check_figures
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.database import DatabaseUnavailable
from officium.kit.errors import OfficiumError

APP = "personas"
"""Whose conversations these are."""
LONGEST_CHECKED = 100_000
MOST_MARKS = 500
"""How many marks are kept with an answer; all of them are sent while it is written."""
_SAVE_EVERY_S = 3.0

_log = structlog.get_logger("personas")


class BegunAnswer(Struct, frozen=True, kw_only=True):
    """An answer that has begun. Its events are read by the message's id."""

    conversation_id: int
    question_id: int
    message_id: int


class AdvisorService:
    """Asks the advisers, and keeps what was said. Everything needs `inference`.

    An answer goes on when its reader leaves, and can be read again by its message's id.
    """

    def __init__(
        self, adviser: Adviser, conversations: ConversationService, live: LiveAnswers, clock: Clock
    ) -> None:
        self._adviser = adviser
        self._conversations = conversations
        self._live = live
        self._clock = clock

    async def chat(
        self,
        caller: Caller,
        persona: str,
        message: str,
        context: CallContext,
        *,
        conversation_id: int | None = None,
        language: str = "",
    ) -> BegunAnswer:
        """Ask a persona, in a new conversation or at the end of one.

        Raises UnknownPersona, InvalidQuestion, PermissionDenied, ConversationNotFound, and what keeps a model
        from being asked at all, such as UnknownModel.
        """
        require(caller, "inference")
        asked, question = checked_persona(persona), checked_question(message)
        history: Sequence[Message] = ()
        if conversation_id is not None:
            await self.get_conversation(caller, conversation_id)
            history = await self._conversations.history(caller, conversation_id, turns=MOST_EXCHANGES)
        prepared = await self._prepare(caller, asked, question, history, language)
        if conversation_id is None:
            conversation = await self._conversations.create_conversation(caller, APP, asked)
            conversation_id = conversation.id
        said = await self._conversations.ask(caller, conversation_id, question)
        answer = await self._conversations.begin_answer(caller, said.id)
        return await self._begin(caller, prepared, said.id, answer, context)

    async def regenerate(
        self, caller: Caller, message_id: int, context: CallContext, *, language: str = ""
    ) -> BegunAnswer:
        """Have another answer beside this one. Raises MessageNotFound, and as `chat`."""
        answer, conversation = await self._get_message(caller, message_id)
        if answer.role != "assistant" or answer.parent_id is None:
            raise MessageNotFound("Only an answer can be regenerated.")
        question = await self._conversations.get_message(caller, answer.parent_id)
        history = await self._history_before(caller, question)
        persona = _persona_of(answer, conversation)
        prepared = await self._prepare(caller, persona, question.content, history, language)
        another = await self._conversations.regenerate(caller, answer.id)
        return await self._begin(caller, prepared, question.id, another, context)

    async def edit(
        self, caller: Caller, message_id: int, message: str, context: CallContext, *, language: str = ""
    ) -> BegunAnswer:
        """Ask a question in other words: a branch beside the first. Raises MessageNotFound, and as `chat`."""
        asked, conversation = await self._get_message(caller, message_id)
        if asked.role != "user":
            raise MessageNotFound("Only a question can be edited.")
        question = checked_question(message)
        history = await self._history_before(caller, asked)
        persona = checked_persona(conversation.persona or "")
        prepared = await self._prepare(caller, persona, question, history, language)
        said = await self._conversations.edit(caller, asked.id, question)
        answer = await self._conversations.begin_answer(caller, said.id)
        return await self._begin(caller, prepared, said.id, answer, context)

    async def read(
        self, caller: Caller, message_id: int, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]:
        """The events of an answer after one of them, then those to come. Raises AnswerNotFound."""
        require(caller, "inference")
        return await self._live.attach(caller, answer_id(message_id), after_event_id)

    async def stop(self, caller: Caller, message_id: int) -> bool:
        """Stop an answer; what there is of it is kept. Whether it was under way. Raises AnswerNotFound."""
        require(caller, "inference")
        return await self._live.stop(caller, answer_id(message_id))

    async def check(self, caller: Caller, text: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Which figures in `text` are in `context` or follow from it. Raises InvalidQuestion."""
        require(caller, "inference")
        if len(text) > LONGEST_CHECKED:
            raise InvalidQuestion(
                f"A text to check has at most {LONGEST_CHECKED:,} characters.", param="text"
            )
        return as_json(await asyncio.to_thread(check_figures, text, context))

    async def get_conversation(self, caller: Caller, conversation_id: int) -> Conversation:
        """A conversation of the caller's with an adviser. Raises ConversationNotFound."""
        found = await self._conversations.get_conversation(caller, conversation_id)
        if found.app != APP:
            raise ConversationNotFound(
                "You have no such conversation with an adviser. List your conversations to see their ids."
            )
        return found

    async def _prepare(
        self, caller: Caller, persona: PersonaType, question: str, history: Sequence[Message], language: str
    ) -> Prepared:
        said = [HistoryMessage(role=each.role, content=each.content) for each in history]
        told = await self._adviser.get_context(caller, persona, user=owner_of(caller), language=language)
        return await self._adviser.prepare(caller, persona, question, told, said)

    async def _begin(
        self, caller: Caller, prepared: Prepared, question_id: int, answer: Message, context: CallContext
    ) -> BegunAnswer:
        begun = BegunAnswer(
            conversation_id=answer.conversation_id, question_id=question_id, message_id=answer.id
        )
        spoken = self._adviser.answer(
            caller, prepared, msgspec.structs.replace(context, user=owner_of(caller))
        )
        telling = _Telling(caller, begun, prepared, spoken, self._conversations, self._clock)
        await self._live.start(
            caller, answer_id(answer.id), telling.events(), conversation_id=answer.conversation_id
        )
        return begun

    async def _get_message(self, caller: Caller, message_id: int) -> tuple[Message, Conversation]:
        message = await self._conversations.get_message(caller, message_id)
        return message, await self.get_conversation(caller, message.conversation_id)

    async def _history_before(self, caller: Caller, question: Message) -> Sequence[Message]:
        if question.parent_id is None:
            return ()
        return await self._conversations.history(
            caller, question.conversation_id, leaf_id=question.parent_id, turns=MOST_EXCHANGES
        )


class _Telling:
    """One answer on its way to its readers and into its conversation."""

    def __init__(
        self,
        caller: Caller,
        begun: BegunAnswer,
        prepared: Prepared,
        spoken: SpokenAnswer,
        conversations: ConversationService,
        clock: Clock,
    ) -> None:
        self._caller = caller
        self._begun = begun
        self._prepared = prepared
        self._spoken = spoken
        self._conversations = conversations
        self._clock = clock
        self._is_saved = False
        self._ids = {
            "conversationId": begun.conversation_id,
            "questionId": begun.question_id,
            "messageId": begun.message_id,
        }

    async def events(self) -> AsyncIterator[Event]:
        """What the readers get: where it is kept, its pieces and marks, and how it ended."""
        saved_at = self._clock.monotonic()
        try:
            yield as_event("start", {**self._ids, "receipt": self._receipt})
            async with aclosing(self._spoken.pieces()) as pieces:
                async for piece in pieces:
                    if piece.text:
                        yield as_event("message", {"content": piece.text, "done": False})
                    if piece.marks:
                        yield as_event("figures", {"figures": piece.marks})
                    if self._clock.monotonic() - saved_at >= _SAVE_EVERY_S:
                        saved_at = self._clock.monotonic()
                        await self._save("partial")
            await asyncio.shield(self._save("complete"))
            yield as_event("message", {"content": "", "done": True, **self._summary()})
        except Exception as error:
            fault = told_fault(error, self._caller, message=self._begun.message_id)
            await asyncio.shield(self._save("failed", fault))
            yield as_event("error", {"content": "", "done": True, "error": fault, **self._summary()})
        finally:
            # Stopped by its owner, or by the server: whoever waits for us may be gone already.
            if not self._is_saved:
                await asyncio.shield(self._save("stopped"))

    @property
    def _receipt(self) -> Mapping[str, Any]:
        return self._prepared.prompt.receipt.as_json()

    def _summary(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {"model": self._spoken.model, "tokens": self._spoken.tokens}
        if self._spoken.is_estimated:
            metadata["estimated"] = True
        return {
            "metadata": metadata,
            **self._ids,
            "receipt": self._receipt,
            "figures": self._spoken.figures,
        }

    async def _save(self, status: Status, fault: Mapping[str, str] | None = None) -> None:
        """Keep the answer as far as it is; that a conversation is gone meanwhile must not end the answer."""
        more: dict[str, Any] = {} if fault is None else {"error": dict(fault)}
        more |= {
            "persona": self._prepared.persona,
            "receipt": self._receipt,
            "figures": self._spoken.figures,
            "marks": self._spoken.marks[:MOST_MARKS],
            "provider": self._spoken.provider,
        }
        if self._spoken.is_estimated:
            more["estimated"] = True
        self._is_saved = status != "partial"
        try:
            await self._conversations.save_answer(
                self._caller,
                self._begun.message_id,
                self._spoken.text,
                status=status,
                metadata=answer_metadata(self._spoken.model, self._spoken.usage, **more),
            )
        except OfficiumError as error:
            _log.warning("answer.not_kept", tenant=self._caller.tenant_id, reason=error.code)


def presentable(error: OfficiumError) -> str:
    """What a reader is told. Where our database is, and what it said, is for the log alone."""
    if isinstance(error, DatabaseUnavailable):
        return "The server cannot reach its database. Try again in a moment."
    return error.message


def told_fault(error: Exception, caller: Caller, **where: Any) -> dict[str, str]:
    """What a reader is told of a fault; what nobody meant to raise is logged whole, and told as ours."""
    if isinstance(error, OfficiumError):
        return {"code": error.code, "message": presentable(error)}
    _log.error("answer.failed", tenant=caller.tenant_id, exc_info=error, **where)
    return {"code": "internal_error", "message": "Something went wrong on our side. Try again."}


def answer_id(message_id: int) -> str:
    return f"msg_{message_id}"


def as_event(name: str, data: Mapping[str, Any]) -> Event:
    return name, msgspec.json.encode(data).decode()


def _persona_of(answer: Message, conversation: Conversation) -> PersonaType:
    return checked_persona(str(answer.metadata.get("persona") or conversation.persona or ""))
