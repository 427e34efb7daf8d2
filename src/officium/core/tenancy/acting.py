"""For whom a caller speaks: for the tenant, for itself, or, when it is trusted, for somebody else."""

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.core.tenancy.caller import Caller
from officium.core.tenancy.store import MemberStore
from officium.core.tenancy.tenant import MAX_EXTERNAL_ID, Member
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest, PermissionDenied
from officium.kit.ids import new_id

WHOLE_TENANT = "system"
"""In place of a user's id: what is meant for everybody of the tenant."""

_log = structlog.get_logger(__name__)


class Subject(Struct, frozen=True):
    """Whose things a request is about. `owner_id` is the member or key they belong to, `None` the tenant.

    `caller` is who asks; where a trusted service speaks for a person it carries that member's id.
    """

    caller: Caller
    owner_id: str | None


class ActingUsers:
    """Decides whether a caller may speak for the user it names.

    A key with the scope `act-as` may speak for anyone in its tenant, and so may every caller while
    `is_development`. Everybody else may only name themselves.
    """

    def __init__(self, members: MemberStore, clock: Clock, *, is_development: bool = False) -> None:
        self._members = members
        self._clock = clock
        self._is_development = is_development

    async def subject_of(self, caller: Caller, user_id: str | None) -> Subject:
        """The subject of a request that names `user_id`: a member's external id or id, a key's own id.

        `system` means the whole tenant. Without a name a person speaks for themselves and a key for the
        tenant. Whom a trusted caller names for the first time becomes a member. Raises PermissionDenied and
        InvalidRequest.
        """
        if user_id is None:
            return Subject(caller, caller.member_id)
        if user_id == WHOLE_TENANT:
            return Subject(caller, None)
        if user_id in (caller.member_id, caller.key_id):
            return Subject(caller, user_id)
        _check(user_id)
        member = await self._members.find_member(caller, user_id)
        if member is not None and member.id == caller.member_id:
            return Subject(caller, member.id)
        if not self._may_act(caller):
            raise PermissionDenied(
                "The user named is not you. Leave the name out, or use a key with the scope act-as.",
                scope="act-as",
            )
        member = member or await self._meet(caller, user_id)
        return Subject(replace(caller, member_id=member.id), member.id)

    def _may_act(self, caller: Caller) -> bool:
        return self._is_development or (caller.member_id is None and caller.may("act-as"))

    async def _meet(self, caller: Caller, user_id: str) -> Member:
        """The member with this id, or a new one with this external id."""
        known = await self._members.find_member_by_id(caller, user_id)
        if known is not None:
            return known
        member = Member(
            id=new_id("mem"), tenant_id=caller.tenant_id, external_id=user_id, created_at=self._clock.now()
        )
        if await self._members.add_member(caller, member):
            _log.info("member.created", tenant=caller.tenant_id, member=member.id, actor=caller.actor)
            return member
        found = await self._members.find_member(caller, user_id)
        return found or member


def _check(user_id: str) -> None:
    if not 1 <= len(user_id) <= MAX_EXTERNAL_ID or not user_id.isprintable():
        raise InvalidRequest(
            f"A user's id has 1 to {MAX_EXTERNAL_ID} printable characters.", param="X-User-ID"
        )
