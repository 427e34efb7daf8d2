"""From a sentence to workflow rules by a model, with what is wrong sent back to it at most three times."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.rules.answer import ReadAnswer, read_answer, shown_problems
from officium.apps.rules.answer_schema import answer_schema
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.catalogue_text import catalogue_text
from officium.apps.rules.check import Checked
from officium.apps.rules.conditions import parse_condition, paths_in
from officium.apps.rules.errors import RuleNotGenerated, RuleNotPossible
from officium.apps.rules.problem import Problem, problem_json
from officium.apps.rules.relevance import Part, relevant_part
from officium.core.gateway import Answer, CallContext
from officium.core.llm.client import short_model_name
from officium.core.llm.completion import CompletionRequest, OutputFormat
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import ContextTooLong, LLMRequestError, NotExpressible
from officium.core.llm.message import Message, assistant, system, user
from officium.core.llm.structured import OutputSchema, instruction
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.prompts import PromptVersion
from officium.core.prompts.render import render
from officium.core.tenancy import Caller

TEMPERATURE = 0.3
MAX_TOKENS = 4096
MOST_CORRECTIONS = 3
GENERATE_PROMPT = "rules.generate"
REFINE_PROMPT = "rules.refine"
_LONGEST_QUOTE = 20_000


class Gateway(Protocol):
    """The way to a model."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class Prompts(Protocol):
    """Knows which version of a prompt is in use."""

    async def resolve(self, caller: Caller, name: str) -> PromptVersion: ...


class Task(Struct, frozen=True, kw_only=True):
    """What a model is to do: make rules for `intent`, or change `current` as `intent` says."""

    intent: str
    catalogue: Catalogue
    model: str
    current: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None


class Written(Struct, frozen=True, kw_only=True):
    """What a model wrote and the check let through.

    `part` is what of the catalogue the model was shown, `corrections` how often it was sent back.
    """

    said: Mapping[str, Any]
    checked: Checked
    model: str
    provider: str
    part: Part
    tokens: int
    corrections: int
    duration_ms: int
    notes: tuple[str, ...] = ()


class Generator:
    """Asks a model for rules. What it gives is checked; what is not right is never given on."""

    def __init__(self, gateway: Gateway, models: Models, prompts: Prompts) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts

    async def deployments(self, caller: Caller, model: str) -> tuple[Deployment, ...]:
        """Who would answer. Raises what finding a model raises."""
        return await self._models.resolve(caller, model)

    async def write(self, caller: Caller, task: Task, context: CallContext) -> Written:
        """The rules. Raises RuleNotPossible, RuleNotGenerated, and what calling a model raises."""
        started = time.perf_counter()
        deployments = await self._models.resolve(caller, task.model)
        name = GENERATE_PROMPT if task.current is None else REFINE_PROMPT
        version = await self._prompts.resolve(caller, name)
        part, ask = await asyncio.to_thread(_prepare, task, version, deployments)
        noted = replace(context, app="rules", prompt=name, prompt_version=version.ref)
        turns = _Turns(self._gateway, caller, task, ask, noted)
        read = await turns.run()
        if read.not_possible:
            raise RuleNotPossible(
                f"No rule can do that with the capabilities there are: {read.not_possible}",
                tokens=turns.tokens,
            )
        if read.said is None or read.checked is None:
            raise _failed(read.problems, turns)
        answered = turns.deployment or deployments[0]
        return Written(
            said=read.said,
            checked=read.checked,
            model=short_model_name(answered.model),
            provider=answered.provider.name,
            part=part,
            tokens=turns.tokens,
            corrections=turns.corrections,
            duration_ms=round((time.perf_counter() - started) * 1000),
            notes=turns.notes,
        )


class _Ask(Struct, frozen=True):
    """The first request, and the same in words for providers without a mode for schemas."""

    native: CompletionRequest
    instructed: CompletionRequest


