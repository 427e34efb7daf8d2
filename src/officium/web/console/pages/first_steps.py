"""The first steps: from nothing to a streamed answer, a key, a widget, and the figures of what it cost.

How far somebody is, is read from what exists, each time: there is nothing kept that could say otherwise.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from fastapi import APIRouter, Request, Response
from msgspec import UNSET

from officium.apps.widget.client import Client
from officium.apps.widget.widget import Widget
from officium.core.config import ConfigDraft, LlmConfig, NoDefaultConfig
from officium.core.gateway.health import APP as HEALTH_CHECK
from officium.core.gateway.health import HealthReport
from officium.core.llm.deployment import Provider
from officium.core.tenancy import NewKey
from officium.core.tenancy.caller import Caller, require
from officium.core.tenancy.errors import InvalidKey
from officium.core.usage.tallies import Tally
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.kit.secrets import Secret
from officium.web.console.frame import Frame, redirect
from officium.web.console.pages.first_question import SCRIPTED, advice
from officium.web.console.pages.keys import LIFETIMES, Keys
from officium.web.console.pages.overview import Overviews
from officium.web.console.pages.providers import Checks, Configs
from officium.web.console.pages.widgets.listing import create_widget
from officium.web.console.pages.widgets.room import WidgetServices
from officium.web.door import presentable
from officium.web.errors import status_of

ROOT = "/console/first-steps"
Step = Literal["provider", "ask", "key", "widget", "cost"]
STEPS: tuple[Step, ...] = get_args(Step)
_COUNTED: tuple[Step, ...] = ("provider", "ask", "key", "widget")
"""What can be done; the last step is for looking."""
_MOST = 100
_KEY_DAYS = "90"
_PARAMS = {"apiConfig.apiKey": "api_key", "apiConfig.apiUrl": "api_url"}


class DefaultConfigs(Configs, Protocol):
    """Knows the configurations, and which of them is the default."""

    async def get_default(self, caller: Caller, owner_id: str | None = None) -> LlmConfig: ...


class Guides(Protocol):
    """Knows who has seen enough of the guide."""

    async def hide_guide(self, caller: Caller, *, is_hidden: bool = True) -> None: ...


@dataclass(frozen=True)
class FirstStepsParts:
    """What the guide asks."""

    configs: DefaultConfigs
    checks: Checks
    keys: Keys
    widgets: WidgetServices
    overviews: Overviews
    people: Guides
    providers: Sequence[Provider]
    available_providers: Callable[[Caller], Awaitable[Collection[str]]]


@dataclass(frozen=True)
class Progress:
    """What there is already: providers that can be asked, whether one was, an active key, and a widget."""

    providers: Sequence[Provider]
    has_asked: bool
    has_key: bool
    widget: Widget | None
    client: Client | None

    @property
    def real(self) -> list[Provider]:
        """The providers that ask a model."""
        return [provider for provider in self.providers if provider.name != SCRIPTED]

    @property
    def done(self) -> list[Step]:
        """The steps that are done, in their order."""
        found = (bool(self.real), self.has_asked, self.has_key, self.widget is not None)
        return [step for step, is_done in zip(_COUNTED, found, strict=True) if is_done]

    @property
    def left(self) -> int:
        """How many steps are left to do."""
        return len(_COUNTED) - len(self.done)

    @property
    def next(self) -> Step:
        """What comes next. Whoever asked the scripted provider has put connecting another one off."""
        left = [step for step in _COUNTED if step not in self.done]
        if self.has_asked and len(left) > 1:
            left = [step for step in left if step != "provider"]
        return left[0] if left else "cost"


class FirstSteps:
    """Puts the guide together."""

    def __init__(self, parts: FirstStepsParts, frame: Frame) -> None:
        self.parts = parts
        self.frame = frame

    async def is_wanted(self, request: Request) -> bool:
        """Whether the guide opens by itself: nothing was ever asked, and it was not put away."""
        session = request.state.session
        if not session.caller.may("usage:read"):
            return True  # there is no overview for them
        if session.member.guide_hidden_at is not None:
            return False
        return not await self._was_asked(session.caller)

    async def left_over(self, request: Request) -> Progress | None:
        """How far the guide is, for who is to be reminded of it; `None` for everybody else."""
        session = request.state.session
        if not session.caller.may("admin") or session.member.guide_hidden_at is not None:
            return None
        progress = await self.progress(session.caller)
        return progress if progress.left else None

    async def progress(self, caller: Caller) -> Progress:
        """What there is already, as far as the caller may know."""
        available = set(await self.parts.available_providers(caller))
        keys = await self.parts.keys.list_keys(caller, limit=_MOST) if caller.may("admin") else []
        widgets = await self.parts.widgets.clients.list_all_widgets(caller, limit=1)
        now = datetime.now(UTC)
        return Progress(
            providers=[provider for provider in self.parts.providers if provider.name in available],
            has_asked=await self._was_asked(caller, is_answered=True),
            has_key=any(
                key.revoked_at is None and (key.expires_at is None or key.expires_at > now) for key in keys
            ),
            widget=widgets[0][0] if widgets else None,
            client=widgets[0][1] if widgets else None,
        )

    async def show(
        self,
        request: Request,
        *,
        step: Step | None = None,
        error: OfficiumError | None = None,
        report: HealthReport | None = None,
        **values: Any,
    ) -> Response:
        """The page, with `step` open, or what comes next; `error` is what was wrong with its form.

        `report` is what became of the check of a provider.
        """
        caller: Caller = request.state.session.caller
        if error is not None:
            request.scope["officium.error"] = error.code
            error = presentable(error, request.scope["officium.request_id"])
        progress = await self.progress(caller)
        is_guide = caller.may("admin")
        param = "" if error is None else str(error.fields.get("param", ""))
        about: dict[str, Any] = {"said": {}, "new_key": None}
        code = error.code if error is not None else report.error_code if report is not None else None
        return self.frame.page(
            request,
            "first_steps.html",
            status=200 if error is None else status_of(error),
            progress=progress,
            steps=STEPS if is_guide else ("ask", "cost"),
            open=step or (progress.next if is_guide else "cost" if progress.has_asked else "ask"),
            is_guide=is_guide,
            is_hidden=request.state.session.member.guide_hidden_at is not None,
            may_ask=caller.may("inference"),
            counted=len(_COUNTED),
            chosen=await self._answering(caller, progress),
            total=await self._so_far(caller),
            catalogue=[one for one in self.parts.providers if one.name != SCRIPTED] if is_guide else [],
            clients=await self._clients(caller) if is_guide else [],
            lifetimes=list(LIFETIMES),
            server=str(request.base_url).rstrip("/"),
            error=error,
            report=report,
            advice=advice(code),
            faulty=_PARAMS.get(param, param),
            **{**about, **values},
        )

    async def connect(self, caller: Caller, form: Mapping[str, str], request_id: str) -> HealthReport:
        """Keep a configuration if its provider answers; the first one becomes the default.

        Raises InvalidRequest, and what the gateway says of the caller's own limits.
        """
        configs = self.parts.configs
        made = await configs.create_config(caller, _draft(form), request_id=request_id)
        report = None
        try:
            report = await self.parts.checks.check_config(caller, made.id, request_id=request_id)
        finally:
            if report is None or report.status != "healthy":
                await configs.delete_config(caller, made.id, request_id=request_id)
        if report.status == "healthy" and not await self._has_default(caller):
            await configs.update_config(caller, made.id, ConfigDraft(is_default=True), request_id=request_id)
        return report

    async def _was_asked(self, caller: Caller, *, is_answered: bool = False) -> bool:
        if not caller.may("usage:read"):
            return False
        return await self.parts.overviews.has_any(caller, besides=HEALTH_CHECK, is_answered=is_answered)

    async def _has_default(self, caller: Caller) -> bool:
        try:
            return bool(await self.parts.configs.get_default(caller))
        except NoDefaultConfig:
            return False

    async def _answering(self, caller: Caller, progress: Progress) -> str:
        """Who is asked unless somebody else is chosen: the default, else the first that asks a model."""
        names = [provider.name for provider in progress.providers]
        if caller.may("config:read"):
            try:
                default = (await self.parts.configs.get_default(caller)).provider
            except NoDefaultConfig:
                default = ""
            if default in names:
                return default
        return next(iter([*(one.name for one in progress.real), *names]), "")

    async def _so_far(self, caller: Caller) -> Tally | None:
        if not caller.may("usage:read"):
            return None
        return (await self.parts.overviews.get_overview(caller, "30-days")).total

    async def _clients(self, caller: Caller) -> list[Client]:
        found = await self.parts.widgets.clients.list_clients(caller, limit=_MOST)
        return [client for client in found if client.archived_at is None]


def add_first_steps(router: APIRouter, page: FirstSteps) -> None:
    """Add the guide and its forms."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        asked = request.query_params.get("step", "")
        return await page.show(request, step=next((step for step in STEPS if step == asked), None))

    @router.post(f"{ROOT}/provider")
    async def connect(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "admin")
        said = {name: form.get(name, "") for name in ("provider", "model", "api_url")}
        try:
            report = await page.connect(caller, form, request.scope["officium.request_id"])
        except OfficiumError as error:
            return await page.show(request, step="provider", error=error, said=said)
        if report.status != "healthy":
            request.scope["officium.error"] = report.error_code
            return await page.show(request, step="provider", report=report, said=said)
        return await page.show(request, step="ask", report=report)

    @router.post(f"{ROOT}/key")
    async def make_key(request: Request) -> Response:
        form = request.state.form
        lifetime = form.get("lifetime", _KEY_DAYS)
        days = LIFETIMES.get(lifetime, LIFETIMES[_KEY_DAYS])
        try:
            new: NewKey = await page.parts.keys.create_key(
                request.state.session.caller,
                form.get("name", "").strip(),
                scopes=("inference",),
                expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
                request_id=request.scope["officium.request_id"],
            )
        except InvalidKey as error:
            return await page.show(request, step="key", error=error, said=form)
        return await page.show(request, step="key", new_key=new)

    @router.post(f"{ROOT}/widget")
    async def make_widget(request: Request) -> Response:
        form = request.state.form
        require(request.state.session.caller, "admin")
        try:
            await create_widget(page.parts.widgets.clients, request, form)
        except (InvalidRequest, NotFound) as error:
            names = ("name", "client", "new_client", "origin")
            return await page.show(
                request, step="widget", error=error, said={name: form.get(name, "") for name in names}
            )
        return redirect(f"{ROOT}?step=widget#now", flash="first_widget")

    @router.post(f"{ROOT}/hide")
    async def hide(request: Request) -> Response:
        is_hidden = request.state.form.get("hidden", "on") == "on"
        await page.parts.people.hide_guide(request.state.session.caller, is_hidden=is_hidden)
        return redirect("/console" if is_hidden else ROOT, flash="guide_hidden" if is_hidden else None)


def _draft(form: Mapping[str, str]) -> ConfigDraft:
    key, model = form.get("api_key", "").strip(), form.get("model", "").strip()
    return ConfigDraft(
        provider=form.get("provider", "").strip() or UNSET,
        model=model or UNSET,
        api_key=Secret(key) if key else None,
        api_url=form.get("api_url", "").strip() or None,
    )
