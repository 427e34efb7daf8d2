"""The doors for those who run the server: health, readiness, providers and metrics."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

import structlog
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller
from officium.kit.errors import NotAuthenticated, OfficiumError, PermissionDenied
from officium.web.caller import Authenticator, find_credential, read_headers
from officium.web.keyed import identify_request
from officium.web.lazy_routes import LazyRouter

Readiness = Callable[[], Awaitable[Mapping[str, bool]]]
"""Runs the checks and gives the outcome of each by name."""
AvailableProviders = Callable[[Caller], Awaitable[Collection[str]]]
"""The names of the providers that have what it takes to be asked."""
_READINESS_TIMEOUT_S = 2.0
_log = structlog.get_logger()


class Health(BaseModel):
    """Whether the process lives, and what answers where nobody names a model."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "healthy",
                    "provider": "anthropic",
                    "model": "claude-haiku-5-5",
                    "context_cache_age_minutes": None,
                }
            ]
        }
    )

    status: str = "healthy"
    provider: str | None = None
    model: str | None = None
    context_cache_age_minutes: int | None = Field(
        default=None, description="Minutes since the context was last fetched; null until there is one."
    )


HealthOf = Callable[[Caller | None], Awaitable[Health]]
"""The health as this caller sees it, or anybody."""


class ReadinessReport(BaseModel):
    """Whether requests should be sent here."""

    status: str
    checks: dict[str, bool]


class ProviderListing(BaseModel):
    """A provider, and whether it can be asked."""

    name: str
    label: str
    dialect: str
    default_model: str | None
    is_local: bool
    available: bool = Field(description="Whether this installation has what it takes to ask it.")


class Providers(BaseModel):
    """The providers of language models."""

    providers: list[ProviderListing]


@dataclass(frozen=True)
class OperationsParts:
    """What these doors are built from."""

    authenticator: Authenticator
    health: HealthOf
    readiness: Readiness
    is_draining: Callable[[], bool]
    providers: Collection[Provider]
    available_providers: AvailableProviders
    registry: CollectorRegistry
    metrics_token: str | None = None
    is_metrics_public: bool = False


def operations_router(parts: OperationsParts) -> LazyRouter:
    """The routes."""
    router = LazyRouter(tags=["operations"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="Is the process alive?")
    async def health(request: Request) -> Health:
        """With a key: what answers the caller. A key that is not valid is passed over."""
        return await parts.health(await _caller_if_known(parts.authenticator, request))

    @router.head("/health/ready", include_in_schema=False)
    @router.get(
        "/health/ready",
        summary="Should requests be sent here?",
        response_model=ReadinessReport,
        responses={503: {"model": ReadinessReport, "description": "Starting, draining, or a check failed."}},
    )
    async def ready() -> JSONResponse:
        if parts.is_draining():
            return JSONResponse({"status": "draining", "checks": {}}, 503)
        checks = await _run_checks(parts.readiness)
        is_ready = all(checks.values())
        return JSONResponse(
            {"status": "ready" if is_ready else "unready", "checks": checks}, 200 if is_ready else 503
        )

    @router.get("/providers", summary="The providers of language models")
    async def providers(request: Request) -> Providers:
        caller = await identify_request(parts.authenticator, request)
        available = await parts.available_providers(caller)
        return Providers(providers=[_listing(provider, available) for provider in parts.providers])

    @router.get("/metrics", summary="Metrics in the Prometheus text format", response_class=Response)
    async def metrics(request: Request) -> Response:
        if not parts.is_metrics_public:
            _check_metrics_token(request, parts.metrics_token)
        # In a thread: with many models it takes longer than streams should wait.
        text = await asyncio.to_thread(generate_latest, parts.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


async def _caller_if_known(authenticator: Authenticator, request: Request) -> Caller | None:
    if find_credential(read_headers(request.scope["headers"])) is None:
        return None
    try:
        return await identify_request(authenticator, request)
    except OfficiumError:  # whoever looks after the process wants to know that it lives
        return None


async def _run_checks(readiness: Readiness) -> dict[str, bool]:
    try:
        async with asyncio.timeout(_READINESS_TIMEOUT_S):
            return dict(await readiness())
    except Exception as error:
        _log.warning("readiness.failed", error=type(error).__name__)
        return {"checks": False}


def _check_metrics_token(request: Request, token: str | None) -> None:
    """The figures are of all tenants together, so no tenant's key opens this door."""
    if token is None:
        raise PermissionDenied("The operator has given the metrics neither a token nor to the public.")
    given = find_credential(read_headers(request.scope["headers"]))
    if given is None or not hmac.compare_digest(given.encode(), token.encode()):
        raise NotAuthenticated("Send the metrics token as `Authorization: Bearer <token>`.")


def _listing(provider: Provider, available: Collection[str]) -> ProviderListing:
    return ProviderListing(
        name=provider.name,
        label=provider.label,
        dialect=provider.dialect,
        default_model=provider.default_model,
        is_local=provider.is_local,
        available=provider.name in available,
    )
