"""Whether a condition holds for some facts: by the condition language, and for plain words by a model."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from officium.apps.rules.conditions import ConditionSyntaxError, explain_condition, parse_condition
from officium.apps.rules.conditions.tokens import KEYWORDS
from officium.apps.rules.errors import ConditionFault
from officium.core.config import NoDefaultConfig
from officium.core.gateway import Answer, CallContext
from officium.core.gateway.errors import ModelNotAllowed, ProviderNotConfigured, UnknownModel
from officium.core.gateway.objects import complete_object
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import system, user
from officium.core.llm.structured import OutputSchema
from officium.core.prompts import PromptVersion, Rendered
from officium.core.prompts.render import render
from officium.core.tenancy import Caller, require

PROMPT = "condition.judge"
MOST_CORRECTIONS = 3
LARGEST_FACTS_BYTES = 32 * 1024
"""More facts than these are not sent to a model."""
_LONGEST_EXPLANATION = 1_000
_MOST_MISSING = 20
_OPERATORS = re.compile(r"[<>=!&|(){}\[\];*+/]")
_ASIDE = re.compile(r"""\$[^\s,]*|"[^"]*"|'[^']*'(?!\w)""")
_WORD = re.compile(r"[^\W\d_][\w'-]*")
_NO_MODEL = (NoDefaultConfig, ProviderNotConfigured, UnknownModel, ModelNotAllowed)


class Gateway(Protocol):
    """The way to a model."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class Prompts(Protocol):
    """Knows which version of a prompt is in use."""

    async def resolve(self, caller: Caller, name: str) -> PromptVersion: ...


class Evaluation(Struct, frozen=True, kw_only=True):
    """Whether a condition holds. `result` is false where it is not known; `missing` names the paths it took.

    `method` is `deterministic` for the condition language, where the same facts always give the same answer,
    and `llm` where a model was asked.
    """

    result: bool
    method: Literal["deterministic", "llm"]
    explanation: str
    missing: tuple[str, ...] = ()


class Judgement(BaseModel):
    """What a model makes of a condition in plain words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Literal["holds", "does_not_hold", "unknown"]
    explanation: str
    missing: list[str] = []


class ConditionEvaluator:
    """Answers conditions. `model` is who is asked about plain words; with `is_on` false nobody is."""

    def __init__(
        self, gateway: Gateway, models: Models, prompts: Prompts, *, model: str, is_on: bool = True
    ) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._model = model
        self._is_on = is_on

    async def evaluate(
        self,
        caller: Caller,
        text: str,
        facts: Mapping[str, Any],
        *,
        use_llm: bool = True,
        request_id: str,
    ) -> Evaluation:
        """Whether a condition holds for the facts. Needs `inference`.

        A condition of the language is never shown to a model. Plain words are, unless `use_llm` is false or
        the caller has no model. Raises ConditionSyntaxError for what is neither, ConditionFault where the
        facts are of the wrong type or a divisor is zero, and what calling a model raises.
        """
        require(caller, "inference")
        try:
            return await asyncio.to_thread(_by_the_language, text, facts)
        except ConditionSyntaxError as error:
            if not (use_llm and self._is_on) or error.reason != "syntax" or not is_plain_words(text):
                raise
            told = _as_told(facts)
            if told is None or not await self._has_model(caller):
                raise
            return await self._by_a_model(caller, text, told, request_id)

    async def _has_model(self, caller: Caller) -> bool:
        try:
            await self._models.resolve(caller, self._model)
        except _NO_MODEL:
            return False
        return True

    async def _by_a_model(self, caller: Caller, text: str, facts: str, request_id: str) -> Evaluation:
        version = await self._prompts.resolve(caller, PROMPT)
        # a tenant's own template may take a while
        prompt = await asyncio.to_thread(render, version, {"condition": text, "facts": facts})
        context = CallContext(
            request_id=request_id, app="rules", prompt=prompt.name, prompt_version=prompt.version
        )
        judgement = await self._ask(caller, prompt, context)
        holds = judgement.verdict == "holds"
        return Evaluation(
            result=holds,
            method="llm",
            explanation=judgement.explanation[:_LONGEST_EXPLANATION],
            missing=tuple(judgement.missing[:_MOST_MISSING]) if judgement.verdict == "unknown" else (),
        )

    async def _ask(self, caller: Caller, prompt: Rendered, context: CallContext) -> Judgement:
        """Ask the model, and show it what is wrong with its answer a few times at most."""
        request = CompletionRequest(
            model=self._model,
            messages=(system(prompt.system), user(prompt.user)),
            temperature=prompt.temperature,
            max_tokens=prompt.max_tokens,
            user=context.user,
        )
        answer = await complete_object(
            self._gateway,
            self._models,
            caller,
            request,
            OutputSchema(Judgement),
            context,
            most_corrections=MOST_CORRECTIONS,
        )
        return answer.value


def _by_the_language(text: str, facts: Mapping[str, Any]) -> Evaluation:
    explanation = explain_condition(parse_condition(text), facts)
    verdict = explanation.verdict
    if verdict.fault is not None:
        fault = verdict.fault
        raise ConditionFault(fault.message, param="condition", reason=fault.code, position=fault.position)
    return Evaluation(
        result=verdict.fires,
        method="deterministic",
        explanation=explanation.sentence,
        missing=verdict.missing,
    )


def is_plain_words(text: str) -> bool:
    """Whether a text is a sentence rather than an expression with a mistake in it.

    Two words or more that mean nothing to the language, beside paths and strings, and no sign of an operator:
    who writes `$status == runing now` wants to hear of the mistake, not to have it interpreted.
    """
    bare = _ASIDE.sub(" ", text)
    if _OPERATORS.search(bare):
        return False
    return sum(word.upper() not in KEYWORDS for word in _WORD.findall(bare)) >= 2


def _as_told(facts: Mapping[str, Any]) -> str | None:
    """The facts as JSON, or None where they are too many for a model."""
    encoded = msgspec.json.encode(facts)
    return encoded.decode() if len(encoded) <= LARGEST_FACTS_BYTES else None
