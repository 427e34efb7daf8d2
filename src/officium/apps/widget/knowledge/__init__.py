"""What a widget knows: entries an agency writes or imports, and their history."""

from officium.apps.widget.knowledge.change import EntryChange, KnowledgeVersion
from officium.apps.widget.knowledge.duplicates import Duplicate
from officium.apps.widget.knowledge.entry import EntryChanges, EntryDraft, KnowledgeEntry
from officium.apps.widget.knowledge.import_page import PageReader
from officium.apps.widget.knowledge.service import ImportReport, KnowledgeService
from officium.apps.widget.knowledge.store import EntryFilter, KnowledgeStore

__all__ = [
    "Duplicate",
    "EntryChange",
    "EntryChanges",
    "EntryDraft",
    "EntryFilter",
    "ImportReport",
    "KnowledgeEntry",
    "KnowledgeService",
    "KnowledgeStore",
    "KnowledgeVersion",
    "PageReader",
]
