"""The advisors' page in a real browser."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, Response, Route

from officium.apps.personas.business import BusinessProfile, Snapshot
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

PAGE = "/console/advisors"
ANSWER = """## Where you stand

You have **450 users**, and revenue of $12,500.50. Of 1,500 sessions, 23 convert. Churn is 17.3%.

1. Talk to the largest customers.
2. Raise prices by 10%.

| Figure | Now |
|---|--:|
| Users | 450 |
| Sessions | 1500 |

> Focus beats speed.

See [the guide](https://example.com/guide).
"""
SLOW = '[[mock chunk_delay=0.12 text="one two three four five six seven eight nine ten eleven twelve"]]'

BREAK_FIRST_READING = """() => {
  const real = window.fetch;
  let isBroken = false;
  window.fetch = async (path, how) => {
    const response = await real(path, how);
    if (isBroken || !String(path).includes("/events")) return response;
    isBroken = true;
    const reader = response.body.getReader();
    let pieces = 0;
    const body = new ReadableStream({
      async pull(out) {
        const { value } = await reader.read();
        if (++pieces < 3) return out.enqueue(value);
        reader.cancel();
        out.error(new TypeError("network error"));
      },
    });
    return new Response(body, { headers: response.headers });
  };
}"""
"""Lets the connection of the first answer break after two pieces."""


async def _told(server: RunningServer, days_ago: int = 1) -> None:
    """Tell the advisers of a business."""
    await server.parts.businesses.set_profile(
        server.caller, BusinessProfile(industry="SaaS", stage="growth", goals=("Reach $1M ARR",))
    )
    as_of = datetime.now(UTC) - timedelta(days=days_ago)
    figures = {"sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.5}
    await server.parts.businesses.add_snapshots(server.caller, [Snapshot(as_of=as_of, **figures)])  # type: ignore[arg-type]


async def _ask(page: Page, text: str) -> None:
    await page.fill("#question", text)
    await page.press("#question", "Enter")


async def _finished(page: Page, count: int = 1) -> None:
    await page.wait_for_function(
        "count => document.querySelectorAll('.turn-assistant:not([aria-busy])').length >= count", arg=count
    )


@SCREENS
async def test_answer_is_read_with_its_marks_and_what_it_knew(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "advisors-nothing-known")
        await _told(server, days_ago=20)
        await page.goto(server.url + PAGE)
        await page.click("text=CFO")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "advisors-begin")

        server.parts.transport._by_scheme["mock"]._script.then(ANSWER)  # type: ignore[attr-defined]
        await _ask(page, "What should I focus on this quarter?")
        await _finished(page)
        said = await page.inner_text(".answer")
        await page.wait_for_function("() => document.querySelector('[data-say]').textContent")
        announced = await page.inner_text("[data-say]")
        unmatched = await page.locator(".answer .figure-unmatched").all_inner_texts()
        await keep_screenshot(page, "advisors-answer")
        await page.click(".receipt summary")
        await page.focus(".figure-unmatched")
        await keep_screenshot(page, "advisors-note")
        noted = await page.inner_text("#figure-note")
        faults += await accessibility_faults(page)
        receipt = await page.inner_text(".receipt-in")
        await page.evaluate("document.querySelector('[data-scroll]').scrollTop = 1e6")
        await keep_screenshot(page, "advisors-receipt")
        fits = await fits_its_width(page)

    assert faults == []
    assert problems == []
    assert fits
    assert "Where you stand" in said
    assert "##" not in said
    assert "Where you stand" in announced
    assert any("17.3%" in text for text in unmatched)
    assert not any("12,500" in text for text in unmatched)
    assert noted == "Nothing the advisor was told stands behind this"
    assert "more than a week old" in receipt
    assert "Business profile" in receipt


async def test_page_is_small(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person)
        asked: list[str] = []
        received = 0
        page.on("request", lambda request: asked.append(request.url))
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Network.enable")
        await cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})

        def add(event: dict[str, int]) -> None:
            nonlocal received
            received += event["encodedDataLength"]

        cdp.on("Network.loadingFinished", add)
        await page.goto(server.url + PAGE, wait_until="networkidle")

    assert len(asked) <= 15
    assert received <= 200 * 1024


async def test_fault_is_told_in_words_and_the_answer_is_asked_for_again(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, 'Hello [[mock status=400 error="The script has no words."]]')
        await _finished(page)
        told = await page.inner_text(".turn-assistant .notice-bad")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "advisors-fault")
        await page.click("text=Try again")
        await page.wait_for_selector(".versions")
        await _finished(page)
        versions = await page.inner_text(".versions")

    assert "could not be finished" in told
    assert "The script has no words." in told
    assert faults == []
    assert "2 of 2" in versions


async def test_question_that_cannot_be_sent_stays_and_the_fault_says_why(tmp_path: Path):
    async with running_server(tmp_path, rate_limit_chat="1/1m") as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, "The first")
        await _finished(page)
        await _ask(page, "The second")
        told = await page.inner_text("[data-fault] [role=alert]")
        kept = await page.input_value("#question")
        await page.fill("#question", "x" * 17_000)
        hint = await page.inner_text("#question-hint")
        is_closed = await page.is_disabled("[data-send]")

    assert told
    assert kept == "The second"
    assert hint == "Too long: 17,000 of 16,384 bytes"
    assert is_closed


async def test_stopped_answer_keeps_what_there_is(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, SLOW)
        await page.wait_for_function("() => document.querySelector('.answer')?.textContent.includes('two')")
        await keep_screenshot(page, "advisors-writing")
        await page.click("[data-stop]")
        await _finished(page)
        told = await page.inner_text(".turn-assistant .notice")
        said = await page.inner_text(".answer")
        await page.reload()
        kept = await page.inner_text(".answer")

    assert "Stopped" in told
    assert "two" in said
    assert "twelve" not in said
    assert kept == said


async def test_answer_goes_on_after_a_reload_and_is_asked_for_once(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, SLOW)
        await page.wait_for_function("() => document.querySelector('.answer')?.textContent.includes('two')")
        await page.reload()
        await page.wait_for_selector("[aria-busy]")
        await _finished(page)
        said = await page.inner_text(".answer")
        turns = await page.locator(".turn").count()

    assert said == "one two three four five six seven eight nine ten eleven twelve"
    assert turns == 2


async def test_lost_connection_comes_back_by_itself(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        seen: list[str | None] = []
        await page.evaluate(BREAK_FIRST_READING)
        page.on(
            "request",
            lambda request: (
                seen.append(request.headers.get("last-event-id")) if "/events" in request.url else None
            ),
        )
        await _ask(page, SLOW)
        await page.wait_for_selector("[data-lost-notice]:not([hidden])")
        await keep_screenshot(page, "advisors-lost")
        await _finished(page)
        said = await page.inner_text(".answer")

    assert said == "one two three four five six seven eight nine ten eleven twelve"
    assert seen[0] is None
    assert seen[-1] is not None


async def test_question_is_edited_into_a_branch_and_both_are_there(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, 'First wording [[mock text="First answer"]]')
        await _finished(page)
        await page.click("[data-edit]")
        await page.fill("[data-rewording] textarea", 'Second wording [[mock text="Second answer"]]')
        faults = await accessibility_faults(page)
        await page.click("text=Ask this instead")
        await page.wait_for_selector(".answer:has-text('Second answer')")
        await _finished(page)
        await page.click("[aria-label='Version before']")
        await page.wait_for_selector(".answer:has-text('First answer')")
        shown = await page.inner_text("[data-thread]")
        await page.reload()
        kept = await page.inner_text("[data-thread]")

    assert faults == []
    assert "First wording" in shown
    assert "Second wording" not in shown
    assert "First answer" in kept


async def test_conversations_are_found_renamed_and_deleted(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        for words in ("About pelicans", "About walruses"):
            await page.goto(server.url + PAGE)
            await _ask(page, words)
            await _finished(page)
        await page.wait_for_function("() => document.querySelectorAll('.talk-found li').length === 2")
        await page.fill("[type=search]", "PELICAN")
        await page.wait_for_function("() => document.querySelectorAll('.talk-found li').length === 1")
        async with page.expect_navigation():
            await page.click(".talk-found a")
        await page.click(".talk-head summary")
        await page.click("[data-dialog=rename]")
        await page.fill("#title", "Large birds")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await page.wait_for_selector("h1:has-text('Large birds')")
        await page.click(".talk-head summary")
        async with page.expect_download() as downloading:
            await page.click("text=Export as text")
        await (await downloading.value).save_as(tmp_path / "exported.md")
        exported = (tmp_path / "exported.md").read_text("utf-8")
        await page.click("[data-dialog=delete]")
        faults = await accessibility_faults(page)
        async with page.expect_navigation():
            await page.click("text=Delete for good")
        told = await page.inner_text(".notice-good")
        left = await page.locator(".talk-found li").all_inner_texts()

    assert "About pelicans" in exported
    assert faults == []
    assert "deleted" in told
    assert len(left) == 1
    assert "About walruses" in left[0]


async def test_list_of_a_new_conversation_keeps_to_the_words_searched_for_meanwhile(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, "About pelicans")
        await _finished(page)
        await page.goto(server.url + PAGE)
        searched = asyncio.Event()

        async def late(route: Route) -> None:
            await searched.wait()
            await route.continue_()

        await page.route("**/console/advisors/conversations/*", late)
        await _ask(page, "About walruses")
        async with page.expect_response("**/console/advisors/list?q=PELICAN*"):
            await page.fill("[type=search]", "PELICAN")
        async with page.expect_response("**/console/advisors/list?**"):
            searched.set()
        await page.wait_for_selector("h1:has-text('walruses')")
        found = await page.locator(".talk-found li").all_inner_texts()

    assert len(found) == 1
    assert "About pelicans" in found[0]


def _is_post(response: Response) -> bool:
    return response.request.method == "POST"


async def test_opinion_is_given_with_a_text_and_taken_back(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, "Hello")
        await _finished(page)
        async with page.expect_response(_is_post):
            await page.click("[data-rate=down]")
        await page.fill("[data-opinion] textarea", "Too short")
        async with page.expect_response(_is_post):
            await page.click("[data-opinion] button[type=submit]")
        await page.wait_for_selector("[data-opinion]", state="hidden")
        await page.reload()
        pressed = await page.get_attribute("[data-rate=down]", "aria-pressed")
        kept = await page.input_value("[data-opinion] textarea")
        await page.click("[data-rate=down]")
        await page.wait_for_selector("[data-rate=down][aria-pressed=false]")

    assert pressed == "true"
    assert kept == "Too short"


async def test_everything_is_done_from_the_keyboard(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        person = await a_person(server)
        await _told(server)
        await sign_in(page, server, person, PAGE)
        await page.focus("input[name=persona]:checked")
        await page.keyboard.press("ArrowRight")
        chosen = await page.evaluate("document.querySelector('input[name=persona]:checked').value")
        await page.focus("#question")
        server.parts.transport._by_scheme["mock"]._script.then("Growth is 77%.")  # type: ignore[attr-defined]
        await page.keyboard.type("Line one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("Line two")
        await page.keyboard.press("Enter")
        await _finished(page)
        asked = await page.inner_text(".question")
        focused = await page.evaluate("document.activeElement.id")
        for _ in range(12):
            await page.keyboard.press("Shift+Tab")
            if await page.evaluate("document.activeElement.classList.contains('figure')"):
                break
        noted = await page.inner_text("#figure-note")
        await page.keyboard.press("Escape")
        is_hidden = await page.is_hidden("#figure-note")
        await page.focus("[data-edit]")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        back = await page.evaluate("'edit' in document.activeElement.dataset")

    assert chosen == "cfo"
    assert asked.endswith("Line two")
    assert focused == "question"
    assert "Nothing the advisor was told" in noted
    assert is_hidden
    assert back


@SCREENS
async def test_business_is_told_and_the_advisers_know_it(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await page.click("text=Describe the business")
        await page.fill("#industry", "Dentistry software")
        await page.fill("#goals", "Reach 1M\nHire two people")
        await page.fill("#figure_users", "many")
        await page.click("button:has-text('Save')")
        told = await page.inner_text("[role=alert]")
        kept = await page.input_value("#industry")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "business")
        fits = await fits_its_width(page)
        await page.fill("#figure_users", "1,234")
        await page.click("button:has-text('Save')")
        await page.wait_for_selector(".notice-good")
        await _ask(page, "Hello")
        await _finished(page)
        said = await page.inner_text(".answer")

    assert "whole number" in told
    assert kept == "Dentistry software"
    assert faults == []
    assert fits
    assert [each for each in problems if "400" not in each] == []
    assert "Dentistry software" in said


async def test_conversations_of_a_phone_open_and_close(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page(390) as page:
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, "Hello")
        await _finished(page)
        await page.click("[data-list=open]")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "advisors-list")
        await page.keyboard.press("Escape")
        is_closed = await page.is_hidden(".talk-list")
        focused = await page.evaluate("document.activeElement.dataset.list")

    assert faults == []
    assert is_closed
    assert focused == "open"


@pytest.mark.parametrize(
    "payload", ["<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "<script>alert(1)</script>"]
)
async def test_nothing_a_model_writes_runs(tmp_path: Path, payload: str):
    async with running_server(tmp_path) as server, open_page() as page:
        alerts: list[str] = []
        page.on("dialog", lambda dialog: alerts.append(dialog.message))
        problems = watch_problems(page)
        person = await a_person(server)
        await sign_in(page, server, person, PAGE)
        await _ask(page, f'{payload} [[mock text="{payload}"]]')
        await _finished(page)
        elements = await page.locator(".turn img, .turn script, .turn a[href^=javascript]").count()
        await page.reload()

    assert elements == 0
    assert alerts == []
    assert problems == []
