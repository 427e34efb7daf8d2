"""Builds every part once, wires them and gives the ASGI app.

`officium serve` runs it; so does any ASGI server with `uvicorn officium.main:app`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from os import environ
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from pydantic import SecretStr

from officium.apps.cashflow.deals import DealService, DealStore
from officium.apps.cashflow.outlooks import Outlooks, OutlookStore
from officium.apps.cashflow.runs import RunStore
from officium.apps.cashflow.service import CashflowService
from officium.apps.personas import Adviser, AdvisorService, PersonaConfigService, PersonaStore
from officium.apps.personas.board import BoardService
from officium.apps.personas.business import BusinessContextService, BusinessStore, ContextCache
from officium.apps.personas.comparisons import ComparisonService, ComparisonStore
from officium.apps.personas.decisions import DecisionService, DecisionStore
from officium.apps.rules import (
    CapabilityService,
    Generator,
    RuleBook,
    RuleService,
    RuleStore,
    RuleTrials,
    UpstreamCatalogue,
)
from officium.apps.rules.evaluation import ConditionEvaluator
from officium.apps.widget import ClientService, WidgetStore
from officium.apps.widget.answers import AnswerService, LiveEntries, Retrieval
from officium.apps.widget.checks import CheckService, CheckStore
from officium.apps.widget.credits import CreditService, CreditStore
from officium.apps.widget.gaps import GapService, GapStore
from officium.apps.widget.handover import HandoverService, HandoverStore
from officium.apps.widget.knowledge import KnowledgeService, KnowledgeStore, PageReader
from officium.apps.widget.vectors import VectorStore
from officium.apps.widget.visitors import SessionSigner, VisitorService, VisitorStore
from officium.apps.writer.service import DraftService
from officium.apps.writer.store import DraftStore
from officium.core.config import (
    SEALED_COLUMNS,
    ConfigService,
    ConfigStore,
    InvalidConfig,
    KnownProvider,
    Providers,
)
from officium.core.conversations import ConversationService, ConversationStore
from officium.core.conversations.live import AnswerStore, LiveAnswers
from officium.core.gateway import (
    Accountant,
    AliasStore,
    CallTelemetry,
    ConfigRefresh,
    GatewayMetrics,
    GatewayService,
    HealthChecker,
    LLMConfigFetcher,
    ModelDirectory,
    ModelRuleService,
    ModelRuleStore,
    ModelService,
    PolicyService,
    PolicyStore,
    ProviderAccess,
    RemoteDefault,
    StoredDefault,
)
from officium.core.gateway.attention import AttentionService
from officium.core.gateway.cache import CacheMetrics, MemoryShelf, RedisShelf, ResponseCache, Shelf
from officium.core.gateway.catalogue import ConfigUses, ModelCatalogue, default_uses
from officium.core.gateway.config_fetcher import ConfigSource
from officium.core.gateway.health import LONGEST_CHECK_S
from officium.core.gateway.reach import DEFAULT
from officium.core.gateway.replay import ReplayService
from officium.core.gateway.unpriced import UnpricedService
from officium.core.knowledge import EntrySource, KnowledgeIndexes, LocalEncoder, VectorShelf
from officium.core.llm.breaker import Breakers
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.errors import AddressRefused
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.lifecycle import find_lifecycle
from officium.core.llm.price import Price, Rates, load_prices
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.providers.catalog import ALIASES
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.scheme import SchemeTransport
from officium.core.prompts.exchange import PromptFileService
from officium.core.prompts.experiments import Sample
from officium.core.prompts.experiments.service import ExperimentService, VariantUse
from officium.core.prompts.experiments.store import ExperimentStore
from officium.core.prompts.golden.store import GoldenStore
from officium.core.prompts.service import PromptService
from officium.core.prompts.store import PromptStore
from officium.core.tenancy import (
    ActingUsers,
    AuditService,
    AuditStore,
    Authenticator,
    Caller,
    KeyDigester,
    KeyService,
    KeyStore,
    MemberStore,
    OwnTenantService,
    SessionVerifier,
    TenancyService,
    TenantStore,
)
from officium.core.tenancy.erasure import ErasureService, ErasureStore, OwnErasureService
from officium.core.tenancy.export import ExportService, ExportStore
from officium.core.tenancy.identity import IdentityProvider, IdentityStore
from officium.core.tenancy.identity.service import IdentityService, PasswordRule
from officium.core.tenancy.sign_in import (
    MemberService,
    PasswordHasher,
    PersonService,
    SignInService,
    SignInStore,
)
from officium.core.usage import UsageLog, UsageService, UsageStore
from officium.core.usage.alerts import (
    AlertPost,
    AlertStore,
    Courier,
    DestinationService,
    DestinationStore,
    GuardedWebhooks,
    Mailer,
    WebhookSecrets,
)
from officium.core.usage.budgets import BudgetService, BudgetStore, RunService
from officium.core.usage.contents import (
    CONTENT_COLUMNS,
    ContentKeeper,
    ContentService,
    ContentStore,
    LogBounds,
    TermsBook,
)
from officium.core.usage.idempotency import IdempotencyService, IdempotencyStore
from officium.core.usage.ledger import LedgerService, LedgerStore
from officium.core.usage.limits import (
    JointLimiter,
    LimitHits,
    LocalWindows,
    ProviderLimit,
    ProviderLimits,
    SharedWindows,
    SignInThrottle,
    TierLimiter,
    TokenMeter,
    WaitingLines,
    WindowStore,
    parse_limits,
)
from officium.core.usage.prices import PriceBook, PriceService, PriceStore, UnknownPrices
from officium.core.usage.reports import ReportService, ReportStore
from officium.core.usage.search import SearchService, SearchStore
from officium.core.usage.tallies import OverviewService, TallyStore
from officium.jobs import Clockwork, Job, JobMetrics, LeaseStore
from officium.kit import schema
from officium.kit.clock import Clock, SystemClock
from officium.kit.database import Database, DatabaseUnavailable
from officium.kit.errors import OfficiumError
from officium.kit.logs import configure_logs
from officium.kit.notices import Notices, open_notices
from officium.kit.redis import open_redis
from officium.kit.sealing import KeyRing, KeyRotation, SealingStore, SecretWrapper
from officium.kit.secrets import ServerSecret, load_server_secret
from officium.kit.version import __version__
from officium.library import load_golden_sets, load_prompt_registry
from officium.settings import ProviderSettings, Settings, load_settings
from officium.testing import ScriptedTransport
from officium.web.api.operations import Health
from officium.web.app import WebApp, WebParts
from officium.web.exchange import BodyLimits
from officium.web.guard import ConnectionLimits
from officium.web.server import ServerOptions

if TYPE_CHECKING:
    from redis.asyncio import Redis

_JWKS_LIMIT_BYTES = 256 * 1024
_IDENTITY_TIMEOUTS = Timeouts(connect=5, first_byte=8, idle=5, total=10)
"""Somebody looks at an empty page meanwhile."""
_SWEEP_EVERY_S = 3600.0
_ALERTS_EVERY_S = 5.0
_EXPORTS_EVERY_S = 3.0
_ERASURES_EVERY_S = 60.0

logger = structlog.get_logger("server")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Every part of a running server, built once."""

    settings: Settings
    clock: Clock
    database: Database
    redis: "Redis | None"
    notices: Notices
    transport: Transport
    tenancy: TenancyService
    keys: KeyService
    members: MemberService
    sign_in: SignInService
    identities: IdentityService | None
    people: PersonService
    own_tenant: OwnTenantService
    authenticator: Authenticator
    acting_users: ActingUsers
    configs: ConfigService
    audit: AuditService
    exports: ExportService
    erasures: ErasureService
    own_erasure: OwnErasureService
    models: ModelService
    policies: PolicyService
    model_rules: ModelRuleService
    fetcher: LLMConfigFetcher
    checker: HealthChecker
    refreshes: ConfigRefresh
    gateway: GatewayService
    usage: UsageService
    reports: ReportService
    overviews: OverviewService
    attention: AttentionService
    unpriced: UnpricedService
    searches: SearchService
    budgets: BudgetService
    clients: ClientService
    credits: CreditService
    widget_knowledge: KnowledgeService
    visitors: VisitorService
    widget_answers: AnswerService
    handovers: HandoverService
    gaps: GapService
    widget_checks: CheckService
    businesses: BusinessContextService
    adviser: Adviser
    advisers: AdvisorService
    board: BoardService
    comparisons: ComparisonService
    persona_configs: PersonaConfigService
    decisions: DecisionService
    capabilities: CapabilityService
    rules: RuleService
    deals: DealService
    conditions: ConditionEvaluator
    rulebook: RuleBook
    rule_trials: RuleTrials
    cashflow: CashflowService
    outlooks: Outlooks
    usage_log: UsageLog
    contents: ContentService
    content_keeper: ContentKeeper | None
    ledger: LedgerService
    destinations: DestinationService
    clockwork: Clockwork
    prices: PriceService
    prompts: PromptService
    writer: DraftService
    experiments: ExperimentService
    catalogue: ModelCatalogue
    idempotency: IdempotencyService
    conversations: ConversationService
    live_answers: LiveAnswers
    windows: WindowStore
    limiter: TierLimiter
    token_meter: TokenMeter
    registry: CollectorRegistry


