"""What models cost the tenant: prices of its own, and what was called without any."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from officium.core.gateway.unpriced import UNPRICED_DAYS, Unpriced
from officium.core.tenancy.caller import Caller, require
from officium.core.usage.prices import InvalidPrice, PriceNotFound, TenantPrice
from officium.core.usage.prices.tenant_price import ALWAYS, AMOUNTS
from officium.web.console.frame import redirect
from officium.web.console.pages.model_desk import ROOT as PROVIDERS
from officium.web.console.pages.model_desk import ModelDesk, sheet_of

ROOT = f"{PROVIDERS}/prices"
_LONGEST_AMOUNT = 32


class Prices(Protocol):
    """Knows the tenant's own prices."""

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


class UnpricedModels(Protocol):
    """Knows what was called without a price."""

    async def list_unpriced(self, caller: Caller) -> Sequence[Unpriced]: ...

    async def count_refused(self, caller: Caller) -> int: ...


class _Row(Struct, frozen=True):
    """A price as the list has it. `state` is `holds`, `coming` or `over`; `since` is `None` for always."""

    price: TenantPrice
    state: str
    since: datetime | None
    until: datetime | None


def add_prices_page(router: APIRouter, prices: Prices, unpriced: UnpricedModels, desk: ModelDesk) -> None:
    """Add the list, the form, and what its buttons do."""

    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller = request.state.session.caller
        found = await prices.list_prices(caller)
        named = [(f"{row.price.provider}/{row.price.model}", row) for row in _rows(found)]
        may_see = caller.may("usage:read")
        return desk.page(
            request,
            "prices.html",
            sheet=sheet_of(request, named),
            who=await desk.who(caller, {price.updated_by for price in found}),
            unpriced=await unpriced.list_unpriced(caller) if may_see else (),
            refused=await unpriced.count_refused(caller) if may_see else 0,
            days=UNPRICED_DAYS,
        )

    @router.get(f"{ROOT}/edit")
    async def edit(request: Request) -> Response:
        caller = request.state.session.caller
        require(caller, "config:write")
        asked = request.query_params
        provider, model, begins = (asked.get(name, "")[:256] for name in ("provider", "model", "from"))
        if not begins:
            said = dict.fromkeys((*AMOUNTS, "day"), "") | {"provider": provider, "model": model}
            return desk.page(request, "price.html", said=said, begins="")
        for price in await prices.list_prices(caller):
            is_it = (price.provider, price.model, price.valid_from.isoformat()) == (provider, model, begins)
            if is_it:
                return desk.page(request, "price.html", said=_as_form(price), begins=begins)
        raise PriceNotFound("This price is gone: somebody has removed it.")

    @router.post(f"{ROOT}/edit")
    async def save(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        said = {name: form.get(name, "").strip() for name in (*AMOUNTS, "provider", "model", "day")}
        begins = form.get("begins", "")
        try:
            amounts = {name: said[name][:_LONGEST_AMOUNT] or None for name in AMOUNTS}
            await prices.set_price(
                caller,
                said["provider"],
                said["model"],
                amounts,
                _moment(begins) if begins else _first_of(said["day"], request.state.session.tenant.time_zone),
                request_id=request.scope["officium.request_id"],
            )
        except InvalidPrice as error:
            return desk.page(request, "price.html", error=error, said=said, begins=begins)
        return redirect(ROOT, flash="price_saved")

    @router.post(f"{ROOT}/delete")
    async def delete(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        await prices.delete_price(
            caller,
            form.get("provider", ""),
            form.get("model", ""),
            _moment(form.get("begins", "")),
            request_id=request.scope["officium.request_id"],
        )
        return redirect(ROOT, flash="price_deleted")


def _rows(prices: Sequence[TenantPrice]) -> list[_Row]:
    """The prices with what each is now, as they come: by provider, model and beginning."""
    now = datetime.now(UTC)
    rows = []
    for price, following in pairwise([*prices, None]):
        assert price is not None
        is_followed = following is not None and (following.provider, following.model) == (
            price.provider,
            price.model,
        )
        until = following.valid_from if is_followed and following is not None else None
        state = "coming" if price.valid_from > now else "over" if until and until <= now else "holds"
        rows.append(_Row(price, state, None if price.valid_from == ALWAYS else price.valid_from, until))
    return rows


def _as_form(price: TenantPrice) -> dict[str, str]:
    amounts = {name: getattr(price, name) for name in AMOUNTS}
    said = {name: "" if amount is None else f"{amount:f}" for name, amount in amounts.items()}
    return {**said, "provider": price.provider, "model": price.model, "day": ""}


def _moment(text: str) -> datetime:
    """A moment as a form carries it along. Raises InvalidPrice."""
    try:
        moment = datetime.fromisoformat(text[:40])
    except ValueError as error:
        raise InvalidPrice("Open the price from the list again.", param="valid_from") from error
    if moment.tzinfo is None:
        raise InvalidPrice("Open the price from the list again.", param="valid_from")
    return moment


def _first_of(day: str, zone: str) -> datetime | None:
    """When a day begins where the tenant is; `None` where none is named. Raises InvalidPrice."""
    if not day:
        return None
    try:
        named = datetime.strptime(day[:10], "%Y-%m-%d").date()
        return datetime.combine(named, time(), ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidPrice("Write the day like 2027-01-31.", param="valid_from") from error
