"""Keys, members, the audit log and settings, in a real browser."""

from pathlib import Path

import pytest

from tests.support.browser import open_page
from tests.support.console import (
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.server import running_server

PAGES = ("keys", "members", "audit", "settings")


@pytest.mark.parametrize(
    ("width", "dark", "language"),
    [(1280, False, "en"), (390, True, "ar")],
    ids=["desktop", "phone-dark-arabic"],
)
async def test_pages_of_people_work_from_the_keyboard_and_fit(
    tmp_path: Path, width: int, dark: bool, language: str
):
    faults, narrow_enough = [], []
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await page.goto(f"{server.url}/console/sign-in?language={language}")
        await sign_in(page, server, person, "/console/keys")
        await page.goto(f"{server.url}/console/keys")
        if not await page.is_visible("#name"):
            await page.press("details.add summary", "Enter")
        await page.fill("#name", "Website")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        secret = await page.inner_text("#once")
        faults += await accessibility_faults(page)
        narrow_enough.append(await fits_its_width(page))
        await keep_screenshot(page, "keys-made")
        await page.goto(f"{server.url}/console/members")
        await page.focus("details.add summary")
        await page.keyboard.press("Enter")
        await page.fill("#email", "bob@example.com")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await keep_screenshot(page, "members-made")
        for name in PAGES:
            await page.goto(f"{server.url}/console/{name}")
            for summary in await page.query_selector_all(".ask > summary, .changes > summary"):
                await summary.press("Enter")
            faults += [f"{name}: {fault}" for fault in await accessibility_faults(page)]
            narrow_enough.append(await fits_its_width(page))
            await keep_screenshot(page, name)

    assert secret.startswith("ofc_")
    assert faults == []
    assert problems == []
    assert narrow_enough == [True] * 5
