"""A widget's knowledge base with its history, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from officium.apps.widget import Widget
from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.knowledge import (
    EntryChanges,
    EntryDraft,
    EntryFilter,
    KnowledgeService,
    KnowledgeStore,
    PageReader,
)
from officium.apps.widget.knowledge.entry import UNANSWERED
from officium.apps.widget.knowledge.errors import (
    EntryNotFound,
    ImportRefused,
    InvalidEntry,
    KnowledgeChanged,
    VersionNotFound,
)
from officium.core.llm.guard import AddressGuard
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from officium.testing import ScriptedTransport
from tests.support.agency import Agency

HOURS = EntryDraft(
    phrasings=("What are your hours?", "When do you open?"), answer="9 to 18.", tags=("hours",)
)
PAY = EntryDraft(phrasings=("How do I pay?",), answer="By card.", language="en")


class Shelf:
    """A widget's knowledge base, and who looks after it."""

    def __init__(self, database: Database) -> None:
        self.agency = Agency(database)
        self.heard: list[str] = []
        notices = LocalNotices()
        notices.subscribe("widget.knowledge", self.heard.append)
        self.service = KnowledgeService(
            KnowledgeStore(database),
            self.agency.store,
            PageReader(ScriptedTransport(), AddressGuard()),
            self.agency.clock,
            notices,
        )

    async def open(self) -> "Shelf":
        self.admin: Caller = await self.agency.an_admin()
        self.widget: Widget = await self.agency.a_widget(self.admin, await self.agency.a_client(self.admin))
        self.id = self.widget.id
        return self

    async def questions(self) -> list[str]:
        return [entry.question for entry in await self.service.list_entries(self.admin, self.id)]


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    return await Shelf(database).open()


async def test_every_change_makes_the_next_version_and_is_told(shelf: Shelf):
    entry = await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    await shelf.service.update_entry(shelf.admin, shelf.id, entry.id, EntryChanges(answer="10 to 18."))
    await shelf.service.delete_entry(shelf.admin, shelf.id, entry.id)

    versions = await shelf.service.list_versions(shelf.admin, shelf.id)
    changes = await shelf.service.list_changes(shelf.admin, shelf.id, 2)

    assert [(each.version, each.added, each.changed, each.deleted) for each in versions] == [
        (3, 0, 0, 1),
        (2, 0, 1, 0),
        (1, 1, 0, 0),
    ]
    assert [(each.action, each.entry and each.entry["answer"]) for each in changes] == [
        ("changed", "10 to 18.")
    ]
    assert shelf.heard == [str(shelf.id)] * 3


async def test_whoever_saw_an_older_entry_changes_nothing(shelf: Shelf):
    entry = await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    await shelf.service.update_entry(
        shelf.admin, shelf.id, entry.id, EntryChanges(answer="10 to 18."), expected=1
    )

    with pytest.raises(KnowledgeChanged):
        await shelf.service.update_entry(
            shelf.admin, shelf.id, entry.id, EntryChanges(answer="Never."), expected=1
        )

    assert (await shelf.service.get_entry(shelf.admin, shelf.id, entry.id)).answer == "10 to 18."
    assert await shelf.service.get_version(shelf.admin, shelf.id) == 2


async def test_writers_at_the_same_time_make_versions_one_after_the_other(shelf: Shelf):
    drafts = [EntryDraft(phrasings=(f"Question {number}?",), answer="Yes.") for number in range(8)]

    await asyncio.gather(*(shelf.service.add_entry(shelf.admin, shelf.id, draft) for draft in drafts))

    assert await shelf.service.get_version(shelf.admin, shelf.id) == 8
    assert sorted(await shelf.questions()) == sorted(draft.question for draft in drafts)


async def test_many_are_changed_alike_or_not_at_all(shelf: Shelf):
    first = await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    second = await shelf.service.add_entry(shelf.admin, shelf.id, PAY)
    changes = EntryChanges(state="draft", add_tags=("new",), remove_tags=("hours",))

    with pytest.raises(EntryNotFound):
        await shelf.service.edit_many(shelf.admin, shelf.id, [first.id, 999], changes)
    version = await shelf.service.edit_many(shelf.admin, shelf.id, [first.id, second.id], changes)

    found = await shelf.service.list_entries(shelf.admin, shelf.id, EntryFilter(state="draft", tag="new"))
    assert version == 3
    assert [entry.tags for entry in found] == [("new",), ("new",)]
    assert await shelf.service.edit_many(shelf.admin, shelf.id, [first.id], None) == 4
    assert await shelf.questions() == [PAY.question]


async def test_draft_goes_live_only_with_an_answer_of_its_own(shelf: Shelf):
    draft = EntryDraft(phrasings=("Do you deliver?",), answer=UNANSWERED, state="draft")
    entry = await shelf.service.add_entry(shelf.admin, shelf.id, draft)

    with pytest.raises(InvalidEntry, match="Write the answer"):
        await shelf.service.update_entry(shelf.admin, shelf.id, entry.id, EntryChanges(state="live"))
    with pytest.raises(InvalidEntry, match="Write the answer"):
        await shelf.service.edit_many(shelf.admin, shelf.id, [entry.id], EntryChanges(state="live"))
    changes = EntryChanges(answer="Within a day.", state="live")
    live = await shelf.service.update_entry(shelf.admin, shelf.id, entry.id, changes)

    assert live.state == "live"


