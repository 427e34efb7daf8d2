"""The pages of chat widgets in a real browser."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page

from officium.apps.widget import WidgetSettings
from officium.apps.widget.knowledge import EntryDraft
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

pytestmark = pytest.mark.timeout(300)
ROOT = "/console/widgets"
FAQ = (
    ("What are your opening hours?", "We are open from 9 to 18, Monday to Saturday.", "hours"),
    ("What are your opening hours", "From nine to six.", "hours"),
    ("Do you deliver?", "Yes, within Kassel, from 30 euros on.", "delivery"),
)


async def _a_shop(server: RunningServer) -> str:
    """The path of a widget that knows something."""
    parts, caller = server.parts, server.caller
    client = await parts.clients.create_client(caller, "Bakery Schmidt")
    made = await parts.clients.create_widget(
        caller,
        client.id,
        WidgetSettings(name="Shop", llm_provider="mock", allowed_origins=("https://shop.example",)),
    )
    for question, answer, tag in FAQ:
        await parts.widget_knowledge.add_entry(
            caller, made.id, EntryDraft(phrasings=(question,), answer=answer, tags=(tag,), language="en")
        )
    return f"{ROOT}/{made.id}"


async def _look(page: Page, server: RunningServer, path: str, name: str, faults: list[str]) -> None:
    """Go there, and see whether everybody can use it."""
    await page.goto(server.url + path)
    faults += [f"{name}: {fault}" for fault in await accessibility_faults(page)]
    if not await fits_its_width(page):
        faults.append(f"{name} is too wide")
    await keep_screenshot(page, name)


@SCREENS
async def test_pages_are_for_everybody(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems, faults = watch_problems(page), list[str]()
        await sign_in(page, server, await a_person(server), ROOT)
        await _look(page, server, ROOT, "widgets-none", faults)
        await _look(page, server, f"{ROOT}/new", "widgets-new", faults)
        path = await _a_shop(server)
        await _look(page, server, ROOT, "widgets", faults)
        await _look(page, server, path, "widget-general", faults)
        for end in (
            "knowledge",
            "knowledge/1",
            "knowledge/import",
            "knowledge/versions",
            "knowledge/duplicates",
        ):
            await _look(page, server, f"{path}/{end}", f"widget-{end.replace('/', '-')}", faults)
        await _look(page, server, f"{path}/ai", "widget-ai", faults)
        await page.fill("#question", 'Hours? [[mock text="We are open from 9 to 18, Monday to Saturday."]]')
        async with page.expect_response(f"{server.url}{path}/ai/try"):
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-tried]")
        said = await page.inner_text("#tried")
        await page.locator("#tried").scroll_into_view_if_needed()
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "widget-ai-tried")

    assert faults == []
    assert problems == []
    assert "We are open from 9 to 18" in said
    assert "All of it stands in the knowledge base" in said


async def test_agency_sets_a_widget_up(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        problems = watch_problems(page)
        await sign_in(page, server, await a_person(server), f"{ROOT}/new")
        await page.fill("#name", "Shop")
        await page.fill("#new_client", "Bakery")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        heading = await page.inner_text(".top-title")
        tab = await page.inner_text(".tabs [aria-current]")
        async with page.expect_navigation():
            await page.click(".tabs >> text=General")
        await page.fill("#colour", "#ffcc00")
        note = await page.inner_text("[data-look-note]")
        on = await page.evaluate("getComputedStyle(document.querySelector('.look-head')).color")
        async with page.expect_navigation():
            await page.click("form.sections button[type=submit]")
        kept = await page.input_value("#colour")

        async with page.expect_navigation():
            await page.click(".tabs >> text=Knowledge base")
        async with page.expect_navigation():
            await page.click("main >> text=Import")
        table = tmp_path / "faq.csv"
        await asyncio.to_thread(table.write_text, "question,answer\nOpen?,At 9.\nClosed?,\n", "utf-8")
        await page.set_input_files("#file", table)
        await page.click("[data-import-file] button")
        await page.wait_for_selector("#imported .notice-bad")
        wrong = await page.inner_text("#imported")
        await asyncio.to_thread(table.write_text, "question,answer\nOpen?,At 9.\nClosed?,At 18.\n", "utf-8")
        await page.set_input_files("#file", table)
        await page.click("[data-import-file] button")
        await page.click("[data-import-for-good]")
        await page.wait_for_selector("#imported .notice-good")
        async with page.expect_navigation():
            await page.click("#imported a")
        await page.check("[data-pick-all]")
        await page.select_option("#change", "draft")
        async with page.expect_navigation():
            await page.click(".bulk button")
        drafts = await page.locator("tbody .tag-warn").count()

    assert problems == []
    assert heading == "Chat Widgets → Edit Widget"
    assert tab == "AI Settings"
    assert "hard to read" in note
    assert on == "rgb(16, 19, 28)"
    assert kept == "#ffcc00"
    assert "3" in wrong
    assert drafts == 2


CHAT = "officium-chat"


async def _say(page: Page, text: str, answers: int) -> None:
    """Ask the widget of the preview, and wait for the answer."""
    await page.fill(f"{CHAT} textarea#input", text)
    await page.press(f"{CHAT} textarea#input", "Enter")
    await page.wait_for_function(
        """count => document.querySelector('officium-chat').shadowRoot
             .querySelectorAll('.message.widget .foot').length >= count""",
        arg=answers,
    )


@SCREENS
async def test_visitor_is_answered_by_a_person_live(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems, faults = watch_problems(page), list[str]()
        path = await _a_shop(server)
        await sign_in(page, server, await a_person(server), f"{path}/embed")
        frame = page.frame_locator("iframe.preview")
        await page.locator("iframe.preview").scroll_into_view_if_needed()
        await frame.locator(f"{CHAT} .launcher").wait_for()
        faults += [f"embed: {fault}" for fault in await accessibility_faults(page)]
        await keep_screenshot(page, "widget-embed")

        visitor = await page.context.new_page()
        problems += watch_problems(visitor)
        await visitor.goto(f"{server.url}{path}/preview")
        await visitor.click(f"{CHAT} .launcher")
        await visitor.wait_for_selector(f"{CHAT} textarea#input")
        await _say(visitor, "Do you have gift cards?", 1)
        await _look(page, server, f"{path}/inbox", "widget-inbox-none", faults)
        await server.parts.handovers.set_status(server.caller, int(path.rsplit("/", 1)[1]), 1, "waiting")
        await page.click("#waiting-list a")
        await page.wait_for_selector("#talk")
        await page.fill("#text", "Hello, this is Ada.")
        async with page.expect_navigation():
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
        await visitor.fill(f"{CHAT} textarea#input", "Thank you, Ada!")
        await visitor.press(f"{CHAT} textarea#input", "Enter")
        await page.wait_for_selector(".said-text >> text=Thank you, Ada!")
        faults += [f"talk: {fault}" for fault in await accessibility_faults(page)]
        await keep_screenshot(page, "widget-talk")
        for end in ("inbox", "conversations", "gaps", "saved-questions", "usage"):
            await _look(page, server, f"{path}/{end}", f"widget-{end}", faults)
        await _look(page, server, ROOT, "widgets-used", faults)

    assert faults == []
    assert problems == []
