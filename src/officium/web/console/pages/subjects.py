"""Whose budget it is, by the name that people know."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from officium.apps.widget import Client, Widget
from officium.core.tenancy.caller import Caller
from officium.core.usage.ledger.budget import THE_TENANT, Subject, SubjectKind
from officium.kit.errors import NotFound, PermissionDenied

KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
_MOST_OFFERED = 200


class Named(Protocol):
    """Knows clients and widgets."""

    async def names_of(self, caller: Caller, client_ids: Collection[int]) -> Mapping[int, str]: ...

    async def get_widget(self, caller: Caller, widget_id: int) -> Widget: ...

    async def list_clients(self, caller: Caller, *, after: int = 0, limit: int = 50) -> Sequence[Client]: ...


class ListsKeys(Protocol):
    """Knows the tenant's keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> Any: ...


class ListsMembers(Protocol):
    """Knows the tenant's members."""

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> Any: ...


@dataclass(frozen=True)
class Subjects:
    """Names subjects, and offers them for choice."""

    clients: Named
    keys: ListsKeys
    members: ListsMembers
    say: Callable[..., str]

    async def name(self, caller: Caller, subject: Subject) -> str:
        """What to call a subject; its kind and id, where it is gone or not to be seen."""
        return (await self.names(caller, [subject]))[subject]

    async def names(self, caller: Caller, subjects: Sequence[Subject]) -> dict[Subject, str]:
        """What to call each subject."""
        found = await self._people(caller, {subject.kind for subject in subjects})
        found |= await self._clients(caller, [subject for subject in subjects if subject.kind == "client"])
        return {subject: found.get(subject) or await self._name(caller, subject) for subject in subjects}

    async def choices(self, caller: Caller) -> list[tuple[str, list[tuple[Subject, str]]]]:
        """The subjects a budget can be made for, by kind; the first ones of each, where there are many."""
        clients = await self.clients.list_clients(caller, limit=_MOST_OFFERED)
        people = await self._people(caller, {"key", "member"})
        found: list[tuple[str, list[tuple[Subject, str]]]] = [
            ("tenant", [(THE_TENANT, self.say("budgets.subject.tenant"))]),
            ("client", [(client.subject, client.client_name) for client in clients]),
        ]
        found += [
            (kind, [(subject, name) for subject, name in people.items() if subject.kind == kind])
            for kind in ("key", "member")
        ]
        return [(kind, group) for kind, group in found if group]

    async def _people(self, caller: Caller, kinds: set[SubjectKind]) -> dict[Subject, str]:
        """The names of keys and members, for whoever may see these."""
        found: dict[Subject, str] = {}
        if not caller.may("admin"):
            return found
        if "key" in kinds:
            for key in await self.keys.list_keys(caller, limit=_MOST_OFFERED):
                found[Subject("key", key.id)] = key.name
        if "member" in kinds:
            for member in await self.members.list_members(caller, limit=_MOST_OFFERED):
                found[Subject("member", member.id)] = member.name or member.email or member.external_id
        return found

    async def _clients(self, caller: Caller, subjects: Sequence[Subject]) -> dict[Subject, str]:
        """The names of clients, for whoever may see these."""
        by_id = {int(subject.id): subject for subject in subjects if subject.id.isdecimal()}
        try:
            names = await self.clients.names_of(caller, by_id)
        except PermissionDenied:
            return {}
        return {by_id[id]: name for id, name in names.items()}

    async def _name(self, caller: Caller, subject: Subject) -> str:
        if subject.kind == "tenant":
            return self.say("budgets.subject.tenant")
        try:
            if subject.kind == "widget":
                return (await self.clients.get_widget(caller, int(subject.id))).name
        except (NotFound, PermissionDenied, ValueError):
            pass
        return subject.id
