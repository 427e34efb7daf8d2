"""Loading and saving whose identity at a provider is whose here, and which attempts were used."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import RowMapping, and_, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.sign_in.tables import member_identities, member_passwords, spent_attempts
from officium.core.tenancy.tables import members, tenants
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.database import ALL_TENANTS, Database

_MOST_TENANTS_OF_A_PERSON = 50
_MEMBER = [members.c[name] for name in Member.__struct_fields__]
_TENANT = [tenants.c[name].label(f"its_tenant_{name}") for name in Tenant.__struct_fields__]


class Connection(Struct, frozen=True):
    """That a member is somebody at an identity provider, since when, and when they last came from there."""

    issuer: str
    subject: str
    created_at: datetime
    used_at: datetime


class IdentityStore:
    """Members' identities at providers, and used attempts to sign in there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_members_for_all_tenants(self, issuer: str, subject: str) -> list[tuple[Member, Tenant]]:
        """The members that are this person, in whatever tenant; who came last comes first."""
        query = (
            select(*_MEMBER, *_TENANT)
            .join(member_identities, member_identities.c.member_id == members.c.id)
            .join(tenants, tenants.c.id == members.c.tenant_id)
            .where(member_identities.c.issuer == issuer, member_identities.c.subject == subject)
            .order_by(member_identities.c.used_at.desc(), members.c.id)
            .limit(_MOST_TENANTS_OF_A_PERSON)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [_pair(row) for row in (await connection.execute(query)).mappings()]

    async def find_invited_for_all_tenants(
        self, issuer: str, external_ids: list[str]
    ) -> list[tuple[Member, Tenant]]:
        """The members known by one of these names who are nobody at the provider yet, oldest first."""
        is_somebody = exists().where(
            member_identities.c.member_id == members.c.id, member_identities.c.issuer == issuer
        )
        query = (
            select(*_MEMBER, *_TENANT)
            .join(tenants, tenants.c.id == members.c.tenant_id)
            .where(members.c.external_id.in_(external_ids), ~is_somebody)
            .order_by(members.c.id)
            .limit(_MOST_TENANTS_OF_A_PERSON)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [_pair(row) for row in (await connection.execute(query)).mappings()]

    async def find_connection(self, caller: Caller, member_id: str, issuer: str) -> Connection | None:
        """Who a member of the caller's tenant is at the provider."""
        columns = [member_identities.c[name] for name in Connection.__struct_fields__]
        query = select(*columns).where(
            member_identities.c.tenant_id == caller.tenant_id,
            member_identities.c.member_id == member_id,
            member_identities.c.issuer == issuer,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return Connection(**row) if row is not None else None

    async def connect(
        self, caller: Caller, member_id: str, issuer: str, subject: str, entry: AuditEntry
    ) -> bool:
        """Keep who a member is at the provider; `False` where they or that person are somebody already."""
        values = {
            "tenant_id": caller.tenant_id,
            "member_id": member_id,
            "issuer": issuer,
            "subject": subject,
            "created_at": entry.at,
            "used_at": entry.at,
        }
        try:
            async with self._database.writing(caller.tenant_id) as connection:
                await connection.execute(insert(member_identities).values(values))
                await record(caller, connection, entry)
        except IntegrityError:
            return False
        return True

    async def touch(self, caller: Caller, member_id: str, issuer: str, now: datetime) -> None:
        """Note that a member came from the provider."""
        query = (
            update(member_identities)
            .where(
                member_identities.c.tenant_id == caller.tenant_id,
                member_identities.c.member_id == member_id,
                member_identities.c.issuer == issuer,
            )
            .values(used_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def has_other_owner(self, caller: Caller, member_id: str, issuer: str) -> bool:
        """Whether somebody else is an owner of the tenant and has only a password to sign in with."""
        is_somebody = exists().where(
            member_identities.c.member_id == members.c.id, member_identities.c.issuer == issuer
        )
        query = (
            select(members.c.id)
            .join(
                member_passwords,
                and_(
                    member_passwords.c.member_id == members.c.id,
                    member_passwords.c.tenant_id == caller.tenant_id,
                ),
            )
            .where(
                members.c.tenant_id == caller.tenant_id,
                members.c.role == "owner",
                members.c.disabled_at.is_(None),
                members.c.id != member_id,
                ~is_somebody,
            )
            .limit(1)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return (await connection.execute(query)).first() is not None

    async def spend_for_all_tenants(self, digest: bytes, expires_at: datetime, now: datetime) -> bool:
        """Note that an attempt was used; `False` where it was before. Old notes are forgotten."""
        try:
            async with self._database.writing(ALL_TENANTS) as connection:
                await connection.execute(delete(spent_attempts).where(spent_attempts.c.expires_at <= now))
                await connection.execute(insert(spent_attempts).values(digest=digest, expires_at=expires_at))
        except IntegrityError:
            return False
        return True


def _pair(row: RowMapping) -> tuple[Member, Tenant]:
    member = Member(**{name: row[name] for name in Member.__struct_fields__})
    return member, Tenant(**{name: row[f"its_tenant_{name}"] for name in Tenant.__struct_fields__})
