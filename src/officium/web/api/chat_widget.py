"""`/api/chat-widget`: an agency's clients, their widgets, what these may use and what they used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import AliasChoices, AliasGenerator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from officium.apps.widget.client import Client, Limits
from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.service import LARGEST_PAGE, WidgetChanges
from officium.apps.widget.usage import EXHAUSTED_NOTICE, LlmUsage, WidgetAnalytics, WidgetUsage
from officium.apps.widget.widget import Widget, WidgetSettings
from officium.core.tenancy.caller import Caller
from officium.core.usage.budgets.terms import MOST_LIMIT
from officium.kit.money import nano_of_usd, usd_of_nano
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_LARGEST_ID = 2**63 - 1
_CLIENTS = "/api/chat-widget/clients"
_CLIENT = "/api/chat-widget/clients/{clientId}"
_WIDGET = "/api/chat-widget/widgets/{widgetId}"
_EXPECTED = "As you read it. If someone changed it since, this change is refused."


class ClientService(Protocol):
    """Knows the agencies' clients and widgets."""

    async def create_client(
        self, caller: Caller, client_name: str, time_zone: str = ..., *, request_id: str | None = None
    ) -> Client: ...

    async def list_clients(self, caller: Caller, *, after: int = 0, limit: int = 50) -> Sequence[Client]: ...

    async def get_client(self, caller: Caller, client_id: int) -> Client: ...

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
    ) -> Client: ...

    async def delete_client(
        self, caller: Caller, client_id: int, *, request_id: str | None = None
    ) -> None: ...

    async def create_widget(
        self, caller: Caller, client_id: int, settings: WidgetSettings, *, request_id: str | None = None
    ) -> Widget: ...

    async def list_widgets(
        self, caller: Caller, client_id: int, *, after: int = 0, limit: int = 50
    ) -> Sequence[Widget]: ...

    async def get_widget(self, caller: Caller, widget_id: int) -> Widget: ...

    async def update_widget(
        self,
        caller: Caller,
        widget_id: int,
        changes: WidgetChanges,
        *,
        expected: datetime | None = None,
        request_id: str | None = None,
    ) -> Widget: ...

    async def delete_widget(
        self, caller: Caller, widget_id: int, *, request_id: str | None = None
    ) -> None: ...

    async def set_client_limits(
        self, caller: Caller, client_id: int, limits: Limits, *, request_id: str | None = None
    ) -> Limits: ...

    async def set_widget_limits(
        self, caller: Caller, widget_id: int, limits: Limits, *, request_id: str | None = None
    ) -> Limits: ...

    async def reset_usage(
        self, caller: Caller, client_id: int, *, request_id: str | None = None
    ) -> Sequence[WidgetUsage]: ...

    async def list_llm_usage(self, caller: Caller, client_id: int) -> Sequence[WidgetUsage]: ...

    async def get_llm_analytics(self, caller: Caller, widget_id: int) -> WidgetAnalytics: ...


def _both_spellings(name: str) -> AliasChoices:
    return AliasChoices(name, to_camel(name))


