"""The console from right to left, in a real browser."""

from pathlib import Path

import pytest

from tests.support.browser import open_page
from tests.support.busy import a_busy_agency
from tests.support.console import (
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.server import running_server

PAGES = ("/console", "/console/advisors", "/console/password")
FULL_PAGES = (
    *("", "/requests", "/providers/models", "/rules/studio", "/cashflow", "/cashflow/scenarios", "/budgets"),
    *("/clients/1", "/widgets/1", "/widgets/1/ai", "/widgets/1/knowledge", "/writer", "/prompts"),
)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone-dark"])
async def test_pages_are_drawn_from_right_to_left(tmp_path: Path, width: int, dark: bool):
    faults, narrow_enough = [], []
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await page.goto(f"{server.url}/console/sign-in")
        async with page.expect_navigation():
            await page.click(".gate-languages [lang=ar]")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "arabic-sign-in")
        await sign_in(page, server, person)
        for path in PAGES:
            await page.goto(f"{server.url}{path}")
            faults += await accessibility_faults(page)
            narrow_enough.append(await fits_its_width(page))
            await keep_screenshot(page, f"arabic-{path.rpartition('/')[2]}")
        page_is = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
        menu = await page.evaluate("document.querySelector('.side').getBoundingClientRect().left")
        await page.focus(".person")
        await page.keyboard.press("Enter")
        await page.focus(".menu-languages [lang=en]")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        back = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
        where = page.url

    assert faults == []
    assert problems == []
    assert narrow_enough == [True] * len(PAGES)
    assert page_is == ["ar", "rtl"]
    assert menu >= width - 260
    assert back == ["en", "ltr"]
    assert where.endswith("/console/password")


async def test_full_pages_are_whole_in_arabic(tmp_path: Path):
    faults, wide = [], []
    async with running_server(tmp_path) as server, open_page(390) as page:
        problems = watch_problems(page)
        await a_busy_agency(server.parts, server.caller)
        await server.parts.deals.import_sample(server.caller)
        person = await a_person(server)
        await page.goto(f"{server.url}/console/sign-in?language=ar")
        await sign_in(page, server, person)
        for path in FULL_PAGES:
            await page.goto(f"{server.url}/console{path}")
            faults += [f"{path}: {fault}" for fault in await accessibility_faults(page)]
            wide += [] if await fits_its_width(page) else [path]
            await keep_screenshot(page, f"arabic{path.replace('/', '-')}")
        direction = await page.evaluate("document.documentElement.dir")

    assert faults == []
    assert wide == []
    assert problems == []
    assert direction == "rtl"
