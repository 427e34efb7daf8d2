"""`/api/rules`: a sentence becomes workflow rules, which are refined, checked and tried."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from officium.apps.rules.check import Checked
from officium.apps.rules.problem import Problem, problem_json
from officium.apps.rules.service import Batch, Failure, Made, Options, Way
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.caller import Authenticator
from officium.web.errors import status_of
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class RuleService(Protocol):
    """Makes rules and judges them."""

    async def generate(
        self,
        caller: Caller,
        intent: str,
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Made: ...

    async def generate_batch(
        self,
        caller: Caller,
        intents: Sequence[str],
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Batch: ...

    async def refine(
        self,
        caller: Caller,
        current: Mapping[str, Any],
        feedback: str,
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Made: ...

    async def check(
        self,
        caller: Caller,
        workflow: object,
        context: Mapping[str, Any] | None = None,
        intent: str = "",
    ) -> tuple[Checked, str]: ...


WORKFLOW_EXAMPLE: dict[str, Any] = {
    "workflow_name": "database-memory-alert",
    "trigger": "ON_METRIC_UPDATE",
    "rules": [
        {
            "name": "check-memory",
            "condition": "($metrics.db_memory_percent > 85)",
            "then": [
                {
                    "action": "SEND_WITH_ESCALATION",
                    "params": {"to": "team", "message": "Database memory is above 85 %"},
                }
            ],
        }
    ],
}
Context = Annotated[
    dict[str, Any] | None,
    Field(
        validation_alias=AliasChoices("aggregated_context", "aggregatedContext"),
        description="What the rules may use, as `GET /aggregated` shows it; the tenant's own where left out.",
    ),
]


class Body(BaseModel):
    """A body that has no other fields, spelled in snake_case or camelCase."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _Writing(Body):
    aggregated_context: Context = None
    method: Way = Field(
        "auto",
        description="Who writes: `model`, `template` (without one), or `auto`: a model where there is one.",
    )
    model: str | None = Field(
        None, max_length=256, description="The model to ask; the default where left out."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="0.3 where nothing else is configured.")
    max_tokens: int | None = Field(
        None,
        ge=1,
        le=100_000,
        validation_alias=AliasChoices("max_tokens", "maxTokens"),
        description="4096 where nothing else is configured.",
    )

    def options(self) -> Options:
        return Options(
            way=self.method, model=self.model, temperature=self.temperature, max_tokens=self.max_tokens
        )


class GenerateBody(_Writing):
    """A sentence, and what there is to make rules of."""

    user_intent: str = Field(
        validation_alias=AliasChoices("user_intent", "userIntent"),
        examples=["Alert team when database memory exceeds 85%"],
    )


class BatchBody(_Writing):
    """Several sentences over one catalogue."""

    intents: list[str] = Field(
        examples=[["Alert team when cpu is above 80%", "Every day at 9 back up the database"]]
    )


class RefineBody(_Writing):
    """Rules as they are, and what is to be different."""

    current_rules: dict[str, Any] = Field(
        validation_alias=AliasChoices("current_rules", "currentRules"), examples=[WORKFLOW_EXAMPLE]
    )
    feedback: str = Field(examples=["Add retry logic for failures"])


class CheckBody(Body):
    """Rules to be checked, and what they were meant to do where that is known."""

    workflow_rules: dict[str, Any] = Field(
        validation_alias=AliasChoices("workflow_rules", "workflowRules"), examples=[WORKFLOW_EXAMPLE]
    )
    aggregated_context: Context = None
    user_intent: str = Field("", validation_alias=AliasChoices("user_intent", "userIntent"), max_length=4000)


class ShownProblem(BaseModel):
    """A mistake or a warning, and where it is."""

    pointer: str = Field(description="The JSON pointer of the part.")
    code: str
    message: str
    did_you_mean: list[str] = Field(default=[])
    position: int | None = Field(None, description="The character within a condition, from 0.")


class ShownCatalogueUsed(BaseModel):
    """What of the catalogue the rules were made from."""

    source: str
    is_all: bool = Field(description="Whether nothing was left out.")
    triggers: list[str]
    condition_types: list[str]
    action_types: list[str]
    of_triggers: int
    of_condition_types: int
    of_action_types: int


class Generated(BaseModel):
    """Rules that passed every check, and how they came to be."""

    model_config = ConfigDict(protected_namespaces=())

    workflow_rules: dict[str, Any] = Field(examples=[WORKFLOW_EXAMPLE])
    model_used: str = Field(description="The model, or `template`.")
    tokens_used: int
    generation_time_ms: int
    method: Literal["model", "template", "scripted"] = Field(
        description="`scripted` is the provider that plays a script: a trial, and no model's work."
    )
    corrections: int = Field(description="How often a model's answer was sent back with what was wrong.")
    description: str = Field(description="The rules in words.")
    warnings: list[ShownProblem]
    notes: list[str]
    catalogue_used: ShownCatalogueUsed
    difference: dict[str, Any] | None = Field(
        None, description="After a refinement: what is done differently now, as `/api/rules/diff` says it."
    )