class Asked(BaseModel):
    """A body whose fields may be spelt `like_this` or `likeThis`."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=AliasGenerator(validation_alias=_both_spellings)
    )


class NewClient(Asked):
    """A client to create."""

    client_name: str = Field(examples=["Bakery Schmidt"])
    time_zone: str = Field("UTC", description="When its days and months begin.", examples=["Asia/Riyadh"])


class ChangedClient(Asked):
    """What a client shall be from now on. What is left out stays as it is."""

    client_name: str | None = None
    time_zone: str | None = None
    is_archived: bool | None = Field(None, description="The widgets of an archived client answer nobody.")
    updated_at: AwareDatetime | None = Field(None, description=_EXPECTED)


class ShownClient(BaseModel):
    """Whom the agency runs widgets for."""

    id: int
    client_name: str
    time_zone: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = Field(description="null while its widgets answer.")


class ShownClients(BaseModel):
    """A page of clients, oldest first."""

    clients: list[ShownClient]
    next_after: int | None = Field(description="Send it as `after` to get the next page; null at the end.")


class NewWidget(Asked):
    """A widget to create."""

    name: str = Field(examples=["Shop"])
    llm_enabled: bool = Field(True, description="false answers from the knowledge base alone.")
    llm_provider: str | None = Field(
        None, description="The tenant's default where null.", examples=["gemini"]
    )
    llm_model: str | None = Field(None, description="The provider's default where null.")
    llm_temperature: float = 0.7
    llm_max_tokens: int = Field(500, description="The longest answer.")
    fallback_to_knowledge_base: bool = True
    business_info: str = Field("", description="Told the model with every question.")
    persona: str = Field("", description="How it is to speak: whom it plays, and in what tone.")
    languages: list[str] = Field(default=[], examples=[["en", "de"]])
    allowed_origins: list[str] = Field(
        default=[],
        description="The origins whose pages may show it; none where empty, any where `*` is among them.",
        examples=[["https://shop.example"]],
    )
    confidence_threshold: float = Field(0.85, description="From which on the knowledge base answers.")
    default_response: str = Field(
        "", description="Said where nobody has an answer; a friendly text where empty."
    )
    visitor_notice: str = Field("", description="Said to visitors while the free credits are used up.")
    llm_timeout_s: float = Field(20.0, description="How long a model is waited for.")
    conversation_token_limit: int | None = Field(
        20_000, description="What a conversation may spend on models."
    )
    conversation_cost_limit_usd: str | None = Field(
        None, description="The same in US dollars; null is without limit.", examples=["0.05"]
    )
    retention_days: int | None = Field(90, description="After which what visitors said is forgotten.")
    appearance: dict[str, Any] = Field(
        default={},
        description="For the script in the page: theme, texts, suggested questions.",
        examples=[{"theme": {"color": "#0a58ca"}, "suggestedQuestions": ["When do you open?"]}],
    )
    working_hours: dict[str, Any] | None = Field(
        None,
        description="When people answer who take over.",
        examples=[{"time_zone": "Europe/Berlin", "days": {"mon": ["09:00", "18:00"]}}],
    )


class ChangedWidget(Asked):
    """How a widget shall answer from now on. What is left out stays as it is."""

    name: str = ""
    llm_enabled: bool = True
    llm_provider: str | None = None
    llm_model: str | None = None
    llm_temperature: float = 0.7
    llm_max_tokens: int = 500
    fallback_to_knowledge_base: bool = True
    business_info: str = ""
    persona: str = ""
    languages: list[str] = Field(default=[])
    allowed_origins: list[str] = Field(default=[])
    confidence_threshold: float = 0.85
    default_response: str = ""
    visitor_notice: str = ""
    llm_timeout_s: float = 20.0
    conversation_token_limit: int | None = None
    conversation_cost_limit_usd: str | None = None
    retention_days: int | None = None
    appearance: dict[str, Any] = Field(default={})
    working_hours: dict[str, Any] | None = None
    updated_at: AwareDatetime | None = Field(None, description=_EXPECTED)


class ShownWidget(BaseModel):
    """A widget, and how it answers."""

    id: int
    client_id: int
    name: str
    widget_key: str = Field(description="Public: it stands in the pages that show the widget.")
    llm_enabled: bool
    llm_provider: str | None
    llm_model: str | None
    llm_temperature: float
    llm_max_tokens: int
    fallback_to_knowledge_base: bool
    business_info: str
    persona: str
    languages: list[str]
    allowed_origins: list[str]
    confidence_threshold: float
    default_response: str
    visitor_notice: str
    llm_timeout_s: float
    conversation_token_limit: int | None
    conversation_cost_limit_usd: str | None
    retention_days: int | None
    appearance: dict[str, Any]
    working_hours: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class ShownWidgets(BaseModel):
    """A page of widgets, oldest first."""

    widgets: list[ShownWidget]
    next_after: int | None = Field(description="Send it as `after` to get the next page; null at the end.")


Limit = Annotated[int, Field(strict=True, ge=0, le=MOST_LIMIT)]


class AskedLimits(Asked):
    """Limits to set. What is left out stays as it is; null is without limit."""

    monthly_token_limit: Limit | None = Field(None, examples=[200_000])
    daily_token_limit: Limit | None = Field(None, examples=[10_000])
    monthly_request_limit: Limit | None = Field(None, examples=[2_000])
    daily_request_limit: Limit | None = Field(None, examples=[200])


class ShownLimits(BaseModel):
    """Limits as they are now; null is without limit."""

    monthly_token_limit: int | None
    daily_token_limit: int | None
    monthly_request_limit: int | None
    daily_request_limit: int | None


class ShownUsage(BaseModel):
    """What a widget used, and the limits it is under: its own, or else those all of its client's share."""

    client_id: int
    widget_id: int
    monthly_token_limit: int | None
    daily_token_limit: int | None
    monthly_request_limit: int | None
    daily_request_limit: int | None
    tokens_used_today: int
    tokens_used_this_month: int
    requests_made_today: int
    requests_made_this_month: int
    total_tokens_used: int
    total_requests_made: int
    credits_exhausted: bool


