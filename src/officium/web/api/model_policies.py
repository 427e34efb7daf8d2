"""`/api/model-policies`: who of a tenant may use which models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from officium.core.gateway.policy import ModelPolicy
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_PATTERNS = ["groq/*", "openai/gpt-*"]


class PolicyService(Protocol):
    """Knows the tenants' policies."""

    async def list_policies(self, caller: Caller) -> Sequence[ModelPolicy]: ...

    async def set_policy(
        self, caller: Caller, subject: str, allowed: Sequence[str], *, request_id: str | None = None
    ) -> ModelPolicy: ...

    async def delete_policy(self, caller: Caller, subject: str, *, request_id: str | None = None) -> None: ...


class AllowedModels(BaseModel):
    """What a subject may use."""

    model_config = ConfigDict(extra="forbid")

    allowed: list[str] = Field(
        description="`provider/model`, where `*` stands for any characters; nothing else may be used.",
        examples=[_PATTERNS],
    )


class ShownModelPolicy(BaseModel):
    """Who may use which models."""

    subject: str = Field(
        description="`operator` (for the tenant as a whole), `tenant`, `key:<id>` or `member:<id>`.",
        examples=["key:ak_01k5c9m0w8"],
    )
    allowed: list[str] = Field(examples=[_PATTERNS])
    updated_at: datetime
    updated_by: str


class ModelPolicies(BaseModel):
    """All policies of the tenant. Whoever several are about may use what all of them allow."""

    policies: list[ShownModelPolicy]


PolicySubject = Annotated[
    str,
    Path(description="`tenant`, `key:<id>` or `member:<id>`.", examples=["tenant"], max_length=80),
]


def model_policies_router(policies: PolicyService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "configuration")

    @router.get("/api/model-policies", summary="Who may use which models")
    async def list_policies(caller: KnownCaller) -> ModelPolicies:
        return ModelPolicies(policies=[_shown(policy) for policy in await policies.list_policies(caller)])

    @router.put("/api/model-policies/{subject}", summary="Let a subject use these models and no others")
    async def set_policy(
        caller: KnownCaller, subject: PolicySubject, asked: AllowedModels, request_id: RequestId
    ) -> ShownModelPolicy:
        return _shown(await policies.set_policy(caller, subject, asked.allowed, request_id=request_id))

    @router.delete("/api/model-policies/{subject}", summary="Lift a policy", status_code=204)
    async def delete_policy(caller: KnownCaller, subject: PolicySubject, request_id: RequestId) -> None:
        await policies.delete_policy(caller, subject, request_id=request_id)

    return router


def _shown(policy: ModelPolicy) -> ShownModelPolicy:
    return ShownModelPolicy(
        subject=policy.subject,
        allowed=list(policy.allowed),
        updated_at=policy.updated_at,
        updated_by=policy.updated_by,
    )
