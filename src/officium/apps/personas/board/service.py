"""Holding a board meeting, and keeping its minutes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.personas.adviser import Adviser, Prepared, SpokenAnswer
from officium.apps.personas.board.errors import CeilingTooLow
from officium.apps.personas.board.meeting import (
    BOARD,
    OBJECTION_TOKENS,
    OPINION_TOKENS,
    SYNTHESIS_TOKENS,
    Ceiling,
    Minutes,
    Step,
    Synthesis,
    total,
)
from officium.apps.personas.figure_marks import Mark
from officium.apps.personas.persona import PERSONAS, PersonaType
from officium.apps.personas.persona_prompt import checked_question
from officium.apps.personas.service import APP, BegunAnswer, answer_id, as_event, told_fault
from officium.apps.personas.side_by_side import side_by_side
from officium.core.conversations import ConversationService, Message, Status, answer_metadata, owner_of
from officium.core.conversations.live import Event, LiveAnswers
from officium.core.gateway import Answer, CallContext
from officium.core.gateway.objects import complete_object
from officium.core.llm.chat import LLMMessage, as_message
from officium.core.llm.client import short_model_name
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import system, user
from officium.core.llm.structured import OutputSchema
from officium.core.llm.token_usage import TokenUsage
from officium.core.prompts import Rendered
from officium.core.tenancy import Caller, require
from officium.core.usage.ledger import Amounts
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError

_SAVE_EVERY_S = 3.0
_NANO = Decimal(1_000_000_000)
_WORD = "budget "
"""Fills in for what is not yet said, when a meeting's ceiling is worked out. About a token each."""
_SYNTHESIS = OutputSchema(Synthesis)

_log = structlog.get_logger("personas")


