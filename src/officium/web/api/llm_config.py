"""`/api/llm-config`: the provider configurations of a tenant and of its users. Keys go in, and never out."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Protocol

from fastapi import APIRouter, Header, Query, Response
from msgspec import UNSET
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

from officium.core.config import ConfigDraft, ConfigVersion, LlmConfig
from officium.core.config.service import LARGEST_PAGE
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.kit.secrets import Secret
from officium.web.acting import ActingUsers, UserId
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


class Configs(Protocol):
    """Knows the configurations."""

    async def list_configs(
        self, caller: Caller, owner_id: str | None = None, *, after: str = "", limit: int = 50
    ) -> Sequence[LlmConfig]: ...

    async def get_config(self, caller: Caller, config_id: str, owner_id: str | None = None) -> LlmConfig: ...

    async def get_default(self, caller: Caller, owner_id: str | None = None) -> LlmConfig: ...

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


class _Spelling(BaseModel):
    """Says `maxTokens`, and understands `max_tokens`, too."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )


class ApiAccess(_Spelling):
    """The way to the provider."""

    model_config = ConfigDict(extra="forbid")

    api_key: SecretStr | None = Field(
        default=None,
        description="The provider's key. Left out, empty or masked as it is shown: the present one stays.",
        examples=["sk-ant-..."],
    )
    api_url: str | None = Field(
        default=None,
        description="Another address than the provider's own; null for the provider's own.",
        examples=["https://api.openai.com/v1"],
    )


class LlmConfigChange(_Spelling):
    """What is to change. What is left out, or null, stays as it is."""

    model_config = ConfigDict(extra="forbid")
    shown_alone: ClassVar[frozenset[str]] = frozenset(
        ("id", "userId", "scope", "createdAt", "createdBy", "updatedBy")
    )
    """What our answers have besides. It may be sent back, and is passed over."""

    provider: str | None = Field(default=None, examples=["anthropic"])
    model: str | None = Field(default=None, examples=["claude-3-opus-20240229"])
    temperature: float | None = Field(default=None, examples=[0.3])
    max_tokens: int | None = Field(default=None, examples=[4096])
    is_default: bool | None = None
    is_enabled: bool | None = Field(
        default=None, description="False: it stays as it is, and answers nobody until it is true again."
    )
    api_config: ApiAccess | None = None
    version: int | None = Field(
        default=None, description="The version you have read; refused if there is a newer."
    )
    updated_at: AwareDatetime | None = Field(
        default=None, description="The same, said by the time of the change."
    )

    @model_validator(mode="before")
    @classmethod
    def _pass_over_what_is_only_shown(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        return {name: value for name, value in said.items() if to_camel(name) not in cls.shown_alone}


class NewLlmConfig(LlmConfigChange):
    """A configuration to be made."""

    shown_alone = LlmConfigChange.shown_alone | {"version", "updatedAt"}

    provider: str = Field(examples=["anthropic"])
    temperature: float | None = Field(default=None, description="0.3 where left out.", examples=[0.3])
    max_tokens: int | None = Field(default=None, description="4096 where left out.", examples=[4096])


class ShownAccess(_Spelling):
    """The way to the provider, with the key masked."""

    api_key: str | None = Field(description="Its last four characters; null where there is none.")
    api_url: str | None

    model_config = ConfigDict(json_schema_extra={"examples": [{"apiKey": "••••1a2b", "apiUrl": None}]})


class ShownLlmConfig(_Spelling):
    """A configuration."""

    id: str
    user_id: str | None = Field(description="The member or key it belongs to; null: the tenant.")
    scope: Literal["tenant", "user"]
    provider: str
    model: str
    temperature: float
    max_tokens: int
    is_default: bool
    is_enabled: bool
    api_config: ShownAccess
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class LlmConfigs(_Spelling):
    """A page of configurations, in the order they were made."""

    configurations: list[ShownLlmConfig]
    next_after: str | None = Field(description="Send it as `after` to get the next page; null at the end.")


class ValueChange(_Spelling):
    """A value before and after."""

    before: Any
    after: Any


class ShownVersion(_Spelling):
    """What one change made of a configuration."""

    version: int
    change: Literal["created", "updated", "deleted"]
    changed_at: datetime
    changed_by: str
    changes: Mapping[str, ValueChange]


class LlmConfigVersions(_Spelling):
    """A page of a configuration's history, newest first."""

    versions: list[ShownVersion]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


Limit = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
After = Annotated[str, Query(description="Those behind the one with this id.", max_length=64)]
Before = Annotated[int, Query(description="Those before this version.", ge=1, le=2**31 - 1)]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The `etag` you have read; refused if there is a newer.")
]


