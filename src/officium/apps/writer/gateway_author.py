"""Writes through the gateway, for a caller: with its prompts, its models and at its expense."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec.structs import replace

from officium.apps.writer.author import Answer, Written, validity_of
from officium.core.gateway import CallContext
from officium.core.gateway.errors import UnknownModel
from officium.core.gateway.objects import Completions, Models, complete_object
from officium.core.gateway.reach import DEFAULT
from officium.core.llm.client import short_model_name
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.message import Message, system, user
from officium.core.llm.structured import OutputSchema
from officium.core.prompts import Rendered
from officium.core.tenancy import Caller


class Prompts(Protocol):
    """Knows the texts that a caller's tenant uses."""

    async def render(
        self, caller: Caller, name: str, variables: Mapping[str, object], *, subject: str | None = None
    ) -> Rendered: ...


class GatewayAuthor:
    """Writes for one caller and one request.

    A prompt's tier is a model's name: the tenant's alias `fast`, `balanced` or `advanced`. Where it has none
    of that name, its default model writes. While an experiment runs with a prompt, each user is given one
    of its variants.
    """

    def __init__(
        self,
        gateway: Completions,
        models: Models,
        prompts: Prompts,
        caller: Caller,
        context: CallContext,
        *,
        most_corrections: int = 2,
    ) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._caller = caller
        self._context = context
        self._most_corrections = most_corrections

    async def write(
        self, prompt: str, variables: Mapping[str, Any], wanted: type[Answer], *, is_fresh: bool = False
    ) -> Written[Answer]:
        """The answer to a prompt; one that does not fit goes back to the model twice at most.

        Raises PermissionDenied, OutOfCredits, LLMError, and what rendering a prompt raises.
        """
        subject = self._context.user or self._caller.actor
        rendered = await self._prompts.render(self._caller, prompt, variables, subject=subject)
        request = CompletionRequest(
            model=await self._find_model(rendered.tier),
            messages=_turns(rendered),
            temperature=rendered.temperature,
            max_tokens=rendered.max_tokens,
            user=self._context.user,
        )
        context = replace(
            self._context,
            app="writer",
            prompt=rendered.name,
            prompt_version=rendered.version,
            cache="off" if is_fresh else self._context.cache,
        )
        found = await complete_object(
            self._gateway,
            self._models,
            self._caller,
            request,
            OutputSchema(wanted),
            context,
            most_corrections=self._most_corrections,
        )
        deployment = found.answers[-1].deployment
        return Written(
            answer=found.value,
            prompt=f"{rendered.name} {rendered.version}",
            model=short_model_name(deployment.model),
            variant=rendered.version,
            experiment=rendered.experiment,
            schema_validity=validity_of(found.rung, found.corrections),
            is_scripted=deployment.provider.name == "mock",
        )

    async def _find_model(self, tier: str) -> str:
        try:
            await self._models.resolve(self._caller, tier)
        except UnknownModel:
            return DEFAULT
        return tier


def _turns(rendered: Rendered) -> tuple[Message, ...]:
    return (*([system(rendered.system)] if rendered.system else []), user(rendered.user))
