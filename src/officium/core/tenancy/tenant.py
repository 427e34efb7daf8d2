"""The isolated customer that owns rows, and the people in it."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from officium.core.tenancy.errors import InvalidTenant

MAX_NAME = 200
MAX_EXTERNAL_ID = 255


class Tenant(Struct, frozen=True, kw_only=True):
    """A customer. `external_id` is its name at an identity provider, `time_zone` decides when days begin.

    One that is closed is erased from `erase_at` on; until then it can be opened again.
    """

    id: str
    name: str
    external_id: str | None = None
    time_zone: str = "UTC"
    created_at: datetime
    suspended_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    erase_at: datetime | None = None


class Member(Struct, frozen=True, kw_only=True):
    """A person of a tenant. `external_id` is the subject of their sessions at an identity provider.

    Whoever signs in here has their e-mail address there. A disabled member is refused, however they sign in.
    `language` is the one they read pages in, `client_id` the client to whose things they are bound. Members
    of several tenants that were proven to be one human being have the same `person_id`.
    """

    id: str
    tenant_id: str
    external_id: str
    email: str | None = None
    name: str | None = None
    role: str = "member"
    created_at: datetime
    disabled_at: datetime | None = None
    language: str | None = None
    client_id: int | None = None
    person_id: str | None = None
    guide_hidden_at: datetime | None = None


def check_tenant(name: str, external_id: str | None, time_zone: str) -> None:
    """Raise InvalidTenant unless a tenant may look like this."""
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidTenant(f"A tenant's name has 1 to {MAX_NAME} characters.", param="name")
    if external_id is not None and not 1 <= len(external_id) <= MAX_EXTERNAL_ID:
        raise InvalidTenant(f"An external id has 1 to {MAX_EXTERNAL_ID} characters.", param="external_id")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidTenant(
            f"There is no time zone {time_zone!r}. Use an IANA name such as Europe/Berlin.", param="time_zone"
        ) from error
