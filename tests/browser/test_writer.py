"""The writer's pages in a real browser."""

import json
from pathlib import Path

import pytest

from officium.apps.cashflow.deals import DealFields
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
from tests.support.writing import MAIL_ANSWER, SUMMARY_ANSWER

ROOT = "/console/writer"
ANSWER = {**MAIL_ANSWER, "body": f"{MAIL_ANSWER['body']}\n\nIt is worth $99,000."}


@pytest.mark.timeout(300)
@SCREENS
async def test_draft_is_written_checked_and_edited(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        faults: list[str] = []
        widths: list[bool] = []

        async def look(name: str) -> None:
            faults.extend(await accessibility_faults(page))
            widths.append(await fits_its_width(page))
            await keep_screenshot(page, f"writer-{name}")

        script = server.parts.transport._by_scheme["mock"]._script  # type: ignore[attr-defined]
        for title in ("Project Alpha", "Project Beta"):
            await server.parts.deals.create_deal(
                server.caller, DealFields(title=title, stage="Order Received", pipeline="Aramco Projects")
            )
        person = await a_person(server)
        await sign_in(page, server, person, ROOT)
        await look("begin")
        await page.fill("#deal", "1")
        async with page.expect_navigation():
            await page.click("text=Fill in")
        filled = await page.input_value("#field-deal_title")
        await page.fill("#field-recipients", "john@example.com")
        await page.fill("#field-subject_intent", "Follow-up on overdue deals")
        await page.fill("#field-issue", "Overdue 14 days, missing survey checklist")
        script.then(json.dumps(ANSWER))
        await page.focus("#samples")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#draft-title")
        await page.wait_for_function("() => document.activeElement.id === 'draft'")
        await look("draft")
        await page.focus(".claim-bad")
        await page.keyboard.press("Enter")
        noted = await page.inner_text("tr:target")
        await look("claims")

        await page.click("[data-copy=source-body]")
        await page.wait_for_function("() => document.querySelector('[data-copy-note]').textContent")
        await page.click("[data-edit]")
        focused = await page.evaluate("document.activeElement.id")
        await page.fill("#edited", "Hi John,\n\nProject Alpha lacks the survey checklist.\n\nCheers")
        await page.click("text=Keep my version")
        await page.wait_for_selector("#outcome .notice")
        told = await page.inner_text("#outcome")
        await look("edited")

        script.then(json.dumps(SUMMARY_ANSWER), json.dumps(SUMMARY_ANSWER))
        await page.goto(f"{server.url}{ROOT}/batch")
        await page.click("[data-run]")
        await page.wait_for_function("() => document.querySelectorAll('[data-rows] > li').length === 2")
        await look("batch")
        await page.goto(f"{server.url}{ROOT}/style")
        await page.fill("#rule", "Never use the word synergy.")
        async with page.expect_navigation():
            await page.press("#rule", "Enter")
        await look("style")
        await page.goto(f"{server.url}{ROOT}/reliability")
        await look("reliability")

    assert filled == "Project Alpha"
    assert "99,000" in noted
    assert "Not in the record" in noted
    assert focused == "edited"
    assert "% of it stayed" in told
    assert faults == []
    assert all(widths)
    assert problems == []


@pytest.mark.timeout(300)
async def test_refusals_are_told_and_arabic_is_read_from_right_to_left(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        script = server.parts.transport._by_scheme["mock"]._script  # type: ignore[attr-defined]
        await sign_in(page, server, await a_person(server), f"{ROOT}?task=reminder")
        await page.click("text=Write the draft")
        await page.wait_for_selector("#draft [role=alert]")
        refused = await page.inner_text("#draft [role=alert]")

        short = {"short_version": "الفاتورة مستحقة.", "long_version": "الفاتورة مستحقة اليوم.", "tags": []}
        script.then(json.dumps(short))
        await page.select_option("#field-channel", "sms")
        await page.fill("#field-about", "Invoice")
        await page.fill("#language", "ar")
        await page.click("text=Write the draft")
        await page.wait_for_selector("#draft-title")
        direction = await page.get_attribute("#draft .prose", "dir")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "writer-arabic")
        await page.goto(f"{server.url}{ROOT}/batch")
        await page.click("[data-run]")
        await page.wait_for_selector("[data-batch-fault] [role=alert]")
        empty = await page.inner_text("[data-batch-fault]")

    assert "What to remind of: Field required" in refused
    assert direction == "rtl"
    assert faults == []
    assert "Say which deals" in empty
