"""The pages that watch over calls, in a real browser: overview, request log, providers."""

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
from tests.support.usage import fill_log


@SCREENS
async def test_pages_are_open_to_everybody(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await fill_log(server.parts, server.caller.tenant_id)
        await sign_in(page, server, person)
        await page.wait_for_selector(".plot canvas")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "overview")
        fits = [await fits_its_width(page)]
        await page.click("text=30 days")
        await page.wait_for_selector("a[aria-current=true]:has-text('30 days')")
        await page.wait_for_selector(".plot canvas")
        await page.click(".chart summary >> nth=0")
        await page.wait_for_selector(".as-table table >> nth=0", state="visible")
        rows = await page.locator(".chart >> nth=0 >> tbody tr").count()
        faults += await accessibility_faults(page)
        await page.goto(f"{server.url}/console/requests?status=failed")
        await page.wait_for_selector("table.requests")
        statuses = set(await page.locator("table.requests tbody .tag").all_inner_texts())
        faults += await accessibility_faults(page)
        await page.goto(f"{server.url}/console/requests")
        await page.wait_for_selector("table.requests")
        await keep_screenshot(page, "requests")
        fits.append(await fits_its_width(page))
        await page.focus("table.requests a >> nth=0")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await page.wait_for_selector(".facts")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "request")
        fits.append(await fits_its_width(page))
        await page.goto(f"{server.url}/console/providers/new")
        await page.select_option("#provider", "mock")
        async with page.expect_navigation():
            await page.click("main form button[type=submit]")
        await page.click("text=Check now")
        await page.wait_for_selector("#checked .notice-good")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "provider")
        fits.append(await fits_its_width(page))
        for path in ("providers", "providers/models"):
            await page.goto(f"{server.url}/console/{path}")
            await page.wait_for_selector("table.data")
            faults += await accessibility_faults(page)
            fits.append(await fits_its_width(page))

    assert statuses == {"Failed"}
    assert faults == []
    assert problems == []
    assert fits == [True] * 6
    assert rows == 30