def build_parts(settings: Settings) -> Parts:
    """Wire the parts. Does no I/O but reading the shipped prompts, and making the server's secret once."""
    clock = SystemClock()
    database = Database.open(settings.resolved_database_url)
    redis = open_redis(settings.redis_url_text)
    notices = open_notices(redis)
    registry = CollectorRegistry()
    _collect_process(registry)
    transport = build_transport(settings)
    tenants, keys, members = TenantStore(database), KeyStore(database), MemberStore(database)
    secret = load_server_secret(settings.secret_key_text, settings.data_dir)
    digester = KeyDigester(secret)
    ring = build_key_ring(settings, secret, database, clock)
    windows = LocalWindows(clock) if redis is None else build_shared_windows(settings, redis, clock)
    hasher, people = PasswordHasher(), SignInStore(database)
    provider, throttle = settings.identity_provider(), SignInThrottle(windows)
    rule = PasswordRule(provider, IdentityStore(database)) if provider is not None else None
    sign_in = SignInService(people, hasher, throttle, clock, rule)
    hits = LimitHits(registry)
    limiter = build_limiter(settings, windows, hits, clock)
    token_meter = TokenMeter(limiter)
    provider_limits = ProviderLimits(windows, limits_of_providers(settings), hits, clock)
    dispatcher = build_dispatcher(settings, transport, clock, provider_limits)
    guard = AddressGuard(settings.allowed_private_hosts)
    configs = ConfigService(ConfigStore(database, ring), known_providers(), clock, notices, url_check(guard))
    fetcher = LLMConfigFetcher(
        config_source(settings, configs, transport),
        clock,
        interval_s=settings.config_fetch_interval_minutes * 60,
        notices=notices,
    )
    models = ModelService(
        provider_access(settings),
        AliasStore(database),
        clock,
        addresses=provider_addresses(settings),
        default_model=settings.default_model,
        configs=configs,
        policies=PolicyStore(database),
        rules=ModelRuleStore(database),
        remote=fetcher if settings.config_server_url else None,
        notices=notices,
        retired=settings.retired_models,
    )
    directory = ModelDirectory(models, dispatcher, clock)
    usage = UsageStore(database)
    usage_log = UsageLog(usage)
    contents = ContentStore(database, ring)
    content_service = ContentService(contents, clock, notices, log_bounds(settings))
    content_keeper = (
        ContentKeeper(contents, TermsBook(contents, clock, notices)) if settings.contents_allowed else None
    )
    ledger = LedgerService(LedgerStore(database), clock)
    budget_store = BudgetStore(database)
    budgets = BudgetService(budget_store, tenants, ledger, clock, notices)
    reports = ReportService(ReportStore(database), TallyStore(database), tenants, clock)
    overviews = OverviewService(TallyStore(database), tenants, clock)
    prices = PriceStore(database)
    price_book = PriceBook(prices, clock, notices)
    business_store, personas = BusinessStore(database), PersonaStore(database)
    decisions = DecisionService(DecisionStore(database), business_store, clock)
    businesses = BusinessContextService(
        business_store, ContextCache(business_store, clock, notices), clock, decisions.score_due
    )
    rule_store = RuleStore(database)
    capabilities = CapabilityService(
        rule_store,
        clock,
        notices,
        lifetime_minutes=settings.context_cache_minutes,
        upstream=catalogue_source(settings, transport),
    )
    widget_store, visitor_store = WidgetStore(database), VisitorStore(database)
    clients = ClientService(widget_store, budgets, reports, clock)
    knowledge_store = KnowledgeStore(database)
    visitors = build_visitors(settings, visitor_store, widget_store, secret, windows, clock)
    courier = build_courier(settings, secret, transport, clock)
    destinations = DestinationStore(database)
    retrieval = Retrieval(
        knowledge_store,
        build_indexes(settings, LiveEntries(knowledge_store, clock), VectorStore(database)),
        clock,
    )
    widget_checks = CheckService(CheckStore(database), widget_store, retrieval, knowledge_store, clock)
    alerts = AlertStore(database)
    handovers = HandoverService(
        HandoverStore(database), visitor_store, widget_store, alerts, courier, clock, notices
    )
    widget_knowledge = KnowledgeService(
        knowledge_store, widget_store, PageReader(transport, guard), clock, notices
    )
    post = AlertPost(alerts, destinations, courier, clock)
    idempotency = IdempotencyService(
        IdempotencyStore(database),
        clock,
        secret.derive("kept answers"),
        busy_for_s=settings.total_timeout_s + 60,
    )
    conversations = ConversationService(ConversationStore(database), clock)
    live_answers = LiveAnswers(AnswerStore(database), clock, notices, grace_s=settings.answer_grace_s)
    exports = build_exports(database, clock, secret)
    erasures = ErasureService(ErasureStore(database), members, TallyStore(database), clock, notices)
    jobs = [
        Job("alerts", _ALERTS_EVERY_S, post.deliver_due),
        Job("idempotency", _SWEEP_EVERY_S, idempotency.sweep),
        Job("conversations", _SWEEP_EVERY_S, conversations.sweep),
        Job("widget-checks", 60.0, widget_checks.run_stale),
        Job("widget-handover", _ALERTS_EVERY_S, handovers.tell_waiting),
        Job("widget-visitors", _SWEEP_EVERY_S, visitors.sweep),
        Job("live-answers", _SWEEP_EVERY_S, live_answers.sweep),
        Job("request-log", _SWEEP_EVERY_S, content_service.sweep),
        Job("exports", _EXPORTS_EVERY_S, exports.run),
        Job("erasures", _ERASURES_EVERY_S, erasures.run),
    ]
    accountant = Accountant(
        usage_log,
        clock,
        GatewayMetrics(registry),
        ledger,
        _open_telemetry(),
        prices=price_book,
        unknown_prices=unknown_prices(settings),
        is_unknown_held=settings.unknown_charge == "held",
        meter=token_meter if "token" in settings.rate_limit_gateway.lower() else None,
        contents=content_keeper,
    )
    cache = build_cache(settings, redis, secret, clock, registry, price_book)
    checks = GatewayService(models, directory, build_check_dispatcher(settings, transport, clock), accountant)
    checker = HealthChecker(checks, models, configs, clock)
    gateway = GatewayService(models, directory, dispatcher, accountant, cache)
    experiment_store = ExperimentStore(database)
    prompts = PromptService(
        PromptStore(database),
        load_prompt_registry(),
        clock,
        experiment_store,
        GoldenStore(database),
        load_golden_sets(),
    )
    experiments = ExperimentService(experiment_store, prompts, PromptUse(usage), clock)
    adviser = Adviser(
        gateway,
        models,
        prompts,
        businesses,
        personas,
        decisions,
        model=DEFAULT,
        temperature=settings.fireworks_temperature,
        max_tokens=settings.fireworks_max_tokens,
        is_on=settings.personas_llm,
    )
    key_service = KeyService(keys, digester, clock, notices)
    catalogue = ModelCatalogue(
        models,
        price_book,
        clock,
        unknown=unknown_prices(settings),
        default_model=settings.default_model,
        other_uses=[ConfigUses(configs)],
    )
    cashflow = CashflowService(DealStore(database), RunStore(database), gateway, models, prompts, clock)
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        redis=redis,
        notices=notices,
        transport=transport,
        tenancy=TenancyService(tenants, clock, notices),
        keys=key_service,
        members=MemberService(members, people, hasher, clock),
        sign_in=sign_in,
        identities=(
            build_identities(settings, provider, sign_in, throttle, transport, secret, database, clock)
            if provider is not None
            else None
        ),
        people=PersonService(people, sign_in, clock),
        own_tenant=OwnTenantService(tenants, clock, notices),
        authenticator=Authenticator(
            keys=keys,
            tenants=tenants,
            members=members,
            digester=digester,
            clock=clock,
            notices=notices,
            sessions=_session_verifier(settings, transport, clock),
            browser_sessions=sign_in,
        ),
        acting_users=ActingUsers(members, clock, is_development=settings.debug),
        configs=configs,
        audit=AuditService(AuditStore(database)),
        exports=exports,
        erasures=erasures,
        own_erasure=OwnErasureService(erasures, sign_in),
        models=models,
        policies=PolicyService(PolicyStore(database), clock, notices),
        model_rules=ModelRuleService(
            ModelRuleStore(database),
            clock,
            notices,
            retired=settings.retired_models,
            unknown=unknown_prices(settings),
        ),
        fetcher=fetcher,
        checker=checker,
        refreshes=ConfigRefresh(fetcher, models, checker, notices),
        gateway=gateway,
        usage=UsageService(usage),
        reports=reports,
        overviews=overviews,
        searches=SearchService(SearchStore(database), TallyStore(database), usage, tenants, clock),
        attention=AttentionService(overviews, budgets, key_service, catalogue, clock),
        unpriced=UnpricedService(overviews, price_book, clock, unknown_prices(settings)),
        budgets=budgets,
        businesses=businesses,
        adviser=adviser,
        advisers=AdvisorService(adviser, conversations, live_answers, clock),
        comparisons=ComparisonService(adviser, ComparisonStore(database), live_answers, clock),
        board=BoardService(
            adviser,
            gateway,
            models,
            prompts,
            RunService(budget_store, clock),
            conversations,
            live_answers,
            clock,
        ),
        persona_configs=PersonaConfigService(personas, clock),
        decisions=decisions,
        capabilities=capabilities,
        rules=RuleService(capabilities, Generator(gateway, models, prompts), is_on=settings.rules_llm),
        conditions=ConditionEvaluator(gateway, models, prompts, model=DEFAULT, is_on=settings.rules_llm),
        rulebook=RuleBook(rule_store, capabilities, clock),
        rule_trials=RuleTrials(capabilities, rule_store),
        clients=clients,
        credits=CreditService(clients, CreditStore(database), budgets, reports, clock),
        widget_knowledge=widget_knowledge,
        handovers=handovers,
        widget_checks=widget_checks,
        gaps=GapService(GapStore(database), widget_store, widget_knowledge, clock),
        visitors=visitors,
        widget_answers=AnswerService(
            gateway,
            prompts,
            retrieval,
            visitor_store,
            widget_store,
            clock,
        ),
        deals=DealService(DealStore(database), clock),
        cashflow=cashflow,
        outlooks=Outlooks(cashflow, OutlookStore(database), clock),
        usage_log=usage_log,
        contents=content_service,
        content_keeper=content_keeper,
        ledger=ledger,
        destinations=DestinationService(destinations, courier, clock),
        clockwork=Clockwork(jobs, LeaseStore(database), clock, JobMetrics(registry)),
        prices=PriceService(prices, clock, notices),
        prompts=prompts,
        writer=DraftService(
            gateway,
            models,
            prompts,
            DraftStore(database),
            experiments,
            RunService(budget_store, clock),
            clock,
        ),
        experiments=experiments,
        catalogue=catalogue,
        idempotency=idempotency,
        conversations=conversations,
        live_answers=live_answers,
        windows=windows,
        limiter=limiter,
        token_meter=token_meter,
        registry=registry,
    )


