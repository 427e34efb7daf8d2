"""A widget: the chat on a client's pages, and how it answers."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field, json

from officium.apps.widget.appearance import check_appearance
from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.working_hours import check_hours
from officium.core.llm.providers import find_provider
from officium.core.usage.ledger.budget import Subject
from officium.kit.money import MOST_USD

MAX_NAME = 200
MAX_MODEL = 256
MAX_BUSINESS_INFO = 20_000
MOST_TOKENS = 100_000
HOTTEST = 2.0
MOST_ORIGINS = 50
MOST_LANGUAGES = 20
MAX_TEXT = 1_000
LARGEST_APPEARANCE_BYTES = 16 * 1024
LONGEST_RETENTION_DAYS = 3_650
ANYWHERE = "*"
"""Among the allowed origins: every page may show the widget, and programs may ask it."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")


class WidgetSettings(Struct, frozen=True, kw_only=True):
    """How a widget answers.

    Without `llm_enabled` it answers from the knowledge base alone. `llm_provider` and `llm_model` are the
    tenant's defaults where they are `None`. `llm_max_tokens` is the longest answer. `business_info` is told
    the model with every question, `persona` how it is to speak.

    Only pages of `allowed_origins` may show it. The knowledge base answers from a confidence of
    `confidence_threshold` on; `default_response` is said where nobody has an answer, and `visitor_notice` to
    visitors while the free credits are used up (nothing where they are empty). A model is waited for
    `llm_timeout_s`, and asked until a conversation has spent `conversation_token_limit` tokens or
    `conversation_nano_usd_limit` billionths of a dollar. What visitors said is forgotten after
    `retention_days`. `appearance` is for the script in the page: theme, texts, suggested questions.
    `working_hours` say when people answer who take over.
    """

    name: str
    llm_enabled: bool = True
    llm_provider: str | None = None
    llm_model: str | None = None
    llm_temperature: float = 0.7
    llm_max_tokens: int = 500
    fallback_to_knowledge_base: bool = True
    business_info: str = ""
    persona: str = ""
    languages: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    confidence_threshold: float = 0.85
    default_response: str = ""
    visitor_notice: str = ""
    llm_timeout_s: float = 20.0
    conversation_token_limit: int | None = 20_000
    conversation_nano_usd_limit: int | None = None
    retention_days: int | None = 90
    appearance: Mapping[str, Any] = field(default_factory=dict)
    working_hours: Mapping[str, Any] | None = None


class Widget(WidgetSettings, frozen=True, kw_only=True):
    """A widget of a client. Its key is public: it stands in the pages that show the widget."""

    id: int
    tenant_id: str
    client_id: int
    widget_key: str
    created_at: datetime
    updated_at: datetime

    @property
    def subject(self) -> Subject:
        """Whose budgets are the widget's own."""
        return widget_subject(self.id)


def widget_subject(widget_id: int) -> Subject:
    """Whose budgets are those of the widget with this id."""
    return Subject("widget", str(widget_id))


def check_widget(settings: WidgetSettings) -> None:
    """Raise InvalidWidget unless a widget may answer like this."""
    if not settings.name.strip() or len(settings.name) > MAX_NAME or not settings.name.isprintable():
        raise InvalidWidget(f"A widget's name has 1 to {MAX_NAME} characters.", param="name")
    if settings.llm_provider is not None and find_provider(settings.llm_provider) is None:
        raise InvalidWidget(
            f"There is no provider {settings.llm_provider!r}. GET /providers lists them.",
            param="llm_provider",
        )
    model = settings.llm_model
    if model is not None and not (1 <= len(model) <= MAX_MODEL and model.isprintable()):
        raise InvalidWidget(f"A model's name has 1 to {MAX_MODEL} characters.", param="llm_model")
    if not 0 <= settings.llm_temperature <= HOTTEST:
        raise InvalidWidget(f"A temperature lies between 0 and {HOTTEST:g}.", param="llm_temperature")
    if not 1 <= settings.llm_max_tokens <= MOST_TOKENS:
        raise InvalidWidget(f"An answer has 1 to {MOST_TOKENS:,} tokens.", param="llm_max_tokens")
    if len(settings.business_info) > MAX_BUSINESS_INFO or not _is_text(settings.business_info):
        raise InvalidWidget(
            f"The business information is text of at most {MAX_BUSINESS_INFO:,} characters.",
            param="business_info",
        )
    _check_visitors_side(settings)


def _check_visitors_side(settings: WidgetSettings) -> None:
    for name in ("persona", "default_response", "visitor_notice"):
        said = getattr(settings, name)
        if len(said) > MAX_TEXT or not _is_text(said):
            raise InvalidWidget(f"`{name}` is text of at most {MAX_TEXT:,} characters.", param=name)
    if len(settings.languages) > MOST_LANGUAGES or not all(map(_LANGUAGE.fullmatch, settings.languages)):
        raise InvalidWidget("Languages are written like `en` or `pt-BR`.", param="languages")
    if len(settings.allowed_origins) > MOST_ORIGINS or not all(map(is_origin, settings.allowed_origins)):
        raise InvalidWidget(
            "An origin is written like `https://shop.example`, without a path; `*` stands for any.",
            param="allowed_origins",
        )
    if not 0.5 <= settings.confidence_threshold <= 1:
        raise InvalidWidget("The threshold lies between 0.5 and 1.", param="confidence_threshold")
    if not 1 <= settings.llm_timeout_s <= 120:
        raise InvalidWidget("A model is waited for between 1 and 120 seconds.", param="llm_timeout_s")
    tokens = settings.conversation_token_limit
    if tokens is not None and not 0 <= tokens <= 100_000_000:
        raise InvalidWidget(
            "A conversation may spend 0 to 100,000,000 tokens.", param="conversation_token_limit"
        )
    nano_usd = settings.conversation_nano_usd_limit
    if nano_usd is not None and not 0 <= nano_usd <= MOST_USD * 10**9:
        raise InvalidWidget(
            f"A conversation may spend 0 to {MOST_USD:,} dollars.", param="conversation_cost_limit_usd"
        )
    check_hours(settings.working_hours)
    days = settings.retention_days
    if days is not None and not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise InvalidWidget(
            f"Conversations are kept for 1 to {LONGEST_RETENTION_DAYS:,} days, or for ever (null).",
            param="retention_days",
        )
    if len(json.encode(settings.appearance)) > LARGEST_APPEARANCE_BYTES or not _is_text(
        json.encode(settings.appearance).decode().replace("\\u0000", "\0")
    ):
        raise InvalidWidget("The appearance is an object of at most 16 KB of text.", param="appearance")
    check_appearance(settings.appearance)


def is_origin(text: str) -> bool:
    """Whether it is an origin as browsers send it: scheme, host and port, in lower case."""
    if text == ANYWHERE:
        return True
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    return (
        parts.scheme in ("https", "http")
        and bool(re.fullmatch(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]", host))
        and text == f"{parts.scheme}://{parts.netloc}"
        and len(text) <= 300
    )


def may_show(settings: WidgetSettings, origin: str | None) -> bool:
    """Whether a page of this origin may show the widget; without one it is a program that asks."""
    if ANYWHERE in settings.allowed_origins:
        return True
    return origin is not None and origin in settings.allowed_origins


def _is_text(text: str) -> bool:
    """Whether databases take it: JSON can spell NUL and halves of characters."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
