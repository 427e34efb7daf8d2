"""People behind the widget, the rights of visitors, languages and looks, and what pages may call."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

from officium.testing.scripted import Act
from tests.browser.test_widget import CHAT, answered, bubbles, say
from tests.support.browser import open_page
from tests.support.console import accessibility_faults, keep_screenshot, watch_problems
from tests.support.shop import HOURS, open_shop

ACTIVE = "document.querySelector('officium-chat').shadowRoot.activeElement"


async def focused(page: Page) -> str:
    """What has the focus: its label, its text, or its name."""
    return str(
        await page.evaluate(
            f"({ACTIVE}?.getAttribute('aria-label') || {ACTIVE}?.textContent || {ACTIVE}?.name || '').trim()"
        )
    )


async def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    for _ in range(30):
        if await focused(page) == name:
            return
        await page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{name!r} cannot be reached; {await focused(page)!r} has the focus")


async def test_a_person_takes_over_and_is_heard_live(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        parts, caller, id = shop.server.parts, shop.server.caller, shop.widget.id
        await shop.visit(page)
        shop.script(Act(text=HOURS))
        await say(page, "When do you open?")
        await answered(page)
        await page.click(f"{CHAT} .more")
        async with page.expect_response(lambda response: response.url.endswith("/person")):
            await page.click(f"{CHAT} .menu button:has-text('Talk to a person')")
        await page.wait_for_selector(f"{CHAT} .notice:has-text('told the team')")
        waiting = await parts.handovers.list_inbox(caller, id, status="waiting")
        talk = waiting[0].id
        await parts.handovers.reply(caller, id, talk, "Hello, this is Ada. How can I help?")
        await page.wait_for_selector(f"{CHAT} .agent .bubble:has-text('Ada')")
        await page.wait_for_selector(f"{CHAT} .notice:has-text('talking to the team')")
        await say(page, "I need a cake for forty")
        await page.wait_for_selector(f"{CHAT} .typing", state="detached")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-person")
        await page.keyboard.press("Escape")
        await parts.handovers.reply(caller, id, talk, "That is a large cake!")
        await page.wait_for_selector(f"{CHAT} .badge:not([hidden])")
        label = await page.get_attribute(f"{CHAT} .launcher", "aria-label")
        await keep_screenshot(page, "widget-badge")
        async with page.expect_navigation():
            await page.click("text=Our cakes")
        await page.wait_for_selector(f"{CHAT} .badge:not([hidden])")
        unread = await page.inner_text(f"{CHAT} .badge")
        await parts.handovers.reply(caller, id, talk, "And here on another page.")
        await page.wait_for_selector(f"{CHAT} .badge:has-text('2')")
        await page.click(f"{CHAT} .launcher")
        await page.wait_for_selector(f"{CHAT} .agent .bubble:has-text('another page')")
        said = await bubbles(page)
        await parts.handovers.set_status(caller, id, talk, "closed")
        await page.wait_for_selector(f"{CHAT} .notice:has-text('closed this conversation')")
        _, kept = await parts.handovers.read(caller, id, talk)

    assert faults == []
    assert "New messages: 1" in str(label)
    assert unread == "1"
    assert said.count("I need a cake for forty") == 1
    assert said[-1] == "And here on another page."
    assert [each.speaker for each in kept] == ["visitor", "widget", "agent", "visitor", "agent", "agent"]


async def test_everything_is_done_from_the_keyboard(tmp_path: Path):
    async with open_shop(tmp_path) as shop, open_page() as page:
        parts, caller, id = shop.server.parts, shop.server.caller, shop.widget.id
        await shop.visit(page, opened=False)
        await page.keyboard.press("Tab")
        await tab_to(page, "Open chat")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"{CHAT} .chip")
        opened = await focused(page)
        await page.keyboard.type("Line one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("Line two")
        shop.script(Act(text=HOURS))
        await page.keyboard.press("Enter")
        await answered(page)
        stays = await focused(page)
        await tab_to(page, "Not helpful", back=True)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"{CHAT} .why")
        await page.keyboard.type("Sundays")
        async with page.expect_response(lambda response: response.url.endswith("/feedback")):
            await page.keyboard.press("Enter")
        await tab_to(page, "More options", back=True)
        await page.keyboard.press("Enter")
        await tab_to(page, "Leave your details")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"{CHAT} .card")
        await page.keyboard.type("Grace")
        await tab_to(page, "Send")
        await page.keyboard.press("Enter")
        told = await page.inner_text(f"{CHAT} #lead-fault")
        await page.keyboard.type("grace@example.com")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-lead")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"{CHAT} .notice:has-text('get back to you')")
        leads = await parts.visitors.list_leads(caller, id)
        await page.keyboard.press("Escape")
        closed = await focused(page)
        first = (await bubbles(page))[1] if await page.is_visible(f"{CHAT} .panel") else ""
        talks = await parts.handovers.list_inbox(caller, id)
        _, kept = await parts.handovers.read(caller, id, talks[0].id)

    assert opened == stays == "Write a message …"
    assert "e-mail address or a phone number" in told
    assert faults == []
    assert [(lead.name, lead.email) for lead in leads] == [("Grace", "grace@example.com")]
    assert closed == "Open chat"
    assert first == ""
    assert (kept[0].text, kept[1].rating, kept[1].feedback) == ("Line one\nLine two", "down", "Sundays")


async def test_nothing_is_stored_before_the_visitor_agrees_and_nothing_is_left_after_forgetting(
    tmp_path: Path,
):
    look = {"consent_text": "We keep this chat for **30 days**. [More](https://shop.example/privacy)"}
    async with open_shop(tmp_path, appearance=look) as shop, open_page(390) as page:
        parts, caller, id = shop.server.parts, shop.server.caller, shop.widget.id
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method) if "/public/" in request.url else None)
        await shop.visit(page)
        await page.wait_for_selector(f"{CHAT} .consent")
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-consent")
        before = await page.evaluate("localStorage.length")
        is_closed = await page.is_disabled(f"{CHAT} #input")
        asked = list(sent)
        async with page.expect_response(lambda response: response.url.endswith("/consent")):
            await page.click(f"{CHAT} .consent .primary")
        shop.script(Act(text=HOURS))
        await say(page, "When do you open?")
        await answered(page)
        await page.click(f"{CHAT} .more")
        async with page.expect_download() as downloading:
            await page.click(f"{CHAT} .menu button:has-text('Download my data')")
        await (await downloading.value).save_as(tmp_path / "mine.json")
        await page.click(f"{CHAT} .more")
        await page.click(f"{CHAT} .menu button:has-text('Delete my data')")
        await page.wait_for_selector(f"{CHAT} [role=alertdialog]")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "widget-forget")
        stays = await focused(page)
        await page.keyboard.press("Escape")
        await page.wait_for_selector(f"{CHAT} [role=alertdialog]", state="detached")
        await page.click(f"{CHAT} .more")
        await page.click(f"{CHAT} .menu button:has-text('Delete my data')")
        await page.click(f"{CHAT} .danger")
        await page.wait_for_selector(f"{CHAT} .consent")
        left = await page.evaluate("localStorage.length")
        talks = await parts.handovers.list_inbox(caller, id)

    assert faults == []
    assert (before, is_closed, asked) == (0, True, ["GET"])
    assert "When do you open?" in (tmp_path / "mine.json").read_text("utf-8")
    assert stays == "Cancel"
    assert left == 0
    assert talks == []


async def test_arabic_goes_from_right_to_left_and_keeps_still_where_that_is_wished(tmp_path: Path):
    async with open_shop(tmp_path, languages=("ar", "de")) as shop, open_page() as page:
        shop.pages.language = "ar"
        problems = watch_problems(page)
        await page.emulate_media(reduced_motion="reduce", forced_colors="active")
        await shop.visit(page)
        shop.script(Act(text="نحن نفتح من 9:00 إلى 18:00."))
        await say(page, "متى تفتحون؟")
        await answered(page)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-forced-colours")
        moving = await page.evaluate("document.getAnimations().length")
        await page.emulate_media(forced_colors="none")
        await keep_screenshot(page, "widget-arabic")
        root = page.locator(f"{CHAT} .root")
        direction = (await root.get_attribute("dir"), await root.get_attribute("lang"))
        box = await page.locator(f"{CHAT} .launcher").bounding_box()
        label = await page.get_attribute(f"{CHAT} .launcher", "aria-label")
        shop.pages.language = "pt"
        await shop.visit(page)
        fallback = await page.get_attribute(f"{CHAT} .root", "lang")

    assert problems == []
    assert faults == []
    assert moving == 0
    assert direction == ("rtl", "ar")
    assert box is not None
    assert box["x"] < 200
    assert label == "إغلاق المحادثة"
    assert fallback == "ar"


async def test_page_opens_it_sends_listens_and_dresses_it(tmp_path: Path):
    look = {"accent": "#ffd84d", "position": "start", "title": {"en": "Ask Bo"}}
    async with open_shop(tmp_path, appearance=look) as shop, open_page() as page:
        shop.pages.attributes = 'data-theme="dark"'
        shop.pages.policy = "default-src 'self' {server} 'unsafe-inline'"
        await shop.visit(page, opened=False)
        shop.script(Act(text=HOURS))
        heard: dict[str, Any] = await page.evaluate(
            """async () => {
              const heard = [];
              document.addEventListener('officium:message', event => heard.push(event.detail));
              const events = [];
              const names = ['open', 'close', 'message', 'status'];
              for (const name of names) Officium.on(name, () => events.push(name));
              const off = Officium.on('message', () => events.push('never'));
              off();
              Officium.open();
              const isSent = await Officium.send('When do you open?');
              const isEmptySent = await Officium.send('  ');
              Officium.close();
              await Officium.ready;
              await new Promise(done => setTimeout(done, 50));
              return { heard, events, isSent, isEmptySent };
            }"""
        )
        box = await page.locator(f"{CHAT} .launcher").bounding_box()
        await page.add_style_tag(
            content="officium-chat { --officium-radius: 2px; --officium-accent: #005a3c; display: none; } "
            "button, div { color: red; font-size: 40px; background: lime }"
        )
        await page.evaluate("Officium.repaint(); Officium.open()")
        await page.wait_for_selector(f"{CHAT} .panel")
        colours = await page.evaluate(
            """() => {
              const root = document.querySelector('officium-chat').shadowRoot;
              const style = name => getComputedStyle(root.querySelector(name));
              return [style('.launcher').backgroundColor, style('.panel').borderTopLeftRadius,
                      style('.bubble').fontSize, style('.launcher').color];
            }"""
        )
        faults = await accessibility_faults(page)
        title = await page.inner_text(f"{CHAT} h2")
        await keep_screenshot(page, "widget-dressed")

    assert [each["speaker"] for each in heard["heard"]] == ["visitor", "widget"]
    assert heard["heard"][1]["answer_source"] == "llm"
    assert heard["events"] == ["open", "message", "message", "close"]
    assert (heard["isSent"], heard["isEmptySent"]) == (True, False)
    assert box is not None
    assert box["x"] < 200
    assert colours == ["rgb(0, 90, 60)", "2px", "15px", "rgb(255, 255, 255)"]
    assert title == "Ask Bo"
    assert [each for each in faults if "officium-chat" in each] == []
