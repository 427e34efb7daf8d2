"""Loading and saving the gateway's things."""

from msgspec.structs import replace
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.gateway.alias import Alias
from officium.core.gateway.policy import ModelPolicy
from officium.core.gateway.strictness import ModelRules
from officium.core.gateway.tables import model_aliases, model_policies
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.usage.prices.tables import model_rules
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

    async def put_alias(self, caller: Caller, alias: Alias, entry: AuditEntry) -> None:
        """Create the alias or replace what it stands for; of two at once the later one holds.

        The entry goes into the audit log, with what the name stood for before.
        """
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
            before = await _stood_for(caller, connection, alias.name)
            await connection.execute(query)
            await record(caller, connection, replace(entry, before=before))

    async def delete_alias(self, caller: Caller, name: str, entry: AuditEntry) -> bool:
        """Delete the alias, and say so in the audit log; whether there was one."""
        mine = (model_aliases.c.tenant_id == caller.tenant_id) & (model_aliases.c.name == name)
        async with self._database.writing(caller.tenant_id) as connection:
            before = await _stood_for(caller, connection, name)
            if before is None:
                return False
            await connection.execute(delete(model_aliases).where(mine))
            await record(caller, connection, replace(entry, before=before))
        return True


async def _stood_for(caller: Caller, connection: AsyncConnection, name: str) -> dict[str, object] | None:
    """What the audit log says of an alias as it is; nobody changes it until the transaction ends."""
    query = (
        select(model_aliases.c.targets)
        .where(model_aliases.c.tenant_id == caller.tenant_id, model_aliases.c.name == name)
        .with_for_update()
    )
    row = (await connection.execute(query)).first()
    return None if row is None else {"targets": row.targets}


class PolicyStore:
    """Which models a tenant, its keys and its members may use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_policies(self, caller: Caller) -> list[ModelPolicy]:
        """All policies of the caller's tenant, by subject."""
        query = (
            select(model_policies)
            .where(model_policies.c.tenant_id == caller.tenant_id)
            .order_by(model_policies.c.subject_kind, model_policies.c.subject_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        return [
            ModelPolicy(
                subject=f"{row.subject_kind}:{row.subject_id}" if row.subject_id else row.subject_kind,
                allowed=tuple(row.allowed),
                updated_at=row.updated_at,
                updated_by=row.updated_by,
            )
            for row in rows
        ]

    async def put_policy(self, caller: Caller, policy: ModelPolicy, entry: AuditEntry) -> None:
        """Create the policy or replace it; of two at once the later one holds.

        The entry goes into the audit log, with what was allowed before.
        """
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        kind, _, id = policy.subject.partition(":")
        values = {
            "allowed": list(policy.allowed),
            "updated_at": policy.updated_at,
            "updated_by": policy.updated_by,
        }
        query = (
            insert(model_policies)
            .values(tenant_id=caller.tenant_id, subject_kind=kind, subject_id=id, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "subject_kind", "subject_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            before = await _allowed(caller, connection, policy.subject)
            await connection.execute(query)
            await record(caller, connection, replace(entry, before=before))

    async def delete_policy(self, caller: Caller, subject: str, entry: AuditEntry) -> bool:
        """Delete the policy, and say so in the audit log; whether there was one."""
        kind, _, id = subject.partition(":")
        mine = (
            (model_policies.c.tenant_id == caller.tenant_id)
            & (model_policies.c.subject_kind == kind)
            & (model_policies.c.subject_id == id)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            before = await _allowed(caller, connection, subject)
            if before is None:
                return False
            await connection.execute(delete(model_policies).where(mine))
            await record(caller, connection, replace(entry, before=before))
        return True


async def _allowed(caller: Caller, connection: AsyncConnection, subject: str) -> dict[str, object] | None:
    """What the audit log says of a policy as it is; nobody changes it until the transaction ends."""
    kind, _, id = subject.partition(":")
    query = (
        select(model_policies.c.allowed)
        .where(
            model_policies.c.tenant_id == caller.tenant_id,
            model_policies.c.subject_kind == kind,
            model_policies.c.subject_id == id,
        )
        .with_for_update()
    )
    row = (await connection.execute(query)).first()
    return None if row is None else {"allowed": row.allowed}


class ModelRuleStore:
    """Where tenants are stricter than the operator."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_rules(self, caller: Caller) -> ModelRules | None:
        """The rules of the caller's tenant, where it has said any."""
        query = select(model_rules).where(model_rules.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return (
            None if row is None else ModelRules(**{name: row[name] for name in ModelRules.__struct_fields__})
        )

    async def put_rules(self, caller: Caller, rules: ModelRules, entry: AuditEntry) -> None:
        """Replace the rules. The entry goes into the audit log, with what they were before."""
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {name: getattr(rules, name) for name in ModelRules.__struct_fields__}
        said = select(model_rules.c.retired, model_rules.c.unknown_price).where(
            model_rules.c.tenant_id == caller.tenant_id
        )
        query = (
            insert(model_rules)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            row = (await connection.execute(said.with_for_update())).mappings().first()
            await connection.execute(query)
            await record(caller, connection, replace(entry, before=None if row is None else dict(row)))
