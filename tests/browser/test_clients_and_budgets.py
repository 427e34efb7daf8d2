"""The pages of clients and of budgets in a real browser."""

from pathlib import Path

from playwright.async_api import Page
from pytest_httpserver import HTTPServer

from tests.support.browser import open_page
from tests.support.busy import a_busy_agency
from tests.support.console import (
    SCREENS,
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.server import RunningServer, running_server


class _Look:
    """Goes from page to page and keeps what is wrong with them."""

    def __init__(self, page: Page, server: RunningServer) -> None:
        self.faults: list[str] = []
        self._page = page
        self._server = server

    async def at(self, path: str, name: str) -> None:
        await self._page.goto(self._server.url + path)
        await self.here(name)

    async def here(self, name: str) -> None:
        self.faults += [f"{name}: {fault}" for fault in await accessibility_faults(self._page)]
        if not await fits_its_width(self._page):
            self.faults.append(f"{name}: one has to scroll sideways")
        await keep_screenshot(self._page, name)

    async def below(self, name: str, selector: str) -> None:
        await self._page.locator(selector).scroll_into_view_if_needed()
        await keep_screenshot(self._page, name)


@SCREENS
async def test_pages_can_be_used_by_everybody_on_every_screen(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, "/console/clients")
        look = _Look(page, server)
        await look.here("clients-none")
        await look.at("/console/budgets", "budgets-none")
        clients = await a_busy_agency(server.parts, server.caller)
        await look.at("/console/clients", "clients")
        await look.at(f"/console/clients/{clients[0].id}", "client")
        await page.wait_for_selector(".uplot canvas")
        await look.below("client-chart", "#usage")
        await look.below("client-settings", "#away")
        await page.click("text=Delete this client")
        await look.here("client-delete")
        await look.at("/console/clients/new", "client-new")
        await look.at("/console/budgets", "budgets")
        await look.below("budgets-alerts", "#limits")
        await look.at("/console/budgets/new", "budget-new")
        await page.goto(f"{server.url}/console/budgets?subject=client:{clients[0].id}")
        await page.click(".sheet a >> nth=0")
        await page.wait_for_selector("#stands")
        await look.here("budget")

    assert look.faults == []
    assert problems == []


async def test_client_is_added_with_the_keyboard_alone_after_a_fault_was_told(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, "/console/clients/new")
        await page.focus("#client_name")
        await page.keyboard.type("Bakery")
        await page.focus("#daily_token_limit")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("plenty")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        told = await page.inner_text("[role=alert]")
        kept = await page.input_value("#client_name")
        await page.focus("#daily_token_limit")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("7,500")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        said = await page.inner_text("[role=status]")
        await page.focus("summary:has-text('Reset credits')")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        reset = await page.inner_text("[role=status]")
        words = await page.inner_text("main")
        async with page.expect_download() as download:
            await page.click("text=Export these days as CSV")
        name = (await download.value).suggested_filename

    assert "whole number" in told
    assert kept == "Bakery"
    assert "has its credits" in said
    assert "credits are whole again" in reset
    assert "0 of 7,500" in words
    assert name == "client-1-usage.csv"


async def test_test_button_tells_whether_the_message_arrived(tmp_path: Path, httpserver: HTTPServer):
    httpserver.expect_ordered_request("/alerts").respond_with_data("", 204)
    httpserver.expect_ordered_request("/alerts").respond_with_data("", 503)
    url = httpserver.url_for("/alerts").replace("localhost", "127.0.0.1")
    async with running_server(tmp_path, allowed_private_hosts=("127.0.0.1",)) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, "/console/budgets")
        await page.fill("#target", url)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        secret = await page.inner_text(".secret")
        await keep_screenshot(page, "budgets-secret")
        await page.click(f"[aria-label='Send a test to {url}']")
        good = await (await page.wait_for_selector("#tested-1 .outcome")).inner_text()
        server.parts.destinations._last_tests.clear()
        await page.click(f"[aria-label='Send a test to {url}']")
        bad = await (await page.wait_for_selector("#tested-1 [role=alert]")).inner_text()
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "budgets-tested")

    assert secret.startswith("whsec_")
    assert "took the signed message" in good
    assert "status 503" in bad
    assert faults == []
