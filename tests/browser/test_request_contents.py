"""Prompt and answer on a request's page, in a real browser: switched on, opened, and asked again."""

from contextlib import suppress
from pathlib import Path

from officium.core.gateway import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.errors import LLMError
from officium.core.llm.message import system, user
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
from tests.support.server import RunningServer, running_server

QUESTION = "Which quince trees grow on clay? " * 12


async def _fail(server: RunningServer) -> None:
    """Ask something that fails, and wait until the log has it."""
    request = CompletionRequest(model="mock/error-500", messages=(system("Be brief."), user(QUESTION)))
    with suppress(LLMError):
        await server.parts.gateway.complete(server.caller, request, CallContext(request_id="req_failed"))
    await server.parts.usage_log.flush()
    assert server.parts.content_keeper is not None
    await server.parts.content_keeper.flush()


@SCREENS
async def test_a_request_is_opened_and_asked_again(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path, max_retries=0) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person)
        await page.goto(f"{server.url}/console/settings#log")
        await page.select_option("#log-contents", "all")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "log-settings")
        fits = [await fits_its_width(page)]
        async with page.expect_navigation():
            await page.click("form[action='/console/settings/log'] button[type=submit]")
        await _fail(server)
        await page.goto(f"{server.url}/console/requests/req_failed")
        faults += await accessibility_faults(page)
        await page.focus("form[data-hx-post$='/content'] button")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".turn-user .said")
        prompt = await page.inner_text(".turn-user .said")
        why = await page.inner_text(".call .notice-bad")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "request-content")
        fits.append(await fits_its_width(page))
        await page.fill("#model-0", "mock/mock")
        await page.fill("#temperature-0", "0.2")
        await page.check("input[name=stream]")
        await page.click("#replay-0 button[type=submit]")
        await page.wait_for_selector(".beside .answer-card >> nth=1")
        answer = await page.inner_text(".answer-card >> nth=1 >> .said")
        faults += await accessibility_faults(page)
        await page.locator(".beside").scroll_into_view_if_needed()
        await keep_screenshot(page, "request-replayed")
        fits.append(await fits_its_width(page))
        await page.fill("#model-0", "mock/slow")
        await page.press("#model-0", "Enter")
        await page.wait_for_selector("#replaying-0 [data-growing] :text('scripted')")
        faults += await accessibility_faults(page)
        await page.locator("#replaying-0").scroll_into_view_if_needed()
        await keep_screenshot(page, "request-replaying")
        await page.press("[data-stop]", "Enter")
        await page.wait_for_selector("#replaying-0 [data-open] a:visible")
        stopped = await page.inner_text("#replaying-0")
        await page.fill("#model-0", "nobody/knows")
        await page.click("#replay-0 button[type=submit]")
        await page.wait_for_selector("#replayed-0 .notice-bad[role=alert]")

    assert prompt.strip() == QUESTION.strip()
    assert "status 500" in why
    assert "[scripted]" in answer
    assert "Stopped. What was written by then counts" in stopped
    assert "[scripted]" in stopped
    assert (faults, fits, problems) == ([], [True, True, True], [])
