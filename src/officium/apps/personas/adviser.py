"""One question to one adviser: what it is told, and the answer as it comes. Knows no conversation."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict, replace

from officium.apps.personas.business import BusinessContext
from officium.apps.personas.canned import canned_answer
from officium.apps.personas.figure_marks import FigureMarks, Mark
from officium.apps.personas.persona import PersonaType, prompt_name
from officium.apps.personas.persona_config import PersonaConfig, SavedPersonaConfig
from officium.apps.personas.persona_prompt import PersonaPrompt, compose
from officium.apps.personas.prompt_context import (
    AnalyticsContext,
    HistoryMessage,
    InsightContext,
    ProfileContext,
    PromptContext,
)
from officium.core.gateway import AnswerStream, CallContext
from officium.core.llm.chat import as_message
from officium.core.llm.client import short_model_name
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMError
from officium.core.llm.streaming import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, api_logger
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_message_tokens, estimate_tokens
from officium.core.prompts import PromptVersion
from officium.core.tenancy import Caller, require

CANNED_MODEL = "canned"
"""Stands where the model's name would, when no model answered."""


class Businesses(Protocol):
    """Knows the caller's business."""

    async def get_context(self, caller: Caller) -> BusinessContext: ...


class Gateway(Protocol):
    """The way to a model."""

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> AnswerStream: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class Prompts(Protocol):
    """Knows which version of a prompt is in use."""

    async def resolve(self, caller: Caller, name: str) -> PromptVersion: ...


class Configs(Protocol):
    """Knows how a persona is to answer."""

    async def find_config(self, caller: Caller, persona: PersonaType) -> SavedPersonaConfig | None: ...


class Decisions(Protocol):
    """Knows what was decided, and what came of it."""

    async def told_to(self, caller: Caller, persona: PersonaType) -> Sequence[str]: ...


class Prepared(Struct, frozen=True, kw_only=True):
    """A question with everything its answer will know, and who is to answer it.

    `deployment` is the first that will be tried; `None` where no model is asked at all.
    """

    persona: PersonaType
    prompt: PersonaPrompt
    model: str
    temperature: float
    max_tokens: int
    deployment: Deployment | None


class Piece(Struct, frozen=True, kw_only=True):
    """A piece of an answer: some text, and the marks of the figures that are settled with it."""

    text: str = ""
    marks: Sequence[Mark] = ()


class SpokenAnswer:
    """An answer under way. Read `pieces`, and close it, read to the end or not.

    `text`, `model` (the short name), `provider`, `usage`, `figures` and `marks` are what is known until now;
    `is_estimated` says that no provider has counted the tokens.
    """

    def __init__(self, caller: Caller, prepared: Prepared, gateway: Gateway, context: CallContext) -> None:
        self.text = ""
        self.usage = TokenUsage()
        self.is_estimated = False
        self.model = _short_name(prepared.deployment)
        self.provider = _provider_name(prepared.deployment)
        self.marks: list[Mark] = []
        self._caller = caller
        self._prepared = prepared
        self._gateway = gateway
        self._context = context
        self._marks = FigureMarks(prepared.prompt.facts)

    @property
    def figures(self) -> dict[str, int]:
        """How many figures were in what it was told, how many not, and how many are plans."""
        return self._marks.counts

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens it took."""
        taken, written = self.usage.input_tokens or 0, self.usage.output_tokens or 0
        return {"input": taken, "output": written, "total": taken + written}

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The answer as it comes. Raises PermissionDenied, OutOfCredits and LLMError."""
        deployment = self._prepared.deployment
        if deployment is None:
            yield self._take(canned_answer(self._prepared.persona))
        else:
            async for piece in self._ask(deployment.provider.label):
                yield piece
        if marks := self._marks.finish():
            self.marks += marks
            yield Piece(marks=marks)

    async def _ask(self, label: str) -> AsyncGenerator[Piece, None]:
        """Ask the model, and write the log lines that operators look for."""
        named = {"tenantId": self._caller.tenant_id, "userId": self._context.user}
        messages = self._prepared.prompt.messages
        api_logger.info(f"Starting {label} API stream", **named, model=self.model, messageCount=len(messages))
        try:
            stream = await self._gateway.open_stream(self._caller, self._request(), self._context)
            try:
                self.model = _short_name(stream.deployment)
                self.provider = _provider_name(stream.deployment)
                async for batch in stream:
                    for delta in batch:
                        if delta.usage is not None:
                            self.usage = delta.usage
                        if said := delta.text or delta.refusal:
                            yield self._take(said)
            finally:
                self._count()
                await stream.aclose()
        except LLMError as error:
            if error.status is not None and error.status >= 400:
                error.message = f"{label} API error ({error.status}): {error.message}"
            api_logger.error(f"Error in {label} stream", error=error.message, **named)
            raise
        except Exception as error:
            api_logger.error(f"Error in {label} stream", error=type(error).__name__, **named)
            raise
        api_logger.info(f"{label} stream completed", **named, tokens=self.tokens)

    def _request(self) -> CompletionRequest:
        prepared = self._prepared
        return CompletionRequest(
            model=prepared.model,
            messages=tuple(map(as_message, prepared.prompt.messages)),
            temperature=prepared.temperature,
            max_tokens=prepared.max_tokens,
            user=self._context.user,
            stream=True,
        )

    def _take(self, text: str) -> Piece:
        self.text += text
        marks = self._marks.feed(text)
        self.marks += marks
        return Piece(text=text, marks=marks)

    def _count(self) -> None:
        """Estimate the tokens that no provider has told."""
        if self.usage.input_tokens is None or self.usage.output_tokens is None:
            self.is_estimated = True
            messages = map(as_message, self._prepared.prompt.messages)
            written = self.usage.output_tokens
            self.usage = TokenUsage(
                input_tokens=self.usage.input_tokens or estimate_message_tokens(messages),
                output_tokens=estimate_tokens(self.text) if written is None else written,
            )


