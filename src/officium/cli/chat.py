"""A conversation in the terminal."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from officium.cli.terminal import note

if TYPE_CHECKING:
    from officium.core.llm.client import LLMClient
    from officium.core.llm.deployment import Deployment
    from officium.core.llm.message import Message

_HINT = "An empty line or Ctrl+D ends the conversation, Ctrl+C stops an answer."


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(chat)


def chat(
    url: Annotated[
        str | None,
        typer.Option(envvar="OFFICIUM_URL", help="A running server; without it, providers are asked."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="OFFICIUM_KEY", help="A key of that server.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Such as mock, or groq/openai/gpt-oss-20b.", show_default=False)
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="What the model is told before the conversation.", show_default=False)
    ] = None,
    once: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Ask this, print the answer, end.", show_default=False),
    ] = None,
) -> None:
    """Talk to a model; answers appear as they come."""
    from officium.kit.logs import configure_logs

    configure_logs("CRITICAL")
    with asyncio.Runner() as runner:
        client = runner.run(_open_client(url, key, model))
        try:
            conversation = _Conversation(runner, client, system)
            if once is not None:
                conversation.ask(once)
                return
            note(f"{conversation.name}. {_HINT}")
            while text := _read_line():
                conversation.ask_or_stop(text)
        finally:
            runner.run(client.close())


class _Conversation:
    """The turns so far, and one way to add to them."""

    def __init__(self, runner: asyncio.Runner, client: "LLMClient", system: str | None) -> None:
        from officium.core.llm import message

        self._runner = runner
        self._client = client
        self._turns: list[Message] = [message.system(system)] if system else []

    @property
    def name(self) -> str:
        return self._client.deployments[0].name

    def ask(self, text: str) -> None:
        """Print the answer as it comes. Raises LLMError."""
        from officium.core.llm.message import assistant, user

        self._turns.append(user(text))
        pieces: list[str] = []
        try:
            self._runner.run(self._print_answer(pieces))
        except BaseException:
            if not pieces:
                self._turns.pop()
            raise
        finally:
            if pieces:
                sys.stdout.write("\n")
                self._turns.append(assistant("".join(pieces)))

    def ask_or_stop(self, text: str) -> None:
        """As `ask`, but a fault or Ctrl+C ends the answer and not the conversation."""
        from officium.kit.errors import OfficiumError

        try:
            self.ask(text)
        except KeyboardInterrupt:
            note("(stopped)")
        except OfficiumError as error:
            note(f"Error: {error.message}")

    async def _print_answer(self, pieces: list[str]) -> None:
        stream = self._client.stream_completion(messages=self._turns)
        async for piece in stream:
            pieces.append(piece)
            sys.stdout.write(piece)
            sys.stdout.flush()


def _read_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return ""


async def _open_client(url: str | None, key: str | None, model: str | None) -> "LLMClient":
    from officium.library import LLMClient

    if url is not None:
        return LLMClient(deployments=[await _server_deployment(url, key, model)], max_retries=0)
    from dotenv import load_dotenv

    load_dotenv(".env")
    return LLMClient(model=model)


async def _server_deployment(url: str, key: str | None, model: str | None) -> "Deployment":
    """The server as one more provider, and the first model it lists where none is named."""
    from msgspec.structs import replace

    from officium.core.llm.deployment import Deployment, Provider
    from officium.core.llm.dispatch import Dispatcher
    from officium.core.llm.http1 import Http1Transport
    from officium.kit.clock import SystemClock
    from officium.kit.errors import InvalidRequest

    base_url = url.rstrip("/").removesuffix("/v1") + "/v1"
    row = Provider(name="officium", label="The server", dialect="openai-chat", base_url=base_url)
    deployment = Deployment(provider=row, model=model or "", base_url=base_url, api_key=key)
    if model is not None:
        return deployment
    transport = Http1Transport()
    try:
        names = list(await Dispatcher(transport, clock=SystemClock()).list_models(deployment))
    finally:
        await transport.close()
    if not names:
        raise InvalidRequest("The server offers no model. Name one with --model.", param="model")
    return replace(deployment, model=names[0])