def build_app(settings: Settings, parts: Parts | None = None) -> WebApp:
    """The server as an ASGI app; its lifespan opens what `parts` need and closes it."""
    parts = parts or build_parts(settings)

    async def readiness() -> dict[str, bool]:
        return {"database": await _answers(parts.database), "usage_log": not parts.usage_log.is_full}

    async def available_providers(caller: Caller) -> Collection[str]:
        reach = await parts.models.reach_of(caller)
        return [deployment.provider.name for deployment in reach.listed()]

    async def health(caller: Caller | None) -> Health:
        return await _health(parts, caller)

    return WebApp(
        WebParts(
            gateway=parts.gateway,
            models=parts.models,
            usage=parts.usage,
            reports=parts.reports,
            overviews=parts.overviews,
            attention=parts.attention,
            searches=parts.searches,
            contents=parts.contents,
            replays=ReplayService(parts.gateway, parts.contents),
            budgets=parts.budgets,
            ledger=parts.ledger,
            clients=parts.clients,
            credits=parts.credits,
            keys=parts.keys,
            members=parts.members,
            rate_limits=parts.limiter,
            widget_knowledge=parts.widget_knowledge,
            visitors=parts.visitors,
            widget_answers=parts.widget_answers,
            handovers=parts.handovers,
            gaps=parts.gaps,
            widget_checks=parts.widget_checks,
            businesses=parts.businesses,
            advisers=parts.advisers,
            board=parts.board,
            comparisons=parts.comparisons,
            persona_configs=parts.persona_configs,
            conversations=parts.conversations,
            decisions=parts.decisions,
            capabilities=parts.capabilities,
            rules=parts.rules,
            deals=parts.deals,
            conditions=parts.conditions,
            rulebook=parts.rulebook,
            rule_trials=parts.rule_trials,
            cashflow=parts.cashflow,
            outlooks=parts.outlooks,
            destinations=parts.destinations,
            prices=parts.prices,
            prompts=parts.prompts,
            prompt_files=PromptFileService(parts.prompts),
            writer=parts.writer,
            colleagues=parts.members,
            experiments=parts.experiments,
            catalogue=parts.catalogue,
            answers=parts.models,
            unpriced=parts.unpriced,
            exports=parts.exports,
            authenticator=parts.authenticator,
            sign_in=parts.sign_in,
            identities=parts.identities,
            public_url=settings.public_url,
            people=parts.people,
            own_tenant=parts.own_tenant,
            own_erasure=parts.own_erasure,
            acting_users=parts.acting_users,
            configs=parts.configs,
            audit=parts.audit,
            policies=parts.policies,
            model_rules=parts.model_rules,
            checks=parts.checker,
            refreshes=parts.refreshes,
            health=health,
            readiness=readiness,
            providers=PROVIDERS.values(),
            available_providers=available_providers,
            lifespan=lambda: running(parts),
            registry=parts.registry,
            body_limits=BodyLimits(settings.max_body_bytes, settings.body_timeout_s, settings.max_json_depth),
            heartbeat_s=settings.heartbeat_s,
            default_model=DEFAULT,
            limiter=parts.limiter,
            idempotency=parts.idempotency,
            cors_origins=tuple(settings.cors_origins),
            metrics_token=_revealed(settings.metrics_token),
            is_metrics_public=settings.metrics_public,
        )
    )


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Open what the parts need; at the end write and close everything, last opened first."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.database.close)
        if parts.redis is not None:
            stack.push_async_callback(parts.redis.aclose)
        if isinstance(parts.windows, SharedWindows):
            stack.push_async_callback(parts.windows.close)
        stack.push_async_callback(parts.token_meter.close)
        stack.push_async_callback(parts.transport.close)
        _warn_of_retired(parts)
        applied, _ = await asyncio.gather(schema.upgrade(parts.database), asyncio.to_thread(load_prices))
        if applied:
            logger.info("database.migrated", revisions=applied)
        if parts.database.dialect == "postgresql":
            open_tables, _ = await schema.unprotected_tables(parts.database)
            if open_tables:
                logger.warning("database.tenants_not_kept_apart", tables=open_tables, hint="officium doctor")
        await parts.notices.start()
        stack.push_async_callback(parts.notices.close)
        parts.usage_log.start()
        stack.push_async_callback(parts.usage_log.close)
        if parts.content_keeper is not None:
            parts.content_keeper.start()
            stack.push_async_callback(parts.content_keeper.close)
        await parts.ledger.start()
        stack.push_async_callback(parts.ledger.close)
        await parts.gateway.start()
        stack.push_async_callback(parts.gateway.close)
        stack.push_async_callback(parts.outlooks.close)
        parts.live_answers.open()
        stack.push_async_callback(parts.live_answers.close, parts.settings.drain_timeout_s)
        stack.push_async_callback(parts.authenticator.close)
        await _fetch_default(parts)
        parts.clockwork.start()
        stack.push_async_callback(parts.clockwork.close)
        yield


