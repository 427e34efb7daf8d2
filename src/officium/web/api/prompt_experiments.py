"""`/api/prompts/{name}/experiments`: versions of a prompt in use at once, and how they compare."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Path
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field

from officium.core.prompts.experiments import Experiment, Variant
from officium.core.prompts.experiments.service import SIGNIFICANT, VariantReport
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class Experiments(Protocol):
    """Knows the experiments."""

    async def start(
        self, caller: Caller, name: str, variants: Sequence[Variant], *, request_id: str | None = None
    ) -> Experiment: ...

    async def stop(self, caller: Caller, id: str, *, request_id: str | None = None) -> Experiment: ...

    async def list_experiments(self, caller: Caller, name: str) -> Sequence[Experiment]: ...

    async def report(self, caller: Caller, id: str) -> tuple[Experiment, Sequence[VariantReport]]: ...


class PromptVariant(BaseModel):
    """A version, and its share of the subjects in proportion to the other weights."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(examples=["own/2"], max_length=32)
    weight: int = Field(1, ge=1, le=100)


class NewExperiment(BaseModel):
    """What to compare; the first variant is what the others are held against."""

    model_config = ConfigDict(extra="forbid")

    variants: list[PromptVariant] = Field(min_length=2, max_length=5)


class ShownExperiment(BaseModel):
    """An experiment."""

    id: str
    name: str
    variants: list[PromptVariant]
    started_at: datetime
    started_by: str
    ended_at: datetime | None


class ShownExperiments(BaseModel):
    """Experiments with a prompt, newest first."""

    experiments: list[ShownExperiment]


class ShownVariant(BaseModel):
    """How a variant does. A `p_` is the probability that a difference from the first is chance."""

    version: str
    weight: int
    calls: int
    failed: int
    mean_cost_usd: float | None
    mean_duration_ms: float | None
    outcomes: int = Field(description="How many answers somebody accepted, edited or rejected.")
    mean_worth: float | None = Field(description="1 accepted, 0 rejected, between them edited.")
    p_cost: float | None
    p_duration: float | None
    p_worth: float | None
    significant: list[str] = Field(
        description=f"What differs with a probability of chance below {SIGNIFICANT}."
    )


class ShownReport(ShownExperiment):
    """An experiment and its results."""

    results: list[ShownVariant]


PromptName = Annotated[str, Path(examples=["email.followup.v1"], max_length=100)]
ExperimentId = Annotated[str, Path(max_length=64)]


def prompt_experiments_router(experiments: Experiments, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "prompts")

    @router.get("/api/prompts/{name}/experiments", summary="The experiments with a prompt")
    async def list_experiments(caller: KnownCaller, name: PromptName) -> ShownExperiments:
        found = await experiments.list_experiments(caller, name)
        return ShownExperiments(experiments=[_shown(one) for one in found])

    @router.post("/api/prompts/{name}/experiments", summary="Compare versions in use", status_code=201)
    async def start_experiment(
        caller: KnownCaller, name: PromptName, asked: NewExperiment, request_id: RequestId
    ) -> ShownExperiment:
        variants = [Variant(version=one.version, weight=one.weight) for one in asked.variants]
        return _shown(await experiments.start(caller, name, variants, request_id=request_id))

    @router.get("/api/prompt-experiments/{id}", summary="An experiment and how its variants do")
    async def get_experiment(caller: KnownCaller, id: ExperimentId) -> ShownReport:
        experiment, reports = await experiments.report(caller, id)
        return ShownReport(
            **_shown(experiment).model_dump(), results=[_shown_variant(report) for report in reports]
        )

    @router.post("/api/prompt-experiments/{id}/stop", summary="End an experiment; its results stay")
    async def stop_experiment(
        caller: KnownCaller, id: ExperimentId, request_id: RequestId
    ) -> ShownExperiment:
        return _shown(await experiments.stop(caller, id, request_id=request_id))

    return router


def _shown(experiment: Experiment) -> ShownExperiment:
    said = asdict(experiment)
    return ShownExperiment(
        **{**said, "variants": [PromptVariant(**asdict(one)) for one in experiment.variants]}
    )


def _shown_variant(report: VariantReport) -> ShownVariant:
    values = {"cost": report.p_cost, "duration": report.p_duration, "worth": report.p_worth}
    significant = [name for name, p in values.items() if p is not None and p < SIGNIFICANT]
    return ShownVariant(**asdict(report), significant=significant)
