"""`/api/models`: what is known of models, and what they cost the tenant."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from officium.core.gateway.catalogue import CatalogueEntry
from officium.core.llm.known_models import Ability, State
from officium.core.llm.price import Price, Rates
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router


class Catalogue(Protocol):
    """Knows the models."""

    async def list_models(self, caller: Caller) -> Sequence[CatalogueEntry]: ...


class PriceStep(BaseModel):
    """US dollars per million tokens of a call with more input tokens than `above_input_tokens`."""

    above_input_tokens: int
    input: str = Field(examples=["0.1"])
    cached: str = Field(description="Input that the provider had in its cache.", examples=["0.01"])
    cache_write: str = Field(description="Input that is written to the provider's cache.", examples=["0.125"])
    output: str = Field(examples=["0.5"])


class ModelPrice(BaseModel):
    """What a model costs the tenant today: the step a call belongs to prices the whole call."""

    source: str = Field(
        description="Where the price comes from, as in the usage log.", examples=["price-list"]
    )
    currency: str = "USD"
    per_call: str = Field(description="For each call, besides its tokens.", examples=["0"])
    steps: list[PriceStep]


class CatalogueModel(BaseModel):
    """A model at a provider."""

    id: str = Field(description="The name to ask for.", examples=["openai/gpt-4o"])
    provider: str
    model: str
    state: State | None = Field(description="Null where nothing is known of it.")
    announced: date | None = Field(description="When its end was announced, where known.")
    ends: date | None = Field(description="The first day it is not served.", examples=["2027-01-14"])
    is_reported: bool = Field(description="Its end is what others say; the provider's word was not found.")
    successor: str | None = Field(description="What to use in its place.", examples=["gpt-6-luna"])
    context_tokens: int | None
    output_tokens: int | None
    abilities: list[Ability] | None
    refuses: list[str] = Field(description="Request fields it refuses: left out with a note.")
    price: ModelPrice | None = Field(description="Null where nobody knows it.")
    is_available: bool = Field(description="Whether its provider is set up here.")
    used_by: list[str] = Field(
        description="Where it is named: defaults, and for the scope `config:read` also aliases and the like.",
        examples=[["alias fast"]],
    )


class CatalogueModels(BaseModel):
    """Every known model, then those that are only used."""

    models: list[CatalogueModel]


StateFilter = Annotated[State | None, Query(description="Those in this state alone.")]
ProviderFilter = Annotated[str | None, Query(description="Those of this provider alone.", max_length=64)]


def model_catalogue_router(catalogue: Catalogue, authenticator: Authenticator) -> APIRouter:
    """The route."""
    router = keyed_router(authenticator, "models")

    @router.get("/api/models", summary="Models: until when they are served, what fits in, what they cost")
    async def list_models(
        caller: KnownCaller, state: StateFilter = None, provider: ProviderFilter = None
    ) -> CatalogueModels:
        return CatalogueModels(
            models=[
                _shown(entry)
                for entry in await catalogue.list_models(caller)
                if state in (None, entry.state) and provider in (None, entry.provider)
            ]
        )

    return router


def _shown(entry: CatalogueEntry) -> CatalogueModel:
    known = entry.known
    return CatalogueModel(
        id=f"{entry.provider}/{entry.model}",
        provider=entry.provider,
        model=entry.model,
        state=entry.state,
        announced=known.announced if known else None,
        ends=known.ends if known else None,
        is_reported=known.is_reported if known else False,
        successor=entry.successor,
        context_tokens=known.context_tokens if known else None,
        output_tokens=known.output_tokens if known else None,
        abilities=sorted(known.abilities) if known else None,
        refuses=list(entry.refuses),
        price=None
        if entry.pricing.price is None
        else _price_shown(entry.pricing.price, entry.pricing.source),
        is_available=entry.is_available,
        used_by=list(entry.used_by),
    )


def _price_shown(price: Price, source: str) -> ModelPrice:
    return ModelPrice(
        source=source,
        per_call=_dollars(price.per_call, -12),
        steps=[_step(above, rates) for above, rates in ((0, price.rates), *price.steps)],
    )


def _step(above: int, rates: Rates) -> PriceStep:
    return PriceStep(
        above_input_tokens=above,
        input=_dollars(rates.input, -6),
        cached=_dollars(rates.cached, -6),
        cache_write=_dollars(rates.cache_write, -6),
        output=_dollars(rates.output, -6),
    )


def _dollars(pico: int, scale: int) -> str:
    return f"{Decimal(pico).scaleb(scale).normalize():f}"