class ItemFault(BaseModel):
    """Why nothing came of an intent."""

    code: str
    message: str
    status: int = Field(description="The status it would have been answered with alone.")
    problems: list[dict[str, Any]] = Field(default=[])


class BatchItem(BaseModel):
    """What became of an intent: `result` or `error`."""

    index: int
    user_intent: str
    result: Generated | None = None
    error: ItemFault | None = None


class BatchAnswer(BaseModel):
    """What became of every intent, in their order."""

    results: list[BatchItem]
    succeeded: int
    failed: int
    tokens_used: int
    generation_time_ms: int


class CheckAnswer(BaseModel):
    """Whether rules can be used, what is wrong or odd about them, and what they say."""

    valid: bool
    problems: list[ShownProblem]
    warnings: list[ShownProblem]
    description: str


def rules_router(rules: RuleService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "rules")
    _add_making(router, rules)
    return router


def _add_making(router: APIRouter, rules: RuleService) -> None:
    @router.post("/api/rules/generate", summary="Make rules of a sentence")
    async def generate(caller: KnownCaller, request_id: RequestId, asked: GenerateBody) -> Generated:
        made = await rules.generate(
            caller,
            asked.user_intent,
            asked.aggregated_context,
            options=asked.options(),
            request_id=request_id,
        )
        return _generated(made)

    @router.post("/api/rules/generate-batch", summary="Make rules of several sentences")
    async def generate_batch(caller: KnownCaller, request_id: RequestId, asked: BatchBody) -> BatchAnswer:
        """Each is made or fails by itself; the answer is 200 even if some failed."""
        batch = await rules.generate_batch(
            caller, asked.intents, asked.aggregated_context, options=asked.options(), request_id=request_id
        )
        items = [
            _item(index, intent, outcome)
            for index, (intent, outcome) in enumerate(zip(batch.intents, batch.outcomes, strict=True))
        ]
        made = {id(outcome): outcome for outcome in batch.outcomes if isinstance(outcome, Made)}
        succeeded = sum(item.result is not None for item in items)
        return BatchAnswer(
            results=items,
            succeeded=succeeded,
            failed=len(items) - succeeded,
            tokens_used=sum(outcome.tokens_used for outcome in made.values()),
            generation_time_ms=batch.generation_time_ms,
        )

    @router.post("/api/rules/refine", summary="Change rules by saying what is to be different")
    async def refine(caller: KnownCaller, request_id: RequestId, asked: RefineBody) -> Generated:
        made = await rules.refine(
            caller,
            unwrapped(asked.current_rules),
            asked.feedback,
            asked.aggregated_context,
            options=asked.options(),
            request_id=request_id,
        )
        return _generated(made)

    @router.post("/api/rules/check", summary="What is wrong or odd about rules, and what they say in words")
    async def check(caller: KnownCaller, asked: CheckBody) -> CheckAnswer:
        checked, description = await rules.check(
            caller, unwrapped(asked.workflow_rules), asked.aggregated_context, asked.user_intent
        )
        return CheckAnswer(
            valid=checked.workflow is not None,
            problems=_problems(checked.problems),
            warnings=_problems(checked.warnings),
            description=description,
        )


def unwrapped(said: dict[str, Any]) -> dict[str, Any]:
    """The workflow itself, where a whole answer of a generating door was sent back."""
    inner = said.get("workflow_rules")
    return inner if isinstance(inner, dict) and "rules" not in said else said


def _generated(made: Made) -> Generated:
    values = {name: getattr(made, name) for name in Made.__struct_fields__}
    return Generated(
        **{
            **values,
            "workflow_rules": dict(made.workflow_rules),
            "warnings": _problems(made.warnings),
            "difference": None if made.difference is None else dict(made.difference),
            "catalogue_used": ShownCatalogueUsed(**msgspec.structs.asdict(made.catalogue_used)),
        }
    )


def _item(index: int, intent: str, outcome: Made | Failure) -> BatchItem:
    if isinstance(outcome, Made):
        return BatchItem(index=index, user_intent=intent, result=_generated(outcome))
    return BatchItem(index=index, user_intent=intent, error=_fault(outcome.error))


def _fault(error: OfficiumError) -> ItemFault:
    problems = error.fields.get("problems")
    return ItemFault(
        code=error.code,
        message=error.message,
        status=status_of(error),
        problems=problems if isinstance(problems, list) else [],
    )


def _problems(problems: Sequence[Problem]) -> list[ShownProblem]:
    return [ShownProblem(**problem_json(problem)) for problem in problems]
