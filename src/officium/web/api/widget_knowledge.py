"""`/api/chat-widget/widgets/{widgetId}/knowledge`: what a widget knows."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from officium.apps.widget.knowledge import (
    Duplicate,
    EntryChange,
    EntryChanges,
    EntryDraft,
    EntryFilter,
    ImportReport,
    KnowledgeEntry,
    KnowledgeVersion,
)
from officium.apps.widget.knowledge.import_file import COLUMNS, FileFormat
from officium.apps.widget.knowledge.service import MOST_AT_ONCE
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.api.chat_widget import After, Asked, PageSize, WidgetId
from officium.web.caller import Authenticator
from officium.web.csv_text import csv_lines
from officium.web.keyed import KnownCaller, keyed_router

_ROOT = "/api/chat-widget/widgets/{widgetId}/knowledge"
_FORMATS: dict[str, FileFormat] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/markdown": "markdown",
}
_LARGEST_ID = 2**63 - 1
_SHOWN_OF_IMPORT = 100


class KnowledgeService(Protocol):
    """Knows what widgets know."""

    async def get_version(self, caller: Caller, widget_id: int) -> int: ...

    async def list_entries(
        self,
        caller: Caller,
        widget_id: int,
        wanted: EntryFilter | None = None,
        *,
        after: int = 0,
        limit: int = 50,
    ) -> Sequence[KnowledgeEntry]: ...

    async def get_entry(self, caller: Caller, widget_id: int, entry_id: int) -> KnowledgeEntry: ...

    async def add_entry(self, caller: Caller, widget_id: int, draft: EntryDraft) -> KnowledgeEntry: ...

    async def update_entry(
        self,
        caller: Caller,
        widget_id: int,
        entry_id: int,
        changes: EntryChanges,
        *,
        expected: int | None = None,
    ) -> KnowledgeEntry: ...

    async def delete_entry(self, caller: Caller, widget_id: int, entry_id: int) -> None: ...

    async def edit_many(
        self, caller: Caller, widget_id: int, ids: Sequence[int], changes: EntryChanges | None
    ) -> int: ...

    async def find_duplicates(self, caller: Caller, widget_id: int) -> Sequence[Duplicate]: ...

    async def export(self, caller: Caller, widget_id: int) -> Sequence[KnowledgeEntry]: ...

    async def import_file(
        self, caller: Caller, widget_id: int, content: bytes, kind: FileFormat, *, is_preview: bool = False
    ) -> ImportReport: ...

    async def import_page(
        self, caller: Caller, widget_id: int, url: str, *, is_preview: bool = False
    ) -> ImportReport: ...

    async def list_versions(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 50
    ) -> Sequence[KnowledgeVersion]: ...

    async def list_changes(
        self, caller: Caller, widget_id: int, version: int, *, after: int = 0, limit: int = 50
    ) -> Sequence[EntryChange]: ...

    async def restore(self, caller: Caller, widget_id: int, version: int) -> int: ...


class NewEntry(Asked):
    """An entry to write. All of it is plain text."""

    phrasings: list[str] = Field(
        description="Ways to ask it; the first is the question it is known by.",
        examples=[["What are your hours?", "When do you open?"]],
    )
    answer: str = Field(examples=["We are open from 9 to 18, Monday to Saturday."])
    language: str | None = Field(None, examples=["en"])
    tags: list[str] = Field(default=[], examples=[["hours"]])
    source_url: str | None = Field(None, description="The page it comes from, shown as a citation.")
    valid_from: AwareDatetime | None = Field(None, description="Visitors get it from then on.")
    valid_to: AwareDatetime | None = Field(None, description="Visitors no longer get it from then on.")
    state: Literal["live", "draft"] = Field("live", description="Visitors are answered from live ones.")


class ChangedEntry(Asked):
    """What an entry shall be from now on. What is left out stays as it is."""

    phrasings: list[str] = Field(default=[])
    answer: str = ""
    language: str | None = None
    tags: list[str] = Field(default=[])
    source_url: str | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    state: Literal["live", "draft"] = "live"
    version: int | None = Field(
        None, description="As you read it. If someone changed it since, this is refused."
    )


class BulkChanges(Asked):
    """What is to become of all the named entries; what is left out stays as it is."""

    language: str | None = None
    tags: list[str] = Field(default=[])
    add_tags: list[str] = Field(default=[])
    remove_tags: list[str] = Field(default=[])
    source_url: str | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    state: Literal["live", "draft"] = "live"


class BulkEdit(Asked):
    """Entries to change alike, or to delete: all of them, or none."""

    ids: list[Annotated[int, Field(strict=True, ge=1, le=_LARGEST_ID)]] = Field(
        min_length=1, max_length=MOST_AT_ONCE, examples=[[1]]
    )
    change: BulkChanges | None = None
    delete: bool = False


class PageToImport(Asked):
    """A page with questions and answers, or a sitemap whose pages have some."""

    url: str = Field(max_length=2048, examples=["https://shop.example/faq"])
    preview: bool = Field(False, description="Only show what would be taken.")


class ShownEntry(BaseModel):
    """An entry, as the agency wrote it. Show its texts as text: they are not HTML."""

    id: int
    question: str
    phrasings: list[str]
    answer: str
    language: str | None
    tags: list[str]
    source_url: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    state: str
    version: int = Field(description="The knowledge base's version in which it was last changed.")
    created_at: datetime
    updated_at: datetime
    updated_by: str


class ShownEntries(BaseModel):
    """A page of entries, oldest first. `version` is the knowledge base's."""

    entries: list[ShownEntry]
    version: int
    next_after: int | None = Field(description="Send it as `after` to get the next page; null at the end.")


