"""Loading and saving how personas answer."""

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import RowMapping, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from officium.apps.personas.persona import PersonaType
from officium.apps.personas.persona_config import SavedPersonaConfig
from officium.apps.personas.tables import persona_configs
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database


class PersonaStore:
    """A tenant's configurations of the personas."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_configs(self, caller: Caller) -> list[SavedPersonaConfig]:
        """Those that were made, by persona."""
        query = (
            select(persona_configs)
            .where(persona_configs.c.tenant_id == caller.tenant_id)
            .order_by(persona_configs.c.persona)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_config(row) for row in (await connection.execute(query)).mappings()]

    async def find_config(self, caller: Caller, persona: PersonaType) -> SavedPersonaConfig | None:
        """That of one persona, if there is one."""
        query = select(persona_configs).where(
            persona_configs.c.tenant_id == caller.tenant_id, persona_configs.c.persona == persona
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _config(row)

    async def put_config(self, caller: Caller, config: SavedPersonaConfig, entry: AuditEntry) -> None:
        """Put a configuration in the place of the one before."""
        insert: Any = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = asdict(config)
        put = (
            insert(persona_configs)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "persona"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put)
            await record(caller, connection, entry)

    async def delete_config(self, caller: Caller, persona: PersonaType, entry: AuditEntry) -> bool:
        """Delete a configuration; whether there was one."""
        query = delete(persona_configs).where(
            persona_configs.c.tenant_id == caller.tenant_id, persona_configs.c.persona == persona
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True


def _config(row: RowMapping) -> SavedPersonaConfig:
    return SavedPersonaConfig(**{name: row[name] for name in SavedPersonaConfig.__struct_fields__})
