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

from officium.apps.widget.visitors.session import PREFIX as VISITOR_TOKEN
from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.kit.version import __version__
from officium.web.access import AccessRecorder
from officium.web.acting import ActingUsers
from officium.web.api.alerts import DestinationService, alerts_router
from officium.web.api.aliases import AliasService, aliases_router
from officium.web.api.audit_log import audit_log_router
from officium.web.api.board import Board, board_router
from officium.web.api.budgets import BudgetService, LedgerEntries, budgets_router
from officium.web.api.business_context import BusinessContexts, business_context_router
from officium.web.api.cashflow import Cashflow, cashflow_router
from officium.web.api.cashflow_deals import Deals, cashflow_deals_router
from officium.web.api.chat_widget import chat_widget_router
from officium.web.api.chat_wire import ChatWire
from officium.web.api.comparisons import Comparisons, comparisons_router
from officium.web.api.completions import HEARTBEAT_S, CompletionGateway, CompletionsDoor
from officium.web.api.conditions import Conditions, conditions_router
from officium.web.api.decisions import Decisions, decisions_router
from officium.web.api.description import describe_hot_doors
from officium.web.api.embeddings import EmbeddingGateway, EmbeddingsDoor
from officium.web.api.llm_config import Configs, llm_config_router
from officium.web.api.llm_config_health import HealthChecks, Refreshes, llm_config_health_router
from officium.web.api.messages_wire import MessagesWire
from officium.web.api.model_catalogue import Catalogue, model_catalogue_router
from officium.web.api.model_policies import PolicyService, model_policies_router
from officium.web.api.model_rules import ModelRules, model_rules_router
from officium.web.api.models import MODELS_PATH, ModelGateway, ModelsDoor
from officium.web.api.operations import (
    AvailableProviders,
    HealthOf,
    OperationsParts,
    Readiness,
    operations_router,
)
from officium.web.api.persona_conversations import Conversations, persona_conversations_router
from officium.web.api.personas import Advisers, PersonaConfigs, personas_router
from officium.web.api.prices import Prices, prices_router
from officium.web.api.prompt_experiments import Experiments, prompt_experiments_router
from officium.web.api.prompt_files import PromptFiles, prompt_files_router
from officium.web.api.prompts import PromptService, prompts_router
from officium.web.api.reports import Reports, reports_router
from officium.web.api.request_contents import Contents, request_contents_router
from officium.web.api.responses_wire import ResponsesWire
from officium.web.api.rule_capabilities import rule_capabilities_router
from officium.web.api.rule_trials import RuleTrials, rule_trials_router
from officium.web.api.rulebook import rulebook_router
from officium.web.api.rules import rules_router
from officium.web.api.token_count import CountingGateway, TokenCountDoor
from officium.web.api.usage import UsageRecords, usage_router
from officium.web.api.widget_answers import widget_answers_router
from officium.web.api.widget_checks import Checks, widget_checks_router
from officium.web.api.widget_inbox import Inbox, widget_inbox_router
from officium.web.api.widget_knowledge import KnowledgeService, widget_knowledge_router
from officium.web.api.widget_visitors import Answers, Handovers, widget_visitors_router
from officium.web.api.widget_visitors import Visitors as PublicVisitors
from officium.web.api.writer import Writer, writer_router
from officium.web.caller import Authenticator
from officium.web.console import ConsoleParts, Identities, SignIns, console_router
from officium.web.console.pages import advisors, overview, overview_widgets, request_contents, widgets
from officium.web.console.pages import rules as rules_pages
from officium.web.console.pages.aliases import Aliases
from officium.web.console.pages.allowed_models import Policies
from officium.web.console.pages.audit import AuditEntries
from officium.web.console.pages.budgets import BudgetParts, RateLimits
from officium.web.console.pages.cashflow import ShownOutlooks
from officium.web.console.pages.clients import Credits
from officium.web.console.pages.exports import Exports
from officium.web.console.pages.keys import Keys
from officium.web.console.pages.members import Members
from officium.web.console.pages.prices import UnpricedModels
from officium.web.console.pages.prompts import Colleagues
from officium.web.console.pages.requests import Searches
from officium.web.console.pages.rules import RulesParts
from officium.web.console.pages.settings import OwnErasure, OwnTenant
from officium.web.console.pages.widgets import room
from officium.web.console.router import ConsoleConversations, ConsolePeople
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
from officium.web.guide import guide_router
from officium.web.idempotency import IdempotencyKeys, OnceDoor, OnceOnly, find_key
from officium.web.lazy_routes import LazyApp
from officium.web.tiers import HEADERS as LIMIT_HEADERS
from officium.web.tiers import Gate, Gates, Limiter
from officium.web.widget_pages import AllowedPages, WidgetPages
from officium.web.widget_script import widget_script_router

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


class Visitors(PublicVisitors, room.Visitors, AllowedPages, Protocol):
    """Knows the visitors of widgets."""

    async def authenticate(self, token: str) -> Caller: ...