def build_exports(database: Database, clock: Clock, secret: ServerSecret) -> ExportService:
    """What makes a file of all that a tenant has, in every room."""
    return ExportService(ExportStore(database), MemberStore(database), clock, secret.derive("exports"))


def build_transport(settings: Settings) -> Transport:
    """The way to the providers; `mock://` leads to the scripted one."""
    network = Http1Transport(
        max_connections_per_host=settings.max_connections_per_deployment,
        trust_env=settings.trust_env,
        guard=AddressGuard(settings.allowed_private_hosts),
    )
    return SchemeTransport(network, {"mock": ScriptedTransport()})


def build_check_dispatcher(settings: Settings, transport: Transport, clock: Clock) -> Dispatcher:
    """What asks once, whatever happened before: for health checks."""
    return Dispatcher(
        transport,
        clock=clock,
        retry=RetryPolicy(max_retries=0),
        timeouts=Timeouts(
            connect=settings.connect_timeout_s,
            first_byte=LONGEST_CHECK_S,
            idle=LONGEST_CHECK_S,
            total=LONGEST_CHECK_S,
        ),
        breakers=Breakers(clock, failures_to_open=sys.maxsize),
    )


def build_shared_windows(settings: Settings, redis: "Redis", clock: Clock) -> SharedWindows:
    """Where all processes count requests together."""
    return SharedWindows(redis, clock, on_loss=settings.rate_limit_on_redis_loss)


