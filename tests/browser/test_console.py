"""Signing in and the console's frame, in a real browser."""

from pathlib import Path

from tests.support.browser import open_page
from tests.support.console import (
    SCREENS,
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.server import running_server


@SCREENS
async def test_pages_are_open_to_everybody_and_load_little(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        asked: list[str] = []
        received = 0
        await page.goto(f"{server.url}/console")
        faults = await accessibility_faults(page)
        person = await a_person(server)
        await page.reload()
        faults += await accessibility_faults(page)
        await page.context.clear_cookies()
        page.on("request", lambda request: asked.append(request.url))
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Network.enable")
        await cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})

        def add(event: dict[str, int]) -> None:
            nonlocal received
            received += event["encodedDataLength"]

        cdp.on("Network.loadingFinished", add)
        await sign_in(page, server, person)
        first_load = len(asked)
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "home")
        is_narrow_enough = await fits_its_width(page)
        await page.goto(f"{server.url}/console/password")
        faults += await accessibility_faults(page)
        is_dark = await page.evaluate("document.documentElement.dataset.bsTheme")

    assert faults == []
    assert problems == []
    assert is_narrow_enough
    assert is_dark == ("dark" if dark else "light")
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    assert first_load <= 2 * 15
    assert received <= 2 * 200 * 1024, "the sign-in page and the start page, each without a cache"


async def test_wrong_password_is_told_and_the_focus_waits_for_another(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await page.goto(f"{server.url}/console")
        for _ in range(8):
            await page.fill("#email", person.email)
            await page.fill("#password", "not my password")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
        told = await page.inner_text("[role=alert]")
        focused = await page.evaluate("document.activeElement.id")
        faults = await accessibility_faults(page)
        await page.fill("#password", person.password)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        slowed_down = await page.inner_text("[role=alert]")

    assert "not right" in told
    assert focused == "password"
    assert faults == []
    assert "Too many tries" in slowed_down


async def test_ended_session_leads_back_to_where_one_was(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, "/console/password")
        where = page.url
        cookies = await page.context.cookies()
        await server.parts.sign_in.sign_out(
            next(cookie["value"] for cookie in cookies if cookie["name"] == "officium")
        )

        await page.reload()
        told = await page.inner_text("[role=status]")
        await page.fill("#email", person.email)
        await page.fill("#password", person.password)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#old")

    assert where.endswith("/console/password")
    assert "session has ended" in told


async def test_everything_is_reached_from_the_keyboard(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person)
        await page.keyboard.press("Tab")
        skip = await page.evaluate("document.activeElement.textContent")
        await page.keyboard.press("Enter")
        content = await page.evaluate("document.activeElement.id")
        await page.focus("details.menu:first-of-type summary")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        theme = await page.evaluate("document.documentElement.dataset.bsTheme")
        back = await page.evaluate("document.activeElement.tagName")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        is_open = await page.evaluate("!!document.querySelector('details.menu[open]')")
        await page.reload()
        kept = await page.evaluate("document.documentElement.dataset.bsTheme")
        await page.click("summary.person")
        await page.click("text=Sign out")
        told = await page.inner_text("[role=status]")

    assert skip == "Skip to the content"
    assert content == "content"
    assert (theme, back, is_open, kept) == ("dark", "SUMMARY", False, "dark")
    assert "signed out" in told


async def test_menu_of_a_phone_opens_traps_and_closes(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page(390) as page:
        person = await a_person(server)
        await sign_in(page, server, person)
        hidden = await page.evaluate("document.querySelector('.side').inert")
        await page.click("[data-menu=open]")
        await page.wait_for_timeout(250)
        opened = await page.evaluate(
            "[document.querySelector('.main').inert, document.activeElement.ariaLabel]"
        )
        faults = await accessibility_faults(page)
        await page.keyboard.press("Escape")
        back = await page.evaluate("document.activeElement.dataset.menu")

    assert hidden
    assert opened == [True, "Close the menu"]
    assert faults == []
    assert back == "open"
