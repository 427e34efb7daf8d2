"""The widget in a real browser, on pages of another origin under the strictest content policy."""

from pathlib import Path

from playwright.async_api import Page

from officium.testing.scripted import Act
from tests.support.browser import open_page
from tests.support.console import (
    SCREENS,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    watch_problems,
)
from tests.support.shop import HOURS, open_shop

CHAT = "officium-chat"
ANSWER = f"""{HOURS} On **Sundays** we are closed.

1. Bread until it is sold out
2. Cakes until `17:30`

See [our hours](https://shop.example/hours)."""


async def say(page: Page, text: str) -> None:
    await page.fill(f"{CHAT} textarea#input", text)
    await page.press(f"{CHAT} textarea#input", "Enter")


async def answered(page: Page, count: int = 1) -> None:
    """Wait until so many answers are whole."""
    await page.wait_for_function(
        """count => document.querySelector('officium-chat').shadowRoot
             .querySelectorAll('.message.widget .foot').length >= count""",
        arg=count,
    )


async def bubbles(page: Page) -> list[str]:
    return await page.locator(f"{CHAT} .bubble").all_inner_texts()


@SCREENS
async def test_question_is_answered_on_a_strict_page_of_another_origin(
    tmp_path: Path, width: int, dark: bool
):
    async with open_shop(tmp_path) as shop, open_page(width, dark) as page:
        problems = watch_problems(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await shop.visit(page, opened=False)
        faults = await accessibility_faults(page)
        await keep_screenshot(page, "widget-launcher")
        await page.click(f"{CHAT} .launcher")
        await page.wait_for_selector(f"{CHAT} .chip")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "widget-open")
        shop.script(Act(text=ANSWER, chunk_delay=0.02))
        await say(page, "When do you open?")
        await page.wait_for_selector(f"{CHAT} [aria-busy=true] .bubble")
        await keep_screenshot(page, "widget-writing")
        await answered(page)
        await page.wait_for_function(
            """() => document.querySelector('officium-chat').shadowRoot
                 .querySelector('[role=status].hidden').textContent.includes('Sundays')"""
        )
        await page.click(f"{CHAT} .cite")
        faults += await accessibility_faults(page)
        await keep_screenshot(page, "widget-answer")
        said = await bubbles(page)
        steps = await page.locator(f"{CHAT} .bubble ol li").count()
        links = page.locator(f"{CHAT} .bubble a")
        link = {name: await links.get_attribute(name) for name in ("href", "target", "rel")}
        source = await page.get_attribute(f"{CHAT} .sources a", "href")
        cookies = await page.context.cookies()
        fits = await fits_its_width(page)

    assert faults == []
    assert problems == []
    assert fits
    assert cookies == []
    assert [url for url in asked if not url.startswith((shop.url, shop.server.url))] == []
    assert said[1] == "When do you open?"
    assert "9:00 to 18:00" in said[2]
    assert "**" not in said[2]
    assert steps == 2
    assert link == {"href": "https://shop.example/hours", "target": "_blank", "rel": "noopener"}
    assert source == "https://shop.example/hours"