class PromptUse:
    """What calls with prompts took, from the usage log, for experiments."""

    def __init__(self, usage: UsageStore) -> None:
        self._usage = usage

    async def use_of_prompt(
        self, caller: Caller, prompt: str, since: datetime, until: datetime | None
    ) -> dict[str, VariantUse]:
        """By version such as `own/3`."""
        rows = await self._usage.sum_by_prompt_version(caller, prompt, since, until)
        return {
            row["version"]: VariantUse(
                calls=row["calls"],
                failed=row["failed"],
                cost=Sample(row["costs"], row["cost"] or 0.0, row["cost_squares"] or 0.0),
                duration=Sample(row["calls"], row["duration"] or 0.0, row["duration_squares"] or 0.0),
            )
            for row in rows
        }


def build_limiter(settings: Settings, windows: WindowStore, hits: LimitHits, clock: Clock) -> TierLimiter:
    """What lets tenants' requests in."""
    lines = WaitingLines(settings.queue_size, settings.queue_wait_s, clock) if settings.queue_size else None
    return TierLimiter(
        windows,
        {
            "chat": parse_limits(settings.rate_limit_chat),
            "general": parse_limits(settings.rate_limit_general),
            "strict": parse_limits(settings.rate_limit_strict),
            "gateway": parse_limits(settings.rate_limit_gateway),
        },
        hits,
        clock,
        lines=lines,
    )


