"""What calls used and what they cost."""

from officium.core.usage.log import UsageLog
from officium.core.usage.record import UsageRecord, WrittenRecord
from officium.core.usage.service import UsageService
from officium.core.usage.store import UsageStore

__all__ = ["UsageLog", "UsageRecord", "UsageService", "UsageStore", "WrittenRecord"]
