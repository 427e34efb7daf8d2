"""The audit log: who changed what, and when."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response

from officium.core.tenancy import ApiKey, Member
from officium.core.tenancy.audit.entry import RecordedEntry
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import Frame, guarded
from officium.web.console.pages.moments import moment_in
from officium.web.csv_text import Cell, csv_response

ROOT = "/console/audit"
_PAGE = 50
_EXPORTED_AT_ONCE = 200
_MOST_NAMES = 1000
_HEADS = ("at", "actor", "member_id", "action", "thing", "thing_id", "before", "after", "request_id")


class AuditEntries(Protocol):
    """Knows the audit log."""

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
    ) -> Sequence[RecordedEntry]: ...


class Members(Protocol):
    """Knows the people."""

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[Member]: ...


class Keys(Protocol):
    """Knows the keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ApiKey]: ...


class NamesOf:
    """What people and keys are called, by their actor."""

    def __init__(self, members: Members, keys: Keys) -> None:
        self._members = members
        self._keys = keys

    async def __call__(self, caller: Caller) -> Mapping[str, str]:
        people = await self._members.list_members(caller, limit=_MOST_NAMES)
        keys = await self._keys.list_keys(caller, limit=_MOST_NAMES)
        named = {
            f"member:{member.id}": member.name or member.email or member.external_id for member in people
        }
        return named | {f"key:{key.id}": f"{key.name} ({key.prefix}…)" for key in keys}


def add_audit_page(router: APIRouter, audit: AuditEntries, names: NamesOf, frame: Frame) -> None:
    """Add the page and its export."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        session = request.state.session
        require(session.caller, "admin")
        said = {name: request.query_params.get(name, "") for name in ("action", "actor", "from", "to")}
        wanted = _wanted(said, session.tenant.time_zone)
        before = request.query_params.get("before")
        found = await audit.list_entries(session.caller, **wanted, before=before, limit=_PAGE)
        called = await names(session.caller)
        kept = {name: value for name, value in said.items() if value}
        more = urlencode({**kept, "before": found[-1].id}) if len(found) == _PAGE else None
        return frame.page(
            request,
            "audit.html",
            entries=[_shown(entry, session.tenant.time_zone, called) for entry in found],
            said=said,
            is_filtered=bool(kept) or before is not None,
            people=sorted(called.items(), key=lambda pair: pair[1].casefold()),
            more=more,
            export=f"{ROOT}/export?{urlencode(kept)}",
        )

    @router.get(ROOT + "/export")
    async def export(request: Request) -> Response:
        session = request.state.session
        require(session.caller, "admin")
        wanted = _wanted(request.query_params, session.tenant.time_zone)

        async def pages() -> AsyncIterator[list[Sequence[Cell]]]:
            before = None
            while True:
                found = await audit.list_entries(
                    session.caller, **wanted, before=before, limit=_EXPORTED_AT_ONCE
                )
                yield [_line(entry) for entry in found]
                if len(found) < _EXPORTED_AT_ONCE:
                    return
                before = found[-1].id

        return guarded(csv_response("audit-log.csv", _HEADS, pages()))


def _wanted(said: Mapping[str, str], zone: str) -> dict[str, Any]:
    """What a form asks for; its days are those of the tenant. Raises InvalidRequest."""
    since, until = _day(said.get("from"), zone), _day(said.get("to"), zone)
    return {
        "action": said.get("action") or None,
        "actor": said.get("actor") or None,
        "since": since,
        "until": until + timedelta(days=1) if until is not None else None,
    }


def _day(text: str | None, zone: str) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
        return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{text[:40]!r} is no day. Write it like 2027-01-31.", param="from") from error


def _shown(entry: RecordedEntry, zone: str, called: Mapping[str, str]) -> dict[str, Any]:
    changed = sorted({*(entry.before or {}), *(entry.after or {})})
    before, after = entry.before or {}, entry.after or {}
    return {
        "at": moment_in(zone, entry.at),
        "actor": called.get(entry.actor, entry.actor),
        "actor_id": entry.actor,
        "action": entry.action,
        "thing": entry.thing,
        "thing_id": called.get(f"{entry.thing}:{entry.thing_id}", entry.thing_id),
        "request_id": entry.request_id,
        "changes": [
            (name, _text(before.get(name)), _text(after.get(name)))
            for name in changed
            if before.get(name) != after.get(name)
        ],
    }


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _line(entry: RecordedEntry) -> Sequence[Cell]:
    values = {name: getattr(entry, name) for name in _HEADS}
    values["at"] = entry.at.isoformat()
    return [value if value is None or isinstance(value, str) else _text(value) for value in values.values()]
