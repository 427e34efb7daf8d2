"""The customers of the deals, and the terms agreed with each."""

from fastapi import APIRouter, Request, Response

from officium.kit.errors import InvalidRequest
from officium.web.api.cashflow_deals import CustomerTerms
from officium.web.console.frame import redirect
from officium.web.console.pages.advisors import caller_of, id_of
from officium.web.console.pages.cashflow import ROOT, CashflowPages
from officium.web.console.pages.cashflow_view import checked

_CUSTOMERS = f"{ROOT}/customers"
_SHOWN = 50


def add_cashflow_customers(router: APIRouter, pages: CashflowPages) -> None:
    """Add the list, and what sets the terms."""

    @router.get(_CUSTOMERS)
    async def show(request: Request) -> Response:
        return await _show(pages, request)

    @router.post(f"{_CUSTOMERS}/{{id}}")
    async def set_terms(request: Request, id: str) -> Response:
        said = request.state.form.get("terms", "").strip()
        try:
            wanted = checked(CustomerTerms, {"payment_terms_days": said or None})
        except InvalidRequest as error:
            request.scope["officium.error"] = error.code
            fault = InvalidRequest(pages.frame.say("cashflow.fault.terms"), param="terms")
            return await _show(pages, request, fault, id_of(id))
        await pages.deals.set_customer_terms(caller_of(request), id_of(id), wanted.payment_terms_days)
        after = request.state.form.get("after", "0")
        return redirect(f"{_CUSTOMERS}?after={id_of(after) if after != '0' else 0}", flash="terms_saved")


async def _show(
    pages: CashflowPages, request: Request, error: InvalidRequest | None = None, faulty: int = 0
) -> Response:
    said = request.query_params.get("after", "0")
    after = id_of(said) if said != "0" else 0
    found = await pages.deals.list_customers(caller_of(request), after=after, limit=_SHOWN)
    config = await pages.deals.get_config(caller_of(request))
    return pages.page(
        request,
        "cashflow_customers.html",
        status=200 if error is None else 400,
        customers=found,
        after=after,
        next_after=found[-1].id if len(found) == _SHOWN else None,
        usual=config.payment_terms_days,
        error=error,
        faulty=faulty,
    )
