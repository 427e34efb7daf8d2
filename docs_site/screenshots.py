"""Takes the guides' pictures from the real console, with an invented agency: `make docs-screenshots`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page

from officium.apps.personas.business import BusinessProfile
from tests.support.browser import open_page
from tests.support.busy import a_busy_agency
from tests.support.console import a_person, sign_in
from tests.support.server import RunningServer, running_server

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


async def _take(page: Page, name: str) -> None:
    await page.evaluate("document.activeElement?.blur()")
    await page.screenshot(path=PICTURES / f"{name}.png")


async def _take_all(page: Page, server: RunningServer) -> None:
    clients = await a_busy_agency(server.parts, server.caller)
    await server.parts.businesses.set_profile(
        server.caller, BusinessProfile(industry="Websites for shops", stage="growth", goals=("30 clients",))
    )
    person = await a_person(server)
    await sign_in(page, server, person)
    await _take(page, "home")
    await page.goto(f"{server.url}/console/advisors?persona=cfo")
    await page.wait_for_selector("#question")
    await _take(page, "advisors")
    await page.goto(f"{server.url}/console/clients")
    await _take(page, "clients")
    await page.goto(f"{server.url}/console/clients/{clients[0].id}")
    await page.wait_for_selector(".uplot canvas")
    await _take(page, "client")
    await page.locator(".table-box").evaluate("place => place.scrollIntoView({block: 'center'})")
    await _take(page, "client-usage")
    await page.goto(f"{server.url}/console/budgets")
    await _take(page, "budgets")


async def main() -> None:
    """Put them into docs/pictures."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        async with running_server(Path(folder)) as server, open_page() as page:
            await _take_all(page, server)
    sizes = {path.name: path.stat().st_size for path in sorted(PICTURES.glob("*.png"))}
    print(f"{len(sizes)} pictures, {sum(sizes.values()) // 1024} KiB, in {PICTURES}.")


if __name__ == "__main__":
    asyncio.run(main())
