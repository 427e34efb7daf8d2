"""`/api/model-aliases`: a tenant's own names for models, and the fallback behind each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from officium.core.gateway.alias import Alias
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_TARGETS = ["groq/openai/gpt-oss-20b", "gemini/gemini-3.5-flash-lite"]


class AliasService(Protocol):
    """Knows the tenants' aliases."""

    async def list_aliases(self, caller: Caller) -> Sequence[Alias]: ...

    async def set_alias(
        self, caller: Caller, name: str, targets: Sequence[str], *, request_id: str | None = None
    ) -> Alias: ...

    async def delete_alias(self, caller: Caller, name: str, *, request_id: str | None = None) -> None: ...


class AliasTargets(BaseModel):
    """What an alias is to stand for."""

    model_config = ConfigDict(extra="forbid")

    targets: list[str] = Field(
        description="`provider/model`, or a provider alone for its default model; tried in this order.",
        examples=[_TARGETS],
    )


class ModelAlias(BaseModel):
    """A name of the tenant's own, and what answers to it."""

    name: str = Field(examples=["fast"])
    targets: list[str] = Field(examples=[_TARGETS])
    updated_at: datetime
    updated_by: str = Field(description="The key or member who set it last.", examples=["key:ak_01k5c9m0w8"])


class ModelAliases(BaseModel):
    """All aliases of the tenant, by name."""

    aliases: list[ModelAlias]


AliasName = Annotated[str, Path(description="What callers ask for. May contain slashes.", examples=["fast"])]


def aliases_router(aliases: AliasService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "configuration")

    @router.get("/api/model-aliases", summary="The tenant's own names for models")
    async def list_aliases(caller: KnownCaller) -> ModelAliases:
        return ModelAliases(aliases=[_shown(alias) for alias in await aliases.list_aliases(caller)])

    @router.put("/api/model-aliases/{name:path}", summary="Create an alias, or replace what it stands for")
    async def set_alias(
        caller: KnownCaller, name: AliasName, asked: AliasTargets, request_id: RequestId
    ) -> ModelAlias:
        return _shown(await aliases.set_alias(caller, name, asked.targets, request_id=request_id))

    @router.delete("/api/model-aliases/{name:path}", summary="Delete an alias", status_code=204)
    async def delete_alias(caller: KnownCaller, name: AliasName, request_id: RequestId) -> None:
        await aliases.delete_alias(caller, name, request_id=request_id)

    return router


def _shown(alias: Alias) -> ModelAlias:
    return ModelAlias(
        name=alias.name,
        targets=list(alias.targets),
        updated_at=alias.updated_at,
        updated_by=alias.updated_by,
    )
