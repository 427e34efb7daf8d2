"""What a caller may do with experiments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from msgspec import Struct

from officium.core.prompts.errors import ExperimentNotFound
from officium.core.prompts.experiments.experiment import Experiment, Variant, check_variants
from officium.core.prompts.experiments.significance import Sample, welch
from officium.core.prompts.experiments.store import ExperimentStore
from officium.core.prompts.prompt import PromptVersion
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.ids import new_id

MOST_LISTED = 100
SIGNIFICANT = 0.05
"""Below this probability of chance a difference is called one."""

_log = structlog.get_logger(__name__)


class VariantUse(Struct, frozen=True, kw_only=True):
    """What calls with one version took: costs in billionths of a dollar, times in milliseconds."""

    calls: int = 0
    failed: int = 0
    cost: Sample = Sample()
    duration: Sample = Sample()


class Usage(Protocol):
    """Knows what calls with a prompt took."""

    async def use_of_prompt(
        self, caller: Caller, prompt: str, since: datetime, until: datetime | None
    ) -> Mapping[str, VariantUse]:
        """By version such as `own/3`."""
        ...


class Versions(Protocol):
    """Knows the versions of prompts."""

    async def get_version(self, caller: Caller, name: str, ref: str) -> PromptVersion: ...


class VariantReport(Struct, frozen=True, kw_only=True):
    """How a variant does. The probabilities are of chance, against the first variant; `None` is unknown."""

    version: str
    weight: int
    calls: int
    failed: int
    mean_cost_usd: float | None
    mean_duration_ms: float | None
    outcomes: int
    mean_worth: float | None
    p_cost: float | None = None
    p_duration: float | None = None
    p_worth: float | None = None


class ExperimentService:
    """Starts and stops experiments, and compares their variants.

    Reading takes `config:read` or `config:write`, writing `config:write`. `tell` is for other parts of the
    server.
    """

    def __init__(self, store: ExperimentStore, versions: Versions, usage: Usage, clock: Clock) -> None:
        self._store = store
        self._versions = versions
        self._usage = usage
        self._clock = clock

    async def start(
        self, caller: Caller, name: str, variants: Sequence[Variant], *, request_id: str | None = None
    ) -> Experiment:
        """Give subjects these versions of a prompt from now on, each always the same one.

        Raises PermissionDenied, PromptNotFound, InvalidPrompt and ExperimentRunning.
        """
        require(caller, "config:write")
        check_variants(variants)
        for variant in variants:
            await self._versions.get_version(caller, name, variant.version)
        now = self._clock.now()
        experiment = Experiment(
            id=new_id("exp"), name=name, variants=tuple(variants), started_at=now, started_by=caller.actor
        )
        said: dict[str, object] = {"versions": [variant.version for variant in variants]}
        await self._store.add(
            caller, experiment, self._entry("experiment.started", experiment.id, request_id, said)
        )
        _log.info("experiment.started", tenant=caller.tenant_id, prompt=name, experiment=experiment.id)
        return experiment

    async def stop(self, caller: Caller, id: str, *, request_id: str | None = None) -> Experiment:
        """End an experiment; its results stay. Raises PermissionDenied and ExperimentNotFound."""
        require(caller, "config:write")
        before = await self._get(caller, id)
        now = self._clock.now()
        if before.is_running:
            await self._store.end(caller, id, now, self._entry("experiment.stopped", id, request_id, None))
            _log.info("experiment.stopped", tenant=caller.tenant_id, experiment=id)
        return await self._get(caller, id)

    async def list_experiments(self, caller: Caller, name: str) -> list[Experiment]:
        """The last hundred experiments with a prompt, newest first. Raises PermissionDenied."""
        _check_reader(caller)
        return await self._store.list_of(caller, name, MOST_LISTED)

    async def report(self, caller: Caller, id: str) -> tuple[Experiment, list[VariantReport]]:
        """An experiment, and how each variant does. Raises PermissionDenied and ExperimentNotFound."""
        _check_reader(caller)
        experiment = await self._get(caller, id)
        use = await self._usage.use_of_prompt(
            caller, experiment.name, experiment.started_at, experiment.ended_at
        )
        told = await self._store.outcomes(caller, id)
        return experiment, compare(experiment, use, told)

    async def tell(self, caller: Caller, experiment_id: str, variant: str, worth: float) -> None:
        """Write down how good an answer of a variant was, from 0 to 1."""
        await self._store.add_outcome(caller, experiment_id, variant, worth, self._clock.now())

    async def _get(self, caller: Caller, id: str) -> Experiment:
        found = await self._store.find(caller, id)
        if found is None:
            raise ExperimentNotFound(f"There is no experiment {id[:64]!r}.", experiment=id[:64])
        return found

    def _entry(
        self, action: str, id: str, request_id: str | None, after: dict[str, object] | None
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="experiment",
            thing_id=id,
            request_id=request_id,
            after=after,
        )


def compare(
    experiment: Experiment, use: Mapping[str, VariantUse], told: Mapping[str, Sample]
) -> list[VariantReport]:
    """How the variants do, each against the first."""
    first = experiment.variants[0].version
    base, liked = use.get(first, VariantUse()), told.get(first, Sample())
    reports = []
    for variant in experiment.variants:
        took, worth = use.get(variant.version, VariantUse()), told.get(variant.version, Sample())
        is_first = variant.version == first
        reports.append(
            VariantReport(
                version=variant.version,
                weight=variant.weight,
                calls=took.calls,
                failed=took.failed,
                mean_cost_usd=None if took.cost.mean is None else took.cost.mean / 1e9,
                mean_duration_ms=took.duration.mean,
                outcomes=worth.count,
                mean_worth=worth.mean,
                p_cost=None if is_first else welch(base.cost, took.cost),
                p_duration=None if is_first else welch(base.duration, took.duration),
                p_worth=None if is_first else welch(liked, worth),
            )
        )
    return reports


def _check_reader(caller: Caller) -> None:
    if not caller.may("config:write"):
        require(caller, "config:read")
