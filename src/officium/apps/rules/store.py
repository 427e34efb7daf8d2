"""Loading and saving rules, their versions, and catalogues."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from officium.apps.rules.errors import InvalidRule
from officium.apps.rules.saved_rule import RuleVersion, SavedRule
from officium.apps.rules.tables import rule_catalogues, rule_versions, rules
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database

MOST_RULES_OF_TENANT = 10_000
MOST_VERSIONS = 1_000


class SavedCatalogue(Struct, frozen=True, kw_only=True):
    """A tenant's own catalogue as it was told."""

    content: str
    updated_at: datetime
    updated_by: str


class RuleStore:
    """The rules of tenants. A rule and its version are saved in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Both know ON CONFLICT, and SQLAlchemy has it for each of them only.
        self._insert: Any = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def find_catalogue(self, caller: Caller) -> SavedCatalogue | None:
        """The tenant's own catalogue, if it has told one."""
        query = select(rule_catalogues).where(rule_catalogues.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        return SavedCatalogue(**{name: row[name] for name in SavedCatalogue.__struct_fields__})

    async def put_catalogue(self, caller: Caller, catalogue: SavedCatalogue, entry: AuditEntry) -> None:
        """Put a catalogue in the place of the one before."""
        values = asdict(catalogue)
        put = (
            self._insert(rule_catalogues)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put)
            await record(caller, connection, entry)

    async def delete_catalogue(self, caller: Caller, entry: AuditEntry) -> bool:
        """Forget the tenant's own catalogue; whether there was one."""
        query = delete(rule_catalogues).where(rule_catalogues.c.tenant_id == caller.tenant_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True

    async def add_rule(self, caller: Caller, rule: SavedRule, first: RuleVersion, entry: AuditEntry) -> None:
        """Insert a rule with its first version. Raises InvalidRule if there are too many."""
        counting = select(func.count()).where(rules.c.tenant_id == caller.tenant_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(counting)).scalar_one() >= MOST_RULES_OF_TENANT:
                raise InvalidRule(f"A tenant has at most {MOST_RULES_OF_TENANT:,} rules. Delete some.")
            await connection.execute(insert(rules).values(**asdict(rule)))
            await connection.execute(insert(rule_versions).values(_version_row(caller, rule.id, first)))
            await record(caller, connection, entry)

    async def change_rule(
        self,
        caller: Caller,
        before: SavedRule,
        after: SavedRule,
        version: RuleVersion | None,
        entry: AuditEntry,
    ) -> bool:
        """Put `after` in the place of `before`, with its new version if there is one.

        `False` where the rule was changed meanwhile.
        """
        changing = (
            update(rules)
            .where(
                rules.c.tenant_id == caller.tenant_id,
                rules.c.id == before.id,
                rules.c.version == before.version,
                rules.c.updated_at == before.updated_at,
            )
            .values(**{name: value for name, value in asdict(after).items() if name != "last_replay"})
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(changing)).rowcount == 0:
                return False
            if version is not None:
                await connection.execute(
                    insert(rule_versions).values(_version_row(caller, after.id, version))
                )
            await record(caller, connection, entry)
        return True

    async def note_replay(self, caller: Caller, rule_id: str, replay: Mapping[str, Any]) -> None:
        """Put down what came of a rule's last replay; this is no change of the rule."""
        noting = (
            update(rules)
            .where(rules.c.tenant_id == caller.tenant_id, rules.c.id == rule_id)
            .values(last_replay=dict(replay))
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(noting)

    async def find_rule(self, caller: Caller, rule_id: str) -> SavedRule | None:
        """The tenant's rule with this id."""
        query = select(rules).where(rules.c.tenant_id == caller.tenant_id, rules.c.id == rule_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else SavedRule(**row)

    async def find_version(self, caller: Caller, rule_id: str, version: int) -> RuleVersion | None:
        """A version of the tenant's rule."""
        query = select(rule_versions).where(
            rule_versions.c.tenant_id == caller.tenant_id,
            rule_versions.c.rule_id == rule_id,
            rule_versions.c.version == version,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _version(row)

    async def list_rules(
        self, caller: Caller, after: str, limit: int, status: str | None = None
    ) -> list[tuple[SavedRule, RuleVersion]]:
        """A page of the tenant's rules with their newest versions, oldest first, behind the id `after`."""
        query = self._newest(caller).where(rules.c.id > after).order_by(rules.c.id).limit(limit)
        if status is not None:
            query = query.where(rules.c.status == status)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(_rule(row), _version(row, "v_")) for row in rows]

    async def search_rules(
        self, caller: Caller, words: str, status: str | None, before: str | None, limit: int
    ) -> list[tuple[SavedRule, RuleVersion]]:
        """A page of the rules whose names hold `words`, newest first, of those made before an id."""
        query = self._newest(caller).order_by(rules.c.id.desc()).limit(limit)
        if words:
            query = query.where(rules.c.workflow_name.icontains(words, autoescape=True))
        if status is not None:
            query = query.where(rules.c.status == status)
        if before is not None:
            query = query.where(rules.c.id < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(_rule(row), _version(row, "v_")) for row in rows]

    def _newest(self, caller: Caller) -> Select[Any]:
        """The tenant's rules with their newest versions."""
        return (
            select(rules, *(column.label(f"v_{column.name}") for column in rule_versions.c))
            .join(
                rule_versions,
                (rule_versions.c.rule_id == rules.c.id) & (rule_versions.c.version == rules.c.version),
            )
            .where(rules.c.tenant_id == caller.tenant_id, rule_versions.c.tenant_id == caller.tenant_id)
        )

    async def list_versions(
        self, caller: Caller, rule_id: str, before: int | None, limit: int
    ) -> list[RuleVersion]:
        """A page of a rule's versions, newest first, of those before a number."""
        query = (
            select(rule_versions)
            .where(rule_versions.c.tenant_id == caller.tenant_id, rule_versions.c.rule_id == rule_id)
            .order_by(rule_versions.c.version.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(rule_versions.c.version < before)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_version(row) for row in (await connection.execute(query)).mappings()]

    async def delete_rule(self, caller: Caller, rule_id: str, entry: AuditEntry) -> bool:
        """Delete a rule with its versions; whether there was one."""
        query = delete(rules).where(rules.c.tenant_id == caller.tenant_id, rules.c.id == rule_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True


def _version_row(caller: Caller, rule_id: str, version: RuleVersion) -> dict[str, Any]:
    values = {name: getattr(version, name) for name in RuleVersion.__struct_fields__ if name != "workflow"}
    content = msgspec.json.encode(version.workflow).decode()
    tests = [dict(test) for test in version.tests]
    return {**values, "tests": tests, "content": content, "rule_id": rule_id, "tenant_id": caller.tenant_id}


def _rule(row: RowMapping) -> SavedRule:
    return SavedRule(**{name: row[name] for name in SavedRule.__struct_fields__})


def _version(row: RowMapping, prefix: str = "") -> RuleVersion:
    names = [name for name in RuleVersion.__struct_fields__ if name != "workflow"]
    values = {name: row[f"{prefix}{name}"] for name in names}
    return RuleVersion(workflow=msgspec.json.decode(row[f"{prefix}content"]), **values)
