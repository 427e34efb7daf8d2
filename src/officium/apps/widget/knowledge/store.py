"""Loading and saving the entries of knowledge bases, and their history."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import RowMapping, Text, case, cast, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.widget.knowledge.change import Action, Cause, EntryChange, KnowledgeVersion
from officium.apps.widget.knowledge.entry import (
    DRAFT_FIELDS,
    MOST_ENTRIES,
    EntryDraft,
    KnowledgeEntry,
    State,
    folded,
)
from officium.apps.widget.knowledge.errors import InvalidEntry, KnowledgeChanged
from officium.apps.widget.knowledge.tables import kb_changes, kb_entries, kb_vectors, kb_versions
from officium.apps.widget.tables import widget_configs
from officium.core.knowledge import Entry, digest_of
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database

_IDS_AT_ONCE = 500
"""Databases take only so many values in one statement."""


class EntryFilter(Struct, frozen=True, kw_only=True):
    """Which entries are asked for. `text` stands in the question or the answer; what is not set any does."""

    text: str = ""
    tag: str | None = None
    language: str | None = None
    state: State | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What is to become of a knowledge base in one step: all of it, or nothing.

    `changed` are entries as they were read, and what they shall be; `expected` is the version that was read,
    where the step only makes sense on that one.
    """

    cause: Cause
    added: Sequence[EntryDraft] = ()
    changed: Sequence[tuple[KnowledgeEntry, EntryDraft]] = ()
    deleted: Sequence[int] = ()
    restored: Sequence[tuple[int, EntryDraft]] = ()
    """Entries that were deleted, and shall be there again under the id they had."""
    expected: int | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """The version that a step made, and the ids of what it added, in order."""

    version: int
    added: tuple[int, ...] = ()


