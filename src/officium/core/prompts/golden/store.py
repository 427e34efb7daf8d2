"""Loading and saving the tenants' own golden sets."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, delete, func, insert, select

from officium.core.prompts.errors import InvalidGoldenSet
from officium.core.prompts.golden.case import GoldenCase
from officium.core.prompts.golden.tables import prompt_golden_sets
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.kit.database import Database

MOST_SETS = 1000


class GoldenStore:
    """A tenant's own golden sets, one for a prompt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, caller: Caller, name: str) -> tuple[GoldenCase, ...]:
        """The tenant's own cases of a prompt; none where it has no set."""
        query = select(prompt_golden_sets.c.cases).where(
            prompt_golden_sets.c.tenant_id == caller.tenant_id, prompt_golden_sets.c.name == name
        )
        async with self._database.reading(caller.tenant_id) as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
        return () if found is None else msgspec.convert(found, tuple[GoldenCase, ...])

    async def list_names(self, caller: Caller) -> list[str]:
        """The prompts that the tenant has golden sets of its own for."""
        query = (
            select(prompt_golden_sets.c.name)
            .where(prompt_golden_sets.c.tenant_id == caller.tenant_id)
            .order_by(prompt_golden_sets.c.name)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return list((await connection.execute(query)).scalars())

    async def put(
        self, caller: Caller, name: str, cases: Sequence[GoldenCase], at: datetime, entry: AuditEntry
    ) -> None:
        """Replace the set of a prompt; without cases it is removed. Raises InvalidGoldenSet."""
        mine = prompt_golden_sets.c.tenant_id == caller.tenant_id
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update()
            )
            await connection.execute(
                delete(prompt_golden_sets).where(
                    and_(
                        prompt_golden_sets.c.tenant_id == caller.tenant_id, prompt_golden_sets.c.name == name
                    )
                )
            )
            if cases:
                count = await connection.execute(select(func.count()).where(mine))
                if count.scalar_one() >= MOST_SETS:
                    raise InvalidGoldenSet(f"A tenant has at most {MOST_SETS} golden sets.", param="name")
                values = {
                    "name": name,
                    "cases": msgspec.to_builtins(cases),
                    "updated_at": at,
                    "updated_by": caller.actor,
                }
                await connection.execute(
                    insert(prompt_golden_sets).values(tenant_id=caller.tenant_id, **values)
                )
            await record(caller, connection, entry)
