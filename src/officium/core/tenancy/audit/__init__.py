"""The audit log: what was changed, by whom. Written with each change, in its transaction."""

from officium.core.tenancy.audit.entry import AuditEntry, RecordedEntry
from officium.core.tenancy.audit.service import AuditService
from officium.core.tenancy.audit.store import AuditStore

__all__ = ["AuditEntry", "AuditService", "AuditStore", "RecordedEntry"]
