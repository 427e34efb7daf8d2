"""Signing in with an identity provider in a real browser: there, back, and out again."""

from pathlib import Path

import pytest

from officium.core.tenancy import AuditEntry, Member, MemberStore, operator_of
from officium.core.tenancy.identity.store import IdentityStore
from tests.support.browser import open_page
from tests.support.console import (
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
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


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone-dark"])
async def test_administrator_disconnects_somebody_in_words(tmp_path: Path, width: int, dark: bool):
    faults, narrow_enough = [], []
    async with (
        identity_provider() as provider,
        running_server(tmp_path, **settings_for(provider)) as server,
        open_page(width, dark) as page,
    ):
        operator = operator_of(server.caller.tenant_id)
        store = IdentityStore(server.parts.database)
        made = Member(
            id="mem_ada",
            tenant_id=operator.tenant_id,
            external_id=ADA,
            email=ADA,
            name="Ada",
            role="member",
            created_at=server.parts.clock.now(),
        )
        await MemberStore(server.parts.database).add_member(operator, made)
        entry = AuditEntry(at=made.created_at, action="member.connected", thing="member", thing_id=made.id)
        await store.connect(operator, made.id, provider.base_url, "u-1", entry)
        problems = watch_problems(page)
        person = await a_person(server, email="bob@example.com")
        await sign_in(page, server, person, "/console/members")
        await page.locator("details.ask > summary", has_text="Ada").first.press("Enter")
        await page.locator("details.ask details.ask > summary").press("Enter")
        faults += await accessibility_faults(page)
        narrow_enough.append(await fits_its_width(page))
        await page.locator("#words-mem_ada").scroll_into_view_if_needed()
        await keep_screenshot(page, "members-disconnect")
        box = await page.locator("#words-mem_ada").bounding_box()
        await page.fill("#words-mem_ada", ADA)
        async with page.expect_navigation():
            await page.press("#words-mem_ada", "Enter")
        told = await page.inner_text(".notice-good")
        narrow_enough.append(await fits_its_width(page))

    assert "Disconnected" in told
    assert box is not None
    assert box["x"] + box["width"] <= width - 16
    assert faults == []
    assert problems == []
    assert narrow_enough == [True, True]