class BindingUsage(ShownUsage):
    """What a widget used, and the limit it will meet first."""

    notice: str | None = Field(description="What to tell the owner, once the free credits are used up.")
    binds_first: str | None = Field(
        description="The limit that stops it first at the current rate; null where none is to be seen.",
        examples=["daily_token_limit"],
    )


class ShownAnalytics(BaseModel):
    """How a widget's requests of the last 30 days ended."""

    total_requests: int
    total_tokens: int
    avg_response_time: float | None = Field(description="Milliseconds, of successful ones.")
    successful_requests: int
    failed_requests: int
    credits_exhausted_count: int


class UsageAndAnalytics(BaseModel):
    """What a widget used, and what came of it."""

    usage: ShownUsage
    analytics: ShownAnalytics


ClientId = Annotated[int, Path(alias="clientId", ge=1, le=_LARGEST_ID)]
WidgetId = Annotated[int, Path(alias="widgetId", ge=1, le=_LARGEST_ID)]
After = Annotated[int, Query(description="Those behind the one with this id.", ge=0, le=_LARGEST_ID)]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]


def chat_widget_router(service: ClientService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "chat widget")
    _add_clients(router, service)
    _add_widgets(router, service)
    _add_usage(router, service)
    return router


def _add_clients(router: APIRouter, service: ClientService) -> None:
    @router.get(_CLIENTS, summary="The agency's clients")
    async def list_clients(caller: KnownCaller, after: After = 0, limit: PageSize = 50) -> ShownClients:
        found = await service.list_clients(caller, after=after, limit=limit)
        return ShownClients(
            clients=[_shown_client(client) for client in found],
            next_after=found[-1].id if len(found) == limit else None,
        )

    @router.post(_CLIENTS, summary="Create a client, with the default limits", status_code=201)
    async def create_client(caller: KnownCaller, request_id: RequestId, asked: NewClient) -> ShownClient:
        return _shown_client(
            await service.create_client(caller, asked.client_name, asked.time_zone, request_id=request_id)
        )

    @router.get(_CLIENT, summary="A client")
    async def get_client(caller: KnownCaller, client_id: ClientId) -> ShownClient:
        return _shown_client(await service.get_client(caller, client_id))

    @router.put(_CLIENT, summary="Change a client")
    async def update_client(
        caller: KnownCaller, request_id: RequestId, client_id: ClientId, asked: ChangedClient
    ) -> ShownClient:
        changed = await service.update_client(
            caller,
            client_id,
            client_name=asked.client_name,
            time_zone=asked.time_zone,
            is_archived=asked.is_archived,
            expected=asked.updated_at,
            request_id=request_id,
        )
        return _shown_client(changed)

    @router.delete(_CLIENT, summary="Delete a client with its widgets and limits", status_code=204)
    async def delete_client(caller: KnownCaller, request_id: RequestId, client_id: ClientId) -> None:
        await service.delete_client(caller, client_id, request_id=request_id)


def _add_widgets(router: APIRouter, service: ClientService) -> None:
    @router.get(f"{_CLIENT}/widgets", summary="A client's widgets")
    async def list_widgets(
        caller: KnownCaller, client_id: ClientId, after: After = 0, limit: PageSize = 50
    ) -> ShownWidgets:
        found = await service.list_widgets(caller, client_id, after=after, limit=limit)
        return ShownWidgets(
            widgets=[_shown_widget(widget) for widget in found],
            next_after=found[-1].id if len(found) == limit else None,
        )

    @router.post(f"{_CLIENT}/widgets", summary="Create a widget of a client", status_code=201)
    async def create_widget(
        caller: KnownCaller, request_id: RequestId, client_id: ClientId, asked: NewWidget
    ) -> ShownWidget:
        settings = WidgetSettings(**_said_of_widget(asked.model_dump()))
        return _shown_widget(await service.create_widget(caller, client_id, settings, request_id=request_id))

    @router.get(_WIDGET, summary="A widget, and how it answers")
    async def get_widget(caller: KnownCaller, widget_id: WidgetId) -> ShownWidget:
        return _shown_widget(await service.get_widget(caller, widget_id))

    @router.put(_WIDGET, summary="Change how a widget answers")
    async def update_widget(
        caller: KnownCaller, request_id: RequestId, widget_id: WidgetId, asked: ChangedWidget
    ) -> ShownWidget:
        changes = WidgetChanges(
            **_said_of_widget(asked.model_dump(exclude_unset=True, exclude={"updated_at"}))
        )
        changed = await service.update_widget(
            caller, widget_id, changes, expected=asked.updated_at, request_id=request_id
        )
        return _shown_widget(changed)

    @router.delete(_WIDGET, summary="Delete a widget", status_code=204)
    async def delete_widget(caller: KnownCaller, request_id: RequestId, widget_id: WidgetId) -> None:
        await service.delete_widget(caller, widget_id, request_id=request_id)