def llm_config_router(configs: Configs, users: ActingUsers, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "configuration")

    @router.get("/api/llm-config", summary="The configurations of the user and of the tenant")
    async def list_configs(
        caller: KnownCaller, user_id: UserId = None, after: After = "", limit: Limit = 50
    ) -> LlmConfigs:
        subject = await users.subject_of(caller, user_id)
        found = await configs.list_configs(subject.caller, subject.owner_id, after=after, limit=limit)
        return LlmConfigs(
            configurations=[_shown(config) for config in found],
            next_after=found[-1].id if len(found) == limit else None,
        )

    @router.post("/api/llm-config", summary="Make a configuration", status_code=201)
    async def create_config(
        caller: KnownCaller,
        asked: NewLlmConfig,
        request_id: RequestId,
        response: Response,
        user_id: UserId = None,
    ) -> ShownLlmConfig:
        subject = await users.subject_of(caller, user_id)
        made = await configs.create_config(
            subject.caller, _draft(asked), subject.owner_id, request_id=request_id
        )
        return _answer(response, made)

    @router.get("/api/llm-config/default", summary="The user's default configuration, else the tenant's")
    async def get_default(caller: KnownCaller, response: Response, user_id: UserId = None) -> ShownLlmConfig:
        subject = await users.subject_of(caller, user_id)
        return _answer(response, await configs.get_default(subject.caller, subject.owner_id))

    @router.get("/api/llm-config/{id}", summary="One configuration")
    async def get_config(
        caller: KnownCaller, id: str, response: Response, user_id: UserId = None
    ) -> ShownLlmConfig:
        subject = await users.subject_of(caller, user_id)
        return _answer(response, await configs.get_config(subject.caller, id, subject.owner_id))

    @router.put("/api/llm-config/{id}", summary="Change a configuration, in part or as a whole")
    async def update_config(
        caller: KnownCaller,
        id: str,
        asked: LlmConfigChange,
        request_id: RequestId,
        response: Response,
        user_id: UserId = None,
        if_match: IfMatch = None,
    ) -> ShownLlmConfig:
        subject = await users.subject_of(caller, user_id)
        draft = _draft(asked, _version_of(if_match))
        changed = await configs.update_config(
            subject.caller, id, draft, subject.owner_id, request_id=request_id
        )
        return _answer(response, changed)

    @router.delete("/api/llm-config/{id}", summary="Delete a configuration and its key", status_code=204)
    async def delete_config(
        caller: KnownCaller, id: str, request_id: RequestId, user_id: UserId = None
    ) -> None:
        subject = await users.subject_of(caller, user_id)
        await configs.delete_config(subject.caller, id, subject.owner_id, request_id=request_id)

    @router.get("/api/llm-config/{id}/versions", summary="What was changed in a configuration, and by whom")
    async def list_versions(
        caller: KnownCaller,
        id: str,
        user_id: UserId = None,
        before: Before | None = None,
        limit: Limit = 50,
    ) -> LlmConfigVersions:
        subject = await users.subject_of(caller, user_id)
        found = await configs.list_versions(subject.caller, id, subject.owner_id, before=before, limit=limit)
        return LlmConfigVersions(
            versions=[_shown_version(version) for version in found],
            next_before=found[-1].version if len(found) == limit else None,
        )

    return router


def _draft(asked: LlmConfigChange, seen_version: int | None = None) -> ConfigDraft:
    access = asked.api_config or ApiAccess()
    says_url = "api_url" in access.model_fields_set
    return ConfigDraft(
        provider=UNSET if asked.provider is None else asked.provider,
        model=UNSET if asked.model is None else asked.model,
        temperature=UNSET if asked.temperature is None else asked.temperature,
        max_tokens=UNSET if asked.max_tokens is None else asked.max_tokens,
        is_default=UNSET if asked.is_default is None else asked.is_default,
        is_enabled=UNSET if asked.is_enabled is None else asked.is_enabled,
        api_key=None if access.api_key is None else Secret(access.api_key.get_secret_value()),
        api_url=access.api_url if says_url else UNSET,
        version=asked.version if seen_version is None else seen_version,
        updated_at=asked.updated_at,
    )


def _version_of(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidRequest('`If-Match` takes the `etag` of an answer, such as "3".', param="If-Match")
    return int(found[1])


def _answer(response: Response, config: LlmConfig) -> ShownLlmConfig:
    response.headers["etag"] = f'"{config.version}"'
    return _shown(config)


def _shown(config: LlmConfig) -> ShownLlmConfig:
    return ShownLlmConfig(
        id=config.id,
        user_id=config.owner_id,
        scope="tenant" if config.owner_id is None else "user",
        provider=config.provider,
        model=config.model,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        is_default=config.is_default,
        is_enabled=config.is_enabled,
        api_config=ShownAccess(api_key=config.masked_key, api_url=config.api_url),
        version=config.version,
        created_at=config.created_at,
        created_by=config.created_by,
        updated_at=config.updated_at,
        updated_by=config.updated_by,
    )


def _shown_version(version: ConfigVersion) -> ShownVersion:
    return ShownVersion(
        version=version.version,
        change=version.change,
        changed_at=version.changed_at,
        changed_by=version.changed_by,
        changes={
            to_camel(name): ValueChange(before=before, after=after)
            for name, (before, after) in version.changes.items()
        },
    )
