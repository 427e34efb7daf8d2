"""Experiments from start to result, on both databases."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from officium.core.prompts import InvalidPrompt, Prompt, PromptDraft, PromptNotFound, PromptRegistry
from officium.core.prompts.errors import ExperimentNotFound, ExperimentRunning
from officium.core.prompts.experiments import Sample, Variant
from officium.core.prompts.experiments.service import ExperimentService, VariantUse
from officium.core.prompts.experiments.store import ExperimentStore
from officium.core.prompts.service import PromptService
from officium.core.prompts.store import PromptStore
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from tests.support.tenancy import Tenancy

NAME = "note.v1"
BOTH = [Variant(version="shipped/1"), Variant(version="own/1")]


class FakeUsage:
    def __init__(self) -> None:
        self.use: dict[str, VariantUse] = {}

    async def use_of_prompt(
        self, caller: Caller, prompt: str, since: datetime, until: datetime | None
    ) -> Mapping[str, VariantUse]:
        return self.use


class Bench:
    def __init__(self, database: Database) -> None:
        self.tenancy = Tenancy(database)
        self.usage = FakeUsage()
        store = ExperimentStore(database)
        registry = PromptRegistry()
        registry.register(Prompt(name=NAME, user="Old."))
        self.prompts = PromptService(PromptStore(database), registry, self.tenancy.clock, store)
        self.experiments = ExperimentService(store, self.prompts, self.usage, self.tenancy.clock)

    async def an_admin(self) -> Caller:
        admin = await self.tenancy.an_admin()
        await self.prompts.create_version(admin, PromptDraft(name=NAME, user="New."))
        return admin


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def test_subjects_get_their_variants_while_it_runs(bench: Bench) -> None:
    admin = await bench.an_admin()
    experiment = await bench.experiments.start(admin, NAME, BOTH)

    rendered = [await bench.prompts.render(admin, NAME, {}, subject=f"s{n}") for n in range(30)]
    again = await bench.prompts.render(admin, NAME, {}, subject="s0")
    nobody = await bench.prompts.render(admin, NAME, {})

    assert {one.version for one in rendered} == {"shipped/1", "own/1"}
    assert {one.experiment for one in rendered} == {experiment.id}
    assert again == rendered[0]
    assert (nobody.version, nobody.experiment) == ("shipped/1", None)
    await bench.experiments.stop(admin, experiment.id)
    assert (await bench.prompts.render(admin, NAME, {}, subject="s1")).experiment is None


async def test_results_compare_cost_time_and_feedback(bench: Bench) -> None:
    admin = await bench.an_admin()
    experiment = await bench.experiments.start(admin, NAME, BOTH)
    bench.usage.use = {
        "shipped/1": VariantUse(calls=50, cost=Sample(50, 50e6, 50.5e12), duration=Sample(50, 5e4, 5.1e7)),
        "own/1": VariantUse(calls=50, cost=Sample(50, 100e6, 201e12), duration=Sample(50, 5e4, 5.1e7)),
    }
    for _ in range(6):
        await bench.experiments.tell(admin, experiment.id, "shipped/1", 0.0)
        await bench.experiments.tell(admin, experiment.id, "own/1", 1.0)

    _, (first, second) = await bench.experiments.report(admin, experiment.id)

    assert (first.p_cost, first.p_worth) == (None, None)
    assert second.mean_cost_usd == pytest.approx(0.002)
    assert second.p_cost is not None
    assert second.p_cost < 0.001
    assert second.p_duration == pytest.approx(1.0)
    assert (second.outcomes, second.mean_worth, second.p_worth) == (6, 1.0, 0.0)


async def test_one_experiment_at_a_time(bench: Bench) -> None:
    admin = await bench.an_admin()
    await bench.experiments.start(admin, NAME, BOTH)

    with pytest.raises(ExperimentRunning):
        await bench.experiments.start(admin, NAME, BOTH)


@pytest.mark.parametrize(
    ("variants", "error"),
    [
        pytest.param(BOTH[:1], InvalidPrompt, id="only one"),
        pytest.param([BOTH[0], BOTH[0]], InvalidPrompt, id="twice the same"),
        pytest.param([BOTH[0], Variant(version="own/9")], PromptNotFound, id="no such version"),
        pytest.param([BOTH[0], Variant(version="own/1", weight=0)], InvalidPrompt, id="no weight"),
    ],
)
async def test_variants_that_cannot_be_compared(
    bench: Bench, variants: list[Variant], error: type[Exception]
) -> None:
    admin = await bench.an_admin()

    with pytest.raises(error):
        await bench.experiments.start(admin, NAME, variants)


async def test_experiments_are_their_tenants_own(bench: Bench) -> None:
    admin, other = await bench.an_admin(), await bench.an_admin()
    experiment = await bench.experiments.start(admin, NAME, BOTH)

    with pytest.raises(ExperimentNotFound):
        await bench.experiments.report(other, experiment.id)
    assert (await bench.prompts.render(other, NAME, {}, subject="s0")).experiment is None


async def test_only_who_may_write_configuration_starts_one(bench: Bench) -> None:
    admin = await bench.an_admin()
    reader = Caller(admin.tenant_id, "key:1", frozenset({"config:read"}))

    with pytest.raises(PermissionDenied):
        await bench.experiments.start(reader, NAME, BOTH)
    assert await bench.experiments.list_experiments(reader, NAME) == []
