"""What an agency may do with its clients and their widgets."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from msgspec import UNSET, Struct, UnsetType, to_builtins
from msgspec.structs import replace

from officium.apps.widget.client import (
    COUNTED,
    DEFAULT_LIMITS,
    MEASURES,
    MOST_WIDGETS,
    Client,
    Limits,
    check_client,
    client_subject,
    limits_by_measure,
)
from officium.apps.widget.errors import ClientNotFound, WidgetNotFound
from officium.apps.widget.reach import reading_usage, require_reading, require_usage
from officium.apps.widget.store import WidgetStore
from officium.apps.widget.usage import LlmUsage, WidgetAnalytics, WidgetUsage, binding_limit
from officium.apps.widget.widget import Widget, WidgetSettings, check_widget, widget_subject
from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.usage.budgets import BudgetBalance, BudgetChanges, BudgetService, Terms
from officium.core.usage.ledger.budget import Budget, Subject
from officium.core.usage.reports import Outcomes
from officium.kit.clock import Clock
from officium.kit.errors import Conflict, InvalidRequest
from officium.kit.ids import new_id

LARGEST_PAGE = 200
_TICK = timedelta(microseconds=1)

_log = structlog.get_logger("widget")


class WidgetChanges(Struct, frozen=True, kw_only=True):
    """What is to become of a widget; what is not set stays as it is."""

    name: str | UnsetType = UNSET
    llm_enabled: bool | UnsetType = UNSET
    llm_provider: str | UnsetType | None = UNSET
    llm_model: str | UnsetType | None = UNSET
    llm_temperature: float | UnsetType = UNSET
    llm_max_tokens: int | UnsetType = UNSET
    fallback_to_knowledge_base: bool | UnsetType = UNSET
    business_info: str | UnsetType = UNSET
    persona: str | UnsetType = UNSET
    languages: tuple[str, ...] | UnsetType = UNSET
    allowed_origins: tuple[str, ...] | UnsetType = UNSET
    confidence_threshold: float | UnsetType = UNSET
    default_response: str | UnsetType = UNSET
    visitor_notice: str | UnsetType = UNSET
    llm_timeout_s: float | UnsetType = UNSET
    conversation_token_limit: int | UnsetType | None = UNSET
    conversation_nano_usd_limit: int | UnsetType | None = UNSET
    retention_days: int | UnsetType | None = UNSET
    appearance: Mapping[str, Any] | UnsetType = UNSET
    working_hours: Mapping[str, Any] | UnsetType | None = UNSET


class WidgetReports(Protocol):
    """Sums up the usage log."""

    async def get_widget_outcomes(self, caller: Caller, widget_id: int) -> Outcomes:
        """How the requests of a widget ended in the last 30 days. Needs `usage:read`."""
        ...


class ClientService:
    """An agency's clients and their widgets, for whoever looks after them.

    Reading needs `config:read` or `config:write`, changing `config:write`. Limits are budgets: seeing what is
    used needs `usage:read`, changing what may be used `admin`.
    """

    def __init__(
        self, store: WidgetStore, budgets: BudgetService, reports: WidgetReports, clock: Clock
    ) -> None:
        self._store = store
        self._budgets = budgets
        self._reports = reports
        self._clock = clock

    async def create_client(
        self, caller: Caller, client_name: str, time_zone: str = "UTC", *, request_id: str | None = None
    ) -> Client:
        """Create a client with the default limits. Raises InvalidClient."""
        require(caller, "config:write")
        check_client(client_name, time_zone)

        def budgets(client_id: int) -> list[Budget]:
            subject = client_subject(client_id)
            return [
                self._budgets.draft(caller, subject, *measure, Terms(limit=limit, time_zone=time_zone))
                for measure, limit in limits_by_measure(DEFAULT_LIMITS).items()
            ]

        after = {"client_name": client_name, "time_zone": time_zone, "limits": to_builtins(DEFAULT_LIMITS)}
        entry = self._entry("client.created", request_id, after=after)
        client = await self._store.add_client(
            caller, client_name, time_zone, self._clock.now(), budgets, entry
        )
        self._announce(caller, "client.created", client=client.id)
        return client

    async def list_clients(
        self,
        caller: Caller,
        *,
        after: int = 0,
        limit: int = 50,
        search: str = "",
        is_archived: bool | None = None,
    ) -> list[Client]:
        """A page of the tenant's clients, oldest first, beginning behind the id `after`.

        Only those with `search` in their names, and those that are archived or not, where that is said.
        """
        require_reading(caller)
        return await self._store.list_clients(caller, after, _checked(limit), search, is_archived)

    async def get_client(self, caller: Caller, client_id: int) -> Client:
        """A client of the tenant. Raises ClientNotFound."""
        require_reading(caller)
        return await self._get_client(caller, client_id)

    async def names_of(self, caller: Caller, client_ids: Collection[int]) -> dict[int, str]:
        """What those of these clients are called that there are."""
        require_reading(caller)
        return await self._store.find_names(caller, client_ids) if client_ids else {}

    async def update_client(
        self,
        caller: Caller,
        client_id: int,
        *,
        client_name: str | None = None,
        time_zone: str | None = None,
        is_archived: bool | None = None,
        expected: datetime | None = None,
        request_id: str | None = None,
    ) -> Client:
        """Change a client; in another time zone its days begin at another hour, what was used stays used.

        The widgets of an archived one answer nobody until it is brought back. `expected` is the `updated_at`
        the caller has seen. Raises ClientNotFound, InvalidClient, Conflict.
        """
        require(caller, "config:write")
        before = await self._get_client(caller, client_id)
        now = max(self._clock.now(), before.updated_at + _TICK)
        archived_at = before.archived_at
        if is_archived is not None and is_archived != (archived_at is not None):
            archived_at = now if is_archived else None
        after = replace(
            before,
            client_name=before.client_name if client_name is None else client_name,
            time_zone=before.time_zone if time_zone is None else time_zone,
            updated_at=now,
            archived_at=archived_at,
        )
        check_client(after.client_name, after.time_zone)
        entry = self._entry(
            "client.changed", request_id, id=client_id, before=_values_of(before), after=_values_of(after)
        )

        def move(budget: Budget) -> Budget:
            return self._budgets.changed(caller, budget, BudgetChanges(time_zone=after.time_zone))

        is_stale = expected is not None and expected != before.updated_at
        if is_stale or not await self._store.update_client(caller, before, after, move, entry):
            raise _changed_meanwhile("client")
        self._announce(caller, "client.changed", client=client_id)
        return after

    async def delete_client(self, caller: Caller, client_id: int, *, request_id: str | None = None) -> None:
        """Delete a client with its widgets and limits; what they used stays known. Raises ClientNotFound."""
        require(caller, "config:write")
        before = await self._get_client(caller, client_id)
        entry = self._entry("client.deleted", request_id, id=client_id, before=_values_of(before))
        if not await self._store.delete_client(caller, client_id, entry):
            raise _no_client(client_id)
        self._announce(caller, "client.deleted", client=client_id)

    async def create_widget(
        self, caller: Caller, client_id: int, settings: WidgetSettings, *, request_id: str | None = None
    ) -> Widget:
        """Create a widget of a client; what it uses is counted from now on.

        Raises ClientNotFound and InvalidWidget.
        """
        require(caller, "config:write")
        check_widget(settings)
        client = await self._get_client(caller, client_id)

        def budgets(widget_id: int) -> list[Budget]:
            terms = Terms(limit=None, time_zone=client.time_zone)
            return [
                self._budgets.draft(caller, widget_subject(widget_id), *measure, terms) for measure in COUNTED
            ]

        entry = self._entry("widget.created", request_id, thing="widget", after=to_builtins(settings))
        widget = await self._store.add_widget(
            caller, client, settings, new_id("wk"), self._clock.now(), budgets, entry
        )
        if widget is None:
            raise _no_client(client_id)
        self._announce(caller, "widget.created", client=client_id, widget=widget.id)
        return widget

    async def list_widgets(
        self, caller: Caller, client_id: int, *, after: int = 0, limit: int = 50
    ) -> list[Widget]:
        """A page of a client's widgets, oldest first, behind the id `after`. Raises ClientNotFound."""
        require_reading(caller)
        client = await self._get_client(caller, client_id)
        return await self._store.list_widgets(caller, client.id, after, _checked(limit))

    async def list_all_widgets(
        self, caller: Caller, *, client_id: int | None = None, after: int = 0, limit: int = 50
    ) -> list[tuple[Widget, Client]]:
        """A page of the tenant's widgets with their clients, oldest first, behind the id `after`."""
        require_reading(caller)
        return await self._store.list_all_widgets(caller, client_id, after, _checked(limit))

    async def get_widget(self, caller: Caller, widget_id: int) -> Widget:
        """A widget of the tenant. Raises WidgetNotFound."""
        require_reading(caller)
        return await self._get_widget(caller, widget_id)

    async def update_widget(
        self,
        caller: Caller,
        widget_id: int,
        changes: WidgetChanges,
        *,
        expected: datetime | None = None,
        request_id: str | None = None,
    ) -> Widget:
        """Change how a widget answers. `expected` is the `updated_at` the caller has seen.

        Raises WidgetNotFound, InvalidWidget and Conflict.
        """
        require(caller, "config:write")
        before = await self._get_widget(caller, widget_id)
        named = {
            name: value
            for name in WidgetChanges.__struct_fields__
            if (value := getattr(changes, name)) is not UNSET
        }
        after = replace(before, **named, updated_at=max(self._clock.now(), before.updated_at + _TICK))
        check_widget(after)
        entry = self._entry(
            "widget.changed",
            request_id,
            thing="widget",
            id=widget_id,
            before=_values_of(before),
            after=_values_of(after),
        )
        is_stale = expected is not None and expected != before.updated_at
        if is_stale or not await self._store.update_widget(caller, before, after, entry):
            raise _changed_meanwhile("widget")
        self._announce(caller, "widget.changed", client=after.client_id, widget=widget_id)
        return after

    async def delete_widget(self, caller: Caller, widget_id: int, *, request_id: str | None = None) -> None:
        """Delete a widget; what it used stays in its client's counters. Raises WidgetNotFound."""
        require(caller, "config:write")
        before = await self._get_widget(caller, widget_id)
        entry = self._entry(
            "widget.deleted", request_id, thing="widget", id=widget_id, before=_values_of(before)
        )
        if not await self._store.delete_widget(caller, widget_id, entry):
            raise _no_widget(widget_id)
        self._announce(caller, "widget.deleted", client=before.client_id, widget=widget_id)

    async def set_client_limits(
        self, caller: Caller, client_id: int, limits: Limits, *, request_id: str | None = None
    ) -> Limits:
        """Set what all widgets of a client together may use; gives all its limits. Needs `admin`.

        Raises ClientNotFound, InvalidBudget and Conflict.
        """
        require(caller, "admin")
        client = await self._get_client(caller, client_id)
        return await self._set_limits(caller, client.subject, limits, client.time_zone, request_id)

    async def set_widget_limits(
        self, caller: Caller, widget_id: int, limits: Limits, *, request_id: str | None = None
    ) -> Limits:
        """Set what a widget may use of what its client may; gives all its own limits. Needs `admin`.

        Raises WidgetNotFound, InvalidBudget and Conflict.
        """
        require(caller, "admin")
        widget = await self._get_widget(caller, widget_id)
        client = await self._get_client(caller, widget.client_id)
        return await self._set_limits(caller, widget.subject, limits, client.time_zone, request_id)

    async def reset_usage(
        self, caller: Caller, client_id: int, *, request_id: str | None = None
    ) -> list[WidgetUsage]:
        """Take what a client's widgets used today back to nothing; the month goes on. Needs `admin`.

        Credits are no longer exhausted, unless the month's are truly used up. Raises ClientNotFound.
        """
        require(caller, "admin")
        client = await self._get_client(caller, client_id)
        await self._budgets.reset_day(caller, await self._subjects_of(caller, client), request_id=request_id)
        return await self._list_usage(caller, client)

    async def list_exhausted_widgets(self, caller: Caller, *, limit: int = 50) -> list[Widget]:
        """The widgets whose credits are used up, oldest first. Needs `usage:read`."""
        require_usage(caller)
        found = [
            await self._store.find_widget(caller, widget_id)
            for widget_id in await self._store.list_exhausted(caller, _checked(limit))
        ]
        return [widget for widget in found if widget is not None]

    async def find_exhausted(self, caller: Caller, widget_ids: Collection[int]) -> set[int]:
        """Those of these widgets whose credits are used up. Needs `usage:read`."""
        require_usage(caller)
        return set(await self._store.list_exhausted(caller, len(widget_ids), widget_ids))

    async def list_llm_usage(self, caller: Caller, client_id: int) -> list[WidgetUsage]:
        """What each widget of a client used, of what. Needs `usage:read`; raises ClientNotFound."""
        require_usage(caller)
        return await self._list_usage(caller, await self._get_client(caller, client_id))

    async def get_llm_analytics(self, caller: Caller, widget_id: int) -> WidgetAnalytics:
        """What a widget used, and how its requests of the last 30 days ended. Needs `usage:read`.

        Raises WidgetNotFound.
        """
        require_usage(caller)
        usage = await self._store.find_usage(caller, widget_id)
        if usage is None:
            raise _no_widget(widget_id)
        return WidgetAnalytics(
            usage=usage, analytics=await self._reports.get_widget_outcomes(reading_usage(caller), widget_id)
        )

    async def _set_limits(
        self, caller: Caller, subject: Subject, limits: Limits, time_zone: str, request_id: str | None
    ) -> Limits:
        budgets = await self._budgets.set_limits(
            caller, subject, limits_by_measure(limits), time_zone, request_id=request_id
        )
        known = {(budget.unit, budget.period): budget.limit for budget in budgets}
        return Limits(**{name: known.get(measure) for name, measure in MEASURES.items()})

    async def _list_usage(self, caller: Caller, client: Client) -> list[WidgetUsage]:
        rows = await self._store.list_usage(caller, client.id)
        subjects = [client.subject, *(widget_subject(row.widget_id) for row in rows)]
        balances = await self._budgets.list_balances(reading_usage(caller), subjects)
        return [self._with_binding(row, client, balances) for row in rows]

    def _with_binding(self, row: LlmUsage, client: Client, balances: Sequence[BudgetBalance]) -> WidgetUsage:
        subjects = (client.subject, widget_subject(row.widget_id))
        under = [balance for balance in balances if balance.budget.subject in subjects]
        return WidgetUsage(usage=row, binds_first=binding_limit(under, self._clock.now()))

    async def _subjects_of(self, caller: Caller, client: Client) -> list[Subject]:
        widgets = await self._store.list_widgets(caller, client.id, 0, MOST_WIDGETS)
        return [client.subject, *(widget.subject for widget in widgets)]

    async def _get_client(self, caller: Caller, client_id: int) -> Client:
        client = await self._store.find_client(caller, client_id)
        if client is None:
            raise _no_client(client_id)
        return client

    async def _get_widget(self, caller: Caller, widget_id: int) -> Widget:
        widget = await self._store.find_widget(caller, widget_id)
        if widget is None:
            raise _no_widget(widget_id)
        return widget

    def _entry(
        self,
        action: str,
        request_id: str | None,
        *,
        thing: str = "client",
        id: int | None = None,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing=thing,
            thing_id="" if id is None else str(id),
            before=before,
            after=after,
            request_id=request_id,
        )

    def _announce(self, caller: Caller, event: str, **fields: Any) -> None:
        """Write down what was done, and let every process forget what it remembers of the budgets."""
        _log.info(event, tenant=caller.tenant_id, actor=caller.actor, **fields)
        self._budgets.announce(caller)


def _checked(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit


def _values_of(thing: Client | Widget) -> dict[str, object]:
    """What the audit log says of a client or widget."""
    values: dict[str, object] = to_builtins(thing)
    del values["id"], values["tenant_id"]
    return values


def _no_client(client_id: int) -> ClientNotFound:
    return ClientNotFound(f"Your tenant has no client {client_id}. List the clients to see their ids.")


def _no_widget(widget_id: int) -> WidgetNotFound:
    return WidgetNotFound(f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids.")


def _changed_meanwhile(what: str) -> Conflict:
    return Conflict(f"Someone changed this {what} meanwhile. Read it again, then decide.", param="updated_at")
