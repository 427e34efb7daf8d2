"""Builds every part once, wires them and gives the ASGI app.

`officium serve` runs it; so does any ASGI server with `uvicorn officium.main:app`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
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

from officium.core.config import SEALED_COLUMNS, ConfigService, ConfigStore, KnownProvider, Providers
from officium.core.gateway import (
    Accountant,
    AliasStore,
    CallTelemetry,
    GatewayMetrics,
    GatewayService,
    ModelDirectory,
    ModelService,
    ProviderAccess,
)
from officium.core.gateway.catalogue import ConfigUses, ModelCatalogue, default_uses
from officium.core.llm.breaker import Breakers
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.lifecycle import find_lifecycle
from officium.core.llm.price import Price, Rates, load_prices
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.providers.catalog import ALIASES
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.scheme import SchemeTransport
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
    SessionVerifier,
    TenancyService,
    TenantStore,
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
from officium.core.usage.budgets import BudgetService, BudgetStore
from officium.core.usage.idempotency import IdempotencyService, IdempotencyStore
from officium.core.usage.ledger import LedgerService, LedgerStore
from officium.core.usage.prices import PriceBook, PriceService, PriceStore, UnknownPrices
from officium.core.usage.reports import ReportService, ReportStore
from officium.jobs import Clockwork, Job, JobMetrics, LeaseStore
from officium.kit import schema
from officium.kit.clock import Clock, SystemClock
from officium.kit.database import Database, DatabaseUnavailable
from officium.kit.logs import configure_logs
from officium.kit.notices import Notices, open_notices
from officium.kit.redis import open_redis
from officium.kit.sealing import KeyRing, KeyRotation, SealingStore, SecretWrapper
from officium.kit.secrets import ServerSecret, load_server_secret
from officium.kit.version import __version__
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
_SWEEP_EVERY_S = 3600.0
_ALERTS_EVERY_S = 5.0

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
    authenticator: Authenticator
    acting_users: ActingUsers
    configs: ConfigService
    audit: AuditService
    models: ModelService
    gateway: GatewayService
    usage: UsageService
    reports: ReportService
    budgets: BudgetService
    usage_log: UsageLog
    ledger: LedgerService
    destinations: DestinationService
    clockwork: Clockwork
    prices: PriceService
    catalogue: ModelCatalogue
    idempotency: IdempotencyService
    registry: CollectorRegistry


def build_parts(settings: Settings) -> Parts:
    """Wire the parts. Does no I/O but making the server's secret at the very first start."""
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
    dispatcher = build_dispatcher(settings, transport, clock)
    models = ModelService(provider_access(settings), AliasStore(database), clock)
    usage = UsageStore(database)
    usage_log = UsageLog(usage)
    ledger = LedgerService(LedgerStore(database), clock)
    configs = ConfigService(ConfigStore(database, ring), known_providers(), clock, notices)
    prices = PriceStore(database)
    price_book = PriceBook(prices, clock, notices)
    courier = build_courier(settings, secret, transport, clock)
    destinations = DestinationStore(database)
    post = AlertPost(AlertStore(database), destinations, courier, clock)
    idempotency = IdempotencyService(
        IdempotencyStore(database), clock, busy_for_s=settings.total_timeout_s + 60
    )
    jobs = [
        Job("alerts", _ALERTS_EVERY_S, post.deliver_due),
        Job("idempotency", _SWEEP_EVERY_S, idempotency.sweep),
    ]
    accountant = Accountant(usage_log, clock, GatewayMetrics(registry), ledger, _open_telemetry())
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        redis=redis,
        notices=notices,
        transport=transport,
        tenancy=TenancyService(tenants, clock, notices),
        keys=KeyService(keys, digester, clock, notices),
        authenticator=Authenticator(
            keys=keys,
            tenants=tenants,
            members=members,
            digester=digester,
            clock=clock,
            notices=notices,
            sessions=_session_verifier(settings, transport, clock),
        ),
        acting_users=ActingUsers(members, clock, is_development=settings.debug),
        configs=configs,
        audit=AuditService(AuditStore(database)),
        models=models,
        gateway=GatewayService(models, ModelDirectory(models, dispatcher, clock), dispatcher, accountant),
        usage=UsageService(usage),
        reports=ReportService(ReportStore(database), tenants, clock),
        budgets=BudgetService(BudgetStore(database), tenants, ledger, clock, notices),
        usage_log=usage_log,
        ledger=ledger,
        destinations=DestinationService(destinations, courier, clock),
        clockwork=Clockwork(jobs, LeaseStore(database), clock, JobMetrics(registry)),
        prices=PriceService(prices, clock, notices),
        catalogue=ModelCatalogue(
            models,
            price_book,
            clock,
            unknown=unknown_prices(settings),
            default_model=settings.default_model,
            other_uses=[ConfigUses(configs)],
        ),
        idempotency=idempotency,
        registry=registry,
    )