class WidgetInbox(Inbox, Handovers, Protocol):
    """Where people answer visitors."""


class AnswerDoors(Answers, room.Answers, Protocol):
    """Answers visitors, and whoever tries it."""


class ReportDoors(Reports, room.Reports, Protocol):
    """Sums up the usage log, of the tenant or a widget."""


class Advising(Advisers, advisors.Advisers, Protocol):
    """What the doors and the console ask of the advisers."""


class Gaps(room.Gaps, overview_widgets.Gaps, Protocol):
    """Knows what visitors ask in vain."""


class Clients(room.Clients, overview.Clients, overview_widgets.ExhaustedWidgets, Protocol):
    """What the doors and the console ask of clients."""


class KnownPolicies(PolicyService, Policies, Protocol):
    """What the doors and the console ask about who may use which models."""


class KeptContents(Contents, request_contents.Contents, Protocol):
    """What the doors and the console ask of kept prompts and answers."""


class Conversing(Conversations, ConsoleConversations, Protocol):
    """What they ask of conversations."""


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
    reports: ReportDoors
    budgets: BudgetService
    ledger: LedgerEntries
    clients: Clients
    credits: Credits
    rate_limits: RateLimits
    overviews: overview.Overviews
    attention: overview.Attention
    searches: Searches
    contents: KeptContents
    replays: request_contents.Replays
    widget_knowledge: KnowledgeService
    visitors: Visitors
    widget_answers: AnswerDoors
    handovers: WidgetInbox
    gaps: Gaps
    widget_checks: Checks
    businesses: BusinessContexts
    advisers: Advising
    board: Board
    comparisons: Comparisons
    persona_configs: PersonaConfigs
    conversations: Conversing
    decisions: Decisions
    capabilities: rules_pages.Catalogues
    rules: rules_pages.Rules
    deals: Deals
    conditions: Conditions
    rulebook: rules_pages.Book
    rule_trials: RuleTrials
    cashflow: Cashflow
    outlooks: ShownOutlooks
    destinations: DestinationService
    prices: Prices
    prompts: PromptService
    prompt_files: PromptFiles
    writer: Writer
    experiments: Experiments
    colleagues: Colleagues
    catalogue: Catalogue
    answers: Aliases
    unpriced: UnpricedModels
    exports: Exports
    authenticator: Authenticator
    sign_in: SignIns
    identities: Identities | None
    people: ConsolePeople
    members: Members
    keys: Keys
    own_tenant: OwnTenant
    own_erasure: OwnErasure
    acting_users: ActingUsers
    configs: Configs
    checks: HealthChecks
    refreshes: Refreshes
    policies: KnownPolicies
    model_rules: ModelRules
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
    public_url: str | None = None
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
            whoever = _Credentials(parts.authenticator, parts.visitors)
            self._once = OnceOnly(self._route, parts.idempotency, whoever)
        self._entrance: ASGIApp = self._serve
        if parts.cors_origins:
            self._entrance = _with_cors(self._serve, parts.cors_origins)
        self._entrance = WidgetPages(self._serve, self._entrance, parts.visitors)

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
            own = list(message["headers"])
            names = {name for name, _ in own}
            headers = [(b"x-request-id", self.request_id.encode("ascii")), *self.headers]
            headers += [header for header in _SECURITY_HEADERS if header[0] not in names]
            if b"content-security-policy" not in names:
                headers.append(_JSON_POLICY)
            if b"cache-control" not in names:
                headers.append(NO_STORING)
            message = {**message, "headers": [*own, *headers]}
        await self._send(message)


