"""The ASGI app: routes, middleware and error handlers, in one place.

The hot doors are found in a dict and served without a framework; everything else is FastAPI's.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from officium.core.llm.deployment import Provider
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.kit.version import __version__
from officium.web.access import AccessRecorder
from officium.web.acting import ActingUsers
from officium.web.api.alerts import DestinationService, alerts_router
from officium.web.api.aliases import AliasService, aliases_router
from officium.web.api.audit_log import AuditEntries, audit_log_router
from officium.web.api.budgets import BudgetService, LedgerEntries, budgets_router
from officium.web.api.business_context import BusinessContexts, business_context_router
from officium.web.api.chat_widget import ClientService, chat_widget_router
from officium.web.api.chat_wire import ChatWire
from officium.web.api.completions import HEARTBEAT_S, CompletionGateway, CompletionsDoor
from officium.web.api.description import describe_hot_doors
from officium.web.api.embeddings import EmbeddingGateway, EmbeddingsDoor
from officium.web.api.llm_config import Configs, llm_config_router
from officium.web.api.llm_config_health import HealthChecks, Refreshes, llm_config_health_router
from officium.web.api.messages_wire import MessagesWire
from officium.web.api.model_catalogue import Catalogue, model_catalogue_router
from officium.web.api.model_policies import PolicyService, model_policies_router
from officium.web.api.models import MODELS_PATH, ModelGateway, ModelsDoor
from officium.web.api.operations import (
    AvailableProviders,
    HealthOf,
    OperationsParts,
    Readiness,
    operations_router,
)
from officium.web.api.prices import Prices, prices_router
from officium.web.api.prompts import PromptService, prompts_router
from officium.web.api.reports import Reports, reports_router
from officium.web.api.responses_wire import ResponsesWire
from officium.web.api.token_count import CountingGateway, TokenCountDoor
from officium.web.api.usage import UsageRecords, usage_router
from officium.web.caller import Authenticator
from officium.web.documentation import documentation_router
from officium.web.door import Door, pass_through, presentable, report, shutting_down
from officium.web.errors import (
    CLIENT_HUNG_UP,
    InternalError,
    MethodNotAllowed,
    openai_error,
    retry_headers,
    status_of,
)
from officium.web.exchange import (
    NO_STORING,
    ASGIApp,
    BodyLimits,
    Exchange,
    Header,
    Message,
    Receive,
    Scope,
    Send,
    request_id,
)
from officium.web.idempotency import IdempotencyKeys, OnceDoor, OnceOnly, find_key
from officium.web.tiers import HEADERS as LIMIT_HEADERS
from officium.web.tiers import Gate, Gates, Limiter

_log = structlog.get_logger()
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_JSON_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_EXPOSED_HEADERS = (
    "x-request-id",
    "request-id",
    "retry-after",
    "officium-provider",
    "officium-model",
    "officium-notes",
    "officium-cache",
    "idempotent-replayed",
    *LIMIT_HEADERS,
)


class Gateway(CompletionGateway, CountingGateway, EmbeddingGateway, ModelGateway, Protocol):
    """The only way to a model."""


@dataclass(frozen=True, kw_only=True)
class WebParts:
    """What the door is built from.

    `default_model` answers completion requests that name none; without it they are refused.
    `lifespan` is entered before the first request and left after the last. `cors_origins` are the origins
    whose pages may call us (`*` for all); by default none may. The metrics show all tenants together: they
    are public, or open to whoever has `metrics_token`, or closed.
    """

    gateway: Gateway
    models: AliasService
    usage: UsageRecords
    reports: Reports
    budgets: BudgetService
    ledger: LedgerEntries
    clients: ClientService
    businesses: BusinessContexts
    destinations: DestinationService
    prices: Prices
    prompts: PromptService
    catalogue: Catalogue
    authenticator: Authenticator
    acting_users: ActingUsers
    configs: Configs
    checks: HealthChecks
    refreshes: Refreshes
    policies: PolicyService
    audit: AuditEntries
    health: HealthOf
    readiness: Readiness
    providers: Collection[Provider]
    available_providers: AvailableProviders
    lifespan: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    body_limits: BodyLimits = field(default_factory=BodyLimits)
    heartbeat_s: float = HEARTBEAT_S
    default_model: str | None = None
    limiter: Limiter | None = None
    idempotency: IdempotencyKeys | None = None
    cors_origins: tuple[str, ...] = ()
    metrics_token: str | None = None
    is_metrics_public: bool = False


class WebApp:
    """The server as an ASGI app. `is_draining` makes it answer that it wants no more requests."""

    def __init__(self, parts: WebParts) -> None:
        self.is_draining = False
        self._parts = parts
        self._recorder = AccessRecorder(parts.registry)
        self._hot = _hot_doors(parts)
        self._model_door = self._hot[MODELS_PATH]
        self._gates = Gates(parts.limiter) if parts.limiter is not None else None
        self._hot_gates = _hot_gates(self._gates, self._hot)
        self._framework = _framework(parts, lambda: self.is_draining)
        self._once: OnceOnly | None = None
        if parts.idempotency is not None:
            self._once = OnceOnly(self._route, parts.idempotency, parts.authenticator)
        self._entrance: ASGIApp = self._serve
        if parts.cors_origins:
            self._entrance = _with_cors(self._serve, parts.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            try:
                await self._entrance(scope, receive, send)
            except asyncio.CancelledError:
                # The request has been answered for; the server would only log its end as a mistake.
                if not self.is_draining:
                    raise
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = find_key(scope) if self._once is not None else None
        if key is None:
            await self._route(scope, receive, send)
        else:
            await self._serve_once(key, scope, receive, send)

    async def _serve_once(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request with an idempotency key; the door that carries it out tells the log itself."""
        assert self._once is not None
        exchange = Exchange(scope, receive, send, self._parts.body_limits)
        # Both stand under one id in the log.
        scope["headers"] = [*scope["headers"], (b"x-request-id", exchange.request_id.encode("ascii"))]
        door = self._hot.get(scope["path"], {}).get(scope["method"])
        await pass_through(OnceDoor(self._once, key, door, receive, send), exchange)
        if exchange.status:
            self._recorder.record(
                method=scope["method"],
                route="idempotency",
                status=exchange.status,
                duration_s=perf_counter() - exchange.started_at,
                request_id=exchange.request_id,
                tenant=exchange.tenant,
                error=exchange.error,
            )

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        doors = self._hot.get(path)
        if doors is not None:
            await self._serve_hot(path, doors, scope, receive, send)
        elif path.startswith("/v1/models/"):
            await self._serve_hot("/v1/models/{id}", self._model_door, scope, receive, send)
        else:
            await self._serve_framework(scope, receive, send)

    async def _serve_hot(
        self, route: str, doors: dict[str, Door], scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange = Exchange(scope, receive, send, self._parts.body_limits)
        door = doors.get(scope["method"])
        if door is None:
            door = _WrongMethod(doors)
        elif self._hot_gates:
            exchange.gate = self._hot_gates.get((scope["method"], route))
        self._recorder.running += 1
        try:
            await pass_through(door, exchange)
        finally:
            scope["officium.error"] = exchange.error
            self._recorder.running -= 1
            self._recorder.record(
                method=scope["method"],
                route=route,
                status=exchange.status,
                duration_s=perf_counter() - exchange.started_at,
                request_id=exchange.request_id,
                tenant=exchange.tenant,
                error=exchange.error,
            )

    async def _serve_framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_at = perf_counter()
        answer = _Answer(send, request_id(dict(scope["headers"])))
        scope["officium.request_id"] = answer.request_id
        scope["officium.gates"] = self._gates
        scope["officium.announce"] = answer.headers.extend
        self._recorder.running += 1
        try:
            await self._framework(scope, receive, answer.send)
        except asyncio.CancelledError:
            if not answer.status:
                await _send_error(answer.send, shutting_down())
            raise
        except Exception as error:
            report(error, answer.request_id)
            if not answer.status:
                await _send_error(answer.send, InternalError())
        finally:
            self._recorder.running -= 1
            self._recorder.record(
                method=scope["method"],
                route=getattr(scope.get("route"), "path", "unmatched"),
                status=answer.status or CLIENT_HUNG_UP,
                duration_s=perf_counter() - started_at,
                request_id=answer.request_id,
                tenant=scope.get("officium.tenant"),
                error=scope.get("officium.error"),
            )

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol: start the parts, wait for the end, stop them."""
        phase = "startup"
        try:
            await receive()
            async with self._parts.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
                phase = "shutdown"
                if self._once is not None:
                    await self._once.close()
        except Exception as error:
            # What we raise on purpose is a sentence, and the server logs it.
            code = error.code if isinstance(error, OfficiumError) else None
            _log.error(f"server.{phase}_failed", error=code, exc_info=code is None)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})


class _Answer:
    """Watches the framework's answer go out, and adds the headers every answer has."""

    def __init__(self, send: Send, id: str) -> None:
        self.request_id = id
        self.status = 0
        self.headers: list[Header] = []
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [(b"x-request-id", self.request_id.encode("ascii")), *_SECURITY_HEADERS, *self.headers]
            own = list(message["headers"])
            names = {name for name, _ in own}
            if b"content-security-policy" not in names:
                headers.append(_JSON_POLICY)
            if b"cache-control" not in names:
                headers.append(NO_STORING)
            message = {**message, "headers": [*own, *headers]}
        await self._send(message)


class _WrongMethod:
    """Stands where a path has no door for a method."""

    def __init__(self, doors: dict[str, Door]) -> None:
        self._doors = doors

    async def serve(self, exchange: Exchange) -> None:
        allowed = ", ".join(self._doors)
        error = MethodNotAllowed(f"This path answers to {allowed} only.")
        exchange.error = error.code
        headers = [(b"allow", allowed.encode("ascii"))]
        await exchange.respond(405, self.render_error(error, 405, exchange.request_id), headers)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        door = next(iter(self._doors.values()))
        return door.render_error(error, status, request_id)


def _hot_doors(parts: WebParts) -> dict[str, dict[str, Door]]:
    def completions(wire: ChatWire | ResponsesWire | MessagesWire) -> dict[str, Door]:
        door = CompletionsDoor(
            wire, parts.gateway, parts.authenticator, parts.heartbeat_s, parts.default_model
        )
        return {"POST": door}

    return {
        "/v1/chat/completions": completions(ChatWire()),
        "/v1/responses": completions(ResponsesWire()),
        "/v1/messages": completions(MessagesWire()),
        "/v1/messages/count_tokens": {
            "POST": TokenCountDoor(parts.gateway, parts.authenticator, parts.default_model)
        },
        "/v1/embeddings": {"POST": EmbeddingsDoor(parts.gateway, parts.authenticator)},
        MODELS_PATH: {"GET": ModelsDoor(parts.gateway, parts.authenticator)},
    }


def _hot_gates(gates: Gates | None, hot: dict[str, dict[str, Door]]) -> dict[tuple[str, str], Gate]:
    """The gates of the hot doors that have one: most installations limit none of them."""
    if gates is None:
        return {}
    routes = [(method, path) for path, doors in hot.items() for method in doors]
    routes.append(("GET", "/v1/models/{id}"))
    found = {route: gates.find(*route) for route in routes}
    return {route: gate for route, gate in found.items() if gate is not None}


def _framework(parts: WebParts, is_draining: Callable[[], bool]) -> FastAPI:
    app = FastAPI(
        title="Officium",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would send people to whatever host the request names
        max_body_size=parts.body_limits.size_bytes,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    operations = OperationsParts(
        authenticator=parts.authenticator,
        health=parts.health,
        readiness=parts.readiness,
        is_draining=is_draining,
        providers=parts.providers,
        available_providers=parts.available_providers,
        registry=parts.registry,
        metrics_token=parts.metrics_token,
        is_metrics_public=parts.is_metrics_public,
    )
    app.include_router(operations_router(operations))
    app.include_router(aliases_router(parts.models, parts.authenticator))
    app.include_router(usage_router(parts.usage, parts.authenticator))
    app.include_router(reports_router(parts.reports, parts.authenticator))
    app.include_router(budgets_router(parts.budgets, parts.ledger, parts.authenticator))
    app.include_router(chat_widget_router(parts.clients, parts.authenticator))
    app.include_router(business_context_router(parts.businesses, parts.authenticator))
    app.include_router(alerts_router(parts.destinations, parts.authenticator))
    app.include_router(prices_router(parts.prices, parts.authenticator))
    app.include_router(prompts_router(parts.prompts, parts.authenticator))
    app.include_router(model_catalogue_router(parts.catalogue, parts.authenticator))
    app.include_router(llm_config_router(parts.configs, parts.acting_users, parts.authenticator))
    app.include_router(
        llm_config_health_router(parts.checks, parts.refreshes, parts.acting_users, parts.authenticator)
    )
    app.include_router(model_policies_router(parts.policies, parts.authenticator))
    app.include_router(audit_log_router(parts.audit, parts.authenticator))
    app.include_router(documentation_router())
    _handle_errors(app)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            describe_hot_doors(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _handle_errors(app: FastAPI) -> None:
    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, OfficiumError)
        request.scope["officium.error"] = error.code
        return _error_response(presentable(error, request.scope["officium.request_id"]))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _error_response(_of_framework(error), error.status_code, dict(error.headers or {}))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        param = ".".join(str(step) for step in first["loc"][1:])
        return _error_response(InvalidRequest(f"`{param}`: {first['msg']}.", param=param))

    async def on_surprise(request: Request, error: Exception) -> Response:
        return _error_response(InternalError())

    app.add_exception_handler(OfficiumError, on_error)
    app.add_exception_handler(Exception, on_surprise)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid)


def _of_framework(error: HTTPException) -> OfficiumError:
    if error.status_code == 404:
        return NotFound("There is nothing at this path. `/docs` shows what there is.")
    if error.status_code == 405:
        return MethodNotAllowed("This path does not answer to this method.")
    return InvalidRequest(str(error.detail))


def _error_response(
    error: OfficiumError, status: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    status = status or status_of(error)
    response = Response(openai_error(error, status), status, headers, "application/json")
    for name, value in retry_headers(error, status):
        response.headers[name.decode()] = value.decode()
    return response


async def _send_error(send: Send, error: OfficiumError) -> None:
    status = status_of(error)
    body = openai_error(error, status)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *retry_headers(error, status),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Keys travel in headers, so cookies are never allowed across origins."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        expose_headers=_EXPOSED_HEADERS,
        max_age=3600,
    )
