"""What a tenant's administrators may ask of the audit log."""

from datetime import datetime

from officium.core.tenancy.audit.entry import RecordedEntry
from officium.core.tenancy.audit.store import AuditStore
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 200


class AuditService:
    """The tenant's own lines of the audit log."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def list_entries(
        self,
        caller: Caller,
        *,
        action: str | None = None,
        thing: str | None = None,
        thing_id: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[RecordedEntry]:
        """A page of the tenant's entries, newest first. Needs `admin`; raises InvalidRequest.

        `since` and `until` are the first moment and the one behind the last, `before` asks for those older
        than the entry with this id; the other words must fit exactly.
        """
        require(caller, "admin")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
        return await self._store.list_entries(
            caller,
            action=action,
            thing=thing,
            thing_id=thing_id,
            actor=actor,
            since=since,
            until=until,
            before=before,
            limit=limit,
        )
