"""Letting a caller's model read deals, through the gateway and at the caller's expense."""

from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from officium.apps.cashflow.reading import PROMPT, Readings
from officium.core.gateway import Answer, CallContext
from officium.core.gateway.errors import UnknownModel
from officium.core.gateway.objects import complete_object
from officium.core.gateway.reach import DEFAULT
from officium.core.llm.client import short_model_name
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import system, user
from officium.core.llm.structured import OutputSchema
from officium.core.prompts import Rendered
from officium.core.tenancy import Caller


class Gateway(Protocol):
    """The way to a model."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class Models(Protocol):
    """Knows what a model's name means."""

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]: ...


class Prompts(Protocol):
    """Knows the texts that a caller's tenant uses."""

    async def render(self, caller: Caller, name: str, variables: Mapping[str, object]) -> Rendered: ...


class GatewayReader:
    """Reads deals for one caller and one request. `model` and `prompt` say afterwards what was used.

    The prompt's tier is a model's name: the tenant's alias `balanced`, say. Where it has none of that name,
    its default model reads.
    """

    def __init__(
        self,
        gateway: Gateway,
        models: Models,
        prompts: Prompts,
        caller: Caller,
        context: CallContext,
        wanted: str | None = None,
    ) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._caller = caller
        self._context = context
        self._wanted = wanted
        self.model: str | None = None
        self.prompt: str | None = None

    async def read(self, variables: Mapping[str, object]) -> Readings:
        """What the model says of the deals. Raises LLMError, OutOfCredits, and what rendering raises."""
        rendered = await self._prompts.render(self._caller, PROMPT, variables)
        request = CompletionRequest(
            model=await self._find_model(rendered.tier),
            messages=(system(rendered.system), user(rendered.user)),
            temperature=rendered.temperature,
            max_tokens=rendered.max_tokens,
            user=self._context.user,
        )
        context = replace(
            self._context, app="cashflow", prompt=rendered.name, prompt_version=rendered.version
        )
        schema = OutputSchema[object](dict(rendered.output_schema or {"type": "object"}))
        answer = await complete_object(
            self._gateway, self._models, self._caller, request, schema, context, most_corrections=1
        )
        self.prompt = f"{rendered.name} {rendered.version}"
        self.model = short_model_name(answer.answers[-1].deployment.model)
        return Readings.model_validate(answer.value)

    async def _find_model(self, tier: str) -> str:
        if self._wanted is not None:
            return self._wanted
        try:
            await self._models.resolve(self._caller, tier)
        except UnknownModel:
            return DEFAULT
        return tier
