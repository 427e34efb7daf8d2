"""What a tenant may ask of the usage log."""

from officium.core.tenancy import Caller, require
from officium.core.usage.record import WrittenRecord
from officium.core.usage.store import UsageStore
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 200


class UsageService:
    """The tenant's own lines of the usage log."""

    def __init__(self, store: UsageStore) -> None:
        self._store = store

    async def list_records(
        self,
        caller: Caller,
        *,
        request_id: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[WrittenRecord]:
        """A page of the tenant's records, newest first. Needs `usage:read`; raises InvalidRequest.

        `request_id` asks for the attempts of one request alone, `before` for those older than the record
        with this id.
        """
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} records.", param="limit")
        return await self._store.list_records(caller, request_id=request_id, before=before, limit=limit)
