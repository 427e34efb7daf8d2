"""`/api/prices`: what models cost a tenant, where that is not what the price list says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Protocol

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from officium.core.tenancy.caller import Caller
from officium.core.usage.prices.tenant_price import AMOUNTS, TenantPrice
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class Prices(Protocol):
    """Knows the tenants' own prices."""

    async def list_prices(self, caller: Caller) -> Sequence[TenantPrice]: ...

    async def set_price(
        self,
        caller: Caller,
        provider: str,
        model: str,
        amounts: Mapping[str, str | None],
        valid_from: datetime | None = None,
        *,
        request_id: str | None = None,
    ) -> TenantPrice: ...

    async def delete_price(
        self,
        caller: Caller,
        provider: str,
        model: str,
        valid_from: datetime | None = None,
        *,
        request_id: str | None = None,
    ) -> None: ...


Amount = Annotated[str, Field(max_length=32, examples=["0.15"])]


class NewPrice(BaseModel):
    """What a model is to cost: US dollars as text, per million tokens."""

    model_config = ConfigDict(extra="forbid")

    input: Amount
    output: Amount
    cached: Amount | None = Field(
        None, description="Input from the provider's cache; as `input` if left out."
    )
    cache_write: Amount | None = Field(
        None, description="Input written to the provider's cache; as `input` if left out."
    )
    per_call: Amount = Field("0", description="US dollars for each call, besides its tokens.")
    valid_from: datetime | None = Field(
        None, description="From when on, with a time zone; always if left out."
    )


class OwnPrice(BaseModel):
    """A price of the tenant's own, in US dollars per million tokens."""

    provider: str = Field(examples=["openai"])
    model: str = Field(
        description="A model's name, or the beginning of several and `*`.", examples=["gpt-6*"]
    )
    input: str = Field(examples=["0.15"])
    output: str
    cached: str | None
    cache_write: str | None
    per_call: str
    currency: str
    valid_from: datetime
    updated_at: datetime
    updated_by: str = Field(description="The key or member who set it last.")


class OwnPrices(BaseModel):
    """All prices of the tenant's own, by provider, model and the day they begin."""

    prices: list[OwnPrice]


ProviderName = Annotated[str, Path(description="A provider of `GET /providers`.", examples=["openai"])]
ModelName = Annotated[
    str, Path(description="Its model, or the beginning of several and `*`. May contain slashes.")
]
ValidFrom = Annotated[
    datetime | None, Query(description="The price that begins at this moment alone; all if left out.")
]


def prices_router(prices: Prices, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "prices")

    @router.get("/api/prices", summary="The tenant's own prices")
    async def list_prices(caller: KnownCaller) -> OwnPrices:
        return OwnPrices(prices=[_shown(price) for price in await prices.list_prices(caller)])

    @router.put("/api/prices/{provider}/{model:path}", summary="Set what a model costs the tenant")
    async def set_price(
        caller: KnownCaller, provider: ProviderName, model: ModelName, asked: NewPrice, request_id: RequestId
    ) -> OwnPrice:
        amounts = {name: getattr(asked, name) for name in AMOUNTS}
        made = await prices.set_price(
            caller, provider, model, amounts, asked.valid_from, request_id=request_id
        )
        return _shown(made)

    @router.delete(
        "/api/prices/{provider}/{model:path}", summary="Delete the tenant's price of a model", status_code=204
    )
    async def delete_price(
        caller: KnownCaller,
        provider: ProviderName,
        model: ModelName,
        request_id: RequestId,
        valid_from: ValidFrom = None,
    ) -> None:
        await prices.delete_price(caller, provider, model, valid_from, request_id=request_id)

    return router


def _shown(price: TenantPrice) -> OwnPrice:
    amounts: dict[str, Decimal | None] = {name: getattr(price, name) for name in AMOUNTS}
    return OwnPrice.model_validate(
        {
            "provider": price.provider,
            "model": price.model,
            "currency": price.currency,
            "valid_from": price.valid_from,
            "updated_at": price.updated_at,
            "updated_by": price.updated_by,
            **{name: None if amount is None else f"{amount:f}" for name, amount in amounts.items()},
        }
    )