class Gateway(Protocol):
    """The way to a model."""

    async def quote(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Amounts: ...

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class Prompts(Protocol):
    """Knows the texts that a caller's tenant uses."""

    async def render(self, caller: Caller, name: str, variables: Mapping[str, object]) -> Rendered: ...


class Runs(Protocol):
    """Sets ceilings."""

    async def open_run(self, caller: Caller, ceiling: Amounts) -> str: ...

    async def close_run(self, caller: Caller, run: str) -> None: ...


class Plan(Struct, frozen=True, kw_only=True):
    """A meeting before it is held: who is told what, what each round may come to, and in which language."""

    question: str
    members: Mapping[PersonaType, Prepared]
    opinions: Amounts
    rest: Amounts
    language: str

    @property
    def most(self) -> Amounts:
        """The most the meeting may come to."""
        return total((self.opinions, self.rest))


class BoardService:
    """Puts a question to all personas at once, under a ceiling that no call of the meeting passes.

    A meeting is an answer of a conversation like any other: it goes on when its reader leaves, is read again
    by its message's id, and its minutes are kept. Everything needs `inference`.
    """

    def __init__(
        self,
        adviser: Adviser,
        gateway: Gateway,
        models: Models,
        prompts: Prompts,
        runs: Runs,
        conversations: ConversationService,
        live: LiveAnswers,
        clock: Clock,
    ) -> None:
        self._adviser = adviser
        self.gateway = gateway
        self.models = models
        self.prompts = prompts
        self._runs = runs
        self._conversations = conversations
        self._live = live
        self._clock = clock

    async def estimate(
        self, caller: Caller, message: str, context: CallContext, *, language: str = ""
    ) -> Ceiling:
        """What a meeting on this question may come to at most. Asks no model, costs nothing.

        Raises InvalidQuestion, PermissionDenied, and what keeps a model from being asked at all.
        """
        return Ceiling.of((await self._plan(caller, message, context, language)).most)

    async def meet(
        self,
        caller: Caller,
        message: str,
        context: CallContext,
        *,
        most_tokens: int | None = None,
        most_cost_usd: Decimal | None = None,
        language: str = "",
    ) -> BegunAnswer:
        """Hold a meeting in a conversation of its own, for at most its estimate, or less where that is said.

        What the ceiling does not allow is left out, from the end. Raises CeilingTooLow where it does not
        allow the opinions, and as `estimate`.
        """
        plan = await self._plan(caller, message, context, language)
        ceiling = _lowered(plan, most_tokens, most_cost_usd)
        conversation = await self._conversations.create_conversation(caller, APP, BOARD)
        asked = await self._conversations.ask(caller, conversation.id, plan.question)
        answer = await self._conversations.begin_answer(caller, asked.id)
        run = await self._runs.open_run(caller, ceiling)
        begun = BegunAnswer(conversation_id=conversation.id, question_id=asked.id, message_id=answer.id)
        meeting = _Meeting(
            self, caller, plan, begun, replace(context, app=APP, user=owner_of(caller), run=run), ceiling
        )
        await self._live.start(
            caller, answer_id(answer.id), meeting.events(), conversation_id=conversation.id
        )
        return begun

    async def _plan(self, caller: Caller, message: str, context: CallContext, language: str) -> Plan:
        require(caller, "inference")
        question = checked_question(message)
        told = await self._adviser.get_context(caller, "ceo", user=owner_of(caller), language=language)
        members: dict[PersonaType, Prepared] = {}
        for persona in PERSONAS:
            own = told
            if persona != "ceo":
                own = await self._adviser.get_context(
                    caller, persona, user=owner_of(caller), language=language
                )
            prepared = await self._adviser.prepare(caller, persona, question, own)
            members[persona] = _shortened(prepared, OPINION_TOKENS)
        opinions, rest = [], []
        for prepared in members.values():
            if prepared.deployment is None:
                continue
            opinions.append(await self.gateway.quote(caller, _request(prepared), context))
            imagined = await self.with_objection(
                caller, prepared, _imagined(4 * OPINION_TOKENS), "", language
            )
            rest.append(await self.gateway.quote(caller, _request(imagined), context))
        if opinions:
            words = _imagined(4 * (OPINION_TOKENS + OBJECTION_TOKENS))
            summing = await self.synthesis_request(caller, members["ceo"], question, words, "", language)
            rest.append(await self.gateway.quote(caller, summing, context))
        return Plan(
            question=question, members=members, opinions=total(opinions), rest=total(rest), language=language
        )

    async def with_objection(
        self, caller: Caller, prepared: Prepared, others: str, own: str, language: str
    ) -> Prepared:
        """A member who has said `own`, asked what it objects to in what the others said."""
        rendered = await self.prompts.render(
            caller, "persona.board.objection", {"opinions": others, "language": language}
        )
        turns = (
            *prepared.prompt.messages,
            *([LLMMessage(role="assistant", content=own)] if own else []),
            LLMMessage(role="user", content=rendered.user),
        )
        prompt = replace(prepared.prompt, messages=turns, rendered=rendered)
        return _shortened(replace(prepared, prompt=prompt), OBJECTION_TOKENS)

    async def synthesis_request(
        self, caller: Caller, prepared: Prepared, question: str, opinions: str, objections: str, language: str
    ) -> CompletionRequest:
        """What the secretary is asked."""
        rendered = await self.prompts.render(
            caller,
            "persona.board.synthesis",
            {"question": question, "opinions": opinions, "objections": objections, "language": language},
        )
        return CompletionRequest(
            model=prepared.model,
            messages=(system(rendered.system), user(rendered.user)),
            temperature=rendered.temperature,
            max_tokens=min(rendered.max_tokens or SYNTHESIS_TOKENS, SYNTHESIS_TOKENS),
            user=owner_of(caller),
        )

    async def keep(
        self, caller: Caller, answer: int, text: str, status: Status, metadata: Mapping[str, Any]
    ) -> Message | None:
        """Write the minutes as far as they are; that the conversation is gone must not end the meeting."""
        try:
            return await self._conversations.save_answer(
                caller, answer, text, status=status, metadata=dict(metadata)
            )
        except OfficiumError as error:
            _log.warning("answer.not_kept", tenant=caller.tenant_id, reason=error.code)
            return None

    async def close(self, caller: Caller, run: str | None) -> None:
        """Take the ceiling away."""
        if run is not None:
            await self._runs.close_run(caller, run)

    def begin(self, caller: Caller, prepared: Prepared, context: CallContext) -> SpokenAnswer:
        """Let a member speak."""
        return self._adviser.answer(caller, prepared, context)

    def now(self) -> float:
        """Seconds that only grow."""
        return self._clock.monotonic()


class _Meeting:
    """One meeting on its way to its readers and into its minutes."""

    def __init__(
        self,
        board: BoardService,
        caller: Caller,
        plan: Plan,
        begun: BegunAnswer,
        context: CallContext,
        ceiling: Amounts,
    ) -> None:
        self._board = board
        self._caller = caller
        self._plan = plan
        self._begun = begun
        self._context = context
        self._ceiling = Ceiling.of(ceiling)
        self._minutes = Minutes()
        self._usage = TokenUsage(input_tokens=0, output_tokens=0)
        self._figures = {"matched": 0, "unmatched": 0, "proposed": 0}
        self._marks: dict[str, dict[str, list[Mark]]] = {"opinion": {}, "objection": {}}
        self._models: list[str] = []
        self._provider: str | None = None
        self._synthesis: Synthesis | None = None
        self._faults: list[str] = []
        self._saved_at = board.now()
        self._is_saved = False

    async def events(self) -> AsyncIterator[Event]:
        """What the readers get: the ceiling, the opinions, the objections, the synthesis, and the end."""
        try:
            yield as_event("start", {**self._ids, **self._terms})
            async for event in self._round("opinion", PERSONAS):
                yield event
            heard = [who for who in PERSONAS if who in self._minutes.opinions]
            if not heard:
                yield as_event("error", {**self._told(), **self._summary()})
                await asyncio.shield(self._save("failed"))
                return
            if len(heard) > 1 and self._is_asked:
                async for event in self._round("objection", heard):
                    yield event
            if self._is_asked:
                yield await self._sum_up()
            await asyncio.shield(self._save("complete"))
            yield as_event("message", {"content": "", "done": True, **self._summary()})
        finally:
            if not self._is_saved:
                await asyncio.shield(self._save("stopped"))
            await asyncio.shield(self._board.close(self._caller, self._context.run))

    @property
    def _is_asked(self) -> bool:
        """Whether a model answers at all."""
        return self._plan.members["ceo"].deployment is not None

    @property
    def _ids(self) -> dict[str, int]:
        return {
            "conversationId": self._begun.conversation_id,
            "questionId": self._begun.question_id,
            "messageId": self._begun.message_id,
        }

    @property
    def _terms(self) -> dict[str, Any]:
        receipts = {who: each.prompt.receipt.as_json() for who, each in self._plan.members.items()}
        return {"members": list(PERSONAS), "ceiling": self._ceiling.as_json(), "receipts": receipts}

    async def _round(self, step: Step, members: Sequence[PersonaType]) -> AsyncIterator[Event]:
        """What the members say at the same time, as it comes."""
        speaking = side_by_side([self._speak(step, who) for who in members])
        async for event in speaking:
            yield event
            if self._board.now() - self._saved_at >= _SAVE_EVERY_S:
                self._saved_at = self._board.now()
                await self._save("partial")

    async def _speak(self, step: Step, who: PersonaType) -> AsyncGenerator[Event, None]:
        """What one member says; what goes wrong is told, and the others go on."""
        try:
            prepared = self._plan.members[who]
            if step == "objection":
                prepared = await self._board.with_objection(
                    self._caller,
                    prepared,
                    self._minutes.others(who),
                    self._minutes.opinions[who],
                    self._plan.language,
                )
            async with aclosing(self._hear(step, who, prepared)) as heard:
                async for event in heard:
                    yield event
        except Exception as error:
            fault = told_fault(error, self._caller, member=who, step=step)
            self._faults.append(fault["message"])
            yield as_event(step, {"member": who, "content": "", "done": True, "error": fault})

    async def _hear(self, step: Step, who: PersonaType, prepared: Prepared) -> AsyncGenerator[Event, None]:
        spoken = self._board.begin(self._caller, prepared, self._context)
        try:
            async with aclosing(spoken.pieces()) as pieces:
                async for piece in pieces:
                    if piece.text:
                        self._minutes.said(step)[who] = spoken.text
                        yield as_event(step, {"member": who, "content": piece.text, "done": False})
                    if piece.marks:
                        self._marks[step].setdefault(who, []).extend(piece.marks)
                        yield as_event("figures", {"member": who, "step": step, "figures": piece.marks})
        finally:
            self._count(spoken.usage, spoken.model)
            self._provider = self._provider or spoken.provider
            for status, count in spoken.figures.items():
                self._figures[status] += count
        metadata = {"model": spoken.model, "tokens": spoken.tokens}
        ended = {"member": who, "content": "", "done": True, "metadata": metadata, "figures": spoken.figures}
        yield as_event(step, ended)

    async def _sum_up(self) -> Event:
        try:
            request = await self._board.synthesis_request(
                self._caller,
                self._plan.members["ceo"],
                self._plan.question,
                self._minutes.all_opinions(),
                self._minutes.all_objections(),
                self._plan.language,
            )
            context = replace(self._context, prompt="persona.board.synthesis")
            found = await complete_object(
                self._board.gateway,
                self._board.models,
                self._caller,
                request,
                _SYNTHESIS,
                context,
                most_corrections=1,
            )
        except OfficiumError as error:
            fault = told_fault(error, self._caller, step="synthesis")
            self._faults.append(fault["message"])
            return as_event("synthesis", {"content": "", "done": True, "error": fault})
        self._synthesis = found.value
        self._minutes.synthesis = found.value.as_text()
        model = short_model_name(found.answers[-1].deployment.model)
        self._count(found.usage, model)
        return as_event(
            "synthesis",
            {
                "content": self._minutes.synthesis,
                "done": True,
                "synthesis": found.value.as_json(),
                "metadata": {"model": model},
            },
        )

    def _count(self, usage: TokenUsage, model: str) -> None:
        self._usage = TokenUsage(
            input_tokens=(self._usage.input_tokens or 0) + (usage.input_tokens or 0),
            output_tokens=(self._usage.output_tokens or 0) + (usage.output_tokens or 0),
        )
        if model and model not in self._models:
            self._models.append(model)

    @property
    def _model(self) -> str:
        return ", ".join(self._models)

    def _told(self) -> dict[str, Any]:
        message = self._faults[0] if self._faults else "Nobody could answer."
        return {"content": "", "done": True, "error": {"code": "nobody_answered", "message": message}}

    def _summary(self) -> dict[str, Any]:
        taken, written = self._usage.input_tokens or 0, self._usage.output_tokens or 0
        tokens = {"input": taken, "output": written, "total": taken + written}
        return {
            "metadata": {"model": self._model, "tokens": tokens},
            **self._ids,
            "ceiling": self._ceiling.as_json(),
            "figures": self._figures,
        }

    async def _save(self, status: Status) -> None:
        self._is_saved = status != "partial"
        more: dict[str, Any] = {
            "persona": BOARD,
            "provider": self._provider,
            "ceiling": self._ceiling.as_json(),
            "figures": self._figures,
            "marks": self._marks,
        }
        if self._synthesis is not None:
            more["synthesis"] = self._synthesis.as_json()
        metadata = answer_metadata(self._model, self._usage, **more)
        await self._board.keep(
            self._caller, self._begun.message_id, self._minutes.as_text(), status, metadata
        )


def _lowered(plan: Plan, most_tokens: int | None, most_cost_usd: Decimal | None) -> Amounts:
    """The meeting's estimate, or less where its owner says so. Raises CeilingTooLow."""
    most = plan.most
    tokens = most.tokens if most_tokens is None else min(most.tokens, most_tokens)
    nano = most.nano_usd if most_cost_usd is None else min(most.nano_usd, int(most_cost_usd * _NANO))
    if tokens < plan.opinions.tokens or nano < plan.opinions.nano_usd:
        least = Ceiling.of(plan.opinions).as_json()
        raise CeilingTooLow(
            f"The four opinions alone may take {least['tokens']:,} tokens and ${least['costUsd']}. "
            "Raise the ceiling, or ask one adviser.",
            param="mostTokens" if tokens < plan.opinions.tokens else "mostCostUsd",
            least=least,
        )
    return Amounts(tokens=tokens, nano_usd=nano)


def _request(prepared: Prepared) -> CompletionRequest:
    return CompletionRequest(
        model=prepared.model,
        messages=tuple(map(as_message, prepared.prompt.messages)),
        max_tokens=prepared.max_tokens,
        stream=True,
    )


def _shortened(prepared: Prepared, most: int) -> Prepared:
    return replace(prepared, max_tokens=min(prepared.max_tokens, most))


def _imagined(tokens: int) -> str:
    return _WORD * tokens
