"""The widget is never silent: whatever fails, the visitor reads a friendly text and can go on."""

from pathlib import Path

from playwright.async_api import Page, Route

from officium.testing.scripted import Act
from tests.browser.test_widget import CHAT, answered, bubbles, say
from tests.support.browser import open_page
from tests.support.console import accessibility_faults, keep_screenshot
from tests.support.shop import Shop, cable_to, open_shop

SLOW = Act(text="one two three four five six seven eight nine ten eleven twelve", chunk_delay=0.25)
WORDS = "one two three four five six seven eight nine ten eleven twelve"


async def fault(page: Page) -> str:
    await page.wait_for_selector(f"{CHAT} .fault")
    return await page.inner_text(f"{CHAT} .fault p")


async def retry(page: Page) -> None:
    await page.click(f"{CHAT} .fault button")


async def writing(page: Page, word: str) -> None:
    """Wait until this word of an answer is there."""
    await page.wait_for_selector(f"{CHAT} [aria-busy=true] .bubble:has-text('{word}')")


async def test_dead_provider_and_used_up_credits_are_answered_by_the_knowledge_base(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        await shop.visit(page)
        shop.script(Act(offline=True))
        await say(page, "When do you open?")
        await answered(page)
        shop.script(Act(text="I do not", cut_after=3))
        await say(page, "How can I pay?")
        await answered(page, 2)
        await shop.spend_all()
        await say(page, "What are your hours?")
        await answered(page, 3)
        await say(page, "zxcv qwerty")
        await answered(page, 4)
        offers = await page.locator(f"{CHAT} .offer").all_inner_texts()
        said = await bubbles(page)
        sources = await page.locator(f"{CHAT} .cite").count()
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-default")
        await shop.server.parts.usage_log.flush()
        log = await shop.server.parts.visitors.list_requests(shop.server.caller, shop.widget.id)

    assert "9:00 to 18:00" in said[2]
    assert said[4] == "By card, cash or invoice."
    assert "9:00 to 18:00" in said[6]
    assert "Thank you for your message" in said[8]
    assert not any("free AI limit" in text for text in said)
    assert sources == 3
    assert [text.strip() for text in offers] == ["Talk to a person", "Leave your details"]
    assert faults == []
    assert [each.status for each in log] == ["credits_exhausted", "credits_exhausted", "failed", "failed"]


async def test_answer_that_the_network_cuts_comes_back_by_itself(tmp_path: Path):
    async with open_shop(tmp_path) as shop, cable_to(shop) as cable, open_page() as page:
        await shop.visit(page)
        shop.script(SLOW, Act(text=WORDS))
        await say(page, "Count, please")
        await writing(page, "two")
        cable.cut()
        await page.wait_for_selector(f"{CHAT} .bar")
        told = await page.inner_text(f"{CHAT} .bar")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-cut")
        cable.mend()
        await answered(page)
        said = await bubbles(page)
        await page.wait_for_selector(f"{CHAT} .bar", state="hidden")
        kept = await _kept(shop, page)

    assert "connection was lost" in told
    assert faults == []
    assert said[1:] == ["Count, please", WORDS]
    assert kept == ["visitor", "widget"]


async def test_network_that_stays_away_is_told_and_the_question_asked_again_on_demand(tmp_path: Path):
    async with open_shop(tmp_path) as shop, cable_to(shop) as cable, open_page() as page:
        await shop.visit(page)
        shop.script(SLOW, Act(text=WORDS))
        await say(page, "Count, please")
        await writing(page, "two")
        cable.cut()
        told = await fault(page)
        half = await bubbles(page)
        cable.mend()
        await retry(page)
        await answered(page)
        said = await bubbles(page)
        kept = await _kept(shop, page)

    assert "no connection" in told
    assert half[1:] == ["Count, please"]
    assert said[1:] == ["Count, please", WORDS]
    assert kept == ["visitor", "widget"]


async def test_without_a_network_the_message_stays_and_is_sent_again(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        await shop.visit(page)
        await page.context.set_offline(True)
        await say(page, "When do you open?")
        told = await fault(page)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-offline")
        await retry(page)
        again = await fault(page)
        await page.context.set_offline(False)
        await retry(page)
        await answered(page)
        said = await bubbles(page)
        focused = await page.evaluate("document.querySelector('officium-chat').shadowRoot.activeElement.id")
        kept = await _kept(shop, page)

    assert "no connection" in told
    assert told == again
    assert faults == []
    assert [text for text in said if text == "When do you open?"] == ["When do you open?"]
    assert focused == "input"
    assert kept == ["visitor", "widget"]


async def test_fault_of_the_server_and_too_many_messages_are_told_with_a_retry(tmp_path: Path):
    limits = {"rate_limit_widget_session": "2/1h"}
    async with open_shop(tmp_path, limits) as shop, open_page() as page:
        await shop.visit(page)

        async def fail(route: Route) -> None:
            headers = {"access-control-allow-origin": shop.url}
            await route.fulfill(status=502, body="<h1>Bad gateway</h1>", headers=headers)

        await page.route("**/message/stream", fail, times=1)
        await say(page, "When do you open?")
        broken = await fault(page)
        await retry(page)
        await answered(page)
        await say(page, "How can I pay?")
        await answered(page, 2)
        await say(page, "And now?")
        limited = await fault(page)
        is_closed = await page.is_disabled(f"{CHAT} .fault button")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-limited")

    assert "went wrong on our side" in broken
    assert "minutes" in limited
    assert is_closed
    assert faults == []


async def test_answer_is_there_after_the_page_was_left_in_the_middle_of_it(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        await shop.visit(page)
        shop.script(SLOW, Act(text=WORDS))
        await say(page, "Count, please")
        await writing(page, "two")
        async with page.expect_navigation():
            await page.click("text=Our cakes")
        await answered(page)
        said = await bubbles(page)
        async with page.expect_navigation():
            await page.click("text=Our cakes")
        await answered(page)
        restored = await bubbles(page)
        kept = await _kept(shop, page)
        storage = await page.evaluate("Object.values(localStorage).join()")

    assert said[1:] == ["Count, please", WORDS]
    assert restored == said
    assert kept == ["visitor", "widget"]
    assert "Count" not in storage


async def test_server_that_is_away_is_told_in_the_panel_and_asked_again(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        await page.route("**/config", lambda route: route.abort(), times=2)
        await shop.visit(page)
        told = await fault(page)
        await retry(page)
        await page.wait_for_selector(f"{CHAT} .chip")
        title = await page.inner_text(f"{CHAT} h2")

    assert "no connection" in told
    assert title == "Corner Bakery"


async def test_page_that_may_not_show_the_widget_shows_nothing_and_the_console_says_why(tmp_path: Path):
    async with open_shop(tmp_path, allowed_origins=("https://shop.example",)) as shop, open_page() as page:
        said: list[str] = []
        page.on("console", lambda line: said.append(line.text))
        async with page.expect_console_message(lambda line: line.text.startswith("Officium widget:")):
            await page.goto(shop.url)
        is_shown = await page.is_visible(f"{CHAT} .launcher")

    assert not is_shown
    assert any("allowed_origins" in line for line in said)


async def _kept(shop: Shop, page: Page) -> list[str]:
    """Who said what is kept of the page's conversation, by speaker."""
    id = await page.evaluate("JSON.parse(Object.values(localStorage)[0]).conversation")
    handovers = shop.server.parts.handovers
    _, messages = await handovers.read(shop.server.caller, shop.widget.id, id)
    return [message.speaker for message in messages]