class ShownDraft(BaseModel):
    """An entry as it was, or as it would be."""

    phrasings: list[str]
    answer: str
    language: str | None
    tags: list[str]
    source_url: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    state: str


class ShownImport(BaseModel):
    """What an import did, or would do. Of many entries the first hundred of each kind are shown."""

    preview: bool
    added: int
    changed: int
    unchanged: int
    version: int | None = Field(description="The version it made; null where it made none.")
    new_entries: list[ShownDraft]
    changed_entries: list[ShownDraft]


class ShownDuplicate(BaseModel):
    """Two entries that ask nearly the same."""

    first: ShownEntry
    second: ShownEntry
    first_phrasing: str
    second_phrasing: str
    similarity: float = Field(description="1 where they differ in nothing but case and marks.")


class ShownDuplicates(BaseModel):
    """The pairs that are most alike, at most 500."""

    duplicates: list[ShownDuplicate]


class ShownVersion(BaseModel):
    """A version of the knowledge base, and how many entries it touched."""

    version: int
    cause: str = Field(examples=["edited", "bulk", "imported", "restored", "drafted"])
    at: datetime
    actor: str
    added: int
    changed: int
    deleted: int


class ShownVersions(BaseModel):
    """A page of versions, newest first."""

    versions: list[ShownVersion]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


class ShownChange(BaseModel):
    """What became of an entry; `entry` is what it was from then on, null where it was deleted."""

    entry_id: int
    action: str
    entry: ShownDraft | None


class ShownChanges(BaseModel):
    """A page of what a version changed."""

    version: int
    changes: list[ShownChange]
    next_after: int | None = Field(description="Send it as `after` to get the next page; null at the end.")


class MadeVersion(BaseModel):
    """The version the knowledge base is at now."""

    version: int


EntryId = Annotated[int, Path(alias="entryId", ge=1, le=_LARGEST_ID)]
VersionNumber = Annotated[int, Path(alias="version", ge=0, le=2**31 - 1)]
BeforeVersion = Annotated[int | None, Query(description="Those before this one.", ge=1, le=2**31 - 1)]
Text = Annotated[str, Query(description="Words in the question or the answer.", max_length=200)]
Tag = Annotated[str | None, Query(max_length=50)]
Language = Annotated[str | None, Query(max_length=32)]
Preview = Annotated[bool, Query(description="Only show what would be taken.")]

_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": 'question,answer,tags\n"What are your hours?|When do you open?",9 to 18.,hours\n',
            },
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/markdown": {
                "schema": {"type": "string"},
                "example": "## What are your hours?\n\n9 to 18, Monday to Saturday.\n",
            },
        },
    }
}


def widget_knowledge_router(service: KnowledgeService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "chat widget knowledge")
    _add_entries(router, service)
    _add_whole(router, service)
    _add_imports(router, service)
    _add_history(router, service)
    return router


