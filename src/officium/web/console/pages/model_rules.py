"""What becomes of retired models and of unknown prices, where the tenant is stricter than the operator."""

from typing import cast

from fastapi import APIRouter, Request, Response

from officium.core.gateway.errors import InvalidModelRules
from officium.core.llm.lifecycle import RetiredPolicy
from officium.core.tenancy.caller import require
from officium.core.usage.prices import UnknownRule
from officium.web.api.model_rules import ModelRules
from officium.web.console.frame import redirect
from officium.web.console.pages.model_desk import ROOT as PROVIDERS
from officium.web.console.pages.model_desk import ModelDesk

ROOT = f"{PROVIDERS}/rules"


def add_model_rules_page(router: APIRouter, rules: ModelRules, desk: ModelDesk) -> None:
    """Add the page and its form."""

    async def page(request: Request, error: InvalidModelRules | None = None) -> Response:
        caller = request.state.session.caller
        found = await rules.get_rules(caller)
        actor = found.own.updated_by
        return desk.page(
            request,
            "model_rules.html",
            error=error,
            own=found.own,
            who=await desk.who(caller, {actor} if actor else set()),
            rules=[
                ("retired", found.operators_retired, found.own.retired, found.retired, found.retired_choices),
                (
                    "unknown_price",
                    found.operators_unknown.rule,
                    found.own.unknown_price,
                    found.unknown_price,
                    found.unknown_price_choices,
                ),
            ],
        )

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        return await page(request)

    @router.post(ROOT)
    async def save(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        try:
            await rules.set_rules(
                caller,
                cast("RetiredPolicy | None", form.get("retired") or None),
                cast("UnknownRule | None", form.get("unknown_price") or None),
                request_id=request.scope["officium.request_id"],
            )
        except InvalidModelRules as error:
            return await page(request, error)
        return redirect(ROOT, flash="model_rules_saved")
