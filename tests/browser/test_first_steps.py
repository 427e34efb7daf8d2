"""The first steps in a real browser: with the keyboard alone, and with a provider that refuses the key."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Page

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
from tests.support.upstream import Upstream, answer

REFUSAL = {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}
COMPLETE = "[data-answer-place][data-state]"


async def _tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Press the key Tab until what is looked for has the focus."""
    for _ in range(most):
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"The key Tab does not reach {selector}.")


async def _go(page: Page, selector: str) -> None:
    """Follow a link or send a form from the keyboard."""
    await _tab_to(page, selector)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_whole_way_with_the_keyboard_and_the_scripted_provider(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, open_page() as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await page.goto(f"{server.url}/console")
        await page.fill("#email", person.email)
        await page.fill("#password", person.password)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")

        await _go(page, "a[href*='step=ask']")
        await _tab_to(page, "[data-ask] button[type=submit]", 8)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(COMPLETE)
        answered = await page.inner_text("[data-answer]")
        first_token = await page.inner_text("[data-took=ttft]")
        cost = await page.inner_text("[data-took=cost]")
        await page.wait_for_function("document.activeElement.matches('a[href*=\"step=key\"]')")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")

        await _go(page, "form[action*='/key'] button[type=submit]")
        program = await page.inner_text("#python")
        await _go(page, "a[href*='step=widget']")
        await _tab_to(page, "#new_client", 8)
        await page.keyboard.type("Bakery")
        await _go(page, "form[action*='/widget'] button[type=submit]")
        embed = await page.inner_text("#embed")
        await _go(page, "a[href*='step=cost']")
        requests = await page.inner_text("[data-so-far=requests]")
        await _go(page, "a[href='/console?period=30-days']")
        reminder = await page.inner_text(".reminder")
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, complaint = await ran.communicate()

    assert "[scripted]" in answered
    assert first_token.endswith(" ms")
    assert cost == "$0.00"
    assert b"[scripted]" in printed, complaint.decode()
    assert f'{server.url}/widget.js" data-widget-key="' in embed
    assert requests == "1"
    assert "Connect a provider" in reminder
    assert problems == []


async def test_refused_key_is_told_and_one_goes_on(tmp_path: Path) -> None:
    async with (
        Upstream(answer(REFUSAL, status=401)) as upstream,
        running_server(tmp_path, allowed_private_hosts=["127.0.0.1"], max_retries=0) as server,
        open_page() as page,
    ):
        person = await a_person(server)
        await sign_in(page, server, person)
        await page.select_option("#provider", "openai")
        await page.fill("#api_key", "sk-wrong-0123456789abcdef")
        await page.click(".step-more summary")
        await page.fill("#api_url", f"{upstream.url}/v1")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        told = await page.inner_text("[role=alert]")
        key = await page.input_value("#api_key")
        keeps_address = await page.input_value("#api_url") == f"{upstream.url}/v1"
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "first-steps-refused")
        sent = upstream.requests[0].headers["authorization"]
        kept = await server.parts.configs.list_configs(server.caller)
        async with page.expect_navigation():
            await page.click("a[href*='step=ask']")
        await page.click("[data-ask] button[type=submit]")
        await page.wait_for_selector(COMPLETE)
        answered = await page.inner_text("[data-answer]")

    assert "copied the whole key" in told
    assert (key, keeps_address) == ("", True)
    assert sent == "Bearer sk-wrong-0123456789abcdef"
    assert kept == []
    assert "[scripted]" in answered
    assert faults == []


@SCREENS
async def test_steps_look_well_everywhere(tmp_path: Path, width: int, dark: bool) -> None:
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "first-steps")
        fits = [await fits_its_width(page)]
        await page.goto(f"{server.url}/console/first-steps?step=ask#now")
        await page.click("[data-ask] button[type=submit]")
        await page.wait_for_selector(COMPLETE)
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "first-steps-answer")
        await page.goto(f"{server.url}/console/first-steps?step=key#now")
        async with page.expect_navigation():
            await page.click("form[action*='/key'] button[type=submit]")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "first-steps-key")
        fits.append(await fits_its_width(page))
        await page.goto(f"{server.url}/console/first-steps?step=widget#now")
        await page.fill("#new_client", "Bakery")
        async with page.expect_navigation():
            await page.click("form[action*='/widget'] button[type=submit]")
        await page.evaluate("document.querySelectorAll('main details').forEach(each => (each.open = true))")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "first-steps-widget")
        fits.append(await fits_its_width(page))
        await page.goto(f"{server.url}/console")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "overview-reminder")
        fits.append(await fits_its_width(page))

    assert faults == []
    assert problems == []
    assert all(fits)