class KnowledgeStore:
    """The knowledge bases of widgets. Each step is one transaction with its place in the history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_version(self, caller: Caller, widget_id: int) -> int:
        """The version a knowledge base is at; 0 before the first entry."""
        async with self._database.reading(caller.tenant_id) as connection:
            return await _version_of(caller, connection, widget_id)

    async def load(self, caller: Caller, widget_id: int) -> tuple[int, list[KnowledgeEntry]]:
        """All entries of one moment, with its version."""
        async with self._database.reading(caller.tenant_id) as connection:
            version = await _version_of(caller, connection, widget_id)
            rows = (await connection.execute(_of_widget(caller, widget_id))).mappings()
            return version, [_entry(row) for row in rows]

    async def list_entries(
        self, caller: Caller, widget_id: int, wanted: EntryFilter, after: int, limit: int
    ) -> list[KnowledgeEntry]:
        """A page of entries, oldest first, beginning behind the id `after`."""
        query = _of_widget(caller, widget_id).where(kb_entries.c.id > after).limit(limit)
        if wanted.text:
            text = folded(wanted.text)
            query = query.where(
                or_(
                    kb_entries.c.folded_question.contains(text, autoescape=True),
                    func.lower(kb_entries.c.answer).contains(wanted.text.lower(), autoescape=True),
                )
            )
        if wanted.tag is not None:
            query = query.where(
                cast(kb_entries.c.tags, Text).contains(json.dumps(wanted.tag), autoescape=True)
            )
        if wanted.language is not None:
            query = query.where(kb_entries.c.language == wanted.language)
        if wanted.state is not None:
            query = query.where(kb_entries.c.state == wanted.state)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_entry(row) for row in (await connection.execute(query)).mappings()]

    async def find_entries(
        self, caller: Caller, widget_id: int, ids: Sequence[int]
    ) -> dict[int, KnowledgeEntry]:
        """Those of the entries that are there, by id."""
        found = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for some in _in_parts(ids):
                query = _of_widget(caller, widget_id).where(kb_entries.c.id.in_(some))
                for row in (await connection.execute(query)).mappings():
                    found[row["id"]] = _entry(row)
        return found

    async def find_by_questions(
        self, caller: Caller, widget_id: int, questions: Sequence[str]
    ) -> dict[str, KnowledgeEntry]:
        """The entries known by these questions, by their folded first phrasing; the oldest of each."""
        found: dict[str, KnowledgeEntry] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for some in _in_parts([folded(question) for question in questions]):
                query = _of_widget(caller, widget_id).where(kb_entries.c.folded_question.in_(some))
                for row in (await connection.execute(query)).mappings():
                    found.setdefault(row["folded_question"], _entry(row))
        return found

    async def carry_out(self, caller: Caller, widget_id: int, plan: Plan, now: datetime) -> Outcome | None:
        """Make the next version of a knowledge base; `None` where its widget is gone.

        Raises KnowledgeChanged where what was read is no longer so, and InvalidEntry where entries would be
        too many.
        """
        its_widget = select(widget_configs.c.id).where(
            widget_configs.c.tenant_id == caller.tenant_id, widget_configs.c.id == widget_id
        )
        try:
            async with self._database.writing(caller.tenant_id) as connection:
                # Locked, so that versions of one knowledge base are made one after the other.
                if (await connection.execute(its_widget.with_for_update())).first() is None:
                    return None
                before = await _version_of(caller, connection, widget_id)
                if plan.expected is not None and plan.expected != before:
                    raise _changed()
                step = _Step(widget_id, before + 1, now)
                changes = await step.take(caller, connection, plan)
                await _write_history(caller, connection, step, plan.cause, changes)
                await record(caller, connection, _audit_entry(widget_id, plan, before, step.version, now))
                return Outcome(version=step.version, added=tuple(step.added))
        except IntegrityError as error:
            raise _changed() from error

    async def list_versions(
        self, caller: Caller, widget_id: int, before: int | None, limit: int
    ) -> list[KnowledgeVersion]:
        """A page of versions, newest first."""
        query = (
            select(kb_versions)
            .where(kb_versions.c.tenant_id == caller.tenant_id, kb_versions.c.widget_id == widget_id)
            .order_by(kb_versions.c.version.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(kb_versions.c.version < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings()
            return [
                KnowledgeVersion(**{name: row[name] for name in KnowledgeVersion.__struct_fields__})
                for row in rows
            ]

    async def list_changes(
        self, caller: Caller, widget_id: int, version: int, after: int, limit: int
    ) -> list[EntryChange]:
        """A page of what a version changed, by entry, behind the entry `after`."""
        query = (
            select(kb_changes, kb_versions.c.at, kb_versions.c.actor)
            .join(
                kb_versions,
                (kb_versions.c.widget_id == kb_changes.c.widget_id)
                & (kb_versions.c.version == kb_changes.c.version),
            )
            .where(
                kb_changes.c.tenant_id == caller.tenant_id,
                kb_changes.c.widget_id == widget_id,
                kb_changes.c.version == version,
                kb_changes.c.entry_id > after,
            )
            .order_by(kb_changes.c.entry_id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_change(row) for row in (await connection.execute(query)).mappings()]

    async def read_as_of(
        self, caller: Caller, widget_id: int, version: int
    ) -> tuple[int, dict[int, EntryDraft | None]]:
        """The newest version, and what every entry that was touched after `version` was in it.

        `None` stands for an entry that was not there.
        """
        touched = (
            select(
                kb_changes.c.entry_id,
                func.max(case((kb_changes.c.version <= version, kb_changes.c.version))).label("then"),
            )
            .where(kb_changes.c.tenant_id == caller.tenant_id, kb_changes.c.widget_id == widget_id)
            .group_by(kb_changes.c.entry_id)
            .having(func.max(kb_changes.c.version) > version)
            .subquery()
        )
        query = select(touched.c.entry_id, kb_changes.c.entry).outerjoin(
            kb_changes,
            (kb_changes.c.widget_id == widget_id)
            & (kb_changes.c.tenant_id == caller.tenant_id)
            & (kb_changes.c.entry_id == touched.c.entry_id)
            & (kb_changes.c.version == touched.c.then),
        )
        async with self._database.reading(caller.tenant_id) as connection:
            newest = await _version_of(caller, connection, widget_id)
            rows = (await connection.execute(query)).mappings().all()
        return newest, {row["entry_id"]: as_draft(row["entry"]) for row in rows}


class _Step:
    """One version of a knowledge base in the making."""

    def __init__(self, widget_id: int, version: int, now: datetime) -> None:
        self.widget_id = widget_id
        self.version = version
        self.now = now
        self.added: list[int] = []

    async def take(
        self, caller: Caller, connection: AsyncConnection, plan: Plan
    ) -> list[tuple[int, Action, EntryDraft | None]]:
        """Change the entries. Gives what became of each."""
        changes: list[tuple[int, Action, EntryDraft | None]] = []
        counting = select(func.count()).where(
            kb_entries.c.tenant_id == caller.tenant_id, kb_entries.c.widget_id == self.widget_id
        )
        more = len(plan.added) + len(plan.restored)
        if more and (await connection.execute(counting)).scalar_one() + more > MOST_ENTRIES:
            raise InvalidEntry(f"A knowledge base has at most {MOST_ENTRIES:,} entries.", param="entries")
        if plan.added:
            rows = [self._new_row(caller, draft) for draft in plan.added]
            made = insert(kb_entries).returning(kb_entries.c.id, sort_by_parameter_order=True)
            self.added = list((await connection.execute(made, rows)).scalars())
            changes += [(id, "added", draft) for id, draft in zip(self.added, plan.added, strict=True)]
        if plan.restored:
            rows = [{**self._new_row(caller, draft), "id": id} for id, draft in plan.restored]
            await connection.execute(insert(kb_entries), rows)
            changes += [(id, "added", draft) for id, draft in plan.restored]
        for entry, draft in plan.changed:
            query = (
                update(kb_entries)
                .where(
                    kb_entries.c.tenant_id == caller.tenant_id,
                    kb_entries.c.widget_id == self.widget_id,
                    kb_entries.c.id == entry.id,
                    kb_entries.c.version == entry.version,
                )
                .values(**_values(draft), **self._mark(caller))
            )
            if (await connection.execute(query)).rowcount == 0:
                raise _changed()
            await _forget_vectors(caller, connection, entry, draft)
            changes.append((entry.id, "changed", draft))
        for some in _in_parts(plan.deleted):
            gone = (
                delete(kb_entries)
                .where(
                    kb_entries.c.tenant_id == caller.tenant_id,
                    kb_entries.c.widget_id == self.widget_id,
                    kb_entries.c.id.in_(some),
                )
                .returning(kb_entries.c.id)
            )
            changes += [(id, "deleted", None) for id in (await connection.execute(gone)).scalars()]
        return changes

    def _new_row(self, caller: Caller, draft: EntryDraft) -> dict[str, Any]:
        return {
            "tenant_id": caller.tenant_id,
            "widget_id": self.widget_id,
            "created_at": self.now,
            **_values(draft),
            **self._mark(caller),
        }

    def _mark(self, caller: Caller) -> dict[str, Any]:
        return {"version": self.version, "updated_at": self.now, "updated_by": caller.actor[:128]}


def _audit_entry(widget_id: int, plan: Plan, before: int, after: int, now: datetime) -> AuditEntry:
    """That somebody changed the knowledge base. What became of each entry stands in its own history."""
    counts = {
        "added": len(plan.added) + len(plan.restored),
        "changed": len(plan.changed),
        "deleted": len(plan.deleted),
    }
    return AuditEntry(
        at=now,
        action="knowledge.changed",
        thing="widget",
        thing_id=str(widget_id),
        before={"version": before},
        after={"version": after, "cause": plan.cause, **counts},
        request_id=None,
    )


async def _version_of(caller: Caller, connection: AsyncConnection, widget_id: int) -> int:
    query = select(func.max(kb_versions.c.version)).where(
        kb_versions.c.tenant_id == caller.tenant_id, kb_versions.c.widget_id == widget_id
    )
    return (await connection.execute(query)).scalar() or 0


async def _write_history(
    caller: Caller,
    connection: AsyncConnection,
    step: _Step,
    cause: Cause,
    changes: Sequence[tuple[int, Action, EntryDraft | None]],
) -> None:
    whose = {"tenant_id": caller.tenant_id, "widget_id": step.widget_id, "version": step.version}
    actions = [action for _, action, _ in changes]
    summary = {name: actions.count(name) for name in ("added", "changed", "deleted")}
    values = {**whose, "cause": cause, "at": step.now, "actor": caller.actor[:128], **summary}
    await connection.execute(insert(kb_versions).values(values))
    rows = [
        {**whose, "entry_id": id, "action": action, "entry": None if draft is None else as_json(draft)}
        for id, action, draft in changes
    ]
    if rows:
        await connection.execute(insert(kb_changes), rows)


async def _forget_vectors(
    caller: Caller, connection: AsyncConnection, before: KnowledgeEntry, after: EntryDraft
) -> None:
    """Delete the vectors of texts by which an entry is no longer found."""
    gone = set(_texts(before)) - set(_texts(after))
    if gone:
        query = delete(kb_vectors).where(
            kb_vectors.c.tenant_id == caller.tenant_id,
            kb_vectors.c.entry_id == before.id,
            kb_vectors.c.digest.in_([digest_of(text) for text in gone]),
        )
        await connection.execute(query)


def _texts(draft: EntryDraft) -> tuple[str, ...]:
    return Entry(0, draft.phrasings, draft.answer).texts()


def as_json(draft: EntryDraft) -> dict[str, Any]:
    """What an entry says, as it stands in the history."""
    values = {name: getattr(draft, name) for name in DRAFT_FIELDS}
    for name in ("valid_from", "valid_to"):
        values[name] = None if values[name] is None else values[name].isoformat()
    return values | {"phrasings": list(draft.phrasings), "tags": list(draft.tags)}


def as_draft(said: dict[str, Any] | None) -> EntryDraft | None:
    """An entry of the history."""
    if said is None:
        return None
    values = {name: said[name] for name in DRAFT_FIELDS}
    for name in ("valid_from", "valid_to"):
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    return EntryDraft(**values | {"phrasings": tuple(said["phrasings"]), "tags": tuple(said["tags"])})


def _of_widget(caller: Caller, widget_id: int) -> Any:
    return (
        select(kb_entries)
        .where(kb_entries.c.tenant_id == caller.tenant_id, kb_entries.c.widget_id == widget_id)
        .order_by(kb_entries.c.id)
    )


def _values(draft: EntryDraft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in DRAFT_FIELDS}
    return values | {
        "phrasings": list(draft.phrasings),
        "tags": list(draft.tags),
        "folded_question": folded(draft.question),
    }


def _entry(row: RowMapping) -> KnowledgeEntry:
    values = {name: row[name] for name in KnowledgeEntry.__struct_fields__}
    return KnowledgeEntry(**values | {"phrasings": tuple(row["phrasings"]), "tags": tuple(row["tags"])})


def _change(row: RowMapping) -> EntryChange:
    return EntryChange(**{name: row[name] for name in EntryChange.__struct_fields__})


def _in_parts(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[place : place + _IDS_AT_ONCE] for place in range(0, len(values), _IDS_AT_ONCE)]


def _changed() -> KnowledgeChanged:
    return KnowledgeChanged("Somebody changed this meanwhile. Read it again, then decide.", param="version")