def _add_usage(router: APIRouter, service: ClientService) -> None:
    @router.put(f"{_CLIENT}/limits", summary="Set what all widgets of a client together may use")
    async def set_client_limits(
        caller: KnownCaller, request_id: RequestId, client_id: ClientId, asked: AskedLimits
    ) -> ShownLimits:
        limits = Limits(**asked.model_dump(exclude_unset=True))
        return _shown_limits(
            await service.set_client_limits(caller, client_id, limits, request_id=request_id)
        )

    @router.put(f"{_WIDGET}/limits", summary="Set what a widget may use of what its client may")
    async def set_widget_limits(
        caller: KnownCaller, request_id: RequestId, widget_id: WidgetId, asked: AskedLimits
    ) -> ShownLimits:
        limits = Limits(**asked.model_dump(exclude_unset=True))
        return _shown_limits(
            await service.set_widget_limits(caller, widget_id, limits, request_id=request_id)
        )

    @router.post(f"{_CLIENT}/reset-usage", summary="Take what was used today back to nothing")
    async def reset_usage(
        caller: KnownCaller, request_id: RequestId, client_id: ClientId
    ) -> list[BindingUsage]:
        found = await service.reset_usage(caller, client_id, request_id=request_id)
        return [_shown_usage(usage) for usage in found]

    @router.get(f"{_CLIENT}/llm-usage", summary="What each widget of a client used")
    async def list_llm_usage(caller: KnownCaller, client_id: ClientId) -> list[BindingUsage]:
        return [_shown_usage(usage) for usage in await service.list_llm_usage(caller, client_id)]

    @router.get(f"{_WIDGET}/llm-analytics", summary="What a widget used, and what came of it in 30 days")
    async def get_llm_analytics(caller: KnownCaller, widget_id: WidgetId) -> UsageAndAnalytics:
        found = await service.get_llm_analytics(caller, widget_id)
        return UsageAndAnalytics(
            usage=ShownUsage(**_fields(found.usage)),
            analytics=ShownAnalytics(
                total_requests=found.analytics.total,
                total_tokens=found.analytics.tokens,
                avg_response_time=found.analytics.average_ms,
                successful_requests=found.analytics.successful,
                failed_requests=found.analytics.failed,
                credits_exhausted_count=found.analytics.exhausted,
            ),
        )


def _said(body: dict[str, Any]) -> dict[str, Any]:
    """What a body says, its lists as the room takes them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}


def _said_of_widget(body: dict[str, Any]) -> dict[str, Any]:
    """The same, and dollars as we count them. Raises InvalidWidget."""
    said = _said(body)
    if "conversation_cost_limit_usd" in said:
        dollars = said.pop("conversation_cost_limit_usd")
        try:
            said["conversation_nano_usd_limit"] = None if dollars is None else nano_of_usd(dollars)
        except ValueError as error:
            raise InvalidWidget(str(error), param="conversation_cost_limit_usd") from error
    return said


def _shown_client(client: Client) -> ShownClient:
    return ShownClient(**{name: getattr(client, name) for name in ShownClient.model_fields})


def _shown_widget(widget: Widget) -> ShownWidget:
    named = {name: getattr(widget, name) for name in ShownWidget.model_fields if hasattr(widget, name)}
    limit = widget.conversation_nano_usd_limit
    return ShownWidget(**named, conversation_cost_limit_usd=None if limit is None else usd_of_nano(limit))


def _shown_limits(limits: Limits) -> ShownLimits:
    return ShownLimits(**msgspec.structs.asdict(limits))


def _shown_usage(found: WidgetUsage) -> BindingUsage:
    notice = EXHAUSTED_NOTICE if found.usage.credits_exhausted else None
    return BindingUsage(**_fields(found.usage), binds_first=found.binds_first, notice=notice)


def _fields(usage: LlmUsage) -> dict[str, Any]:
    return msgspec.structs.asdict(usage)
