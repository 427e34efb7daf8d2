"""A widget: the chat on a client's pages, and how it answers."""

from datetime import datetime

from msgspec import Struct

from officium.apps.widget.errors import InvalidWidget
from officium.core.llm.providers import find_provider
from officium.core.usage.ledger.budget import Subject

MAX_NAME = 200
MAX_MODEL = 256
MAX_BUSINESS_INFO = 20_000
MOST_TOKENS = 100_000
HOTTEST = 2.0


class WidgetSettings(Struct, frozen=True, kw_only=True):
    """How a widget answers.

    Without `llm_enabled` it answers from the knowledge base alone. `llm_provider` and `llm_model` are the
    tenant's defaults where they are `None`. `llm_max_tokens` is the longest answer. `business_info` is told
    the model with every question.
    """

    name: str
    llm_enabled: bool = True
    llm_provider: str | None = None
    llm_model: str | None = None
    llm_temperature: float = 0.7
    llm_max_tokens: int = 500
    fallback_to_knowledge_base: bool = True
    business_info: str = ""


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


def _is_text(text: str) -> bool:
    """Whether databases take it: JSON can spell NUL and halves of characters."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
