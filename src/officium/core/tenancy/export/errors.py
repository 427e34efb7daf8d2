"""What can go wrong when a tenant's data is taken along."""

from officium.kit.errors import Conflict, NotFound


class ExportNotFound(NotFound):
    """There is no such export, or not any more."""

    code = "export_not_found"


class ExportUnderWay(Conflict):
    """One is being made; the next one has to wait for it, or take the place of one that is kept."""

    code = "export_under_way"


class ExportNotReady(Conflict):
    """The file is not complete yet, or could not be made."""

    code = "export_not_ready"


class ExportUnreadable(Conflict):
    """The file was sealed under another secret of the server; it is to be made anew."""

    code = "export_unreadable"
