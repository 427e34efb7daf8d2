"""Loading and saving passwords and sessions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import RowMapping, Select, and_, delete, insert, or_, select, update

from officium.core.tenancy.audit.entry import AuditEntry
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.sign_in.browser_session import IDLE, MOST_PER_MEMBER, BrowserSession, session_of
from officium.core.tenancy.sign_in.tables import browser_sessions, member_identities, member_passwords
from officium.core.tenancy.tables import members, tenants
from officium.core.tenancy.tenant import Member, Tenant
from officium.kit.database import ALL_TENANTS, Database

Row = RowMapping
_MOST_TENANTS_OF_A_PERSON = 5
_MEMBER = [members.c[name] for name in Member.__struct_fields__]
_TENANT = [tenants.c[name].label(f"its_tenant_{name}") for name in Tenant.__struct_fields__]


class Password(Struct, frozen=True):
    """A kept password, and whose it is."""

    member: Member
    tenant: Tenant
    login: str
    password_hash: str
    must_change: bool


class WaysIn(Struct, frozen=True, kw_only=True):
    """How somebody can sign in: with a password, as somebody an identity provider knows, or both."""

    has_password: bool
    is_connected: bool


NO_WAY_IN = WaysIn(has_password=False, is_connected=False)


class SignInStore:
    """Passwords and sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_passwords_for_all_tenants(self) -> bool:
        """Whether anybody at all can sign in with a password."""
        async with self._database.reading(ALL_TENANTS) as connection:
            found = await connection.execute(select(member_passwords.c.member_id).limit(1))
        return found.first() is not None

    async def find_passwords_for_all_tenants(self, login: str) -> list[Password]:
        """The passwords of whoever signs in under this name, in any tenant; closed ones come last."""
        query = (
            _with_people_for_all_tenants()
            .where(member_passwords.c.login == login)
            .order_by(tenants.c.closed_at.is_not(None), member_passwords.c.member_id)
            .limit(_MOST_TENANTS_OF_A_PERSON)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [_password(row) for row in (await connection.execute(query)).mappings()]

    async def find_password(self, caller: Caller, member_id: str) -> Password | None:
        """The password of a member of the caller's tenant."""
        query = _with_people_for_all_tenants().where(
            member_passwords.c.tenant_id == caller.tenant_id, member_passwords.c.member_id == member_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _password(row) if row is not None else None

    async def save_password(
        self,
        caller: Caller,
        member_id: str,
        login: str,
        password_hash: str,
        *,
        must_change: bool,
        entry: AuditEntry,
        spared: bytes = b"",
    ) -> None:
        """Set a member's password and end their sessions, all but the one whose digest is `spared`."""
        values = {
            "login": login,
            "password_hash": password_hash,
            "must_change": must_change,
            "changed_at": entry.at,
        }
        is_theirs = and_(
            member_passwords.c.tenant_id == caller.tenant_id, member_passwords.c.member_id == member_id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            changed: Any = await connection.execute(update(member_passwords).where(is_theirs).values(values))
            if not changed.rowcount:
                row = {**values, "tenant_id": caller.tenant_id, "member_id": member_id}
                await connection.execute(insert(member_passwords).values(row))
            await connection.execute(
                delete(browser_sessions).where(
                    browser_sessions.c.tenant_id == caller.tenant_id,
                    browser_sessions.c.member_id == member_id,
                    browser_sessions.c.digest != spared,
                )
            )
            await record(caller, connection, entry)

    async def renew_hash(self, caller: Caller, member_id: str, password_hash: str) -> None:
        """Keep the same password in another form."""
        query = (
            update(member_passwords)
            .where(
                member_passwords.c.tenant_id == caller.tenant_id, member_passwords.c.member_id == member_id
            )
            .values(password_hash=password_hash)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def add_session(
        self, caller: Caller, session: BrowserSession, digest: bytes, user_agent: str, entry: AuditEntry
    ) -> None:
        """Insert a session; those of the member that are over, or one too many, are deleted."""
        is_theirs = and_(
            browser_sessions.c.tenant_id == caller.tenant_id,
            browser_sessions.c.member_id == session.member.id,
        )
        is_over = or_(
            browser_sessions.c.expires_at <= entry.at, browser_sessions.c.seen_at <= entry.at - IDLE
        )
        newest = (
            select(browser_sessions.c.digest)
            .where(is_theirs)
            .order_by(browser_sessions.c.created_at.desc(), browser_sessions.c.digest)
            .limit(MOST_PER_MEMBER - 1)
        )
        values = {
            "digest": digest,
            "tenant_id": caller.tenant_id,
            "member_id": session.member.id,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
            "expires_at": session.expires_at,
            "user_agent": user_agent,
            "issuer": session.issuer,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(delete(browser_sessions).where(is_theirs, is_over))
            await connection.execute(
                delete(browser_sessions).where(is_theirs, browser_sessions.c.digest.not_in(newest))
            )
            await connection.execute(insert(browser_sessions).values(values))
            await record(caller, connection, entry)

    async def find_session_for_all_tenants(self, digest: bytes) -> BrowserSession | None:
        """The session with this digest, whosever it is: the question asked before a caller is known."""
        query = (
            select(
                *_MEMBER,
                *_TENANT,
                browser_sessions.c.created_at.label("began_at"),
                browser_sessions.c.seen_at,
                browser_sessions.c.expires_at,
                browser_sessions.c.issuer,
                member_passwords.c.must_change,
            )
            .join(members, members.c.id == browser_sessions.c.member_id)
            .join(tenants, tenants.c.id == browser_sessions.c.tenant_id)
            .outerjoin(member_passwords, member_passwords.c.member_id == members.c.id)
            .where(browser_sessions.c.digest == digest)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        return session_of(
            _member(row),
            _tenant(row),
            began_at=row["began_at"],
            seen_at=row["seen_at"],
            expires_at=row["expires_at"],
            must_change_password=bool(row["must_change"]) and row["issuer"] is None,
            issuer=row["issuer"],
        )

    async def touch_session(self, caller: Caller, digest: bytes, now: datetime) -> None:
        """Note that somebody is still there."""
        query = (
            update(browser_sessions)
            .where(browser_sessions.c.tenant_id == caller.tenant_id, browser_sessions.c.digest == digest)
            .values(seen_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def end_session(self, caller: Caller, digest: bytes) -> None:
        """Delete a session."""
        query = delete(browser_sessions).where(
            browser_sessions.c.tenant_id == caller.tenant_id, browser_sessions.c.digest == digest
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def end_sessions(self, caller: Caller, member_id: str, entry: AuditEntry | None) -> None:
        """Delete all sessions of a member, and say so in the audit log where there is an entry for it."""
        query = delete(browser_sessions).where(
            browser_sessions.c.tenant_id == caller.tenant_id, browser_sessions.c.member_id == member_id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            if entry is not None:
                await record(caller, connection, entry)

    async def list_sessions(self, caller: Caller, member_id: str, now: datetime) -> list[tuple[bytes, Row]]:
        """A member's sessions that have not ended, with their digests; the one used last comes first."""
        query = (
            select(browser_sessions)
            .where(
                browser_sessions.c.tenant_id == caller.tenant_id,
                browser_sessions.c.member_id == member_id,
                browser_sessions.c.expires_at > now,
                browser_sessions.c.seen_at > now - IDLE,
            )
            .order_by(browser_sessions.c.seen_at.desc(), browser_sessions.c.digest)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(bytes(row["digest"]), row) for row in rows]

    async def set_language(self, caller: Caller, member_id: str, language: str) -> None:
        """Keep the language a member reads."""
        await self._change(caller, member_id, {"language": language})

    async def set_guide_hidden(self, caller: Caller, member_id: str, moment: datetime | None) -> None:
        """Keep whether a member wants to see the guide."""
        await self._change(caller, member_id, {"guide_hidden_at": moment})

    async def set_person(self, caller: Caller, member_id: str, person_id: str | None) -> None:
        """Keep who a member is in other tenants, too."""
        await self._change(caller, member_id, {"person_id": person_id})

    async def set_role(
        self, caller: Caller, member_id: str, role: str, client_id: int | None, entry: AuditEntry
    ) -> None:
        """Change a member's role."""
        await self._change(caller, member_id, {"role": role, "client_id": client_id}, entry)

    async def disconnect(self, caller: Caller, member_id: str, entry: AuditEntry) -> bool:
        """Forget who a member is at identity providers, and end their sessions; whether there was any."""
        query = delete(member_identities).where(
            member_identities.c.tenant_id == caller.tenant_id, member_identities.c.member_id == member_id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            found: Any = await connection.execute(query)
            if not found.rowcount:
                return False
            await connection.execute(
                delete(browser_sessions).where(
                    browser_sessions.c.tenant_id == caller.tenant_id,
                    browser_sessions.c.member_id == member_id,
                )
            )
            await record(caller, connection, entry)
        return True

    async def list_ways_in(self, caller: Caller, member_ids: Collection[str]) -> dict[str, WaysIn]:
        """How these members of the caller's tenant can sign in; whoever has no way is left out."""
        passwords = select(member_passwords.c.member_id).where(
            member_passwords.c.tenant_id == caller.tenant_id, member_passwords.c.member_id.in_(member_ids)
        )
        identities = select(member_identities.c.member_id).where(
            member_identities.c.tenant_id == caller.tenant_id, member_identities.c.member_id.in_(member_ids)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            with_password = set((await connection.execute(passwords)).scalars())
            connected = set((await connection.execute(identities)).scalars())
        return {
            id: WaysIn(has_password=id in with_password, is_connected=id in connected)
            for id in with_password | connected
        }

    async def list_memberships_for_all_tenants(self, person_id: str) -> list[tuple[Member, Tenant]]:
        """The members that are this person, with their tenants, unless these are closed."""
        query = (
            select(*_MEMBER, *_TENANT)
            .join(tenants, tenants.c.id == members.c.tenant_id)
            .where(members.c.person_id == person_id, tenants.c.closed_at.is_(None))
            .order_by(tenants.c.name, tenants.c.id)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [(_member(row), _tenant(row)) for row in (await connection.execute(query)).mappings()]

    async def _change(
        self, caller: Caller, member_id: str, values: dict[str, Any], entry: AuditEntry | None = None
    ) -> None:
        query = (
            update(members)
            .where(members.c.tenant_id == caller.tenant_id, members.c.id == member_id)
            .values(values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            if entry is not None:
                await record(caller, connection, entry)


def _with_people_for_all_tenants() -> Select[Any]:
    return (
        select(
            *_MEMBER,
            *_TENANT,
            member_passwords.c.login,
            member_passwords.c.password_hash,
            member_passwords.c.must_change,
        )
        .join(members, members.c.id == member_passwords.c.member_id)
        .join(tenants, tenants.c.id == member_passwords.c.tenant_id)
    )


def _member(row: RowMapping) -> Member:
    return Member(**{name: row[name] for name in Member.__struct_fields__})


def _tenant(row: RowMapping) -> Tenant:
    return Tenant(**{name: row[f"its_tenant_{name}"] for name in Tenant.__struct_fields__})


def _password(row: RowMapping) -> Password:
    return Password(
        member=_member(row),
        tenant=_tenant(row),
        login=row["login"],
        password_hash=row["password_hash"],
        must_change=bool(row["must_change"]),
    )
