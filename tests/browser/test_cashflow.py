"""The cash-flow pages in a real browser: from nothing to a forecast, and why it is as it is."""

from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page

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

PAGE = "/console/cashflow"
pytestmark = pytest.mark.timeout(400)


async def _whole(page: Page, name: str) -> list[str]:
    """Keep pictures of a page, and tell what is wrong with it."""
    await keep_screenshot(page, name)
    faults = await accessibility_faults(page)
    return faults if await fits_its_width(page) else [*faults, f"{name} is wider than the window"]


async def _follow(page: Page, selector: str) -> None:
    async with page.expect_navigation():
        await page.click(selector)


@SCREENS
async def test_finance_lead_sees_what_comes_in_and_why(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        faults = await _whole(page, "cashflow-empty")
        await _follow(page, "form[action$='/sample'] button")
        await page.wait_for_selector(".chart .u-over")
        await keep_screenshot(page, "cashflow-forecast")
        await page.hover(".chart .u-over")
        read = await page.inner_text("[data-readout]")

        await page.click(".watch summary")
        await page.fill("#opening", "2,000,000")
        await page.fill("#outgoing", "750,000")
        await page.fill("#limit", "500,000")
        await _follow(page, ".filters button[type=submit]")
        await page.wait_for_selector("#account")
        risk = await page.inner_text(".verdict")
        await page.locator("#account").scroll_into_view_if_needed()
        faults += await _whole(page, "cashflow-account")

        await page.locator("#dated ~ .table-box [data-deal]").first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-drawer-in] .deal")
        why = await page.inner_text("[data-drawer-in]")
        faults += await _whole(page, "cashflow-drawer")
        await page.keyboard.press("Escape")
        is_back = await page.evaluate("document.activeElement.matches('[data-deal]')")

    assert faults == []
    assert problems == []
    assert "P10" in read
    assert "Expected" in read
    assert "%" in risk
    assert "What would change it" in why
    assert "What happened" in why
    assert is_back


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)], ids=["desktop-dark", "phone"])
async def test_scenarios_track_record_and_assumptions_are_a_click_away(
    tmp_path: Path, width: int, dark: bool
):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await server.parts.deals.import_sample(server.caller)
        await sign_in(page, server, person, f"{PAGE}/scenarios")
        await page.fill("#delay-customer", "Northgate Energy")
        await _follow(page, "button[value=delay_customer]")
        await page.wait_for_selector(".chart .u-over")
        verdict = await page.inner_text(".verdict >> nth=0")
        faults = await _whole(page, "cashflow-scenarios")

        await _follow(page, ".tabs a[href$='/record']")
        await _follow(page, "form[action$='/record'][method=post] button")
        await page.wait_for_selector(".chart .u-over")
        scores = await page.inner_text("section[aria-labelledby=scores] .sheet")
        faults += await _whole(page, "cashflow-record")

        await _follow(page, ".tabs a[href$='/assumptions']")
        await _follow(page, "form[action$='/predictions'] button")
        await page.wait_for_selector("#report")
        faults += await _whole(page, "cashflow-assumptions")
        await _follow(page, ".tabs a[href$='/deals']")
        await page.click("[data-more]")
        await page.wait_for_function("() => document.querySelectorAll('[data-deal]').length === 100")
        faults += await _whole(page, "cashflow-deals")

    assert faults == []
    assert problems == []
    assert "within 90 days" in verdict
    assert "Each customer's average" in scores


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone-dark"])
async def test_file_is_mapped_checked_and_imported_whole(tmp_path: Path, width: int, dark: bool):
    wrong = "Vorgang,Phase,Amount,Account\nAlpha,Order Received,1200.50,Meadow\nBeta,Invoiced,lots,Meadow\n"
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, f"{PAGE}/import")
        await page.set_input_files("#file", files=[_file(wrong)])
        await page.wait_for_selector("[data-mapping]")
        await page.select_option("#map-title", "Vorgang")
        await page.click("[data-mapping] button")
        await page.wait_for_selector("[data-problems]")
        told = await page.inner_text("[data-problems]")
        may_take = await page.locator("[data-take]").count()
        faults = await _whole(page, "cashflow-import")

        await page.set_input_files(
            "#file", files=[_file(wrong.replace("lots", "80").replace("Vorgang", "Title"))]
        )
        await page.wait_for_selector("[data-take]")
        await page.focus("[data-take]")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-imported]")
        done = await page.inner_text("[data-imported]")
        faults += await _whole(page, "cashflow-imported")
        await _follow(page, "[data-imported] a.btn-primary")
        await page.wait_for_selector(".chart .u-over")

    assert faults == []
    assert problems == []
    assert "lots" in told
    assert may_take == 0
    assert "New: 2." in done


def _file(text: str) -> FilePayload:
    return {"name": "deals.csv", "mimeType": "text/csv", "buffer": text.encode()}


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone-dark"])
async def test_many_deals_are_followed_until_they_are_computed_and_kept(
    tmp_path: Path, width: int, dark: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("officium.apps.cashflow.outlooks.service.MOST_AT_ONCE", 0)
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await server.parts.deals.import_sample(server.caller)
        await sign_in(page, server, person, PAGE)
        await page.wait_for_selector("#dated")
        said = await page.inner_text(".as-of")
        faults = await _whole(page, "cashflow-outlook")

        await _follow(page, "form.keep button")
        kept = await page.inner_text("section[aria-labelledby=kept-cash]")
        faults += await _whole(page, "cashflow-kept")
        await page.goto(f"{page.url.partition(PAGE)[0]}{PAGE}/customers")
        await page.locator("input[name=terms]").first.fill("21")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("input[name=terms][value='21']")
        faults += await _whole(page, "cashflow-customers")

    assert faults == []
    assert problems == []
    assert "Computed on" in said
    assert "Nothing to score yet" in kept
