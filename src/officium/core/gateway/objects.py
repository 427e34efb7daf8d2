"""Answers that are objects: asked for in the provider's own mode where it has one, checked, and corrected."""

from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from officium.core.gateway.call import Answer, CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMValidationError
from officium.core.llm.message import system
from officium.core.llm.structured import OutputSchema, Rung, correction, instruction, read_answer
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy import Caller

T = TypeVar("T")


class Completions(Protocol):
    """The way to a model."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class ObjectAnswer(Struct, Generic[T], frozen=True, kw_only=True):
    """An object that fits its schema.

    `rung` says how it was found in the text, `corrections` how often the model had to be told what was wrong.
    `answers` are all the model's answers, the last one held the object.
    """

    value: T
    rung: Rung
    answers: tuple[Answer, ...]

    @property
    def corrections(self) -> int:
        """How many answers did not fit."""
        return len(self.answers) - 1

    @property
    def usage(self) -> TokenUsage:
        """The tokens of all answers together, as far as their provider counted them."""
        told = [answer.completion.usage for answer in self.answers]
        return TokenUsage(
            input_tokens=sum(usage.input_tokens or 0 for usage in told if usage is not None),
            output_tokens=sum(usage.output_tokens or 0 for usage in told if usage is not None),
        )


async def complete_object(
    gateway: Completions,
    models: Models,
    caller: Caller,
    request: CompletionRequest,
    schema: OutputSchema[T],
    context: CallContext,
    *,
    most_corrections: int = 2,
) -> ObjectAnswer[T]:
    """Ask for an object; an answer that does not fit goes back to the model, with what is wrong with it.

    Each turn is a call of its own, held and booked. A refusal is not argued with. Raises LLMValidationError
    for the last answer that did not fit, and as `GatewayService.complete`.
    """
    deployments = await models.resolve(caller, request.model)
    if all(deployment.traits.has_native_json_schema for deployment in deployments):
        asked = replace(request, output_format=schema.output_format)
    else:
        asked = replace(request, messages=(system(instruction(schema)), *request.messages))
    answers: list[Answer] = []
    while True:
        answers.append(await gateway.complete(caller, asked, context))
        try:
            found = read_answer(answers[-1].completion, schema)
        except LLMValidationError as error:
            if len(answers) > most_corrections or error.fields.get("reason") == "refused":
                raise
            asked = replace(asked, messages=(*asked.messages, *correction(error)))
        else:
            return ObjectAnswer(value=found.value, rung=found.rung, answers=tuple(answers))