async def test_a_version_can_be_brought_back_whole(shelf: Shelf):
    first = await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    await shelf.service.add_entry(shelf.admin, shelf.id, PAY)
    await shelf.service.update_entry(shelf.admin, shelf.id, first.id, EntryChanges(answer="Never."))
    await shelf.service.delete_entry(shelf.admin, shelf.id, first.id)

    version = await shelf.service.restore(shelf.admin, shelf.id, 1)

    assert version == 5
    (entry,) = await shelf.service.list_entries(shelf.admin, shelf.id)
    assert (entry.id, entry.answer, entry.phrasings) == (first.id, "9 to 18.", HOURS.phrasings)
    assert await shelf.service.restore(shelf.admin, shelf.id, 1) == 5
    with pytest.raises(VersionNotFound):
        await shelf.service.restore(shelf.admin, shelf.id, 9)


async def test_import_adds_replaces_and_leaves_alone(shelf: Shelf):
    await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    await shelf.service.add_entry(shelf.admin, shelf.id, PAY)
    content = (
        b'[{"question": "what are your HOURS", "answer": "Always."}, {"question": "New?", "answer": "Yes."},'
        b'{"question": "How do I pay?", "answer": "By card.", "language": "en"}]'
    )

    seen = await shelf.service.import_file(shelf.admin, shelf.id, content, "json", is_preview=True)
    before = await shelf.questions()
    done = await shelf.service.import_file(shelf.admin, shelf.id, content, "json")

    assert (len(seen.added), len(seen.changed), seen.unchanged, seen.version) == (1, 1, 1, None)
    assert before == [HOURS.question, PAY.question]
    assert done.version == 3
    assert await shelf.questions() == ["what are your HOURS", PAY.question, "New?"]


async def test_import_with_a_fault_takes_nothing(shelf: Shelf):
    with pytest.raises(ImportRefused):
        await shelf.service.import_file(shelf.admin, shelf.id, b"question,answer\nA?,1\nB?,\n", "csv")

    assert await shelf.service.get_version(shelf.admin, shelf.id) == 0


async def test_import_of_ten_thousand_entries_is_one_version(shelf: Shelf):
    lines = "\n".join(f"Question number {number}?,Answer {number}" for number in range(10_000))

    done = await shelf.service.import_file(shelf.admin, shelf.id, f"question,answer\n{lines}".encode(), "csv")

    assert (done.version, len(done.added)) == (1, 10_000)
    assert len(await shelf.service.export(shelf.admin, shelf.id)) == 10_000


async def test_entries_are_found_by_words_and_by_tag(shelf: Shelf):
    await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    await shelf.service.add_entry(
        shelf.admin, shelf.id, EntryDraft(phrasings=("Öffnung 100%_sicher?",), answer="Ja", tags=("größe",))
    )

    async def found(**wanted: str) -> list[str]:
        entries = await shelf.service.list_entries(shelf.admin, shelf.id, EntryFilter(**wanted))
        return [entry.question for entry in entries]

    assert await found(text="HOURS") == [HOURS.question]
    assert await found(text="öffnung") == ["Öffnung 100%_sicher?"]
    assert await found(tag="größe") == ["Öffnung 100%_sicher?"]
    assert await found(tag="gr") == []
    assert await found(text="9 to") == [HOURS.question]


async def test_validity_and_state_decide_what_visitors_get(shelf: Shelf):
    now = shelf.agency.clock.now()
    entry = await shelf.service.add_entry(
        shelf.admin,
        shelf.id,
        EntryDraft(phrasings=("Sale?",), answer="Yes.", valid_from=now, valid_to=now + timedelta(days=1)),
    )

    assert entry.is_valid(now)
    assert not entry.is_valid(now - timedelta(seconds=1))
    assert not entry.is_valid(now + timedelta(days=1))


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(EntryDraft(phrasings=(" ",), answer="x"), id="no-question"),
        pytest.param(EntryDraft(phrasings=("A?",), answer="\u200b \x00"), id="no-answer"),
        pytest.param(
            EntryDraft(phrasings=("A?",) * 1 + tuple(map(str, range(200))), answer="x"), id="too-many"
        ),
        pytest.param(EntryDraft(phrasings=("A" * 1001,), answer="x"), id="too-long"),
        pytest.param(
            EntryDraft(phrasings=("A?",), answer="x", source_url="javascript:alert(1)"), id="script"
        ),
        pytest.param(EntryDraft(phrasings=("A?",), answer="x", language="<b>"), id="language"),
        pytest.param(EntryDraft(phrasings=("A?",), answer="x", tags=("a,b",)), id="tag"),
    ],
)
async def test_what_is_no_entry_is_refused(shelf: Shelf, draft: EntryDraft):
    with pytest.raises(InvalidEntry):
        await shelf.service.add_entry(shelf.admin, shelf.id, draft)


async def test_another_tenants_knowledge_is_not_there(shelf: Shelf):
    entry = await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)
    stranger = await shelf.agency.an_admin()

    for asking in (
        shelf.service.list_entries(stranger, shelf.id),
        shelf.service.get_entry(stranger, shelf.id, entry.id),
        shelf.service.edit_many(stranger, shelf.id, [entry.id], None),
        shelf.service.restore(stranger, shelf.id, 0),
    ):
        with pytest.raises(WidgetNotFound):
            await asking


async def test_reading_is_not_enough_to_write(shelf: Shelf):
    reader = Caller(shelf.admin.tenant_id, "key:1", frozenset(["config:read"]))

    assert await shelf.service.list_entries(reader, shelf.id) == []
    with pytest.raises(PermissionDenied):
        await shelf.service.add_entry(reader, shelf.id, HOURS)


async def test_a_deleted_widget_takes_its_knowledge_along(shelf: Shelf):
    await shelf.service.add_entry(shelf.admin, shelf.id, HOURS)

    await shelf.agency.service.delete_widget(shelf.admin, shelf.id)

    with pytest.raises(WidgetNotFound):
        await shelf.service.export(shelf.admin, shelf.id)
