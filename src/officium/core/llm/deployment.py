"""Who can serve a model: a provider, its own name for the model, an address and a key."""

from typing import Literal

from msgspec import Struct

from officium.core.llm.completion import DialectName

Quirk = Literal[
    "reasoning_outside_output",  # xAI: completion_tokens exclude the reasoning tokens
    "output_from_total",  # Gemini's OpenAI endpoint: thoughts show only in total - prompt
    "client_mistakes_as_500",  # llama.cpp: a client's mistake is a 500 and must not be retried
    "think_tags",  # thoughts stand in <think>...</think> inside the content
    "max_completion_tokens",  # max_tokens is called max_completion_tokens
    "no_stream_options",  # does not know stream_options.include_usage
    "reports_cost",  # OpenRouter: usage.cost is what the call cost, in US dollars
    "strict_messages",  # refuses messages with fields it does not know
]


class Provider(Struct, frozen=True, kw_only=True):
    """A service with an API dialect. One row of the catalogue; see `providers/catalog.py`."""

    name: str
    label: str
    dialect: DialectName
    also_speaks: tuple[DialectName, ...] = ()
    """Dialects it understands at the same address, used when a request was written in one of them."""
    base_url: str | None
    """Without a trailing slash, up to where the dialect's own path begins (`https://api.openai.com/v1`)."""
    auth: Literal["bearer", "x-api-key", "x-goog-api-key", "none"] = "bearer"
    env_key: str | None = None
    """The environment variable that holds the key; `None` where no key exists."""
    default_model: str | None = None
    model_prefixes: tuple[str, ...] = ()
    """Bare model names with such a beginning belong to this provider."""
    is_local: bool = False
    """Runs on the operator's own machines: no price, private addresses allowed."""
    is_faithful: bool = True
    """Its answers fit the dialect so well that an SDK of that dialect can be handed them unchanged."""
    has_faithful_streams: bool = True
    """Its streams do so, too, and an SDK that adds their pieces up gets the answer."""
    free_rate_limit: str | None = None
    """How fast it may be asked without paying, such as `60/1m`; kept to unless the operator says more."""
    quirks: frozenset[Quirk] = frozenset()


class ModelTraits(Struct, frozen=True):
    """What a model accepts, where that differs from its dialect."""

    refuses: frozenset[str] = frozenset()
    """Neutral request fields the model answers with a 400: left out, with a note. `temperature`, `top_p`,
    `top_k`, `logprobs`, `forced_tool_choice`, `stop`, ..."""
    wants_max_completion_tokens: bool = False
    has_native_json_schema: bool = True
    default_max_tokens: int | None = None
    tools_dialect: DialectName | None = None
    """The dialect to use as soon as the request has tools, where it is not the provider's usual one."""


class RequestDefaults(Struct, frozen=True, kw_only=True):
    """What a request takes from the configuration of its model where it says nothing itself."""

    temperature: float | None = None
    max_tokens: int | None = None


class Deployment(Struct, frozen=True, kw_only=True):
    """Provider, its own model name, endpoint and credential: one way to get an answer."""

    provider: Provider
    model: str
    base_url: str
    api_key: str | None = None
    traits: ModelTraits = ModelTraits()
    is_guarded: bool = False
    """A tenant wrote the address, so it may lead to the open internet only."""
    defaults: RequestDefaults | None = None
    notes: tuple[str, ...] = ()
    """What is said with every answer it gives, such as that its model will be shut down."""

    @property
    def name(self) -> str:
        """`provider/model`, the name under which it shows in logs, metrics and breakers."""
        return f"{self.provider.name}/{self.model}"

    def __repr__(self) -> str:
        return f"Deployment({self.name})"
