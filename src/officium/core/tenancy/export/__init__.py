"""Everything of a tenant in one file, for its owner to take along."""

from officium.core.tenancy.export.errors import (
    ExportNotFound,
    ExportNotReady,
    ExportUnderWay,
    ExportUnreadable,
)
from officium.core.tenancy.export.export import Export
from officium.core.tenancy.export.service import ExportService
from officium.core.tenancy.export.store import ExportStore

__all__ = [
    "Export",
    "ExportNotFound",
    "ExportNotReady",
    "ExportService",
    "ExportStore",
    "ExportUnderWay",
    "ExportUnreadable",
]
