"""Signing in with an identity provider in a real browser: there, back, and out again."""

from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from tests.support.browser import open_page
from tests.support.console import (
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    watch_problems,
)
from tests.support.identity_provider import identity_provider, settings_for
from tests.support.server import running_server

ADA = "ada@example.com"


@pytest.mark.parametrize(
    ("width", "dark", "language"),
    [(1280, False, "en"), (390, True, "ar")],
    ids=["desktop", "phone-dark-arabic"],
)
async def test_person_signs_in_with_the_provider_and_out_of_both(
    tmp_path: Path, width: int, dark: bool, language: str
):
    faults, narrow_enough = [], []

    async with (
        identity_provider(asks=True) as provider,
        running_server(tmp_path, **settings_for(provider)) as server,
        open_page(width, dark) as page,
    ):

        async def look(name: str) -> None:
            faults.extend(f"{name}: {fault}" for fault in await accessibility_faults(page))
            narrow_enough.append(await fits_its_width(page))
            await keep_screenshot(page, f"identity-{name}")

        problems = watch_problems(page)
        button = "a[href^='/console/sign-in/provider']"
        await page.goto(f"{server.url}/console/sign-in?language={language}&next=/console/settings")
        await look("sign-in")

        await page.focus(button)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#yes")
        await page.click("#yes")
        await page.wait_for_selector(".lead")
        await look("unknown")

        await server.parts.members.create_member(operator_of(server.caller.tenant_id), ADA, name="Ada")
        await page.goto(f"{server.url}/console/settings")
        await page.click(button)
        await page.wait_for_selector("#yes")
        await page.click("#yes")
        await page.wait_for_selector("#provider")
        arrived_at = page.url
        await look("settings")
        await page.locator("#provider").scroll_into_view_if_needed()
        await keep_screenshot(page, "identity-settings-provider")

        await page.evaluate("document.querySelector(\"form[action='/console/sign-out']\").requestSubmit()")
        await page.wait_for_selector(f"a[href^='{provider.base_url}/logout']")
        await look("signed-out")
        await page.click(f"a[href^='{provider.base_url}/logout']")
        await page.wait_for_selector("#email")
        out_at = page.url

    assert arrived_at == f"{server.url}/console/settings"
    assert out_at == f"{server.url}/console/sign-in"
    assert "/logout" in provider.asked
    assert faults == []
    assert problems == ["Failed to load resource: the server responded with a status of 403 (Forbidden)"]
    assert narrow_enough == [True] * 4
