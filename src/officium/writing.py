"""The writer without the server, with the client and the prompts that everything in this process shares."""

from collections.abc import Mapping, Sequence

from officium.apps.writer import writer as writing
from officium.apps.writer.author import ClientAuthor
from officium.core.llm.client import LLMClient
from officium.core.prompts import PromptRegistry
from officium.library import get_llm_client, get_prompt_registry


class WriterService(writing.WriterService):
    """Writes with a client and prompts of yours, or else with those that everything in this process shares.

    `models` says which model stands for a tier (`fast`, `balanced`, `advanced`); the client's own where it
    does not. `style` are rules of style, one sentence each.
    """

    def __init__(
        self,
        client: LLMClient | None = None,
        prompts: PromptRegistry | None = None,
        *,
        models: Mapping[str, str] | None = None,
        style: Sequence[str] = (),
    ) -> None:
        author = ClientAuthor(client or get_llm_client(), prompts or get_prompt_registry(), models)
        super().__init__(author, style=style)


_shared: dict[str, WriterService] = {}


def get_writer_service() -> WriterService:
    """The writer that everything in this process shares; made at the first call."""
    if "writer" not in _shared:
        _shared["writer"] = WriterService()
    return _shared["writer"]
