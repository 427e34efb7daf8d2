"""What an agency may do with the knowledge base of a widget."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.knowledge.change import Cause, EntryChange, KnowledgeVersion
from officium.apps.widget.knowledge.duplicates import Duplicate, find_duplicates
from officium.apps.widget.knowledge.entry import (
    EntryChanges,
    EntryDraft,
    KnowledgeEntry,
    checked_entry,
    draft_of,
    folded,
    with_changes,
)
from officium.apps.widget.knowledge.errors import EntryNotFound, ImportRefused, VersionNotFound
from officium.apps.widget.knowledge.import_file import FileFormat, ImportedEntry, read_entries
from officium.apps.widget.knowledge.import_page import PageReader
from officium.apps.widget.knowledge.store import EntryFilter, KnowledgeStore, Outcome, Plan
from officium.apps.widget.reach import require_reading
from officium.apps.widget.widget import Widget
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest
from officium.kit.notices import Notices

LARGEST_PAGE = 200
MOST_AT_ONCE = 10_000
"""As many entries may be changed in one step."""
KNOWLEDGE_CHANGED = "widget.knowledge"
"""The notice that a knowledge base has a new version; its text is the widget's id."""

_log = structlog.get_logger("widget")


class Widgets(Protocol):
    """Knows which widgets there are."""

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did, or would do: entries that are new, and those that take the place of others.

    `version` is the one it made; `None` where it was only looked at, or there was nothing to do.
    """

    added: tuple[EntryDraft, ...]
    changed: tuple[EntryDraft, ...]
    unchanged: int
    version: int | None = None


class KnowledgeService:
    """The knowledge bases of a tenant's widgets.

    Reading needs `config:read` or `config:write`, writing `config:write`.
    """

    def __init__(
        self, store: KnowledgeStore, widgets: Widgets, pages: PageReader, clock: Clock, notices: Notices
    ) -> None:
        self._store = store
        self._widgets = widgets
        self._pages = pages
        self._clock = clock
        self._notices = notices

    async def get_version(self, caller: Caller, widget_id: int) -> int:
        """The version the knowledge base is at; 0 before its first entry. Raises WidgetNotFound."""
        await self._check_reader(caller, widget_id)
        return await self._store.get_version(caller, widget_id)

    async def list_entries(
        self,
        caller: Caller,
        widget_id: int,
        wanted: EntryFilter | None = None,
        *,
        after: int = 0,
        limit: int = 50,
    ) -> list[KnowledgeEntry]:
        """A page of entries, oldest first, behind the id `after`. Raises WidgetNotFound."""
        await self._check_reader(caller, widget_id)
        return await self._store.list_entries(
            caller, widget_id, wanted or EntryFilter(), after, _checked_limit(limit)
        )

    async def get_entry(self, caller: Caller, widget_id: int, entry_id: int) -> KnowledgeEntry:
        """One entry. Raises WidgetNotFound and EntryNotFound."""
        await self._check_reader(caller, widget_id)
        return await self._get(caller, widget_id, entry_id)

    async def add_entry(
        self, caller: Caller, widget_id: int, draft: EntryDraft, *, cause: Cause = "edited"
    ) -> KnowledgeEntry:
        """Add an entry. Raises WidgetNotFound and InvalidEntry."""
        await self._check_writer(caller, widget_id)
        made = await self._carry_out(caller, widget_id, Plan(cause=cause, added=[checked_entry(draft)]))
        return await self._get(caller, widget_id, made.added[0])

    async def update_entry(
        self,
        caller: Caller,
        widget_id: int,
        entry_id: int,
        changes: EntryChanges,
        *,
        expected: int | None = None,
    ) -> KnowledgeEntry:
        """Change an entry; `expected` is the `version` the caller has seen of it.

        Raises WidgetNotFound, EntryNotFound, InvalidEntry and KnowledgeChanged.
        """
        await self._check_writer(caller, widget_id)
        before = await self._get(caller, widget_id, entry_id)
        if expected is not None and expected != before.version:
            before = _seen(before, expected)
        after = checked_entry(with_changes(before, changes))
        await self._carry_out(caller, widget_id, Plan(cause="edited", changed=[(before, after)]))
        return await self._get(caller, widget_id, entry_id)

    async def delete_entry(self, caller: Caller, widget_id: int, entry_id: int) -> None:
        """Delete an entry; the history remembers it. Raises WidgetNotFound and EntryNotFound."""
        await self._check_writer(caller, widget_id)
        await self._get(caller, widget_id, entry_id)
        await self._carry_out(caller, widget_id, Plan(cause="edited", deleted=[entry_id]))

    async def edit_many(
        self, caller: Caller, widget_id: int, ids: Sequence[int], changes: EntryChanges | None
    ) -> int:
        """Change many entries alike, all or none; without `changes` delete them. Gives the new version.

        Raises WidgetNotFound, EntryNotFound for any that is missing, InvalidEntry and KnowledgeChanged.
        """
        await self._check_writer(caller, widget_id)
        wanted = list(dict.fromkeys(ids))
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise InvalidRequest(f"Name 1 to {MOST_AT_ONCE:,} entries.", param="ids")
        found = await self._store.find_entries(caller, widget_id, wanted)
        missing = [id for id in wanted if id not in found]
        if missing:
            raise _no_entry(missing[0])
        if changes is None:
            plan = Plan(cause="bulk", deleted=wanted)
        else:
            edited = [(found[id], checked_entry(with_changes(found[id], changes))) for id in wanted]
            plan = Plan(cause="bulk", changed=edited)
        return (await self._carry_out(caller, widget_id, plan)).version

    async def find_duplicates(self, caller: Caller, widget_id: int) -> list[Duplicate]:
        """Pairs of entries that ask nearly the same, the most alike first. Raises WidgetNotFound."""
        await self._check_reader(caller, widget_id)
        _, entries = await self._store.load(caller, widget_id)
        return await asyncio.to_thread(find_duplicates, entries)

    async def export(self, caller: Caller, widget_id: int) -> list[KnowledgeEntry]:
        """Every entry, oldest first. Raises WidgetNotFound."""
        await self._check_reader(caller, widget_id)
        _, entries = await self._store.load(caller, widget_id)
        return entries

    async def import_file(
        self, caller: Caller, widget_id: int, content: bytes, kind: FileFormat, *, is_preview: bool = False
    ) -> ImportReport:
        """Take in the entries of a file: all, or none. One that asks what an entry asks takes its place.

        Raises WidgetNotFound, and ImportRefused with everything that is wrong, by row.
        """
        await self._check_writer(caller, widget_id)
        read = await asyncio.to_thread(read_entries, content, kind)
        return await self._take_in(caller, widget_id, read, is_preview=is_preview)

    async def import_page(
        self, caller: Caller, widget_id: int, url: str, *, is_preview: bool = False
    ) -> ImportReport:
        """Take in the questions and answers of a page, or of the pages a sitemap lists.

        Raises WidgetNotFound, AddressRefused, PageUnreachable and ImportRefused.
        """
        await self._check_writer(caller, widget_id)
        read = await self._pages.read(url)
        return await self._take_in(caller, widget_id, read, is_preview=is_preview)

    async def list_versions(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 50
    ) -> list[KnowledgeVersion]:
        """A page of the versions the knowledge base had, newest first. Raises WidgetNotFound."""
        await self._check_reader(caller, widget_id)
        return await self._store.list_versions(caller, widget_id, before, _checked_limit(limit))

    async def list_changes(
        self, caller: Caller, widget_id: int, version: int, *, after: int = 0, limit: int = 50
    ) -> list[EntryChange]:
        """A page of what a version changed. Raises WidgetNotFound and VersionNotFound."""
        await self._check_reader(caller, widget_id)
        await self._check_version(caller, widget_id, version)
        return await self._store.list_changes(caller, widget_id, version, after, _checked_limit(limit))

    async def restore(self, caller: Caller, widget_id: int, version: int) -> int:
        """Make the knowledge base what it was in a version; that makes the next one, which is given.

        Raises WidgetNotFound, VersionNotFound and KnowledgeChanged.
        """
        await self._check_writer(caller, widget_id)
        await self._check_version(caller, widget_id, version)
        newest, then = await self._store.read_as_of(caller, widget_id, version)
        now = await self._store.find_entries(caller, widget_id, list(then))
        plan = Plan(
            cause="restored",
            changed=[
                (now[id], draft)
                for id, draft in then.items()
                if draft and id in now and draft_of(now[id]) != draft
            ],
            restored=[(id, draft) for id, draft in then.items() if draft and id not in now],
            deleted=[id for id, draft in then.items() if draft is None and id in now],
            expected=newest,
        )
        if not (plan.changed or plan.restored or plan.deleted):
            return newest
        return (await self._carry_out(caller, widget_id, plan)).version

    async def _take_in(
        self, caller: Caller, widget_id: int, read: Sequence[ImportedEntry], *, is_preview: bool
    ) -> ImportReport:
        if len(read) > MOST_AT_ONCE:
            raise ImportRefused(f"An import has at most {MOST_AT_ONCE:,} entries. Send it in parts.")
        version = await self._store.get_version(caller, widget_id)
        questions = [each.draft.question for each in read]
        known = await self._store.find_by_questions(caller, widget_id, questions)
        added, changed, unchanged = [], [], 0
        for each in read:
            before = known.get(folded(each.draft.question))
            if before is None:
                added.append(each.draft)
            elif draft_of(before) == each.draft:
                unchanged += 1
            else:
                changed.append((before, each.draft))
        report = ImportReport(
            added=tuple(added), changed=tuple(draft for _, draft in changed), unchanged=unchanged
        )
        if is_preview or not (added or changed):
            return report
        plan = Plan(cause="imported", added=added, changed=changed, expected=version)
        made = await self._carry_out(caller, widget_id, plan)
        return ImportReport(
            added=report.added, changed=report.changed, unchanged=unchanged, version=made.version
        )

    async def _carry_out(self, caller: Caller, widget_id: int, plan: Plan) -> Outcome:
        made = await self._store.carry_out(caller, widget_id, plan, self._clock.now())
        if made is None:
            raise _no_widget(widget_id)
        self._notices.publish(KNOWLEDGE_CHANGED, str(widget_id))
        _log.info(
            "knowledge.changed",
            tenant=caller.tenant_id,
            actor=caller.actor,
            widget=widget_id,
            version=made.version,
            cause=plan.cause,
            added=len(plan.added),
            changed=len(plan.changed),
            deleted=len(plan.deleted),
        )
        return made

    async def _get(self, caller: Caller, widget_id: int, entry_id: int) -> KnowledgeEntry:
        found = await self._store.find_entries(caller, widget_id, [entry_id])
        if entry_id not in found:
            raise _no_entry(entry_id)
        return found[entry_id]

    async def _check_reader(self, caller: Caller, widget_id: int) -> None:
        require_reading(caller)
        await self._check_widget(caller, widget_id)

    async def _check_writer(self, caller: Caller, widget_id: int) -> None:
        require(caller, "config:write")
        await self._check_widget(caller, widget_id)

    async def _check_widget(self, caller: Caller, widget_id: int) -> None:
        if await self._widgets.find_widget(caller, widget_id) is None:
            raise _no_widget(widget_id)

    async def _check_version(self, caller: Caller, widget_id: int, version: int) -> None:
        if not 0 <= version <= await self._store.get_version(caller, widget_id):
            raise VersionNotFound(f"The knowledge base never had a version {version}.")


def _seen(entry: KnowledgeEntry, version: int) -> KnowledgeEntry:
    """The entry under the version somebody has seen of it: where that is old, saving it is refused."""
    return KnowledgeEntry(
        **{name: getattr(entry, name) for name in KnowledgeEntry.__struct_fields__} | {"version": version}
    )


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit


def _no_widget(widget_id: int) -> WidgetNotFound:
    return WidgetNotFound(f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids.")


def _no_entry(entry_id: int) -> EntryNotFound:
    return EntryNotFound(f"The knowledge base has no entry {entry_id}. List its entries to see their ids.")
