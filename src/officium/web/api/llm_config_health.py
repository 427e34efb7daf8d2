"""`/api/llm-config/{id}/health-check` and `/config/refresh`: does it work, and is it what is used?"""

from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from officium.core.gateway.health import HealthReport
from officium.core.tenancy.caller import Caller
from officium.web.acting import ActingUsers, UserId
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class HealthChecks(Protocol):
    """Tries configurations."""

    async def check_config(
        self, caller: Caller, config_id: str, owner_id: str | None = None, *, request_id: str
    ) -> HealthReport: ...


class Refreshes(Protocol):
    """Reads configurations anew."""

    async def refresh(self, caller: Caller, *, request_id: str) -> HealthReport: ...


class LlmConfigHealth(BaseModel):
    """Whether a configuration works."""

    status: Literal["healthy", "unhealthy"]
    provider: str = Field(examples=["anthropic"])
    model: str = Field(examples=["claude-haiku-5-5"])
    latency_ms: int = Field(examples=[412])
    message: str = Field(
        description="`Invalid API key` where the provider refuses the key; else plain words.",
        examples=["The provider answers."],
    )


ConfigId = Annotated[str, Path(description="The configuration's id.", examples=["llc_01k5c9m0w8"])]


def llm_config_health_router(
    checks: HealthChecks, refreshes: Refreshes, users: ActingUsers, authenticator: Authenticator
) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "configuration")

    @router.post("/api/llm-config/{id}/health-check", summary="Does this configuration work?")
    async def check(
        caller: KnownCaller, id: ConfigId, request_id: RequestId, user_id: UserId = None
    ) -> LlmConfigHealth:
        """Asks the provider for a few words, which count as any call does."""
        subject = await users.subject_of(caller, user_id)
        return _shown(await checks.check_config(subject.caller, id, subject.owner_id, request_id=request_id))

    @router.post("/config/refresh", summary="Use the configuration as it is now, on every replica")
    async def refresh(caller: KnownCaller, request_id: RequestId, user_id: UserId = None) -> LlmConfigHealth:
        """Answers with the provider and model that are used where nobody names a model."""
        subject = await users.subject_of(caller, user_id)
        return _shown(await refreshes.refresh(subject.caller, request_id=request_id))

    return router


def _shown(report: HealthReport) -> LlmConfigHealth:
    return LlmConfigHealth(
        status=report.status,
        provider=report.provider,
        model=report.model,
        latency_ms=report.latency_ms,
        message=report.message,
    )
