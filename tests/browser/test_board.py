"""The board's meeting and the decisions, in a real browser."""

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

BOARD = "/console/advisors/board"
QUESTION = (
    'Should we raise prices by 5%? [[mock chunk_delay=0.01 text="Yes.\\n\\n- Our **best** customers stay.'
    '\\n- Revenue of 98765 would grow."]]'
)


@SCREENS
async def test_meeting_is_held_from_the_question_to_the_minutes(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width=width, dark=dark) as page:
        problems = watch_problems(page)
        await sign_in(page, server, await a_person(server), BOARD)
        await page.fill("#question", QUESTION)
        await page.focus("button[value=estimate]")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        told = await page.inner_text(".notice-info")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "board-ceiling")
        await page.fill("#most", "many")
        async with page.expect_navigation():
            await page.click("button[value=meet]")
        refused = await page.inner_text("[role=alert]")
        await page.fill("#most", "")
        async with page.expect_navigation():
            await page.click("button[value=meet]")
        await page.wait_for_selector("[data-turn] .turn-foot [data-rate]")
        members = await page.locator(".member h2").all_inner_texts()
        marked = await page.locator(".member .figure-unmatched").count()
        faults += await accessibility_faults(page)
        fits = await fits_its_width(page)
        await keep_screenshot(page, "board-minutes")

    assert "at most" in told
    assert "whole number" in refused
    assert [name.strip() for name in members if name.strip() in {"CEO", "CFO", "CMO", "CTO"}]
    assert marked >= 4
    assert faults == []
    assert fits
    assert [each for each in problems if "400" not in each] == []


@SCREENS
async def test_decision_is_written_down_and_seen(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width=width, dark=dark) as page:
        await sign_in(page, server, await a_person(server), "/console/advisors/decisions")
        await page.fill("#text", "Raise the price of the basic plan to 39")
        await page.fill("#metric", "revenue")
        await page.fill("#due_on", "2027-03-31")
        await page.fill("#expected_value", "lots")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        refused = await page.inner_text("[role=alert]")
        await page.fill("#expected_value", "15000")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        told = await page.inner_text(".decision")
        faults = await accessibility_faults(page)
        fits = await fits_its_width(page)
        await keep_screenshot(page, "decisions")

    assert "is a number" in refused
    assert "revenue at least 15,000 by 2027-03-31" in told
    assert faults == []
    assert fits
