"""Loading and saving the tenants' own prompts."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.prompts.errors import InvalidPrompt, PromptAltered
from officium.core.prompts.label import Label, LabelMove
from officium.core.prompts.prompt import Prompt, PromptVersion, digest_of
from officium.core.prompts.tables import prompt_label_moves, prompt_labels, prompt_versions
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.tables import tenants
from officium.kit.database import Database
from officium.kit.ids import new_id

MOST_NAMES = 1000
MOST_VERSIONS = 1000
MOST_LABELS = 20


class PromptStore:
    """A tenant's own versions, its labels and their history.

    Whoever writes holds the tenant's row meanwhile, so that versions count without gaps and doubles.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_newest(self, caller: Caller) -> dict[str, int]:
        """The names of the tenant's own prompts, and the newest version of each; as many as there may be."""
        query = (
            select(prompt_versions.c.name, func.max(prompt_versions.c.version).label("newest"))
            .where(prompt_versions.c.tenant_id == caller.tenant_id)
            .group_by(prompt_versions.c.name)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row.name: row.newest for row in await connection.execute(query)}

    async def list_descriptions(self, caller: Caller, names: Collection[str]) -> dict[str, str]:
        """The descriptions of the newest versions of these prompts, by name."""
        newest = (
            select(prompt_versions.c.name, func.max(prompt_versions.c.version).label("version"))
            .where(prompt_versions.c.tenant_id == caller.tenant_id, prompt_versions.c.name.in_(names))
            .group_by(prompt_versions.c.name)
            .subquery()
        )
        is_newest = and_(
            prompt_versions.c.name == newest.c.name, prompt_versions.c.version == newest.c.version
        )
        query = (
            select(prompt_versions.c.name, prompt_versions.c.description)
            .join(newest, is_newest)
            .where(prompt_versions.c.tenant_id == caller.tenant_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row.name: row.description for row in await connection.execute(query)}

    async def list_changes(self, caller: Caller, names: Collection[str]) -> dict[str, tuple[datetime, str]]:
        """When these prompts were last changed, and by whom: a version published, or a label moved."""
        newest = (
            select(prompt_versions.c.name, func.max(prompt_versions.c.version).label("version"))
            .where(prompt_versions.c.tenant_id == caller.tenant_id, prompt_versions.c.name.in_(names))
            .group_by(prompt_versions.c.name)
            .subquery()
        )
        is_newest = and_(
            prompt_versions.c.name == newest.c.name, prompt_versions.c.version == newest.c.version
        )
        versions = (
            select(prompt_versions.c.name, prompt_versions.c.created_at, prompt_versions.c.created_by)
            .join(newest, is_newest)
            .where(prompt_versions.c.tenant_id == caller.tenant_id)
        )
        last = (
            select(func.max(prompt_label_moves.c.id))
            .where(prompt_label_moves.c.tenant_id == caller.tenant_id, prompt_label_moves.c.name.in_(names))
            .group_by(prompt_label_moves.c.name)
        )
        moves = select(
            prompt_label_moves.c.name, prompt_label_moves.c.moved_at, prompt_label_moves.c.moved_by
        ).where(prompt_label_moves.c.tenant_id == caller.tenant_id, prompt_label_moves.c.id.in_(last))
        found: dict[str, tuple[datetime, str]] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for query in (versions, moves):
                for name, at, by in await connection.execute(query):
                    if name not in found or found[name][0] <= at:
                        found[name] = (at, by)
        return found

    async def list_labels(self, caller: Caller, names: Collection[str]) -> list[Label]:
        """All labels of these prompts, by prompt and label."""
        query = (
            select(prompt_labels)
            .where(prompt_labels.c.tenant_id == caller.tenant_id, prompt_labels.c.name.in_(names))
            .order_by(prompt_labels.c.name, prompt_labels.c.label)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_label(row) for row in (await connection.execute(query)).mappings()]

    async def list_versions(
        self, caller: Caller, name: str, *, before: int | None, limit: int
    ) -> list[PromptVersion]:
        """A page of the tenant's own versions of a prompt, newest first, beginning before a version."""
        query = select(prompt_versions).where(_is(caller, prompt_versions, name))
        if before is not None:
            query = query.where(prompt_versions.c.version < before)
        query = query.order_by(prompt_versions.c.version.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_version(row) for row in (await connection.execute(query)).mappings()]

    async def find_version(self, caller: Caller, name: str, version: int) -> PromptVersion | None:
        """One of the tenant's own versions. Raises PromptAltered."""
        query = select(prompt_versions).where(
            _is(caller, prompt_versions, name), prompt_versions.c.version == version
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _version(row)

    async def find_labelled(
        self, caller: Caller, name: str, labels: Collection[str]
    ) -> dict[str, tuple[Label, PromptVersion | None]]:
        """Where those of `labels` point that the tenant has set; with the version if it is one of its own."""
        own = and_(
            prompt_versions.c.tenant_id == caller.tenant_id,
            prompt_versions.c.name == prompt_labels.c.name,
            prompt_versions.c.version == prompt_labels.c.version,
            prompt_labels.c.source == "own",
        )
        query = (
            select(
                prompt_labels,
                *(prompt_versions.c[name] for name in ("digest", "content", "created_at", "created_by")),
            )
            .outerjoin(prompt_versions, own)
            .where(_is(caller, prompt_labels, name), prompt_labels.c.label.in_(labels))
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["label"]: (_label(row), _version(row) if row["digest"] else None) for row in rows}

    async def add_version(
        self, caller: Caller, draft: PromptVersion, label: str | None, entry: AuditEntry
    ) -> PromptVersion:
        """Publish as the next version, and point `label` at it; what is the newest already is not repeated.

        Raises InvalidPrompt where there are too many.
        """
        name = draft.prompt.name
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            newest = await _newest(caller, connection, name)
            if newest is None or newest.digest != draft.digest:
                await _check_room(caller, connection, newest, name)
                newest = replace(draft, version=1 if newest is None else newest.version + 1)
                await connection.execute(insert(prompt_versions).values(_row(caller, newest)))
                after = {"version": newest.ref, "digest": newest.digest}
                await record(caller, connection, replace(entry, after=after))
            if label is not None:
                await self._point(caller, connection, label, newest, entry)
            return newest

    async def move_label(
        self, caller: Caller, label: str, version: PromptVersion, entry: AuditEntry
    ) -> Label:
        """Point a label at a version, and write down that it moved. Raises InvalidPrompt for too many."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            return await self._point(caller, connection, label, version, entry)

    async def remove_label(self, caller: Caller, name: str, label: str, entry: AuditEntry) -> bool:
        """Take a label away, and write it down; whether there was one."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _hold_tenant(caller, connection)
            before = await _find_label(caller, connection, name, label)
            if before is None:
                return False
            mine = and_(_is(caller, prompt_labels, name), prompt_labels.c.label == label)
            await connection.execute(delete(prompt_labels).where(mine))
            await _write_move(caller, connection, name, label, None, entry)
            await record(caller, connection, replace(entry, before={"version": before.ref}))
        return True

    async def list_moves(
        self, caller: Caller, name: str, *, before: str | None, limit: int
    ) -> list[LabelMove]:
        """A page of where the labels of a prompt were, newest first, beginning before the id `before`."""
        query = select(prompt_label_moves).where(_is(caller, prompt_label_moves, name))
        if before is not None:
            query = query.where(prompt_label_moves.c.id < before)
        query = query.order_by(prompt_label_moves.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [LabelMove(**{key: row[key] for key in LabelMove.__struct_fields__}) for row in rows]

    async def _point(
        self,
        caller: Caller,
        connection: AsyncConnection,
        label: str,
        version: PromptVersion,
        entry: AuditEntry,
    ) -> Label:
        name = version.prompt.name
        before = await _find_label(caller, connection, name, label)
        if before is not None and before.ref == version.ref:
            return before
        if before is None:
            await _check_labels(caller, connection, name)
        moved = Label(
            name=name,
            label=label,
            source=version.source,
            version=version.version,
            moved_at=entry.at,
            moved_by=caller.actor,
        )
        put = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        keys = {"tenant_id": caller.tenant_id, "name": name, "label": label}
        values = {key: value for key, value in asdict(moved).items() if key not in keys}
        await connection.execute(
            put(prompt_labels)
            .values(**keys, **values)
            .on_conflict_do_update(index_elements=list(keys), set_=values)
        )
        await _write_move(caller, connection, name, label, version, entry)
        line = replace(
            entry,
            id=new_id("aud"),
            action="prompt_label.moved",
            thing="prompt_label",
            thing_id=f"{name}/{label}",
            before=None if before is None else {"version": before.ref},
            after={"version": version.ref},
        )
        await record(caller, connection, line)
        return moved


async def _hold_tenant(caller: Caller, connection: AsyncConnection) -> None:
    await connection.execute(select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update())


async def _newest(caller: Caller, connection: AsyncConnection, name: str) -> PromptVersion | None:
    query = (
        select(prompt_versions)
        .where(
            prompt_versions.c.tenant_id == caller.tenant_id,
            prompt_versions.c.name == name,
        )
        .order_by(prompt_versions.c.version.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _version(row)


async def _check_room(
    caller: Caller, connection: AsyncConnection, newest: PromptVersion | None, name: str
) -> None:
    if newest is not None and newest.version >= MOST_VERSIONS:
        raise InvalidPrompt(f"{name} has {MOST_VERSIONS} versions. Go on under a new name.", param="name")
    if newest is None:
        mine = prompt_versions.c.tenant_id == caller.tenant_id
        query = select(func.count(prompt_versions.c.name.distinct())).where(mine)
        if (await connection.execute(query)).scalar_one() >= MOST_NAMES:
            raise InvalidPrompt(f"A tenant has at most {MOST_NAMES} prompts.", param="name")


async def _check_labels(caller: Caller, connection: AsyncConnection, name: str) -> None:
    query = select(func.count()).select_from(prompt_labels).where(_is(caller, prompt_labels, name))
    if (await connection.execute(query)).scalar_one() >= MOST_LABELS:
        raise InvalidPrompt(f"A prompt has at most {MOST_LABELS} labels. Remove one.", param="label")


async def _find_label(caller: Caller, connection: AsyncConnection, name: str, label: str) -> Label | None:
    query = select(prompt_labels).where(_is(caller, prompt_labels, name), prompt_labels.c.label == label)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _label(row)


async def _write_move(
    caller: Caller,
    connection: AsyncConnection,
    name: str,
    label: str,
    version: PromptVersion | None,
    entry: AuditEntry,
) -> None:
    values = {
        "id": new_id("plm"),
        "tenant_id": caller.tenant_id,
        "name": name,
        "label": label,
        "source": version and version.source,
        "version": version and version.version,
        "moved_at": entry.at,
        "moved_by": caller.actor,
    }
    await connection.execute(insert(prompt_label_moves).values(values))


def _is(caller: Caller, table: Table, name: str) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == caller.tenant_id, table.c.name == name)


def _row(caller: Caller, version: PromptVersion) -> dict[str, object]:
    return {
        "tenant_id": caller.tenant_id,
        "name": version.prompt.name,
        "version": version.version,
        "digest": version.digest,
        "description": version.prompt.description,
        "content": msgspec.to_builtins(version.prompt),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }


def _version(row: RowMapping) -> PromptVersion:
    """The version as it was published, or PromptAltered."""
    try:
        prompt = msgspec.convert(row["content"], Prompt)
    except msgspec.ValidationError as error:
        raise _altered(row) from error
    if prompt.name != row["name"] or digest_of(prompt) != row["digest"]:
        raise _altered(row)
    return PromptVersion(
        prompt=prompt,
        source="own",
        version=row["version"],
        digest=row["digest"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def _altered(row: RowMapping) -> PromptAltered:
    return PromptAltered(
        f"Version own/{row['version']} of the prompt {row['name']} was changed in the database after it was "
        "published, so it is not used. Publish a new version, or restore the database.",
        prompt=row["name"],
    )


def _label(row: RowMapping) -> Label:
    return Label(**{key: row[key] for key in Label.__struct_fields__})
