"""Loading and saving experiments."""

from datetime import datetime

import msgspec
from sqlalchemy import RowMapping, and_, func, insert, select, update

from officium.core.prompts.errors import ExperimentRunning, InvalidPrompt
from officium.core.prompts.experiments.experiment import Experiment, Variant
from officium.core.prompts.experiments.significance import Sample
from officium.core.prompts.experiments.tables import prompt_experiments, prompt_outcomes
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.kit.database import Database
from officium.kit.ids import new_id

MOST_EXPERIMENTS = 1000


class ExperimentStore:
    """A tenant's experiments, and the outcomes that were told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, experiment: Experiment, entry: AuditEntry) -> None:
        """Insert an experiment. Raises ExperimentRunning while another of its prompt runs, InvalidPrompt."""
        mine = prompt_experiments.c.tenant_id == caller.tenant_id
        values = {**msgspec.structs.asdict(experiment), "variants": msgspec.to_builtins(experiment.variants)}
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update()
            )
            count = await connection.execute(select(func.count()).where(mine))
            if count.scalar_one() >= MOST_EXPERIMENTS:
                raise InvalidPrompt(f"A tenant has at most {MOST_EXPERIMENTS} experiments.", param="name")
            running = select(prompt_experiments.c.id).where(
                mine,
                prompt_experiments.c.name == experiment.name,
                prompt_experiments.c.ended_at.is_(None),
            )
            if (found := (await connection.execute(running)).first()) is not None:
                raise ExperimentRunning(
                    f"The experiment {found.id} with {experiment.name} still runs. Stop it first.",
                    experiment=found.id,
                )
            await connection.execute(insert(prompt_experiments).values(tenant_id=caller.tenant_id, **values))
            await record(caller, connection, entry)

    async def find(self, caller: Caller, id: str) -> Experiment | None:
        """The tenant's experiment with this id."""
        query = select(prompt_experiments).where(
            prompt_experiments.c.tenant_id == caller.tenant_id, prompt_experiments.c.id == id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _experiment(row)

    async def find_running(self, caller: Caller, name: str) -> Experiment | None:
        """The experiment that runs with a prompt."""
        query = select(prompt_experiments).where(
            prompt_experiments.c.tenant_id == caller.tenant_id,
            prompt_experiments.c.name == name,
            prompt_experiments.c.ended_at.is_(None),
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _experiment(row)

    async def list_of(self, caller: Caller, name: str, limit: int) -> list[Experiment]:
        """The experiments with a prompt, newest first."""
        query = (
            select(prompt_experiments)
            .where(prompt_experiments.c.tenant_id == caller.tenant_id, prompt_experiments.c.name == name)
            .order_by(prompt_experiments.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_experiment(row) for row in (await connection.execute(query)).mappings()]

    async def end(self, caller: Caller, id: str, at: datetime, entry: AuditEntry) -> bool:
        """End an experiment; whether it was running."""
        mine = and_(
            prompt_experiments.c.tenant_id == caller.tenant_id,
            prompt_experiments.c.id == id,
            prompt_experiments.c.ended_at.is_(None),
        )
        async with self._database.writing(caller.tenant_id) as connection:
            done = await connection.execute(update(prompt_experiments).where(mine).values(ended_at=at))
            if done.rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True

    async def add_outcome(
        self, caller: Caller, experiment_id: str, variant: str, worth: float, at: datetime
    ) -> None:
        """Write down how good an answer of a variant was, from 0 to 1."""
        values = {
            "id": new_id("out"),
            "tenant_id": caller.tenant_id,
            "experiment_id": experiment_id,
            "variant": variant,
            "worth": worth,
            "created_at": at,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(insert(prompt_outcomes).values(values))

    async def outcomes(self, caller: Caller, experiment_id: str) -> dict[str, Sample]:
        """What was told of each variant."""
        worth = prompt_outcomes.c.worth
        query = (
            select(
                prompt_outcomes.c.variant,
                func.count().label("count"),
                func.sum(worth).label("total"),
                func.sum(worth * worth).label("squares"),
            )
            .where(
                prompt_outcomes.c.tenant_id == caller.tenant_id,
                prompt_outcomes.c.experiment_id == experiment_id,
            )
            .group_by(prompt_outcomes.c.variant)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["variant"]: Sample(row["count"], row["total"], row["squares"]) for row in rows}


def _experiment(row: RowMapping) -> Experiment:
    said = {name: row[name] for name in Experiment.__struct_fields__}
    return Experiment(**{**said, "variants": msgspec.convert(row["variants"], tuple[Variant, ...])})
