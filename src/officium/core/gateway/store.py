"""Loading and saving the gateway's things."""

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from officium.core.gateway.alias import Alias
from officium.core.gateway.tables import model_aliases
from officium.core.tenancy import Caller
from officium.kit.database import Database


class AliasStore:
    """A tenant's model aliases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_aliases(self, caller: Caller) -> list[Alias]:
        """All aliases of the caller's tenant, by name."""
        query = (
            select(model_aliases)
            .where(model_aliases.c.tenant_id == caller.tenant_id)
            .order_by(model_aliases.c.name)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        return [
            Alias(
                name=row.name,
                targets=tuple(row.targets),
                updated_at=row.updated_at,
                updated_by=row.updated_by,
            )
            for row in rows
        ]

    async def put_alias(self, caller: Caller, alias: Alias) -> None:
        """Create the alias or replace what it stands for; of two at once the later one holds."""
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {
            "targets": list(alias.targets),
            "updated_at": alias.updated_at,
            "updated_by": alias.updated_by,
        }
        query = (
            insert(model_aliases)
            .values(tenant_id=caller.tenant_id, name=alias.name, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "name"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def delete_alias(self, caller: Caller, name: str) -> bool:
        """Delete the alias; whether there was one."""
        mine = (model_aliases.c.tenant_id == caller.tenant_id) & (model_aliases.c.name == name)
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(delete(model_aliases).where(mine))).rowcount > 0
