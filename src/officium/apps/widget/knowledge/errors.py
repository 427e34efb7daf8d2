"""What can go wrong with a widget's knowledge base."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound, OfficiumError


class EntryNotFound(NotFound):
    """The widget's knowledge base has no entry with this id."""

    code = "knowledge_entry_not_found"


class VersionNotFound(NotFound):
    """The widget's knowledge base never had a version with this number."""

    code = "knowledge_version_not_found"


class InvalidEntry(InvalidRequest):
    """An entry of a knowledge base is not acceptable; `param` names what is not."""

    code = "invalid_knowledge_entry"


class ImportRefused(InvalidRequest):
    """Something in a file or page is not acceptable, so nothing was taken; `rows` says what, and why."""

    code = "knowledge_import_refused"


class KnowledgeChanged(Conflict):
    """Somebody changed the entry, or the whole knowledge base, meanwhile."""

    code = "knowledge_changed"


class PageUnreachable(OfficiumError):
    """A page or sitemap could not be fetched, or is not what can be read."""

    code = "page_unreachable"