def limits_of_providers(settings: Settings) -> dict[str, ProviderLimit]:
    """How fast each provider may be asked with one key: as is said, else as it allows without paying.

    The latter is known of the provider's own address alone.
    """
    found = {}
    for name, row in PROVIDERS.items():
        said = settings.providers.get(name)
        if said is not None and said.rate_limit is not None:
            found[name] = ProviderLimit(parse_limits(said.rate_limit))
        elif row.free_rate_limit is not None:
            found[name] = ProviderLimit(parse_limits(row.free_rate_limit), row.base_url)
    return found


def build_dispatcher(
    settings: Settings, transport: Transport, clock: Clock, limits: ProviderLimits | None = None
) -> Dispatcher:
    """What tries deployments until one answers."""
    return Dispatcher(
        transport,
        clock=clock,
        retry=RetryPolicy(max_retries=settings.max_retries),
        timeouts=Timeouts(
            connect=settings.connect_timeout_s,
            first_byte=settings.first_byte_timeout_s,
            idle=settings.idle_timeout_s,
            total=settings.total_timeout_s,
        ),
        breakers=Breakers(clock),
        limits=limits,
        max_concurrency_per_deployment=settings.max_connections_per_deployment,
    )


def config_source(settings: Settings, configs: ConfigService, transport: Transport) -> ConfigSource:
    """Where the default configuration comes from: our own store, or the server that keeps it."""
    if settings.config_server_url is None:
        return StoredDefault(configs)
    return RemoteDefault(settings.config_server_url, transport, _revealed(settings.config_server_key))


def catalogue_source(settings: Settings, transport: Transport) -> UpstreamCatalogue | None:
    """The platform whose catalogue stands below the tenants' own, if one is named."""
    if settings.config_server_url is None:
        return None
    return UpstreamCatalogue(settings.config_server_url, transport, _revealed(settings.config_server_key))


def url_check(guard: AddressGuard) -> Callable[[str], None]:
    """What says no to an address in a configuration, as a fault of the configuration."""

    def check(url: str) -> None:
        try:
            guard.check_url(url)
        except AddressRefused as error:
            raise InvalidConfig(error.message, param="apiConfig.apiUrl") from error

    return check


def provider_addresses(settings: Settings) -> dict[str, str]:
    """Where the operator has said that providers are, with or without a key for them."""
    return {name: said.base_url for name, said in settings.providers.items() if said.base_url is not None}


