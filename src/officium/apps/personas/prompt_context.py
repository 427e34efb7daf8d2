"""What an adviser is to know when it answers, in the words of programs that ask it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Scalar = str | bool | int | float


class _Part(BaseModel):
    """Says `industry` or `recentAnalytics`, understands both spellings, and keeps what else it is told."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="allow"
    )


class ProfileContext(_Part):
    """The business profile. Other fields than these are told, too."""

    industry: Scalar | None = None
    size: Scalar | None = None
    stage: Scalar | None = None
    revenue: Scalar | None = None
    goals: tuple[str, ...] | str = ()


class AnalyticsContext(_Part):
    """The latest figures, as of `as_of` where that is known. Other fields than these are told, too."""

    as_of: datetime | date | None = None
    is_stale: bool = False
    sessions: int | float | None = None
    users: int | float | None = None
    conversions: int | float | None = None
    revenue: int | float | None = None


class InsightContext(_Part):
    """What a module has found out."""

    module: str = ""
    key: str = ""
    text: str | None = None
    data: Mapping[str, Any] | None = None
    observed_at: datetime | date | None = None


class HistoryMessage(_Part):
    """Something that was said before, by `user` or `assistant`."""

    role: str
    content: str


class PromptContext(_Part):
    """Everything that goes into an adviser's prompt besides the question. What is missing is left out.

    `module_insights` come newest first, `conversation_history` oldest first. `decisions` are lines.
    """

    tenant_id: str = ""
    user_id: str = ""
    business_profile: ProfileContext | None = None
    recent_analytics: AnalyticsContext | None = None
    module_insights: tuple[InsightContext | str, ...] = ()
    conversation_history: tuple[HistoryMessage, ...] = ()
    decisions: tuple[str, ...] = ()
    today: date | None = None
    language: str = Field("", pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?)?$")