def _add_entries(router: APIRouter, service: KnowledgeService) -> None:
    @router.get(f"{_ROOT}/entries", summary="What a widget knows")
    async def list_entries(
        caller: KnownCaller,
        widget_id: WidgetId,
        q: Text = "",
        tag: Tag = None,
        language: Language = None,
        state: Annotated[Literal["live", "draft"] | None, Query()] = None,
        after: After = 0,
        limit: PageSize = 50,
    ) -> ShownEntries:
        wanted = EntryFilter(text=q, tag=tag, language=language, state=state)
        found = await service.list_entries(caller, widget_id, wanted, after=after, limit=limit)
        return ShownEntries(
            entries=[_shown(entry) for entry in found],
            version=await service.get_version(caller, widget_id),
            next_after=found[-1].id if len(found) == limit else None,
        )

    @router.post(f"{_ROOT}/entries", summary="Write an entry", status_code=201)
    async def add_entry(caller: KnownCaller, widget_id: WidgetId, asked: NewEntry) -> ShownEntry:
        return _shown(await service.add_entry(caller, widget_id, EntryDraft(**_said(asked))))

    @router.post(f"{_ROOT}/entries/bulk", summary="Change or delete many entries: all of them, or none")
    async def edit_many(caller: KnownCaller, widget_id: WidgetId, asked: BulkEdit) -> MadeVersion:
        if asked.delete == (asked.change is not None):
            raise InvalidRequest("Send either `change`, or `delete: true`.", param="change")
        changes = None if asked.change is None else EntryChanges(**_said(asked.change))
        return MadeVersion(version=await service.edit_many(caller, widget_id, asked.ids, changes))

    @router.get(f"{_ROOT}/entries/{{entryId}}", summary="An entry")
    async def get_entry(caller: KnownCaller, widget_id: WidgetId, entry_id: EntryId) -> ShownEntry:
        return _shown(await service.get_entry(caller, widget_id, entry_id))

    @router.put(f"{_ROOT}/entries/{{entryId}}", summary="Change an entry")
    async def update_entry(
        caller: KnownCaller, widget_id: WidgetId, entry_id: EntryId, asked: ChangedEntry
    ) -> ShownEntry:
        said = _said(asked)
        expected = said.pop("version", None)
        changed = await service.update_entry(
            caller, widget_id, entry_id, EntryChanges(**said), expected=expected
        )
        return _shown(changed)

    @router.delete(f"{_ROOT}/entries/{{entryId}}", summary="Delete an entry", status_code=204)
    async def delete_entry(caller: KnownCaller, widget_id: WidgetId, entry_id: EntryId) -> None:
        await service.delete_entry(caller, widget_id, entry_id)


def _add_whole(router: APIRouter, service: KnowledgeService) -> None:
    @router.get(f"{_ROOT}/duplicates", summary="Entries that ask nearly the same")
    async def find_duplicates(caller: KnownCaller, widget_id: WidgetId) -> ShownDuplicates:
        found = await service.find_duplicates(caller, widget_id)
        return ShownDuplicates(
            duplicates=[
                ShownDuplicate(
                    **{
                        **msgspec.structs.asdict(pair),
                        "first": _shown(pair.first),
                        "second": _shown(pair.second),
                    }
                )
                for pair in found
            ]
        )

    @router.get(
        f"{_ROOT}/export",
        summary="All entries in a file that can be imported again",
        response_class=Response,
        responses={200: {"content": {"text/csv": {}, "application/json": {}, "text/markdown": {}}}},
    )
    async def export(
        caller: KnownCaller,
        widget_id: WidgetId,
        format: Annotated[Literal["csv", "json", "markdown"], Query()] = "json",
    ) -> Response:
        entries = await service.export(caller, widget_id)
        content, kind, end = _file_of(entries, format)
        name = f'attachment; filename="knowledge-{widget_id}.{end}"'
        return Response(content, media_type=kind, headers={"content-disposition": name})


def _add_imports(router: APIRouter, service: KnowledgeService) -> None:
    @router.post(
        f"{_ROOT}/import",
        summary="Take in the entries of a CSV, JSON, JSON lines or Markdown file: all of them, or none",
        openapi_extra=_FILE,
    )
    async def import_file(
        caller: KnownCaller, request: Request, widget_id: WidgetId, preview: Preview = False
    ) -> ShownImport:
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        kind = _FORMATS.get(said)
        if kind is None:
            raise InvalidRequest(
                f"Send the file with one of these as its `content-type`: {', '.join(_FORMATS)}.",
                param="content-type",
            )
        if request.headers.get("content-encoding", "identity") != "identity":
            raise InvalidRequest("Send the file uncompressed.", param="content-encoding")
        report = await service.import_file(caller, widget_id, await request.body(), kind, is_preview=preview)
        return _shown_import(report, is_preview=preview)

    @router.post(f"{_ROOT}/import-page", summary="Take in what a page, or the pages of a sitemap, answer")
    async def import_page(caller: KnownCaller, widget_id: WidgetId, asked: PageToImport) -> ShownImport:
        report = await service.import_page(caller, widget_id, asked.url, is_preview=asked.preview)
        return _shown_import(report, is_preview=asked.preview)


