"""The first steps: what is set up, whether it answers, and what to do next."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from time import perf_counter

from fastapi import APIRouter, Request, Response

from officium.core.gateway.call import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Provider
from officium.core.llm.message import user
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.api.completions import CompletionGateway
from officium.web.console.frame import Frame
from officium.web.console.pages.overview import OverviewPage
from officium.web.door import presentable

_QUESTION = "Say hello in one short sentence."
_MAX_TOKENS = 200


@dataclass(frozen=True)
class Home:
    """What the start page asks."""

    gateway: CompletionGateway
    providers: Collection[Provider]
    available_providers: Callable[[Caller], Awaitable[Collection[str]]]
    default_model: str | None


def add_home_routes(router: APIRouter, home: Home, overview: OverviewPage, frame: Frame) -> None:
    """Add the start page, which is the overview once there is something to see, and the first steps."""

    @router.get("/console")
    async def start(request: Request) -> Response:
        return await overview.show(request) or await first_steps(request)

    @router.get("/console/first-steps")
    async def first_steps(request: Request) -> Response:
        caller = request.state.session.caller
        available = set(await home.available_providers(caller))
        return frame.page(
            request,
            "home.html",
            providers=[provider for provider in home.providers if provider.name in available],
            may_ask=caller.may("inference"),
            is_admin=caller.may("admin"),
        )

    @router.post("/console/try")
    async def try_default(request: Request) -> Response:
        began = perf_counter()
        context = CallContext(request_id=request.scope["officium.request_id"], app="console", cache="off")
        question = CompletionRequest(
            model=home.default_model or "mock", messages=(user(_QUESTION),), max_tokens=_MAX_TOKENS
        )
        try:
            answer = await home.gateway.complete(request.state.session.caller, question, context)
        except OfficiumError as error:
            request.scope["officium.error"] = error.code
            shown = presentable(error, context.request_id)
            return frame.fragment("fault.html", message=shown.message)
        return frame.fragment(
            "tried.html",
            text=answer.completion.text,
            model=answer.completion.model or answer.deployment.model,
            ms=round((perf_counter() - began) * 1000),
        )
