"""`/api/conditions/evaluate`: whether a condition holds for some facts."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from fastapi import APIRouter
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field

from officium.apps.rules.evaluation import Evaluation
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class Conditions(Protocol):
    """Answers conditions."""

    async def evaluate(
        self,
        caller: Caller,
        text: str,
        facts: Mapping[str, Any],
        *,
        use_llm: bool = True,
        request_id: str,
    ) -> Evaluation: ...


class AskedCondition(BaseModel):
    """A condition, and the facts it is to be held against."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "condition": "$metrics.cpu > 80 AND $status == running",
                    "context": {"metrics": {"cpu": 85.5}, "status": "running"},
                }
            ]
        },
    )

    condition: str = Field(
        max_length=16_384,
        description="An expression of the condition language (up to 4,096 characters), or plain words.",
    )
    context: dict[str, Any] = Field(description="The facts, by the names that the paths begin with.")
    use_llm: bool = Field(
        default=True, description="Whether plain words, which are no expression, may be shown to a model."
    )


class ConditionEvaluation(BaseModel):
    """What came of a condition."""

    result: bool = Field(description="Whether it holds; false where the facts do not say.")
    method: Literal["deterministic", "llm"] = Field(
        description="`deterministic`: by the condition language, always the same. `llm`: a model judged."
    )
    explanation: str = Field(description="Why, with the values that decided.")
    missing: list[str] = Field(description="The paths that would have decided and are not in the context.")


def conditions_router(conditions: Conditions, authenticator: Authenticator) -> APIRouter:
    """The route."""
    router = keyed_router(authenticator, "rules")

    @router.post("/api/conditions/evaluate", summary="Hold a condition against facts")
    async def evaluate_condition(
        caller: KnownCaller, request_id: RequestId, asked: AskedCondition
    ) -> ConditionEvaluation:
        evaluation = await conditions.evaluate(
            caller, asked.condition, asked.context, use_llm=asked.use_llm, request_id=request_id
        )
        return ConditionEvaluation(**asdict(evaluation))

    return router
