"""`/api/model-rules`: where a tenant is stricter than the operator."""

from typing import Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from officium.core.gateway.strictness import RulesInForce
from officium.core.llm.lifecycle import RetiredPolicy
from officium.core.tenancy.caller import Caller
from officium.core.usage.prices import UnknownRule
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class ModelRules(Protocol):
    """Knows the tenants' rules."""

    async def get_rules(self, caller: Caller) -> RulesInForce: ...

    async def set_rules(
        self,
        caller: Caller,
        retired: RetiredPolicy | None,
        unknown_price: UnknownRule | None,
        *,
        request_id: str | None = None,
    ) -> RulesInForce: ...


class WantedRules(BaseModel):
    """What a tenant wants; null is what the operator says."""

    model_config = ConfigDict(extra="forbid")

    retired: RetiredPolicy | None = Field(description="A request for a retired model.", examples=["refuse"])
    unknown_price: UnknownRule | None = Field(
        description="A call whose price nobody knows.", examples=["ceiling"]
    )


class Rule(BaseModel):
    """A rule: the operator's, the tenant's own, and the stricter of both, which holds."""

    operator: str = Field(examples=["successor"])
    own: str | None
    in_force: str
    choices: list[str] = Field(description="What the tenant may choose.")


class Rules(BaseModel):
    """The tenant's rules."""

    retired: Rule = Field(description="A request for a retired model.")
    unknown_price: Rule = Field(description="A call whose price nobody knows.")


def model_rules_router(rules: ModelRules, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "configuration")

    @router.get("/api/model-rules", summary="What becomes of retired models and of unknown prices")
    async def get_rules(caller: KnownCaller) -> Rules:
        return _shown(await rules.get_rules(caller))

    @router.put("/api/model-rules", summary="Be stricter than the operator")
    async def set_rules(caller: KnownCaller, wanted: WantedRules, request_id: RequestId) -> Rules:
        found = await rules.set_rules(caller, wanted.retired, wanted.unknown_price, request_id=request_id)
        return _shown(found)

    return router


def _shown(rules: RulesInForce) -> Rules:
    return Rules(
        retired=Rule(
            operator=rules.operators_retired,
            own=rules.own.retired,
            in_force=rules.retired,
            choices=list(rules.retired_choices),
        ),
        unknown_price=Rule(
            operator=rules.operators_unknown.rule,
            own=rules.own.unknown_price,
            in_force=rules.unknown_price,
            choices=list(rules.unknown_price_choices),
        ),
    )
