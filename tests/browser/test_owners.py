"""What owners and people of one client do, in a real browser."""

import zipfile
from pathlib import Path

import pytest

from officium.apps.widget import WidgetSettings
from officium.core.tenancy import operator_of
from tests.support.browser import open_page
from tests.support.console import (
    PASSWORD,
    Person,
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.server import running_server

TABS = ("usage", "ai", "knowledge", "inbox", "gaps")
LOOKS = pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone-dark"]
)


@LOOKS
async def test_owner_switches_a_configuration_off_and_takes_everything_along(
    tmp_path: Path, width: int, dark: bool
):
    faults, fits = [], []
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        await sign_in(page, server, await a_person(server), "/console/providers/new")
        await page.select_option("#provider", "mock")
        await page.fill("#model", "scripted")
        await page.check("[name=is_default]")
        async with page.expect_navigation():
            await page.press("#model", "Enter")
        async with page.expect_navigation():
            await page.press("button[name=enabled]", "Enter")
        answering = await page.inner_text("section[aria-labelledby=answering]")
        faults += await accessibility_faults(page)
        fits.append(await fits_its_width(page))
        await keep_screenshot(page, "provider-off-top")
        await page.locator("#answering").scroll_into_view_if_needed()
        await keep_screenshot(page, "provider-off")
        await page.goto(f"{server.url}/console/providers")
        await keep_screenshot(page, "providers-off")
        await page.goto(f"{server.url}/console/settings")
        async with page.expect_navigation():
            await page.press("#all form button", "Enter")
        await page.locator("#all").scroll_into_view_if_needed()
        await keep_screenshot(page, "export-waiting")
        await page.wait_for_selector("#all a[download]")
        faults += await accessibility_faults(page)
        fits.append(await fits_its_width(page))
        await page.locator("#all").scroll_into_view_if_needed()
        await keep_screenshot(page, "export-ready")
        async with page.expect_download() as downloading:
            await page.press("#all a[download]", "Enter")
        await (await downloading.value).save_as(tmp_path / "all.zip")

    assert "answers nobody" in answering
    assert "this installation" in answering
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert "manifest.json" in packed.namelist()
    assert faults == []
    assert problems == []
    assert fits == [True, True]


@LOOKS
async def test_people_of_a_client_see_each_tab_of_their_widget(tmp_path: Path, width: int, dark: bool):
    faults, fits = [], []
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        operator, clients = operator_of(server.caller.tenant_id), server.parts.clients
        client = await clients.create_client(operator, "Bakery")
        widget = await clients.create_widget(operator, client.id, WidgetSettings(name="Bakery chat"))
        made = await server.parts.members.create_member(
            operator, "carla@example.com", role="client", password=PASSWORD, client_id=client.id
        )
        await sign_in(page, server, Person(made.member, "carla@example.com", PASSWORD), "/console/widgets")
        await keep_screenshot(page, "client-widgets")
        for tab in TABS:
            await page.goto(f"{server.url}/console/widgets/{widget.id}/{tab}")
            faults += [f"{tab}: {fault}" for fault in await accessibility_faults(page)]
            fits.append(await fits_its_width(page))
            await keep_screenshot(page, f"client-{tab}")

    assert faults == []
    assert problems == []
    assert fits == [True] * len(TABS)
