"""Whoever writes: takes a prompt's name and its blanks to a model, and brings back what it was asked for."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from officium.apps.writer.confidence import CORRECTED
from officium.core.llm.client import LLMClient, short_model_name
from officium.core.llm.structured import Rung
from officium.core.prompts import PromptRegistry

_VALIDITY: Mapping[Rung, float] = {"whole": 1.0, "code block": 1.0, "prose": 0.95, "repaired": 0.85}
Answer_co = TypeVar("Answer_co", bound=BaseModel, covariant=True)
Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True)
class Written(Generic[Answer_co]):
    """An answer, and how it came about.

    `prompt` is a name with its version, such as `email.followup.v1 shipped/1`.
    `variant` is the version where `experiment` chose it. `is_scripted` says that no model was asked.
    `schema_validity` is 1 for an answer that fitted at once, less for one that had to be corrected or mended.
    """

    answer: Answer_co
    prompt: str
    model: str | None = None
    variant: str | None = None
    experiment: str | None = None
    is_scripted: bool = False
    schema_validity: float = 1.0


def validity_of(rung: Rung, corrections: int) -> float:
    """How well an answer fitted its schema: 1 at once, less where it had to be corrected or mended."""
    return min(_VALIDITY[rung], CORRECTED if corrections else 1.0)


class Author(Protocol):
    """Asks a model. Raises OfficiumError where none answers, or not as asked."""

    async def write(
        self, prompt: str, variables: Mapping[str, Any], wanted: type[Answer], *, is_fresh: bool = False
    ) -> Written[Answer]:
        """The answer to a prompt. `is_fresh` asks for one that no cache gives."""
        ...


class ClientAuthor:
    """Writes with a client of one's own, without a server. `models` says which model a tier is."""

    def __init__(
        self, client: LLMClient, prompts: PromptRegistry, models: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._prompts = prompts
        self._models = models or {}

    async def write(
        self, prompt: str, variables: Mapping[str, Any], wanted: type[Answer], *, is_fresh: bool = False
    ) -> Written[Answer]:
        """The answer to a prompt. Raises LLMError, and what rendering a prompt raises."""
        rendered = await asyncio.to_thread(self._prompts.render, prompt, variables)
        model = self._models.get(rendered.tier)
        found = await self._client.generate_structured_answer(
            wanted,
            rendered.user,
            rendered.system,
            model=model,
            temperature=rendered.temperature,
            max_tokens=rendered.max_tokens,
        )
        return Written(
            found.value,
            f"{rendered.name} {rendered.version}",
            short_model_name(found.model) if found.model else model,
            schema_validity=validity_of(found.rung, found.corrections),
        )