def provider_access(settings: Settings) -> dict[str, ProviderAccess]:
    """The providers this installation can ask, as its environment says.

    A provider needs its key; a local one (Ollama, llama.cpp, vLLM) an address, or it would be listed on
    every machine where it does not run.
    """
    access: dict[str, ProviderAccess] = {}
    for name, row in PROVIDERS.items():
        said = settings.providers.get(name) or ProviderSettings()
        if name == "mock":
            is_ready = settings.mock_enabled
        else:
            is_ready = (said.base_url if row.is_local else said.api_key) is not None
        base_url = said.base_url or row.base_url
        if is_ready and base_url:
            access[name] = ProviderAccess(
                base_url=base_url.rstrip("/"),
                api_key=said.api_key.get_secret_value() if said.api_key else None,
                default_model=said.model or row.default_model,
            )
    return access


def known_providers() -> Providers:
    """The providers a tenant's configuration may name, and what each needs."""
    return Providers(
        KnownProvider(
            name=row.name,
            aliases=tuple(alias for alias, name in ALIASES.items() if name == row.name),
            default_model=row.default_model,
            needs_key=row.env_key is not None and not row.is_local,
            needs_url=row.base_url is None,
        )
        for row in PROVIDERS.values()
    )


def build_key_ring(settings: Settings, secret: ServerSecret, database: Database, clock: Clock) -> KeyRing:
    """The keys that seal tenants' secrets, themselves sealed by the server's. Raises SecretUnusable."""
    previous = settings.previous_secret_key_text
    older = (SecretWrapper(ServerSecret(previous.encode())),) if previous else ()
    return KeyRing(SealingStore(database), SecretWrapper(secret), clock, *older)


def log_bounds(settings: Settings) -> LogBounds:
    """What tenants may let their request logs keep, and for how long."""
    return LogBounds(are_contents_allowed=settings.contents_allowed, most_log_days=settings.usage_log_days)


def unknown_prices(settings: Settings) -> UnknownPrices:
    """What becomes of calls whose price nobody knows."""
    taken, given = (int(Decimal(usd) * 1_000_000) for usd in settings.price_ceiling.split("/"))
    return UnknownPrices(settings.unknown_price, Price(Rates(taken, taken, taken, given)))


def build_key_rotation(settings: Settings, database: Database, clock: Clock) -> KeyRotation:
    """What exchanges the sealing keys. Every column of sealed values must be named here."""
    secret = load_server_secret(settings.secret_key_text, settings.data_dir)
    ring = build_key_ring(settings, secret, database, clock)
    return KeyRotation(SealingStore(database), ring, (*SEALED_COLUMNS, *CONTENT_COLUMNS), clock)


def build_courier(settings: Settings, secret: ServerSecret, transport: Transport, clock: Clock) -> Courier:
    """What brings alerts to webhooks, and by mail where there is a mail server. Raises InvalidSmtpUrl."""
    webhooks = GuardedWebhooks(transport, AddressGuard(settings.allowed_private_hosts))
    previous = settings.previous_secret_key_text
    older = ServerSecret(previous.encode()) if previous else None
    return Courier(webhooks, WebhookSecrets(secret, older), _mailer(settings), clock)


def build_cache(
    settings: Settings,
    redis: "Redis | None",
    secret: ServerSecret,
    clock: Clock,
    registry: CollectorRegistry,
    prices: PriceBook,
) -> ResponseCache | None:
    """The cache of answers, where one is wanted: in Redis if there is one, else in this process's memory."""
    if not settings.cache_ttl_s:
        return None
    shelf: Shelf = MemoryShelf(clock, settings.cache_max_bytes)
    if redis is not None:
        shelf = RedisShelf(redis, secret, clock, settings.cache_max_bytes)
    return ResponseCache(
        shelf,
        clock,
        CacheMetrics(registry),
        prices,
        ttl_s=settings.cache_ttl_s,
        unknown=unknown_prices(settings),
    )


def build_visitors(
    settings: Settings,
    store: VisitorStore,
    widgets: WidgetStore,
    secret: ServerSecret,
    windows: WindowStore,
    clock: Clock,
) -> VisitorService:
    """Who visits the widgets, and how much each may ask."""
    previous = settings.previous_secret_key_text
    messages = {
        "session": parse_limits(settings.rate_limit_widget_session),
        "address": parse_limits(settings.rate_limit_widget_address),
        "widget": parse_limits(settings.rate_limit_widget),
    }
    openings = {"address": parse_limits(settings.rate_limit_widget_openings)}
    return VisitorService(
        store,
        widgets,
        SessionSigner(secret, ServerSecret(previous.encode()) if previous else None),
        JointLimiter(windows, "rate_limit:widget:", messages, clock),
        JointLimiter(windows, "rate_limit:widget-openings:", openings, clock),
        clock,
    )


def build_indexes(settings: Settings, entries: EntrySource, vectors: VectorShelf) -> KnowledgeIndexes:
    """What searches the widgets' knowledge bases."""
    encoder = LocalEncoder() if settings.knowledge_encoder == "local" else None
    return KnowledgeIndexes(entries, encoder, settings.knowledge_memory_bytes, vectors=vectors)


def server_options(settings: Settings) -> ServerOptions:
    """Where and how to serve."""
    return ServerOptions(
        host=settings.host,
        port=settings.port,
        drain_timeout_s=settings.drain_timeout_s,
        trusted_proxies=settings.forwarded_allow_ips,
        limits=ConnectionLimits(
            head_bytes=settings.max_header_bytes,
            header_count=settings.max_header_count,
            head_timeout_s=settings.header_timeout_s,
            body_timeout_s=settings.body_timeout_s + 5.0,
        ),
    )


