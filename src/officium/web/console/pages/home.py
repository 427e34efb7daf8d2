"""The start page: the overview, or the first steps where nobody has taken them."""

from fastapi import APIRouter, Request, Response

from officium.web.console.pages.first_steps import FirstSteps
from officium.web.console.pages.overview import OverviewPage


def add_home_route(router: APIRouter, overview: OverviewPage, first_steps: FirstSteps) -> None:
    """Add the page that opens after the sign-in."""

    @router.get("/console")
    async def start(request: Request) -> Response:
        if await first_steps.is_wanted(request):
            return await first_steps.show(request)
        return await overview.show(request, await first_steps.left_over(request))