class Adviser:
    """Tells a persona what it must know, and lets it answer.

    `model` is who answers where a persona has no model of its own. With `is_on` false no model is asked:
    the answers are canned, and say so.
    """

    def __init__(
        self,
        gateway: Gateway,
        models: Models,
        prompts: Prompts,
        businesses: Businesses,
        configs: Configs,
        decisions: Decisions,
        *,
        model: str,
        temperature: float = DEFAULT_TEMPERATURE,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        is_on: bool = True,
    ) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._businesses = businesses
        self._configs = configs
        self._decisions = decisions
        self._model = model
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._is_on = is_on

    async def get_context(
        self, caller: Caller, persona: PersonaType, *, user: str = "", language: str = ""
    ) -> PromptContext:
        """What the persona is to know of the caller's business, without any conversation."""
        known = await self._businesses.get_context(caller)
        decisions = await self._decisions.told_to(caller, persona)
        return PromptContext(
            tenant_id=caller.tenant_id,
            user_id=user,
            business_profile=_profile(known),
            recent_analytics=_analytics(known),
            module_insights=tuple(
                InsightContext(
                    module=insight.module,
                    key=insight.key,
                    text=insight.text,
                    data=insight.data,
                    observed_at=insight.observed_at,
                )
                for insight in known.insights
            ),
            decisions=tuple(decisions),
            today=known.seen_at.date(),
            language=language,
        )

    async def prepare(
        self,
        caller: Caller,
        persona: PersonaType,
        question: str,
        context: PromptContext,
        history: Sequence[HistoryMessage] = (),
        *,
        model: str | None = None,
    ) -> Prepared:
        """Put the prompt together, and find out who is to answer: `model`, else the persona's own.

        Raises PermissionDenied, InvalidQuestion, UnknownModel, ProviderNotConfigured, and what rendering a
        prompt raises. Asks no provider.
        """
        require(caller, "inference")
        config = await self._configs.find_config(caller, persona) or PersonaConfig()
        name = model or config.model or self._model
        deployment = (await self._models.resolve(caller, name))[0] if self._is_on else None
        version = await self._prompts.resolve(caller, prompt_name(persona))
        told = context.model_copy(update={"conversation_history": tuple(history)})
        # A tenant's own template may take a while.
        prompt = await asyncio.to_thread(compose, version, persona, question, told)
        own = prompt.rendered if version.source == "own" else None
        return Prepared(
            persona=persona,
            prompt=prompt,
            model=name,
            temperature=_first(config.temperature, own.temperature if own else None, self._temperature),
            max_tokens=int(_first(config.max_tokens, own.max_tokens if own else None, self._max_tokens)),
            deployment=deployment,
        )

    def answer(self, caller: Caller, prepared: Prepared, context: CallContext) -> SpokenAnswer:
        """Let the persona answer. `context` says which request it is for; the prompt is noted in it."""
        rendered = prepared.prompt.rendered
        noted = replace(context, app="personas", prompt=rendered.name, prompt_version=rendered.version)
        return SpokenAnswer(caller, prepared, self._gateway, noted)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _short_name(deployment: Deployment | None) -> str:
    return CANNED_MODEL if deployment is None else short_model_name(deployment.model)


def _provider_name(deployment: Deployment | None) -> str:
    return CANNED_MODEL if deployment is None else deployment.provider.name


def _profile(known: BusinessContext) -> ProfileContext | None:
    if known.profile is None:
        return None
    told: Mapping[str, Any] = asdict(known.profile)
    return ProfileContext(**{name: told[name] for name in told if name not in ("updated_at", "updated_by")})


def _analytics(known: BusinessContext) -> AnalyticsContext | None:
    if known.snapshot is None:
        return None
    told: Mapping[str, Any] = asdict(known.snapshot)
    kept = {name: told[name] for name in told if name not in ("received_at", "received_by")}
    return AnalyticsContext(**kept, is_stale=known.is_stale)