def _warn_of_retired(parts: Parts) -> None:
    """Tell the operator once which of the models named in the environment are gone."""
    today = parts.clock.now().date()
    for use in default_uses(parts.models.providers(), parts.settings.default_model):
        found = find_lifecycle(use.provider, use.model, today)
        if found is not None and found.state == "retired":
            logger.warning(
                "model.retired",
                model=f"{use.provider}/{use.model}",
                used_by=use.used_by,
                since=str(found.model.ends),
                successor=found.successor,
                policy=parts.settings.retired_models,
            )


async def _fetch_default(parts: Parts) -> None:
    """Ask the server that keeps the default configuration, if there is one; it may be down for now."""
    if parts.settings.config_server_url is not None:
        try:
            await parts.fetcher.get_config()
        except OfficiumError as error:
            logger.warning("config.not_fetched", reason=error.message)


async def _answers(database: Database) -> bool:
    try:
        await database.ping()
    except DatabaseUnavailable as error:
        logger.warning("database.unavailable", reason=str(error))
        return False
    return True


def _mailer(settings: Settings) -> Mailer | None:
    url = _revealed(settings.smtp_url)
    if url is None:
        return None
    from officium.core.usage.alerts.mail import SmtpMailer, read_smtp_url

    return SmtpMailer(read_smtp_url(url), settings.smtp_from)


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


async def _health(parts: Parts, caller: Caller | None) -> Health:
    """What answers where nobody names a model: for the caller, or for whoever has configured nothing."""
    age = None if caller is None else parts.capabilities.age_minutes(caller.tenant_id)
    try:
        if caller is not None:
            deployment = (await parts.models.resolve(caller, DEFAULT))[0]
        elif parts.settings.config_server_url and (fetched := parts.fetcher.peek()) is not None:
            return Health(provider=fetched.provider, model=fetched.model)
        else:
            deployment = parts.models.deployment(DEFAULT)
    except OfficiumError:
        return Health(context_cache_age_minutes=age)
    return Health(provider=deployment.provider.name, model=deployment.model, context_cache_age_minutes=age)


def build_identities(
    settings: Settings,
    provider: IdentityProvider,
    sign_in: SignInService,
    throttle: SignInThrottle,
    transport: Transport,
    secret: ServerSecret,
    database: Database,
    clock: Clock,
) -> IdentityService:
    """What lets people in whom the identity provider vouches for."""
    from officium.core.tenancy.identity.attempt import AttemptSealer
    from officium.core.tenancy.identity.client import ProviderClient

    async def ask(
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        is_guarded: bool = False,
    ) -> tuple[int, bytes]:
        request = HttpRequest(method, url, headers or {}, body, is_guarded=is_guarded)
        response = await transport.send(request, _IDENTITY_TIMEOUTS)
        try:
            return response.status, await response.read(_JWKS_LIMIT_BYTES)
        finally:
            response.close()

    purpose, previous = "attempts to sign in", settings.previous_secret_key_text
    secrets = (secret,) if previous is None else (secret, ServerSecret(previous.encode()))
    return IdentityService(
        provider,
        ProviderClient(provider, ask, clock),
        IdentityStore(database),
        members=MemberStore(database),
        tenants=TenantStore(database),
        people=SignInStore(database),
        sign_in=sign_in,
        arrivals=throttle,
        sealer=AttemptSealer([each.derive(purpose) for each in secrets]),
        clock=clock,
        knows_subjects=any(
            issuer.issuer == provider.issuer and issuer.member_claim == "sub" and issuer.tenants is None
            for issuer in settings.jwt_issuers
        ),
    )


def _session_verifier(settings: Settings, transport: Transport, clock: Clock) -> SessionVerifier | None:
    if not settings.jwt_issuers:
        return None
    from officium.core.tenancy.jwt import JwtVerifier

    async def fetch(url: str) -> bytes:
        response = await transport.send(HttpRequest("GET", url), Timeouts(connect=5, first_byte=10, total=15))
        try:
            if response.status != 200:
                raise OSError(f"it answered {response.status}")
            return await response.read(_JWKS_LIMIT_BYTES)
        finally:
            response.close()

    return JwtVerifier(settings.jwt_issuers, fetch, clock)


def _collect_process(registry: CollectorRegistry) -> None:
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


def _open_telemetry() -> CallTelemetry | None:
    """Spans and metrics over OTLP where the standard OTEL_EXPORTER_OTLP_ENDPOINT says where to."""
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    if find_spec("opentelemetry.sdk") is None:
        logger.warning("telemetry.missing", hint="Install officium[otel] to export traces and metrics.")
        return None
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": environ.get("OTEL_SERVICE_NAME", "officium")})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    metering = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    return CallTelemetry(
        tracing.get_tracer("officium", __version__),
        metering.get_meter("officium", __version__),
    )


def __getattr__(name: str) -> WebApp:
    """`officium.main:app`, for other ASGI servers; built when it is asked for, from the environment."""
    if name == "app":
        settings = load_settings()
        configure_logs(settings.log_level, settings.debug or None)
        return build_app(settings)
    raise AttributeError(name)