def _add_history(router: APIRouter, service: KnowledgeService) -> None:
    @router.get(f"{_ROOT}/versions", summary="What became of a widget's knowledge over time")
    async def list_versions(
        caller: KnownCaller,
        widget_id: WidgetId,
        before: BeforeVersion = None,
        limit: PageSize = 50,
    ) -> ShownVersions:
        found = await service.list_versions(caller, widget_id, before=before, limit=limit)
        return ShownVersions(
            versions=[ShownVersion(**msgspec.structs.asdict(each)) for each in found],
            next_before=found[-1].version if len(found) == limit else None,
        )

    @router.get(f"{_ROOT}/versions/{{version}}", summary="What a version changed")
    async def list_changes(
        caller: KnownCaller,
        widget_id: WidgetId,
        version: VersionNumber,
        after: After = 0,
        limit: PageSize = 50,
    ) -> ShownChanges:
        found = await service.list_changes(caller, widget_id, version, after=after, limit=limit)
        return ShownChanges(
            version=version,
            changes=[
                ShownChange(
                    entry_id=each.entry_id,
                    action=each.action,
                    entry=None if each.entry is None else ShownDraft(**each.entry),
                )
                for each in found
            ],
            next_after=found[-1].entry_id if len(found) == limit else None,
        )

    @router.post(f"{_ROOT}/versions/{{version}}/restore", summary="Make it what it was in a version")
    async def restore(caller: KnownCaller, widget_id: WidgetId, version: VersionNumber) -> MadeVersion:
        return MadeVersion(version=await service.restore(caller, widget_id, version))


def _said(asked: BaseModel) -> dict[str, Any]:
    """What a body says, its lists as the room takes them."""
    said = asked.model_dump(exclude_unset=True)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _shown(entry: KnowledgeEntry) -> ShownEntry:
    return ShownEntry(**{name: getattr(entry, name) for name in ShownEntry.model_fields})


def _shown_import(report: ImportReport, *, is_preview: bool) -> ShownImport:
    return ShownImport(
        preview=is_preview,
        added=len(report.added),
        changed=len(report.changed),
        unchanged=report.unchanged,
        version=report.version,
        new_entries=[_shown_draft(draft) for draft in report.added[:_SHOWN_OF_IMPORT]],
        changed_entries=[_shown_draft(draft) for draft in report.changed[:_SHOWN_OF_IMPORT]],
    )


def _shown_draft(draft: EntryDraft) -> ShownDraft:
    return ShownDraft(**{name: getattr(draft, name) for name in ShownDraft.model_fields})


def _file_of(
    entries: Sequence[KnowledgeEntry], format: Literal["csv", "json", "markdown"]
) -> tuple[str, str, str]:
    match format:
        case "csv":
            most = max((len(entry.phrasings) for entry in entries), default=1)
            more = [f"question_{number}" for number in range(2, most + 1)]
            rows = [(*COLUMNS, *more), *(_cells(entry, most) for entry in entries)]
            return csv_lines(rows), "text/csv; charset=utf-8", "csv"
        case "json":
            drafts = [_shown_draft(entry).model_dump(mode="json") for entry in entries]
            text = json.dumps({"entries": drafts}, ensure_ascii=False, indent=1)
            return text, "application/json", "json"
        case "markdown":
            return "\n".join(_markdown(entries)), "text/markdown; charset=utf-8", "md"


def _cells(entry: KnowledgeEntry, most: int) -> list[str | None]:
    said = {name: getattr(entry, name, None) for name in COLUMNS}
    said["question"] = _barred(entry.question)
    said["tags"] = "; ".join(entry.tags)
    cells = [value.isoformat() if isinstance(value, datetime) else value for value in said.values()]
    others = [_barred(text) for text in entry.phrasings[1:]]
    return [*cells, *others, *[None] * (most - 1 - len(others))]


def _barred(text: str) -> str:
    """A phrasing in a cell, where a bar would begin another one."""
    return text.replace("|", r"\|")


def _markdown(entries: Sequence[KnowledgeEntry]) -> Iterator[str]:
    """Questions as headings. A line of an answer that looks like one is moved in, so that it is none."""
    for entry in entries:
        yield from (f"## {phrasing}" for phrasing in entry.phrasings)
        yield ""
        yield from (
            f"    {line}" if line.lstrip().startswith("#") else line for line in entry.answer.split("\n")
        )
        yield ""