class _Turns:
    """The exchange with a model about one task."""

    def __init__(self, gateway: Gateway, caller: Caller, task: Task, ask: _Ask, context: CallContext) -> None:
        self.tokens = 0
        self.corrections = 0
        self.deployment: Deployment | None = None
        self.notes: tuple[str, ...] = ()
        self._gateway = gateway
        self._caller = caller
        self._task = task
        self._ask = ask
        self._context = context

    async def run(self) -> ReadAnswer:
        """The last answer, read: the first that is right, else that of the last correction."""
        request = self._ask.native
        try:
            answer = await self._complete(request)
        except (LLMRequestError, NotExpressible) as error:
            if request.output_format is None or isinstance(error, ContextTooLong):
                raise
            request = self._ask.instructed
            answer = await self._complete(request)
        while True:
            read = await asyncio.to_thread(
                read_answer, answer.completion, self._task.catalogue, self._task.intent
            )
            if read.checked is not None or read.is_final or self.corrections == MOST_CORRECTIONS:
                return read
            self.corrections += 1
            quoted = _correction(answer.completion.text, read.problems)
            request = replace(request, messages=(*request.messages[: self._first_turns], *quoted))
            answer = await self._complete(request)

    @property
    def _first_turns(self) -> int:
        """Only the last answer is shown again with its mistakes: earlier ones would only cost."""
        return len(self._ask.native.messages)

    async def _complete(self, request: CompletionRequest) -> Answer:
        answer = await self._gateway.complete(self._caller, request, self._context)
        usage = answer.completion.usage
        counted = usage.total_tokens if usage is not None else None
        if counted is None:
            counted = estimate_request_tokens(request) + estimate_tokens(answer.completion.text)
        self.tokens += counted
        self.deployment = answer.deployment
        self.notes = tuple(dict.fromkeys((*self.notes, *answer.completion.notes)))
        return answer


def _prepare(task: Task, version: PromptVersion, deployments: Sequence[Deployment]) -> tuple[Part, _Ask]:
    """Choose the part of the catalogue, and put the first request together."""
    used = _names_in(task.current)
    part = relevant_part(task.catalogue, " ".join((task.intent, *used)), keep=frozenset(used))
    values: dict[str, Any] = {"catalogue": catalogue_text(part.catalogue)}
    if task.current is None:
        values["intent"] = task.intent
    else:
        values |= {"feedback": task.intent, "current": msgspec.json.encode(task.current).decode()}
    rendered = render(version, values)
    schema: OutputSchema[Any] = OutputSchema(answer_schema(part.catalogue))
    own = rendered if version.source == "own" else None
    defaults = deployments[0].defaults
    temperature, max_tokens = task.temperature, task.max_tokens
    if temperature is None and (own is not None or defaults is None):
        temperature = TEMPERATURE if own is None or own.temperature is None else own.temperature
    if max_tokens is None and (own is not None or defaults is None):
        max_tokens = MAX_TOKENS if own is None or own.max_tokens is None else own.max_tokens

    def request(words: str, output_format: OutputFormat | None) -> CompletionRequest:
        messages: tuple[Message, ...] = (system(words), user(rendered.user))
        return CompletionRequest(
            model=task.model,
            messages=messages,
            temperature=temperature,
            max_tokens=max_tokens,
            output_format=output_format,
        )

    instructed = request(f"{rendered.system}\n\n{instruction(schema)}", None)
    has_mode = all(deployment.traits.has_native_json_schema for deployment in deployments)
    return part, _Ask(request(rendered.system, schema.output_format) if has_mode else instructed, instructed)


def _names_in(current: Mapping[str, Any] | None) -> list[str]:
    """The names and paths that rules which were checked before use."""
    if current is None:
        return []
    found = [str(current["trigger"])]
    for rule in current["rules"]:
        found += [str(call["action"]) for call in rule["then"]]
        found += paths_in(parse_condition(str(rule["condition"])))
    return list(dict.fromkeys(found))


def _correction(text: str, problems: tuple[Problem, ...]) -> tuple[Message, ...]:
    lines = "\n".join(shown_problems(problems))
    request = user(
        f"That answer cannot be used:\n{lines}\n"
        "Answer again with the whole corrected JSON object alone. Names must stand in the catalogue."
    )
    return (assistant(text[:_LONGEST_QUOTE]), request) if text.strip() else (request,)


def _failed(problems: tuple[Problem, ...], turns: _Turns) -> RuleNotGenerated:
    first = problems[0].line() if problems else "the answer cannot be used"
    times = f", corrected {turns.corrections} times" if turns.corrections else ""
    return RuleNotGenerated(
        f"The model gave no rule that can be used{times}. {first}",
        problems=[problem_json(problem) for problem in problems],
        tokens=turns.tokens,
    )
