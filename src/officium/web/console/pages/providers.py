"""The tenant's ways to providers: configurations, whether they work, and the models there are."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from msgspec import UNSET

from officium.core.config import ConfigChanged, ConfigDraft, ConfigVersion, LlmConfig
from officium.core.config.llm_config import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from officium.core.gateway.catalogue import CatalogueEntry
from officium.core.gateway.health import HealthReport
from officium.core.gateway.models import Answering
from officium.core.gateway.reach import DEFAULT
from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.kit.secrets import Secret
from officium.web.console.frame import Frame, redirect

ROOT = "/console/providers"
_FIELDS = ("provider", "model", "temperature", "max_tokens", "is_default", "api_url")
_PARAMS = {"apiConfig.apiKey": "api_key", "apiConfig.apiUrl": "api_url", "maxTokens": "max_tokens"}
_PAGE = 100
_VERSIONS = 20


class Configs(Protocol):
    """Knows the configurations."""

    async def list_configs(
        self, caller: Caller, owner_id: str | None = None, *, after: str = "", limit: int = 50
    ) -> Sequence[LlmConfig]: ...

    async def get_config(self, caller: Caller, config_id: str, owner_id: str | None = None) -> LlmConfig: ...

    async def list_versions(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None = None,
        *,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[ConfigVersion]: ...

    async def create_config(
        self,
        caller: Caller,
        draft: ConfigDraft,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> LlmConfig: ...

    async def update_config(
        self,
        caller: Caller,
        config_id: str,
        draft: ConfigDraft,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> LlmConfig: ...

    async def delete_config(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> None: ...


class Checks(Protocol):
    """Asks providers whether a configuration works."""

    async def check_config(
        self, caller: Caller, config_id: str, owner_id: str | None = None, *, request_id: str
    ) -> HealthReport: ...


class WhoAnswers(Protocol):
    """Knows what answers a name."""

    async def find_answering(self, caller: Caller, name: str) -> Answering: ...


class Catalogue(Protocol):
    """Knows the models."""

    async def list_models(self, caller: Caller) -> Sequence[CatalogueEntry]: ...


class _ProvidersPage:
    """What the routes share."""

    def __init__(
        self,
        configs: Configs,
        checks: Checks,
        answers: WhoAnswers,
        providers: Sequence[Provider],
        frame: Frame,
    ) -> None:
        self.configs = configs
        self.checks = checks
        self.answers = answers
        self.providers = providers
        self.frame = frame

    def form(
        self,
        request: Request,
        said: Mapping[str, str],
        config: LlmConfig | None = None,
        versions: Sequence[ConfigVersion] = (),
        error: InvalidRequest | ConfigChanged | None = None,
        answering: Sequence[tuple[str, Answering | OfficiumError]] = (),
    ) -> Response:
        """The form of a configuration; with what was said, if that was at fault."""
        if error is not None:
            request.scope["officium.error"] = error.code
        is_stale = isinstance(error, ConfigChanged)
        param = str(error.fields.get("param")) if error is not None else ""
        return self.frame.page(
            request,
            "provider.html",
            status=200 if error is None else 409 if is_stale else 400,
            said=said,
            config=config,
            versions=versions,
            error=error,
            faulty=_PARAMS.get(param, param),
            answering=answering,
            providers=self.providers,
            may_change=request.state.session.caller.may("config:write"),
        )

    async def show(
        self,
        request: Request,
        id: str,
        said: Mapping[str, str] | None = None,
        error: InvalidRequest | ConfigChanged | None = None,
    ) -> Response:
        """The page of a configuration as it is now; with what was said, if that was at fault."""
        caller = request.state.session.caller
        config = await self.configs.get_config(caller, id)
        versions = await self.configs.list_versions(caller, id, limit=_VERSIONS)
        answering = [(name, await self._find_answering(caller, name)) for name in (DEFAULT, config.provider)]
        return self.form(request, said or _as_form(config), config, versions, error, answering)

    async def _find_answering(self, caller: Caller, name: str) -> Answering | OfficiumError:
        try:
            return await self.answers.find_answering(caller, name)
        except OfficiumError as error:
            return error


def add_providers_page(
    router: APIRouter,
    configs: Configs,
    checks: Checks,
    catalogue: Catalogue,
    answers: WhoAnswers,
    providers: Sequence[Provider],
    frame: Frame,
) -> None:
    """Add the list, the form and what its buttons do, and the models."""
    page = _ProvidersPage(configs, checks, answers, providers, frame)
    _add_reading(router, page, catalogue)
    _add_changing(router, page)


def _add_reading(router: APIRouter, page: _ProvidersPage, catalogue: Catalogue) -> None:
    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller, after = request.state.session.caller, request.query_params.get("after", "")
        found = await page.configs.list_configs(caller, after=after[:64], limit=_PAGE)
        return page.frame.page(
            request,
            "providers.html",
            found=found,
            after=found[-1].id if len(found) == _PAGE else None,
            labels={provider.name: provider.label for provider in page.providers},
            may_change=caller.may("config:write"),
        )

    @router.get(f"{ROOT}/models")
    async def models(request: Request) -> Response:
        words = request.query_params.get("q", "").strip().lower()[:100]
        entries = await catalogue.list_models(request.state.session.caller)
        shown = [entry for entry in entries if words in f"{entry.provider}/{entry.model}".lower()]
        shown.sort(key=lambda entry: (not entry.used_by, not entry.is_available, entry.provider))
        return page.frame.page(
            request,
            "models.html",
            words=words,
            models=shown,
            zone=request.state.session.tenant.time_zone,
            may_change=request.state.session.caller.may("config:write"),
        )

    @router.get(f"{ROOT}/new")
    async def new(request: Request) -> Response:
        require(request.state.session.caller, "config:write")
        return page.form(request, _blank())

    @router.get(f"{ROOT}/{{id}}")
    async def show(request: Request, id: str) -> Response:
        return await page.show(request, id)


def _add_changing(router: APIRouter, page: _ProvidersPage) -> None:
    @router.post(f"{ROOT}/new")
    async def create(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        try:
            made = await page.configs.create_config(
                caller, _draft(form), request_id=request.scope["officium.request_id"]
            )
        except InvalidRequest as error:
            return page.form(request, _said(form), error=error)
        return redirect(f"{ROOT}/{made.id}", flash="provider_saved")

    @router.post(f"{ROOT}/{{id}}")
    async def update(request: Request, id: str) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        try:
            await page.configs.update_config(
                caller, id, _draft(form), request_id=request.scope["officium.request_id"]
            )
        except (InvalidRequest, ConfigChanged) as error:
            return await page.show(request, id, _said(form), error)
        return redirect(f"{ROOT}/{id}", flash="provider_saved")

    @router.post(f"{ROOT}/{{id}}/enabled")
    async def enable(request: Request, id: str) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        is_enabled = form.get("enabled") == "yes"
        try:
            draft = ConfigDraft(is_enabled=is_enabled, version=_version(form))
            await page.configs.update_config(
                caller, id, draft, request_id=request.scope["officium.request_id"]
            )
        except (InvalidRequest, ConfigChanged) as error:
            return await page.show(request, id, error=error)
        return redirect(f"{ROOT}/{id}", flash="provider_enabled" if is_enabled else "provider_disabled")

    @router.post(f"{ROOT}/{{id}}/check")
    async def check(request: Request, id: str) -> Response:
        report = await page.checks.check_config(
            request.state.session.caller, id, request_id=request.scope["officium.request_id"]
        )
        return page.frame.fragment("provider_health.html", report=report)

    @router.post(f"{ROOT}/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        await page.configs.delete_config(
            request.state.session.caller, id, request_id=request.scope["officium.request_id"]
        )
        return redirect(ROOT, flash="provider_deleted")


def _blank() -> dict[str, str]:
    said = dict.fromkeys(_FIELDS, "")
    return said | {"temperature": f"{DEFAULT_TEMPERATURE:g}", "max_tokens": str(DEFAULT_MAX_TOKENS)}


def _as_form(config: LlmConfig) -> dict[str, str]:
    """A configuration in the fields of the form; its key never is."""
    return {
        "provider": config.provider,
        "model": config.model,
        "temperature": f"{config.temperature:g}",
        "max_tokens": str(config.max_tokens),
        "is_default": "on" if config.is_default else "",
        "api_url": config.api_url or "",
    }


def _said(form: Mapping[str, str]) -> dict[str, str]:
    """What was said, to be corrected; a key is typed again."""
    return {name: form.get(name, "") for name in _FIELDS}


def _draft(form: Mapping[str, str]) -> ConfigDraft:
    """What the form says. Raises InvalidRequest."""
    key = form.get("api_key", "").strip()
    model = form.get("model", "").strip()
    said: dict[str, Any] = {
        "provider": form.get("provider", "").strip() or UNSET,
        "model": model or UNSET,
        "temperature": _number(form, "temperature", float),
        "max_tokens": _number(form, "max_tokens", int),
        "is_default": form.get("is_default") == "on",
        "api_key": Secret(key) if key else None,
        "api_url": form.get("api_url", "").strip() or None,
        "version": _version(form),
    }
    return ConfigDraft(**said)


def _version(form: Mapping[str, str]) -> int | None:
    """The version that was seen, if the form says one. Raises InvalidRequest."""
    return None if not form.get("version") else _number(form, "version", int)


def _number(form: Mapping[str, str], name: str, kind: type[int] | type[float]) -> Any:
    said = form.get(name, "").strip()
    if not said:
        return UNSET
    try:
        return kind(said[:20])
    except ValueError:
        example = "a whole number, such as 4096" if kind is int else "a number, such as 0.3"
        raise InvalidRequest(f"`{name}` is {example}.", param=name) from None
