"""Letting the client without a server read deals."""

from collections.abc import Mapping

from officium.apps.cashflow.reading import PROMPT, Readings
from officium.core.llm.client import LLMClient
from officium.core.prompts import PromptRegistry


class ClientReader:
    """Renders the prompt from a registry, and asks a client."""

    def __init__(self, client: LLMClient, prompts: PromptRegistry) -> None:
        self._client = client
        self._prompts = prompts

    async def read(self, variables: Mapping[str, object]) -> Readings:
        """What the model says of the deals. Raises LLMError, and what rendering raises."""
        rendered = self._prompts.render(PROMPT, variables)
        answer = await self._client.generate_structured_completion(
            dict(rendered.output_schema or {"type": "object"}),
            rendered.user,
            rendered.system,
            temperature=rendered.temperature,
            max_tokens=rendered.max_tokens,
        )
        return Readings.model_validate(answer)
