"""For whom a request speaks: the header `X-User-ID`, where a door knows users."""

from typing import Annotated, Protocol

from fastapi import Header

from officium.core.tenancy.acting import Subject
from officium.core.tenancy.caller import Caller

UserId = Annotated[
    str | None,
    Header(
        alias="X-User-ID",
        description="The user who is meant: yourself, or anyone where your key has the scope `act-as`. "
        "`system` means the whole tenant.",
        examples=["system"],
    ),
]


class ActingUsers(Protocol):
    """Knows who may speak for whom."""

    async def subject_of(self, caller: Caller, user_id: str | None) -> Subject: ...