def build_app(settings: Settings, parts: Parts | None = None) -> WebApp:
    """The server as an ASGI app; its lifespan opens what `parts` need and closes it."""
    parts = parts or build_parts(settings)

    async def readiness() -> dict[str, bool]:
        return {"database": await _answers(parts.database), "usage_log": not parts.usage_log.is_full}

    async def available_providers(_caller: Caller) -> Collection[str]:
        return [provider.name for provider, access in parts.models.providers() if access is not None]

    return WebApp(
        WebParts(
            gateway=parts.gateway,
            models=parts.models,
            usage=parts.usage,
            reports=parts.reports,
            budgets=parts.budgets,
            ledger=parts.ledger,
            destinations=parts.destinations,
            prices=parts.prices,
            catalogue=parts.catalogue,
            authenticator=parts.authenticator,
            acting_users=parts.acting_users,
            configs=parts.configs,
            audit=parts.audit,
            health=lambda: _health(parts.models),
            readiness=readiness,
            providers=PROVIDERS.values(),
            available_providers=available_providers,
            lifespan=lambda: running(parts),
            registry=parts.registry,
            body_limits=BodyLimits(settings.max_body_bytes, settings.body_timeout_s, settings.max_json_depth),
            heartbeat_s=settings.heartbeat_s,
            default_model=settings.default_model,
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
        await parts.ledger.start()
        stack.push_async_callback(parts.ledger.close)
        await parts.gateway.start()
        stack.push_async_callback(parts.gateway.close)
        stack.push_async_callback(parts.authenticator.close)
        parts.clockwork.start()
        stack.push_async_callback(parts.clockwork.close)
        yield


def build_transport(settings: Settings) -> Transport:
    """The way to the providers; `mock://` leads to the scripted one."""
    network = Http1Transport(
        max_connections_per_host=settings.max_connections_per_deployment,
        trust_env=settings.trust_env,
        guard=AddressGuard(settings.allowed_private_hosts),
    )
    return SchemeTransport(network, {"mock": ScriptedTransport()})


def build_dispatcher(settings: Settings, transport: Transport, clock: Clock) -> Dispatcher:
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
        max_concurrency_per_deployment=settings.max_connections_per_deployment,
    )


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


def unknown_prices(settings: Settings) -> UnknownPrices:
    """What becomes of calls whose price nobody knows."""
    taken, given = (int(Decimal(usd) * 1_000_000) for usd in settings.price_ceiling.split("/"))
    return UnknownPrices(settings.unknown_price, Price(Rates(taken, taken, taken, given)))


def build_key_rotation(settings: Settings, database: Database, clock: Clock) -> KeyRotation:
    """What exchanges the sealing keys. Every column of sealed values must be named here."""
    secret = load_server_secret(settings.secret_key_text, settings.data_dir)
    ring = build_key_ring(settings, secret, database, clock)
    return KeyRotation(SealingStore(database), ring, SEALED_COLUMNS, clock)


def build_courier(settings: Settings, secret: ServerSecret, transport: Transport, clock: Clock) -> Courier:
    """What brings alerts to webhooks, and by mail where there is a mail server. Raises InvalidSmtpUrl."""
    webhooks = GuardedWebhooks(transport, AddressGuard(settings.allowed_private_hosts))
    previous = settings.previous_secret_key_text
    older = ServerSecret(previous.encode()) if previous else None
    return Courier(webhooks, WebhookSecrets(secret, older), _mailer(settings), clock)


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


def _health(models: ModelService) -> Health:
    """Who answers where nobody names a model: the first provider that is set up."""
    for provider, access in models.providers():
        if access is not None and access.default_model:
            return Health(provider=provider.name, model=access.default_model)
    return Health()


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