class _Credentials:
    """Knows the credentials of keys and members, and those of a widget's visitors."""

    def __init__(self, authenticator: Authenticator, visitors: Visitors) -> None:
        self._authenticator = authenticator
        self._visitors = visitors

    async def authenticate(self, credential: str) -> Caller:
        """Whoever it is. Only tells one from another: what each may do is asked by the doors."""
        if credential.startswith(VISITOR_TOKEN):
            return await self._visitors.authenticate(credential)
        return await self._authenticator.authenticate(credential)


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
    app = LazyApp(
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
    app.include_router(request_contents_router(parts.contents, parts.authenticator))
    app.include_router(reports_router(parts.reports, parts.authenticator))
    app.include_router(budgets_router(parts.budgets, parts.ledger, parts.authenticator))
    app.include_router(chat_widget_router(parts.clients, parts.authenticator))
    app.include_router(widget_knowledge_router(parts.widget_knowledge, parts.authenticator))
    app.include_router(widget_checks_router(parts.widget_checks, parts.authenticator))
    app.include_router(widget_inbox_router(parts.handovers, parts.gaps, parts.authenticator))
    app.include_router(widget_answers_router(parts.visitors, parts.authenticator))
    app.include_router(
        widget_visitors_router(
            parts.visitors, parts.widget_answers, parts.handovers, parts.authenticator, parts.heartbeat_s
        )
    )
    app.include_router(business_context_router(parts.businesses, parts.authenticator))
    app.include_router(comparisons_router(parts.comparisons, parts.authenticator, parts.heartbeat_s))
    app.include_router(board_router(parts.board, parts.advisers, parts.authenticator, parts.heartbeat_s))
    app.include_router(
        personas_router(parts.advisers, parts.persona_configs, parts.authenticator, parts.heartbeat_s)
    )
    app.include_router(persona_conversations_router(parts.conversations, parts.authenticator))
    app.include_router(decisions_router(parts.decisions, parts.authenticator))
    app.include_router(rule_capabilities_router(parts.capabilities, parts.authenticator))
    app.include_router(rules_router(parts.rules, parts.authenticator))
    app.include_router(cashflow_deals_router(parts.deals, parts.authenticator))
    app.include_router(conditions_router(parts.conditions, parts.authenticator))
    app.include_router(rule_trials_router(parts.rule_trials, parts.authenticator))
    app.include_router(rulebook_router(parts.rulebook, parts.rule_trials, parts.authenticator))
    app.include_router(cashflow_router(parts.cashflow, parts.authenticator))
    app.include_router(alerts_router(parts.destinations, parts.authenticator))
    app.include_router(prices_router(parts.prices, parts.authenticator))
    app.include_router(prompts_router(parts.prompts, parts.authenticator))
    app.include_router(prompt_experiments_router(parts.experiments, parts.authenticator))
    app.include_router(prompt_files_router(parts.prompt_files, parts.authenticator))
    app.include_router(
        writer_router(parts.writer, parts.acting_users, parts.authenticator, parts.heartbeat_s)
    )
    app.include_router(model_catalogue_router(parts.catalogue, parts.authenticator))
    app.include_router(llm_config_router(parts.configs, parts.acting_users, parts.authenticator))
    app.include_router(
        llm_config_health_router(parts.checks, parts.refreshes, parts.acting_users, parts.authenticator)
    )
    app.include_router(model_policies_router(parts.policies, parts.authenticator))
    app.include_router(model_rules_router(parts.model_rules, parts.authenticator))
    app.include_router(audit_log_router(parts.audit, parts.authenticator))
    app.include_router(documentation_router())
    app.include_router(guide_router())
    app.include_router(widget_script_router())
    app.include_router(console_router(_console(parts)))
    _handle_errors(app)
    _describe(app)
    return app


def _console(parts: WebParts) -> ConsoleParts:
    return ConsoleParts(
        sign_ins=parts.sign_in,
        identities=parts.identities,
        public_url=parts.public_url,
        people=parts.people,
        members=parts.members,
        keys=parts.keys,
        audit=parts.audit,
        own_tenant=parts.own_tenant,
        own_erasure=parts.own_erasure,
        gateway=parts.gateway,
        providers=parts.providers,
        available_providers=parts.available_providers,
        advisers=parts.advisers,
        conversations=parts.conversations,
        businesses=parts.businesses,
        rules=RulesParts(
            rules=parts.rules,
            book=parts.rulebook,
            trials=parts.rule_trials,
            catalogues=parts.capabilities,
            conditions=parts.conditions,
        ),
        widgets=_widgets(parts),
        board=parts.board,
        decisions=parts.decisions,
        clients=parts.clients,
        credits=parts.credits,
        budgets=BudgetParts(
            budgets=parts.budgets,
            destinations=parts.destinations,
            clients=parts.clients,
            keys=parts.keys,
            members=parts.members,
            rate_limits=parts.rate_limits,
        ),
        prompts=parts.prompts,
        prompt_files=parts.prompt_files,
        experiments=parts.experiments,
        colleagues=parts.colleagues,
        writer=parts.writer,
        heartbeat_s=parts.heartbeat_s,
        cashflow=parts.cashflow,
        outlooks=parts.outlooks,
        deals=parts.deals,
        overviews=parts.overviews,
        attention=parts.attention,
        gaps=parts.gaps,
        searches=parts.searches,
        contents=parts.contents,
        replays=parts.replays,
        models=parts.gateway,
        configs=parts.configs,
        checks=parts.checks,
        catalogue=parts.catalogue,
        aliases=parts.answers,
        policies=parts.policies,
        model_rules=parts.model_rules,
        prices=parts.prices,
        unpriced=parts.unpriced,
        exports=parts.exports,
    )


def _widgets(parts: WebParts) -> widgets.WidgetServices:
    return widgets.WidgetServices(
        clients=parts.clients,
        knowledge=parts.widget_knowledge,
        answers=parts.widget_answers,
        visitors=parts.visitors,
        inbox=parts.handovers,
        gaps=parts.gaps,
        checks=parts.widget_checks,
        reports=parts.reports,
        providers=parts.providers,
        available_providers=parts.available_providers,
    )


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
