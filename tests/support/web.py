"""The HTTP door with nothing behind it: a gateway and an authenticator that do as they are told."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any
from urllib.parse import unquote

import msgspec

from officium.core.gateway.alias import Alias
from officium.core.gateway.call import Answer, CallContext, EmbeddingAnswer, ModelListing
from officium.core.llm.completion import Completion, CompletionRequest, Delta, DialectName
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.message import Text
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy.caller import Caller
from officium.core.usage import WrittenRecord
from officium.kit.errors import NotAuthenticated, NotFound, PermissionDenied
from officium.web.api.operations import Health
from officium.web.app import WebApp, WebParts
from officium.web.exchange import ASGIApp

KEY = "ofc_test"
CALLER = Caller("ten_1", "key:1", frozenset({"inference"}))
USAGE = TokenUsage(input_tokens=12, output_tokens=3)


def a_deployment(dialect: DialectName = "openai-chat", is_faithful: bool = True) -> Deployment:
    """A deployment of a provider that speaks `dialect`."""
    provider = Provider(
        name="acme", label="Acme", dialect=dialect, base_url="http://127.0.0.1", is_faithful=is_faithful
    )
    return Deployment(provider=provider, model="acme-1", base_url="http://127.0.0.1")


def words(*texts: str) -> list[list[Delta]]:
    """Batches of one delta each: the texts, then the end."""
    end = Delta(finish_reason="stop", usage=USAGE)
    return [*([Delta(text=text, model="acme-1")] for text in texts), [end]]


class FakeAuthenticator:
    """Knows the credentials it is given."""

    def __init__(self, callers: Mapping[str, Caller] | None = None) -> None:
        self._callers = {KEY: CALLER} if callers is None else callers

    async def authenticate(self, credential: str) -> Caller:
        if credential not in self._callers:
            raise NotAuthenticated("This key is not known here.")
        return self._callers[credential]


class FakeStream:
    """Yields the script: batches, an exception to raise, or an event to wait for."""

    cost_nano_usd = 0

    def __init__(
        self, script: Sequence[list[Delta] | BaseException | asyncio.Event], deployment: Deployment
    ) -> None:
        self.deployment = deployment
        self.dialect: DialectName = deployment.provider.dialect
        self.notes: tuple[str, ...] = ()
        self.closed = 0
        self._script = script

    async def __aiter__(self) -> AsyncIterator[list[Delta]]:
        for step in self._script:
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, BaseException):
                raise step
            else:
                yield step

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


@dataclass
class FakeGateway:
    """Answers every request alike and remembers it. `wait` holds every answer back."""

    completion: Completion = Completion(parts=(Text("Hello"),), usage=USAGE, model="acme-1")  # noqa: RUF009
    script: Sequence[list[Delta] | BaseException | asyncio.Event] = field(
        default_factory=lambda: words("Hel", "lo")
    )
    deployment: Deployment = field(default_factory=lambda: a_deployment("anthropic-messages"))
    error: BaseException | None = None
    wait: asyncio.Event | None = None
    notes: tuple[str, ...] = ()
    models: Sequence[ModelListing] = ()
    asked: list[CompletionRequest | EmbeddingRequest] = field(default_factory=list)
    contexts: list[CallContext] = field(default_factory=list)
    streams: list[FakeStream] = field(default_factory=list)
    given_up: int = 0
    has_been_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer:
        await self._admit(request, context)
        return Answer(
            completion=self.completion, deployment=self.deployment, dialect=self.deployment.provider.dialect
        )

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> FakeStream:
        await self._admit(request, context)
        stream = FakeStream(self.script, self.deployment)
        stream.notes = self.notes
        self.streams.append(stream)
        return stream

    async def embed(self, caller: Caller, request: EmbeddingRequest, context: CallContext) -> EmbeddingAnswer:
        await self._admit(request, context)
        vectors = tuple((0.5, -1.0) for _ in request.inputs)
        return EmbeddingAnswer(
            embeddings=Embeddings(vectors=vectors, usage=USAGE), deployment=self.deployment
        )

    async def list_models(self, caller: Caller) -> Sequence[ModelListing]:
        return self.models

    async def _admit(self, request: CompletionRequest | EmbeddingRequest, context: CallContext) -> None:
        self.asked.append(request)
        self.contexts.append(context)
        self.has_been_asked.set()
        try:
            if self.wait is not None:
                await self.wait.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error is not None:
            raise self.error


class NoModels:
    """Knows no alias and makes none."""

    async def list_aliases(self, caller: Caller) -> list[Alias]:
        return []

    async def set_alias(
        self, caller: Caller, name: str, targets: Sequence[str], *, request_id: str | None = None
    ) -> Alias:
        raise PermissionDenied("No aliases are made here.")

    async def delete_alias(self, caller: Caller, name: str, *, request_id: str | None = None) -> None:
        raise NotFound(f"There is no alias {name!r}.")


class NoUsage:
    """A usage log in which nothing stands."""

    async def list_records(
        self, caller: Caller, *, request_id: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[WrittenRecord]:
        return []


class Absent:
    """Stands where a part must be that nobody asks."""


async def _health(caller: Caller | None) -> Health:
    return Health(provider="acme", model="acme-1")


async def _ready() -> Mapping[str, bool]:
    return {"database": True}


async def _available(caller: Caller) -> set[str]:
    return {"acme"}


def an_app(gateway: FakeGateway | None = None, **parts: Any) -> WebApp:
    """The app on fakes; `parts` replace fields of WebParts."""
    defaults: dict[str, Any] = {
        **{
            part.name: Absent()
            for part in fields(WebParts)
            if part.default is MISSING and part.default_factory is MISSING
        },
        "gateway": gateway or FakeGateway(),
        "models": NoModels(),
        "usage": NoUsage(),
        "reports": Absent(),
        "budgets": Absent(),
        "ledger": Absent(),
        "clients": Absent(),
        "widget_knowledge": Absent(),
        "businesses": Absent(),
        "advisers": Absent(),
        "persona_configs": Absent(),
        "board": Absent(),
        "conversations": Absent(),
        "decisions": Absent(),
        "capabilities": Absent(),
        "rules": Absent(),
        "deals": Absent(),
        "rulebook": Absent(),
        "rule_trials": Absent(),
        "cashflow": Absent(),
        "destinations": Absent(),
        "prices": Absent(),
        "prompts": Absent(),
        "prompt_files": Absent(),
        "writer": Absent(),
        "experiments": Absent(),
        "visitors": Absent(),
        "widget_answers": Absent(),
        "handovers": Absent(),
        "gaps": Absent(),
        "widget_checks": Absent(),
        "catalogue": Absent(),
        "authenticator": FakeAuthenticator(),
        "health": _health,
        "readiness": _ready,
        "providers": [a_deployment().provider],
        "available_providers": _available,
    }
    return WebApp(WebParts(**{**defaults, **parts}))


@dataclass(frozen=True)
class Reply:
    """What came back: `pieces` are the bodies of the messages as they were sent."""

    status: int
    headers: Mapping[str, str]
    pieces: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Client:
    """Asks an ASGI app directly. `hang_up` ends the request from the client's side, `pieces` have come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.hang_up = asyncio.Event()
        self.got_piece = asyncio.Event()
        self.pieces: list[bytes] = []

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = KEY,
        chunks: Sequence[bytes] | None = None,
    ) -> Reply:
        sent = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        path, _, query = path.partition("?")
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        incoming = list(chunks) if chunks is not None else [raw]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "state": {},
        }
        started: list[dict[str, Any]] = []
        self.pieces = []

        async def receive() -> dict[str, Any]:
            if incoming:
                return {"type": "http.request", "body": incoming.pop(0), "more_body": bool(incoming)}
            await self.hang_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                self.pieces.append(message.get("body", b""))
                self.got_piece.set()

        await self._app(scope, receive, send)
        if not started:
            return Reply(0, {}, [])
        assert len(started) == 1
        answered = {name.decode(): value.decode("latin-1") for name, value in started[0]["headers"]}
        return Reply(started[0]["status"], answered, self.pieces)


async def ask(app: ASGIApp, method: str, path: str, body: object = None, **how: Any) -> Reply:
    """One request from a client that stays."""
    return await Client(app).ask(method, path, body, **how)


@cache
def description() -> dict[str, Any]:
    """The API as it describes itself."""
    described: dict[str, Any] = an_app()._framework.openapi()
    return described


@cache
def all_routes() -> frozenset[tuple[str, str]]:
    """The methods and paths of all routes, those of pages too."""
    app = an_app()
    hot = {(method, path) for path, doors in app._hot.items() for method in doors}
    paths = description()["paths"].items()
    described = {(method.upper(), path) for path, operations in paths for method in operations}
    routes: list[Any] = app._framework.routes
    served = {(method, route.path.replace(":path}", "}")) for route in routes for method in route.methods}
    return frozenset(hot | described | served)
