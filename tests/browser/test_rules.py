"""The rules studio in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from officium.apps.rules.rulebook import Draft
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

PAGE = "/console/rules"
pytestmark = pytest.mark.timeout(240)
INTENT = "Alert team when database memory exceeds 85%"
HISTORY = "\n".join(
    json.dumps({"at": f"2026-11-20T{hour:02}:{minute:02}:00Z", "metrics": {"db_memory_percent": value}})
    for hour in range(24)
    for minute, value in ((0, 50 + hour * 2), (30, 45 + hour * 2.2))
)


async def _made(page: Page, server: RunningServer) -> None:
    """Make a rule of the first example."""
    await page.goto(f"{server.url}{PAGE}/studio")
    await page.click(".intent .example >> nth=0")
    await page.click("text=Make the rule")
    await page.wait_for_selector(".rule-card")


@SCREENS
async def test_sentence_becomes_a_rule_that_is_tried_and_approved(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "rules-empty")
        fits = [await fits_its_width(page)]
        async with page.expect_navigation():
            await page.click(f"a:has-text('{INTENT}')")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "rules-begin")
        await page.click("text=Make the rule")
        await page.wait_for_selector(".rule-card")
        card = await page.inner_text(".rule-card")
        await page.evaluate("document.querySelector('.content').scrollTop = 0")
        await keep_screenshot(page, "rules-card")
        faults += await accessibility_faults(page)
        fits.append(await fits_its_width(page))

        await page.fill("#fact-1", "91")
        await page.click("text=Try these facts")
        await page.wait_for_selector("#dry-result .result")
        dry = await page.inner_text("#dry-result")
        await page.locator("#dry-result").scroll_into_view_if_needed()
        await keep_screenshot(page, "rules-dry")
        await page.click("#tab-examples")
        await page.wait_for_selector(".side-card")
        faults += await accessibility_faults(page)
        await page.locator("#examples").scroll_into_view_if_needed()
        await keep_screenshot(page, "rules-examples")
        await page.click("#tab-replay")
        await page.set_input_files(
            "input[data-format]",
            {"name": "history.jsonl", "mimeType": "application/jsonl", "buffer": HISTORY.encode()},
        )
        await page.wait_for_function("() => document.querySelector('#history').value.length > 100")
        await page.click("#panel-replay button[type=submit]")
        await page.wait_for_selector(".chart-place canvas")
        await page.click("text=The chart as a table")
        rows = await page.locator(".chart tbody tr").count()
        faults += await accessibility_faults(page)
        await page.locator(".chart").scroll_into_view_if_needed()
        await keep_screenshot(page, "rules-replay")
        fits.append(await fits_its_width(page))

        async with page.expect_navigation():
            await page.click("text=Save as a draft")
        await page.fill("#note", "Agreed with operations")
        async with page.expect_navigation():
            await page.click("text=Approve version 1")
        await page.wait_for_selector(".notice-good")
        kept = await page.inner_text(".bench-side")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "rules-kept")

    assert "metrics.db_memory_percent is above 85 %" in card
    assert "It fires." in dry
    assert "decided" in dry
    assert rows > 1
    assert "Version 1 is approved." in kept
    assert "Agreed with operations" in kept
    assert faults == []
    assert problems == []
    assert fits == [True] * len(fits)


@SCREENS
async def test_pages_beside_the_studio_are_whole(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        for name, workflow in (("hot-host", _hot(80)), ("warm-host", _hot(80)), ("very-hot-host", _hot(90))):
            kept = await server.parts.rulebook.save(
                server.caller, Draft(workflow={**workflow, "workflow_name": name})
            )
        await server.parts.rulebook.reject(server.caller, kept.rule.id)
        await sign_in(page, server, person, PAGE)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "rules-list")
        fits = [await fits_its_width(page)]
        for name in ("batch", "together", "conditions", "catalogue"):
            await page.goto(f"{server.url}{PAGE}/{name}")
            if name == "conditions":
                await page.fill("#condition", "$cpu => 80")
                await page.click("text=Read it")
                await page.wait_for_selector("#reading mark")
                faults += await accessibility_faults(page)
                await page.fill("#condition", "$metrics.cpu > 80 AND $status == running")
                await page.click("text=Read it")
                await page.wait_for_selector("#reading .tree")
            if name == "batch":
                await page.fill("#intents", f"{INTENT}\nMake everything lovely")
                await page.click("button:has-text('Make the rules')")
                await page.wait_for_selector(".batch")
            faults += [f"{name}: {fault}" for fault in await accessibility_faults(page)]
            await keep_screenshot(page, f"rules-{name}")
            fits.append(await fits_its_width(page))

    assert faults == []
    assert problems == []
    assert fits == [True] * len(fits)


async def test_mistakes_are_told_and_changes_are_suggested_taken_and_undone(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await page.goto(f"{server.url}{PAGE}/studio")
        await page.fill("#intent", "Make everything lovely")
        await page.click("text=Make the rule")
        refused = await page.inner_text("#intent-form [role=alert]")
        kept = await page.input_value("#intent")
        await keep_screenshot(page, "rules-refused")
        await page.click("text=Who writes, and from which catalogue")
        await page.fill("#ask", "mock")
        before, after = _hot(80), _hot(90, {"action": "RESTART_SERVICE", "params": {}})
        script = server.parts.transport._by_scheme["mock"]._script  # type: ignore[attr-defined]
        script.then(json.dumps(before))
        await page.click("text=Make the rule")
        await page.wait_for_selector(".rule-card")
        written = await page.inner_text(".bench-head")

        script.then(json.dumps(after))
        await page.fill("#feedback", "Only above 90 %, and restart the service, too")
        await page.click("text=Suggest a change")
        await page.wait_for_selector("[data-refined]")
        suggested = await page.inner_text("[data-refined]")
        faults = await accessibility_faults(page)
        await page.locator("[data-refined]").scroll_into_view_if_needed()
        await keep_screenshot(page, "rules-refined")
        await page.click("text=Take this")
        await page.wait_for_selector(".says:has-text('above 90 %')")
        await page.click("text=Undo the last change")
        await page.wait_for_selector(".says:has-text('above 80 %')")

        await page.click("#tab-json")
        await page.fill("#after", json.dumps(before).replace("metrics.cpu", "metrics.cpuu"))
        await page.click("text=Check this JSON")
        await page.wait_for_selector(".problem-list")
        wrong = await page.inner_text(".problem-list")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "rules-problems")
        scrolled = await page.evaluate("document.scrollingElement.scrollTop")

    assert "only plain sentences are understood" in refused
    assert kept == "Make everything lovely"
    assert "Scripted answer, not from a model" in written
    assert "This would behave differently." in suggested
    assert "RESTART_SERVICE" in suggested
    assert "metrics.cpu" in wrong
    assert scrolled == 0
    assert faults == []


def _hot(limit: int, *more: object) -> dict[str, object]:
    """A workflow that speaks up above a limit."""
    notify = {"action": "NOTIFY", "params": {"to": "team", "message": "Hot"}}
    rule = {"name": "hot", "condition": f"$metrics.cpu > {limit}", "then": [notify, *more]}
    return {"workflow_name": "hot-host", "trigger": "ON_METRIC_UPDATE", "rules": [rule]}


async def test_everything_is_done_from_the_keyboard(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, f"{PAGE}/studio")
        await page.focus("#intent")
        await page.keyboard.type(INTENT)
        await page.keyboard.press("Control+Enter")
        await page.wait_for_selector(".rule-card")
        focused = await page.evaluate("document.activeElement.id")
        await page.focus("#tab-dry")
        await page.keyboard.press("ArrowRight")
        await page.wait_for_selector(".side-card")
        await page.focus("[data-try]")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#dry-result .result")
        told = await page.inner_text("#dry-result")
        await page.focus("#tab-dry")
        await page.keyboard.press("End")
        chosen = await page.evaluate("document.activeElement.id")
        is_open = await page.is_visible("#panel-json")
        await page.focus("form[action$='save'] button")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await page.wait_for_selector(".version-list")
        await page.focus("[data-dialog=delete]")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog[open]")
        await page.keyboard.press("Escape")
        await page.wait_for_selector("dialog[open]", state="detached")

    assert focused == "bench"
    assert "It fires." in told
    assert chosen == "tab-json"
    assert is_open
